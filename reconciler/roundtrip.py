"""YAML text that is changed in places, and stays as it is to the byte everywhere else.

What is new fits in: block or flow, with the indentation, the quotes and the line ends around it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

from reconciler import emit
from reconciler.emit import MERGE, New
from reconciler.spans import Span, read

# What libyaml counts lines by.
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_LINE_END = re.compile(r"\r\n|\r|\n")
_USUAL_STEP = 2
_BLANKS = re.compile(r"[ \t]*(?![^\r\n])")

Pair = tuple[Span, Span]


class Draft:
    """A text, and what is to be changed in it; all places are those of the text as it was.

    Raises yaml.YAMLError where the text is no YAML.
    """

    def __init__(self, text: str) -> None:
        self.root = read(text)
        self._text = text
        found = _LINE_END.search(text)
        self._line_end = found.group() if found else "\n"
        self._edits: list[tuple[int, int, str]] = []
        self._lines: list[int] = []

    def style(self, line: int, column: int) -> str | None:
        """How the scalar that stands there is quoted, None where that is no guide; both count
        from 1."""
        if not self._lines:
            self._lines = [0, *(found.end() for found in _BREAK.finditer(self._text))]
        return self._style(self._lines[line - 1] + column - 1)

    def _style(self, at: int) -> str | None:
        first = self._text[at : at + 1]
        if first in ('"', "'"):
            return first
        return None if first in ("", "&", "*", "!", "|", ">", "\r", "\n") else ""

    def update(
        self, mapping: Span, news: Mapping[str, New | None], order: Sequence[str] = ()
    ) -> None:
        """Gives these keys of a mapping these values; None takes the key away.

        A key that is new goes after the last of those that come before it in `order`.
        """
        for key, value in mapping.pairs:
            new = news.get(key.text)
            if new is not None:
                self._replace(mapping, key, value, new)
        gone = {name for name, new in news.items() if new is None}
        kept = [pair for pair in mapping.pairs if pair[0].text not in gone]
        if len(kept) < len(mapping.pairs):
            self._remove(mapping, gone)
        there = {key.text for key, _value in mapping.pairs}
        added = {name: new for name, new in news.items() if new is not None and name not in there}
        for after, group in _grouped(kept, added, order):
            self._insert(mapping, kept, after, group)

    def can_lose(self, mapping: Span, name: str) -> bool:
        """Whether a key can be taken away without a comment that is not its own."""
        pair = mapping.pair(name)
        if pair is None or mapping.pair(MERGE):
            return False
        if mapping.flow:
            return "#" not in self._text[mapping.start : mapping.end]
        key = pair[0]
        return not self._text[self._line_start(key.start) : key.start].strip()

    def changed(self) -> str:
        """The text with all changes made."""
        pieces, done = [], 0
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):
            pieces += [self._text[done:start], new]
            done = max(done, end)
        return "".join([*pieces, self._text[done:]])

    def _replace(self, mapping: Span, key: Span, value: Span, new: New) -> None:
        anchor = f"&{value.anchor}" if value.anchor else ""
        if isinstance(new, Mapping) and new and not (mapping.flow or value.flow):
            start = key.end + len(self._text[key.end : value.start].rstrip())
            self._edits.append((start, value.end, anchor and f" {anchor}"))
            self._add_lines(value.end, key.column + self._step(mapping), new, None)
            return
        told = f"{anchor} {emit.value(new, mapping.flow)}".lstrip()
        end = value.end
        if value.start == end:
            space = "" if self._text[end - 1].isspace() else " "
            blanks = _BLANKS.match(self._text, end)
            told, end = space + told, blanks.end() if blanks else end
        self._edits.append((value.start, end, told))

    def _remove(self, mapping: Span, gone: Collection[str]) -> None:
        pairs = mapping.pairs
        if not mapping.flow:
            for key, value in pairs:
                if key.text in gone:
                    start = self._line_start(key.start)
                    self._edits.append((start, self._next_line(value.end), ""))
            return
        stay = [index for index, (key, _value) in enumerate(pairs) if key.text not in gone]
        last = stay[-1] if stay else -1
        for (key, _value), (following, _) in pairwise(pairs[: last + 1]):
            if key.text in gone:
                self._edits.append((key.start, following.start, ""))
        if last + 1 < len(pairs):
            start = pairs[last][1].end if stay else pairs[0][0].start
            self._edits.append((start, pairs[-1][1].end, ""))

    def _insert(
        self, mapping: Span, kept: Sequence[Pair], after: Pair | None, group: Mapping[str, New]
    ) -> None:
        neighbour = after or next(iter(mapping.pairs), None)
        quotes = self._style(neighbour[0].start) if neighbour else None
        if not mapping.flow:
            assert neighbour is not None
            at = after[1].end if after else self._first(mapping)
            self._add_lines(at, neighbour[0].column, group, quotes)
            return
        inner = emit.inline(group, quotes)
        if after:
            self._edits.append((after[1].end, after[1].end, f", {inner}"))
        elif kept:
            self._edits.append((kept[0][0].start, kept[0][0].start, f"{inner}, "))
        else:
            at = neighbour[0].start if neighbour else mapping.end - 1
            self._edits.append((at, at, inner))

    def _first(self, mapping: Span) -> int:
        """Before the first key; after the last where a comment stands above the first."""
        start = self._line_start(mapping.pairs[0][0].start)
        above = self._text[self._line_start(start - 1) : start]
        return mapping.pairs[-1][1].end if above.lstrip().startswith("#") else start - 1

    def _add_lines(
        self, after: int, column: int, group: Mapping[str, New], quotes: str | None
    ) -> None:
        """Lines of their own below the one with the character before `after`."""
        lines = emit.lines(group, column, self._step(self.root), quotes)
        at = self._next_line(after)
        if self._text[at - 1 : at] in ("\n", "\r"):
            told = "".join(line + self._line_end for line in lines)
        else:
            told = "".join(self._line_end + line for line in lines)
        self._edits.append((at, at, told))

    def _step(self, mapping: Span) -> int:
        """The columns by which mappings are indented around here."""
        for outer in (mapping, self.root):
            for key, value in outer.pairs:
                if value.kind == "mapping" and not value.flow:
                    return value.children[0].column - key.column
        return _USUAL_STEP

    def _line_start(self, at: int) -> int:
        return max(self._text.rfind(end, 0, at) for end in "\r\n") + 1

    def _next_line(self, at: int) -> int:
        found = _LINE_END.search(self._text, at)
        return found.end() if found else len(self._text)


def _grouped(
    kept: Sequence[Pair], added: Mapping[str, New], order: Sequence[str]
) -> Iterator[tuple[Pair | None, Mapping[str, New]]]:
    """The new keys by the pair that they follow."""
    ranks = {name: rank for rank, name in enumerate(order)}
    groups: dict[Pair | None, dict[str, New]] = {}
    for name in sorted(added, key=lambda name: ranks.get(name, 0)):
        rank = ranks.get(name, 0)
        before = [pair for pair in kept if ranks.get(pair[0].text, 0) <= rank]
        groups.setdefault(before[-1] if before else None, {})[name] = added[name]
    return iter(groups.items())
