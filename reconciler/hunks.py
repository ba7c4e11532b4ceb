"""Two versions of a text → a unified diff, soon even where its lines are very many. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from operator import eq

# As many lines as difflib takes a moment for; its time grows with their square.
_MOST = 2_000
_CONTEXT = 3
_NO_LINE_END = "\\ No newline at end of file"

Opcode = tuple[str, int, int, int, int]


def unified(path: str, before: str, after: str) -> Iterator[str]:
    """The lines of the diff, without their ends; none where there is no difference.

    It may be longer than it needs to be where thousands of lines have moved.
    """
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if old == new:
        return
    yield f"--- {path}"
    yield f"+++ {path}"
    for hunk in _Matcher(None, old, new).get_grouped_opcodes(_CONTEXT):
        yield f"@@ -{_span(hunk[0][1], hunk[-1][2])} +{_span(hunk[0][3], hunk[-1][4])} @@"
        for tag, start, end, new_start, new_end in hunk:
            yield from _told(" " if tag == "equal" else "-", old[start:end])
            yield from _told("+", () if tag == "equal" else new[new_start:new_end])


def _span(start: int, end: int) -> str:
    """Lines count from 1; none at all is told by the line before."""
    return f"{start + 1 if end > start else start},{end - start}"


def _told(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        (told,) = line.splitlines()
        yield mark + told
        if told == line:
            yield _NO_LINE_END


class _Matcher(SequenceMatcher[str]):
    """Compares of a long text only the runs of lines that are not as the ones in their place."""

    a: Sequence[str]
    b: Sequence[str]

    def get_opcodes(self) -> list[Opcode]:  # type: ignore[override]
        old, new = self.a, self.b
        if max(len(old), len(new)) <= _MOST:
            return _opcodes(old, new, 0)
        common = min(len(old), len(new))
        found: list[Opcode] = []
        end = 0
        for same, run in groupby(map(eq, old, new)):
            start, end = end, end + len(list(run))
            if same or end - start > _MOST:
                found.append(("equal" if same else "replace", start, end, start, end))
            else:
                found += _opcodes(old[start:end], new[start:end], start)
        if len(old) != len(new):
            found.append(("replace", common, len(old), common, len(new)))
        return found


def _opcodes(old: Sequence[str], new: Sequence[str], at: int) -> list[Opcode]:
    """difflib's own, of lines that begin `at` so many."""
    return [
        (tag, at + start, at + end, at + new_start, at + new_end)
        for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new).get_opcodes()
    ]
