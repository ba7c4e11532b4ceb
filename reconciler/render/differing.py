"""Two texts cut where they differ, so that a reader finds it in a long URL."""

from __future__ import annotations

from bisect import bisect_left

# With less in common than this, all of it is what differs.
_LEAST_ALIKE = 8

Cut = tuple[str, str, str]


def cut(before: str, after: str) -> tuple[Cut, Cut]:
    """Each as its beginning, what differs and its end; the beginnings and the ends are alike.

    Texts that have little in common are all beginning: nothing in them stands out.
    """
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    if start + end < _LEAST_ALIKE:
        return (before, "", ""), (after, "", "")
    return _cut(before, start, end), _cut(after, start, end)


def _alike(one: str, other: str) -> int:
    """How many characters both begin with, in steps that halve: values may have millions."""
    shortest = min(len(one), len(other))
    return bisect_left(range(shortest), True, key=lambda at: one[: at + 1] != other[: at + 1])


def _cut(text: str, start: int, end: int) -> Cut:
    stop = len(text) - end
    return text[:start], text[start:stop], text[stop:]
