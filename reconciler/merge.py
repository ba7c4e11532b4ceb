"""The plans of all shards → the plan that one machine would have made. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

from reconciler.errors import InputError, Problem
from reconciler.model import Plan, Shard
from reconciler.shard import shard_of

# What every shard has to say alike, and how a person would call it.
ALIKE = {
    "api_url": "is about another API",
    "account_sid": "is about another account",
    "sources": "was made from other files",
    "managed": "counts other managed numbers",
    "max_changes": "allows another number of changes",
    "baseline": "was made against another baseline",
    "gone": "tells of other numbers that are no longer managed",
    "warnings": "warns of something else",
    "shard.count": "is of a set of {there.count} shards, not {first.count}",
    "shard.numbers": "is of {there.numbers:,} selected numbers, not {first.numbers:,}",
}


def merged(parts: Sequence[tuple[str, Plan]]) -> Plan:
    """The whole plan of shards, each with the name to call it by; as old as its oldest part.

    Raises InputError where they are not all the shards of one set, each once.
    """
    problems = [*_strangers(parts)] or [*_unlike(parts), *_twice(parts)] or [*_missing(parts)]
    if problems:
        raise InputError([Problem(name, 1, 1, message) for name, message in problems])
    plans = [plan for _, plan in parts]
    by_number = attrgetter("number")
    return replace(
        plans[0],
        created_at=min(plan.created_at for plan in plans),
        numbers=sum(plan.numbers for plan in plans),
        changes=tuple(sorted((each for plan in plans for each in plan.changes), key=by_number)),
        errors=tuple(sorted((each for plan in plans for each in plan.errors), key=by_number)),
        shard=None,
    )


Complaint = tuple[str, str]


def _strangers(parts: Sequence[tuple[str, Plan]]) -> Iterator[Complaint]:
    """Plans that are of no shard, or hold a number of another one."""
    for name, plan in parts:
        if plan.shard is None:
            yield name, "this is no shard's plan; make one with plan --shard I/N"
            continue
        index, count = plan.shard.index, plan.shard.count
        numbers = [*(each.number for each in plan.changes), *(each.number for each in plan.errors)]
        for number in numbers:
            if shard_of(number, count) != index:
                yield name, f"{number} is not in shard {index} of {count}"


def _unlike(parts: Sequence[tuple[str, Plan]]) -> Iterator[Complaint]:
    (known, first), *others = parts
    for name, plan in others:
        for attribute, told in ALIKE.items():
            value = attrgetter(attribute)
            if value(plan) != value(first):
                yield name, f"this {told.format(there=plan.shard, first=first.shard)} ({known})"


def _twice(parts: Sequence[tuple[str, Plan]]) -> Iterator[Complaint]:
    seen: dict[int, str] = {}
    for name, plan in parts:
        shard = _shard(plan)
        if shard.index in seen:
            yield name, f"shard {shard.index} is given twice; it is first in {seen[shard.index]}"
        seen.setdefault(shard.index, name)


def _missing(parts: Sequence[tuple[str, Plan]]) -> Iterator[Complaint]:
    name, shard = parts[0][0], _shard(parts[0][1])
    gone = sorted({*range(1, shard.count + 1)} - {_shard(plan).index for _, plan in parts})
    if gone:
        listed = ", ".join(str(index) for index in gone[:20]) + (", …" if len(gone) > 20 else "")
        yield name, f"of {shard.count} shards {len(gone)} are missing: {listed}"
    elif (found := sum(plan.numbers for _, plan in parts)) != shard.numbers:
        yield name, f"the shards hold {found:,} of {shard.numbers:,} numbers: not one selection"


def _shard(plan: Plan) -> Shard:
    assert plan.shard is not None
    return plan.shard
