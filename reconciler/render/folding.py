"""Long text over several lines: all of it, each line within the width."""

from __future__ import annotations

from collections.abc import Iterator

Piece = tuple[str, str]
Line = tuple[Piece, ...]

# So much of a text stands in a line, however narrow the terminal is.
LEAST = 24
_COLON = "\\u003a"


def length(line: Line) -> int:
    """In characters."""
    return sum(len(text) for text, _ in line)


def shortened(text: str, room: int) -> str:
    """At most so many characters of what is only a label."""
    return text if len(text) <= room else f"{text[: max(room - 1, 1)]}…"


def hanging(lead: Line, pieces: Line, width: int, notes: Line = ()) -> Iterator[Line]:
    """The pieces after the lead, and under each other where they take more than one line.

    Pieces are inert text, and are cut wherever a line is full; a note is whole if it can be.
    """
    indent = length(lead)
    for row in _rows(pieces, notes, max(width - indent, LEAST)):
        if not "".join(text for text, _ in lead).strip():
            row = _no_command(row)
        yield (*lead, *row)
        lead = ((" " * indent, ""),)


def _rows(pieces: Line, notes: Line, room: int) -> list[Line]:
    # A cut may put what a CI takes for a command at the beginning of a line.
    if "::" in "".join(text for text, _ in (*pieces, *notes)):
        room -= len(_COLON) - 1
    rows = list(_cut(pieces, room))
    for text, style in notes:
        if length(rows[-1]) + len(text) <= room:
            rows[-1] = (*rows[-1], (text, style))
        else:
            rows += _cut(((text.lstrip(), style),), room)
    return rows


def _cut(pieces: Line, room: int) -> Iterator[Line]:
    row: list[Piece] = []
    left = room
    for text, style in pieces:
        at = 0
        while len(text) - at > left:
            yield (*row, (text[at : at + left], style))
            at, row, left = at + left, [], room
        row.append((text[at:], style))
        left -= len(text) - at
    yield tuple(row)


def _no_command(row: Line) -> Line:
    """The row with "::" at its beginning as ":" told by its code, whatever colours are in it."""
    told = "".join(text for text, _ in row)
    blank = len(told) - len(told.lstrip(" "))
    if not told.startswith("::", blank):
        return row
    pieces: list[Piece] = []
    at = 0
    for text, style in row:
        here = blank - at
        if 0 <= here < len(text):
            pieces.append((text[:here] + _COLON + text[here + 1 :], style))
        else:
            pieces.append((text, style))
        at += len(text)
    return tuple(pieces)
