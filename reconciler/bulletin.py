"""A round of watching in words: its line, its JSON and what people are notified of. Pure.

A line is a line, and JSON is ASCII: nothing in the data can act on a terminal or in a log.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from reconciler.model import Change, FieldChange, Plan
from reconciler.watch import Drifted, Healing, Kind, News, Round, by_field, waiting
from reconciler.words import beside, counted, inert, quoted, value, without_commands

# A log takes lines of some size only, and nobody reads a long message; what is more is counted.
MOST_LOGGED, MOST_TOLD = 100, 20
# What chat services make a mention or a link of that shows another address than it has.
_ACTING = re.compile(r"(?<!\w)@|@(?=everyone|here|channel|room)|<|\](?=\()")
_STILL = "\u200b"


def line(round_: Round) -> str:
    """2026-11-23T10:00:00Z  2 of 60 numbers drifted (Recording 2), 1 healed, 1 protected, 0.8 s"""
    plan = round_.plan
    told = [f"failed: {inert(round_.failed)}"] if plan is None else list(_parts(plan, round_))
    return f"{round_.at}  {', '.join([*told, f'{round_.seconds:.1f} s'])}\n"


def _parts(plan: Plan, round_: Round) -> Iterator[str]:
    found = round_.found
    fields = ", ".join(f"{name} {count:,}" for name, count in by_field(found).items())
    numbers = counted(plan.numbers, "number")
    yield f"{len(found):,} of {numbers} drifted ({fields})" if found else f"no drift in {numbers}"
    if count := waiting(plan):
        yield "1 declared change waits" if count == 1 else f"{count:,} declared changes wait"
    if plan.errors:
        yield f"{len(plan.errors):,} could not be read"
    if round_.healing is not None and found:
        yield from _healed(round_.healing)


def _healed(healing: Healing) -> Iterator[str]:
    if healing.held is not None:
        yield f"none healed: {inert(healing.held)}"
    else:
        yield f"{len(healing.healed):,} healed"
    for why, count in sorted(Counter(healing.left.values()).items()):
        yield f"{count:,} {why.replace('_', ' ')}"


def healing_line(at: str, change: Change) -> str:
    """2026-11-23T10:00:01Z  healing +61255500001: Recording "Call" -> "Off"

    All of it, however long: it is what is about to be written.
    """
    fields = ", ".join(f"{name} {_arrow(each)}" for name, each in change.fields.items())
    return f"{at}  healing {change.number}: {fields}\n"


def _arrow(each: FieldChange) -> str:
    before, after = value(each.before), value(each.after)
    return f"{before}{beside(each.before_name)} -> {after}{beside(each.after_name)}"


def healing_as_json(at: str, change: Change) -> str:
    """The same as one line of JSON: at, outcome (healing), number, friendly where it has a name,
    and fields."""
    told = {"at": at, "outcome": "healing", **_change(change.number, change)}
    return without_commands(json.dumps(told)) + "\n"


def as_json(round_: Round) -> str:
    """The round as one line of JSON.

    Always there: at, outcome (clean, drift or failed), seconds. `failed`, a sentence, where there
    is nothing else to tell. Otherwise: the counts numbers, drifted, waiting and unreadable;
    fields, the drifted numbers by field; changes, the first 100 that drifted, each with its
    fields; errors, the first 100 that could not be read; and with --heal: healed and not_healed,
    the first 100 of each, healed_count, and held, why none was tried, or null.
    """
    told = {
        "at": round_.at,
        "outcome": round_.verdict.value,
        "seconds": round(round_.seconds, 3),
        **({"failed": round_.failed} if round_.plan is None else _found(round_.plan, round_)),
        **({} if round_.healing is None else _treated(round_.healing)),
    }
    return without_commands(json.dumps(told)) + "\n"


def _found(plan: Plan, round_: Round) -> dict[str, Any]:
    found = round_.found
    return {
        "numbers": plan.numbers,
        "drifted": len(found),
        "waiting": waiting(plan),
        "unreadable": len(plan.errors),
        "fields": by_field(found),
        "changes": [_change(*each) for each in islice(found.items(), MOST_LOGGED)],
        "errors": [asdict(failure) for failure in plan.errors[:MOST_LOGGED]],
    }


def _change(number: str, drifted: Drifted | Change) -> dict[str, Any]:
    named = {"friendly": drifted.friendly} if drifted.friendly else {}
    fields = {name: each.data() for name, each in drifted.fields.items()}
    return {"number": number, **named, "fields": fields}


def _treated(healing: Healing) -> dict[str, Any]:
    return {
        "healed_count": len(healing.healed),
        "healed": healing.healed[:MOST_LOGGED],
        "not_healed": dict(islice(healing.left.items(), MOST_LOGGED)),
        "held": healing.held,
    }


@dataclass(frozen=True, slots=True)
class Message:
    """What people are sent, as plain text; it is `good` news where nothing drifts any more."""

    title: str
    body: str
    good: bool


def message(news: News) -> Message:
    plan = news.round.plan
    assert plan is not None
    lines = [*_told(news), "", f"Account {plan.account_sid} at {plan.api_url}, {news.round.at}"]
    return Message(_title(news, plan), _still("\n".join(lines)), news.kind is Kind.CLEARED)


def _title(news: News, plan: Plan) -> str:
    numbers = counted(plan.numbers, "number")
    if news.kind is Kind.CLEARED:
        return f"No drift any more in {numbers}"
    again = "Drift has changed: " if news.kind is Kind.CHANGED else ""
    healed = f", {len(news.round.healed):,} healed" if news.round.healed else ""
    return f"{again}{len(news.drift):,} of {numbers} drifted{healed}"


def _told(news: News) -> Iterator[str]:
    if news.kind is Kind.CLEARED:
        yield "As declared again, or no longer looked at:"
    for number, drifted in islice(news.drift.items(), MOST_TOLD):
        name = f"  {quoted(drifted.friendly)}" if drifted.friendly else ""
        healed = "  healed" if number in news.round.healed else ""
        yield f"{number}{name}{healed}"
        if news.kind is not Kind.CLEARED:
            yield from (f"    {name}: {_moved(each)}" for name, each in drifted.fields.items())
    if len(news.drift) > MOST_TOLD:
        yield f"and {len(news.drift) - MOST_TOLD:,} more"
    healing = news.round.healing
    if healing is not None and healing.held is not None and news.drift:
        yield f"None healed: {inert(healing.held)}."


def _moved(each: FieldChange) -> str:
    before, after = _value(each.before, each.before_name), _value(each.after, each.after_name)
    return f"{before}, declared as {after}"


def _value(text: str | None, name: str | None) -> str:
    return quoted(text) + beside(name) if text else "unset"


def _still(text: str) -> str:
    """The text with nothing left that a chat service would act on."""
    return _ACTING.sub(lambda found: found[0] + _STILL, text)
