"""Plan and result as JSON documents: the shapes of plan.schema.json and result.schema.json.

Only ASCII comes out, and no "##[": nothing in the data can act on a terminal or in a CI log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reconciler import __version__, seal
from reconciler.errors import Problem
from reconciler.model import (
    Change,
    Failure,
    Outcome,
    Plan,
    Result,
    SourceFile,
    Status,
)
from reconciler.redact import redacted
from reconciler.words import without_commands

FORMAT_VERSION = 1


def plan(made: Plan, key: str | None = None) -> str:
    """The plan as a document, signed where there is a key."""
    return document({**plan_data(made), "digest": digest(made, key)})


def digest(made: Plan, key: str | None = None) -> str:
    """What the plan's document is sealed with."""
    return seal.digest(plan_data(made), key)


def result(made: Result) -> str:
    return document(result_data(made))


def problems(
    errors: Sequence[Problem], warnings: Sequence[Problem], counts: Mapping[str, int]
) -> str:
    """What there is to say of numbers files; `counts` of what is valid."""
    return document(
        {
            "valid": not errors,
            **counts,
            "errors": [asdict(error) for error in errors],
            "warnings": [asdict(warning) for warning in warnings],
        }
    )


def plan_data(made: Plan) -> dict[str, Any]:
    """The plan as plan.schema.json has it, save its digest; sensitive values are not in it."""
    made = redacted(made)
    shard = {} if made.shard is None else {"shard": asdict(made.shard)}
    return {
        "format_version": FORMAT_VERSION,
        "reconciler_version": __version__,
        "created_at": made.created_at,
        "api_url": made.api_url,
        "account_sid": made.account_sid,
        **shard,
        **_since(made),
        **({} if made.unmanaged is None else {"unmanaged": list(made.unmanaged)}),
        "sources": [_source(source) for source in made.sources],
        "summary": {
            "numbers": made.numbers,
            "change": len(made.changes),
            "unchanged": made.unchanged,
            "error": len(made.errors),
        },
        "limits": {"max_changes": made.max_changes, "managed": made.managed},
        "changes": [_change(change) for change in made.changes],
        "errors": [_failure(failure) for failure in made.errors],
        "warnings": [asdict(warning) for warning in made.warnings],
    }


def result_data(made: Result) -> dict[str, Any]:
    """The result as result.schema.json has it."""
    stopped = {} if made.stopped is None else {"stopped": made.stopped}
    return {
        "format_version": FORMAT_VERSION,
        "reconciler_version": __version__,
        "finished_at": made.finished_at,
        "api_url": made.api_url,
        "account_sid": made.account_sid,
        **stopped,
        "summary": {status.value: made.count(status) for status in Status},
        "results": [_outcome(outcome) for outcome in made.outcomes],
    }


def _source(file: SourceFile) -> dict[str, Any]:
    told: dict[str, Any] = {"path": file.path, "sha256": file.sha256}
    return {**told, "overlay": True} if file.overlay else told


def _since(made: Plan) -> dict[str, Any]:
    if made.baseline is None:
        return {}
    return {
        "baseline": asdict(made.baseline),
        "no_longer_managed": [asdict(gone) for gone in made.gone],
    }


def _change(change: Change) -> dict[str, Any]:
    data: dict[str, Any] = {"number": change.number}
    if change.friendly:
        data["friendly"] = change.friendly
    if change.protected:
        data["protected"] = True
    if change.guards:
        data["guards"] = dict(change.guards)
    if change.tags:
        data["tags"] = list(change.tags)
    if change.sensitive:
        data["sensitive"] = {name: asdict(each) for name, each in change.sensitive.items() if each}
    data["fields"] = {name: each.data() for name, each in change.fields.items()}
    data["post"] = dict(change.post)
    data["source"] = asdict(change.source)
    return data


def _failure(failure: Failure) -> dict[str, Any]:
    return asdict(failure)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    posted = None if outcome.posted is None else dict(outcome.posted)
    return {
        "number": outcome.number,
        "status": outcome.status.value,
        "posted": posted,
        "attempts": outcome.attempts,
        "code": outcome.code,
        "message": outcome.message,
    }


def document(data: Mapping[str, Any]) -> str:
    """Data as text in which nothing can act, and which decodes to that very data."""
    return without_commands(json.dumps(data, indent=2)) + "\n"
