"""Two long values cut around the first place where they differ."""

from __future__ import annotations

from bisect import bisect_left

from reconciler.model import FieldChange, Value
from reconciler.words import beside, value

LONGEST = 160
# So much of what is alike is left before the difference, to find it by.
_LEAD = 40


def sides(each: FieldChange) -> tuple[str, str]:
    """The excerpts of before and after, each with what people call it."""
    before, after = excerpts(each.before, each.after)
    return before + beside(each.before_name), after + beside(each.after_name)


def excerpts(before: Value, after: Value) -> tuple[str, str]:
    """Both in double quotes and inert: "Off". What is longer than LONGEST is cut, with its whole
    length beside it: …"?team=sales"… (5,012 characters)."""
    start = _alike(before or "", after or "")
    return _excerpt(before, start), _excerpt(after, start)


def _alike(one: str, other: str) -> int:
    """How many characters both begin with, in steps that halve: values may have millions."""
    shortest = min(len(one), len(other))
    return bisect_left(range(shortest), True, key=lambda at: one[: at + 1] != other[: at + 1])


def _excerpt(text: Value, start: int) -> str:
    if text is None or len(text) <= LONGEST:
        return value(text)
    first = max(0, min(start - _LEAD, len(text) - LONGEST))
    last = first + LONGEST
    lead, trail = "…" if first else "", "…" if last < len(text) else ""
    return f"{lead}{value(text[first:last])}{trail} ({len(text):,} characters)"
