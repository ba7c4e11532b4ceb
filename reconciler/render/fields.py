"""The fields of a change as lines of text: aligned, long values cut down to what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.model import FieldChange, Origin
from reconciler.render.differing import Cut, cut
from reconciler.render.folding import LEAST, Line, hanging, length
from reconciler.words import beside, inert, value

_INDENT = "    "
_ARROW = " -> "
# A longer mark says no more than the values do.
_LONGEST_MARK = 40
_BOTH = "  (this change declares it, too)"


def lines(fields: Mapping[str, FieldChange], width: int, *, whole: bool) -> Iterator[Line]:
    """A line a field, or where its values are too long for `width` characters, one below the
    other with a mark under what differs, over several lines if need be.

    What is alike in both may be shortened, unless `whole`; what differs never is.
    """
    names = max(len(inert(name)) for name in fields)
    for name, each in fields.items():
        label = f"{_INDENT}{inert(name)}:".ljust(len(_INDENT) + names + 1)
        short = arrow(each)
        if len(label) + 1 + length(short) <= width:
            yield ((f"{label} ", ""), *short)
        else:
            yield from _long(label, each, width, whole)


def arrow(each: FieldChange) -> Line:
    """The change of one field in a line: "Off" -> "Call"."""
    return (
        (value(each.before), _before(each)),
        (beside(each.before_name), ""),
        (_ARROW, ""),
        (value(each.after), _after(each)),
        (beside(each.after_name), ""),
        (_both(each), "yellow"),
    )


def _long(label: str, each: FieldChange, width: int, whole: bool) -> Iterator[Line]:
    if len(label) > width // 2:
        yield from hanging(((_INDENT, ""),), ((label.strip(), ""),), width)
        label = _INDENT
    room = max(width - len(label) - len(_ARROW), LEAST)
    before, after = _fitting(*cut(value(each.before), value(each.after)), room, whole)
    gap, lead = " " * len(_ARROW), " " * len(label) + _ARROW
    old, new = _pieces(before, _before(each)), _pieces(after, _after(each))
    names = [(beside(name), "") for name in (each.before_name, each.after_name)]
    yield from hanging(((label, ""), (gap, "")), old, width, (names[0],))
    yield from hanging(((lead, ""),), new, width, (names[1], (_both(each), "yellow")))
    mark = _mark(before, after)
    if mark and max(length(old), length(new)) <= room:
        yield ((" " * len(lead + after[0]) + mark, "dim"),)


def _fitting(before: Cut, after: Cut, room: int, whole: bool) -> tuple[Cut, Cut]:
    differing = max(len(before[1]), len(after[1]))
    # Only what is alike may be left out: nothing is written that was not shown.
    if whole or not differing:
        return before, after
    context = max(room - differing, LEAST)
    return _shortened(before, context), _shortened(after, context)


def _mark(before: Cut, after: Cut) -> str:
    """Carets for what stands out, where they can be put below it."""
    mark = "^" * max(len(before[1]), len(after[1]))
    # "…" is the one character that is not ASCII and still as wide as one.
    aligned = before[0].replace("…", "").isascii() and (before[1] or before[2])
    return mark if aligned and len(mark) <= _LONGEST_MARK else ""


def _pieces(part: Cut, style: str) -> Line:
    head, differing, tail = part
    return ((head, style), (differing, f"bold {style}"), (tail, style))


def _shortened(part: Cut, context: int) -> Cut:
    """The same with at most so many characters of what is alike on either side."""
    head, differing, tail = part
    head = _without_middle(head, max(context - len(tail), context * 2 // 3))
    return head, differing, _without_middle(tail, context - len(head))


def _without_middle(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    end = max(room - 1, 2) // 2
    return f"{text[: room - 1 - end]}…{text[len(text) - end :]}"


def _before(each: FieldChange) -> str:
    return "red" if each.before else "dim"


def _after(each: FieldChange) -> str:
    return "green" if each.after else "dim"


def _both(each: FieldChange) -> str:
    return _BOTH if each.origin is Origin.BOTH else ""
