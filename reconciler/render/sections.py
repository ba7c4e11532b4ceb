"""A plan's changes in the order that a reader takes them in: what this change does, then what it
would put back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.model import Change, FieldChange, Origin, Plan

THIS_CHANGE = "This change"
DRIFT = "Drift that an apply would revert"


@dataclass(frozen=True, slots=True)
class Section:
    """`title` is empty where there is no baseline, and then there is one section only.

    Each of the `changes` has the fields of this section alone, so a number may be in both; its
    `post` is that of the whole change.
    """

    title: str
    changes: tuple[Change, ...]


def sections(plan: Plan) -> list[Section]:
    """The sections that have a change, in their order."""
    if plan.baseline is None:
        return [Section("", plan.changes)] if plan.changes else []
    found = [
        Section(THIS_CHANGE, _of(plan.changes, (Origin.DECLARED,))),
        # Whatever this change declares, an apply would undo what somebody has done by hand.
        Section(DRIFT, _of(plan.changes, (Origin.DRIFT, Origin.BOTH, None))),
    ]
    return [section for section in found if section.changes]


def _of(changes: Iterable[Change], origins: tuple[Origin | None, ...]) -> tuple[Change, ...]:
    parts = (replace(each, fields=_fields(each, origins)) for each in changes)
    return tuple(part for part in parts if part.fields)


def _fields(change: Change, origins: tuple[Origin | None, ...]) -> dict[str, FieldChange]:
    return {name: each for name, each in change.fields.items() if each.origin in origins}


def by_field(plan: Plan) -> dict[str, int]:
    """How many numbers change in each field, the most first, then by name."""
    counts: dict[str, int] = {}
    for change in plan.changes:
        for name in change.fields:
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
