"""Numbers that change in the very same way, told once."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model import Change

# Fewer are each told by themselves, with their names and places.
FROM = 10


def grouped(changes: Iterable[Change], at_least: int = FROM) -> list[tuple[Change, ...]]:
    """The changes, those alike together where there are enough of them, in the order of the
    first of each."""
    alike: dict[object, list[Change]] = {}
    for change in changes:
        # Hidden values look alike; whether they are, only what they are sealed with tells.
        key = (
            frozenset(change.fields.items()),
            change.protected,
            frozenset(change.sensitive.items()),
        )
        alike.setdefault(key, []).append(change)
    groups: list[tuple[Change, ...]] = []
    for group in alike.values():
        groups += [tuple(group)] if len(group) >= at_least else [(each,) for each in group]
    return sorted(groups, key=lambda group: group[0].number)
