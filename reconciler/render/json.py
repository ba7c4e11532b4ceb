"""Plan and result as JSON documents: the shapes of plan.schema.json and result.schema.json.

Only ASCII comes out, so nothing in the data can act on a terminal or in a CI log.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from reconciler import __version__, seal
from reconciler.model import Change, Failure, Outcome, Plan, Result, Status

FORMAT_VERSION = 1


def plan(made: Plan, key: str | None = None) -> str:
    """The plan as a document, signed where there is a key."""
    return _text({**plan_data(made), "digest": digest(made, key)})


def digest(made: Plan, key: str | None = None) -> str:
    """What the plan's document is sealed with."""
    return seal.digest(plan_data(made), key)


def result(made: Result) -> str:
    return _text(result_data(made))


def plan_data(made: Plan) -> dict[str, Any]:
    """The plan as plan.schema.json has it, save its digest."""
    shard = {} if made.shard is None else {"shard": asdict(made.shard)}
    return {
        "format_version": FORMAT_VERSION,
        "reconciler_version": __version__,
        "created_at": made.created_at,
        "api_url": made.api_url,
        "account_sid": made.account_sid,
        **shard,
        "sources": [asdict(source) for source in made.sources],
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


def _change(change: Change) -> dict[str, Any]:
    data: dict[str, Any] = {"number": change.number}
    if change.friendly:
        data["friendly"] = change.friendly
    if change.protected:
        data["protected"] = True
    if change.guards:
        data["guards"] = dict(change.guards)
    data["fields"] = {name: asdict(each) for name, each in change.fields.items()}
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


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2) + "\n"
