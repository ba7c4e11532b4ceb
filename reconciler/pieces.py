"""A text in pieces: some are replaced, some change places, and each keeps what is within it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Edit:
    """What stands in the place of text[start:end]: new text, and ranges of the old one."""

    start: int
    end: int
    parts: Sequence[str | Range]


@dataclass(slots=True)
class Pieces:
    """Edits of a text. Of any two, one is within a single part of the other, or they lie apart."""

    text: str
    _edits: list[_Edit] = field(default_factory=list)

    def replace(self, start: int, end: int, new: str) -> None:
        self._edits.append(_Edit(start, end, [new]))

    def arrange(self, parts: Sequence[Range]) -> None:
        """Puts ranges that lie side by side into this order."""
        start, end = min(parts)[0], max(end for _start, end in parts)
        self._edits.append(_Edit(start, end, parts))

    def edited(self) -> str:
        """The text with all edits made."""
        edits = sorted(self._edits, key=lambda edit: (edit.start, -edit.end))
        starts = [edit.start for edit in edits]

        def told(start: int, end: int) -> Iterator[str]:
            at = start
            index = bisect_left(starts, start)
            while index < len(edits) and edits[index].start < end:
                edit = edits[index]
                index += 1
                # One that reaches further is the one that this range is a part of.
                if at <= edit.start and edit.end <= end:
                    yield self.text[at : edit.start]
                    for part in edit.parts:
                        yield from (part,) if isinstance(part, str) else told(*part)
                    at = edit.end
            yield self.text[at:end]

        return "".join(told(0, len(self.text)))
