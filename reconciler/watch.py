"""What one round of watching found, what of it may be healed, and when it is news. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconciler.model import FieldChange, Origin, Plan, Result, Status
from reconciler.plan import writable

HEALED = frozenset({Status.APPLIED, Status.ALREADY_IN_PLACE})


@dataclass(frozen=True, slots=True)
class Drifted:
    """What of one number drifted; its `friendly` name is for people, and never news."""

    fields: Mapping[str, FieldChange]
    friendly: str | None = field(default=None, compare=False)


# By number, sorted.
Drift = Mapping[str, Drifted]


class Verdict(StrEnum):
    """What a round amounts to, as drift's exit codes 0, 2 and 1 have it."""

    CLEAN = "clean"
    DRIFT = "drift"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Healing:
    """What was done about drift: the numbers that were `healed`, and for each other one in a word
    why not. `held` is a sentence where nothing was even tried: a guard said no."""

    healed: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One look at all numbers: when it began (UTC), how many seconds it took, and the plan.

    `plan` is None where the round `failed`, which is a sentence then. `healing` is None where
    nothing is to be healed.
    """

    at: str
    seconds: float
    plan: Plan | None = None
    failed: str = ""
    healing: Healing | None = None

    @property
    def verdict(self) -> Verdict:
        """A number that could not be read is never taken for one that is as declared."""
        if self.plan is None or self.plan.errors:
            return Verdict.FAILED
        return Verdict.DRIFT if self.plan.drifted else Verdict.CLEAN

    @property
    def found(self) -> Drift:
        """What had drifted when the round began."""
        return {} if self.plan is None else drift(self.plan)

    @property
    def healed(self) -> tuple[str, ...]:
        return () if self.healing is None else self.healing.healed

    @property
    def left(self) -> Drift:
        """What was still drifted when the round ended."""
        return {number: each for number, each in self.found.items() if number not in self.healed}


def drift(plan: Plan) -> Drift:
    """The numbers that drifted, with those of their fields that did."""
    found = {}
    for change in plan.changes:
        fields = {
            name: each for name, each in change.fields.items() if each.origin is not Origin.DECLARED
        }
        if fields:
            found[change.number] = Drifted(fields, change.friendly)
    return found


def waiting(plan: Plan) -> int:
    """How many numbers have a change that was declared, and nobody has applied yet."""
    return sum(_waits(change.fields) for change in plan.changes)


def _waits(fields: Mapping[str, FieldChange]) -> bool:
    return any(each.origin in (Origin.DECLARED, Origin.BOTH) for each in fields.values())


def by_field(drift: Drift) -> dict[str, int]:
    """How many numbers drifted in each field, the most first, then by name."""
    counts: dict[str, int] = {}
    for each in drift.values():
        for name in each.fields:
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def healable(plan: Plan) -> tuple[Plan, Healing]:
    """What a heal may write, and what it leaves alone.

    A number with a declared change waits for its apply: writing only a part of it could make a
    configuration that nobody asked for, and all of it would apply what was not approved.
    """
    drifted = [change for change in plan.changes if change.drifted]
    safe = [change for change in writable(drifted) if not _waits(change.fields)]
    chosen = {change.number for change in safe}
    left = {
        change.number: "protected" if change.protected else "waiting"
        for change in drifted
        if change.number not in chosen
    }
    held = None
    if len(safe) > plan.max_changes:
        held = (
            f"{len(safe):,} would be written, more than the {plan.max_changes:,} that are allowed"
        )
    return replace(plan, changes=tuple(safe), errors=()), Healing(left=left, held=held)


def treated(healing: Healing, result: Result) -> Healing:
    """The healing with what came of the numbers that it was to write."""
    ends = {outcome.number: outcome.status for outcome in result.outcomes}
    healed = tuple(number for number, status in ends.items() if status in HEALED)
    failed = {number: str(status) for number, status in ends.items() if status not in HEALED}
    return Healing(healed, dict(sorted({**healing.left, **failed}.items())))


class Kind(StrEnum):
    APPEARED = "appeared"
    CHANGED = "changed"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class News:
    """What people are to hear of: `drift` is all that there is now, or was, where it cleared."""

    kind: Kind
    drift: Drift
    round: Round


def news(known: Drift, round_: Round) -> tuple[Drift, News | None]:
    """What is known after a round, and the news, None where there is none.

    A failed round tells nothing, and a number that could not be read is as it was known.
    """
    if round_.plan is None:
        return known, None
    unread = {failure.number for failure in round_.plan.errors}
    kept = {number: each for number, each in known.items() if number in unread}
    found, left = _sorted(kept, round_.found), _sorted(kept, round_.left)
    if found == known == left:
        return left, None
    if not found:
        return left, News(Kind.CLEARED, known, round_)
    return left, News(Kind.CHANGED if known else Kind.APPEARED, found, round_)


def _sorted(*parts: Drift) -> Drift:
    return dict(sorted((item for part in parts for item in part.items()), key=_number))


def _number(item: tuple[str, object]) -> str:
    return item[0]
