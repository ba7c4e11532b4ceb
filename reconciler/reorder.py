"""A mapping's keys in another order: which pieces of the text change places, comments and all.

A key takes along its comments: the lines of comments directly above it, one at the end of its line,
and those that are indented deeper below it. Empty lines, and what stands between them, go with the
key that follows. What stands above the first key by itself, or below the last, stays; so does the
first comment of a file, which is its heading.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise

from reconciler.pieces import Range
from reconciler.spans import Span

# What libyaml counts lines by.
BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_BLOCK_SCALAR = re.compile(r"(?:[&!]\S*[ \t]+)*[|>]")


def is_block_scalar(text: str, node: Span) -> bool:
    """Whether a node is text after a "|" or a ">", to which white space below it may belong."""
    return node.kind == "scalar" and _BLOCK_SCALAR.match(text, node.start) is not None


def last_leaf(node: Span) -> Span:
    while node.children:
        node = node.children[-1]
    return node


class Reorder:
    """The mappings of one text, which ends with its last line. Places are those of the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        ends = (found.end() for found in BREAK.finditer(text))
        self._starts = sorted({0, *ends, len(text)})

    def parts(self, mapping: Span, ranks: Mapping[str, int], *, is_file: bool) -> Sequence[Range]:
        """The ranges of a mapping, side by side in the text, in the order that `ranks` wants.

        A key without a rank keeps its place. There are none where nothing is to move, or nothing
        can: an alias would come to stand above its anchor, or a comment in the wrong place.
        """
        names = [key.text if key.kind == "scalar" else "" for key, _value in mapping.pairs]
        order = _order(names, ranks)
        if order == sorted(order) or _is_tied(mapping, order):
            return ()
        return self._flow(mapping, order) if mapping.flow else self._block(mapping, order, is_file)

    def _flow(self, mapping: Span, order: Sequence[int]) -> Sequence[Range]:
        ranges = [(key.start, value.end) for key, value in mapping.pairs]
        between = [(end, start) for (_start, end), (start, _end) in pairwise(ranges)]
        commented = any("#" in self._text[slice(*each)] for each in between)
        if commented or any(value.start == value.end for _key, value in mapping.pairs):
            return ()
        moved = [ranges[index] for index in order]
        return [part for each in zip(moved, between, strict=False) for part in each] + moved[-1:]

    def _block(self, mapping: Span, order: Sequence[int], is_file: bool) -> Sequence[Range]:
        starts = [self._starts[self._line(key.start)] for key, _value in mapping.pairs]
        for start, (key, value) in zip(starts, mapping.pairs, strict=True):
            if self._text[start : key.start].strip():
                return ()
            if is_block_scalar(self._text, last_leaf(value)):
                return ()
        first = self._above(starts[0])
        if is_file and self._is_heading(first):
            first = starts[0]
        ranges = list(pairwise([first, *(self._end(*pair) for pair in mapping.pairs)]))
        return list(self._moved(ranges, order))

    def _moved(self, ranges: Sequence[Range], order: Sequence[int]) -> Iterator[Range]:
        """The empty lines above what comes to stand first go to what stood there before."""
        start, end = ranges[order[0]]
        line = self._line(start)
        while not self._told(line).strip():
            line += 1
        yield self._starts[line], end
        for index in order[1:]:
            if index == 0:
                yield start, self._starts[line]
            yield ranges[index]

    def _above(self, start: int) -> int:
        """Where the lines of comments begin that stand directly above a line."""
        line = self._line(start)
        while line and self._is_comment(line - 1):
            line -= 1
        return self._starts[line]

    def _is_heading(self, start: int) -> bool:
        """Whether no comment stands above those that begin here."""
        return not any(map(self._is_comment, range(self._line(start))))

    def _is_comment(self, line: int) -> bool:
        return self._told(line).lstrip().startswith("#")

    def _end(self, key: Span, value: Span) -> int:
        """Where the lines end that are a key's own."""
        below = end = self._line(value.end) + 1
        is_open = value.start == value.end or (value.children and not value.flow)
        while is_open and below + 1 < len(self._starts):
            told = self._told(below)
            comment = told.lstrip()
            below += 1
            if comment.startswith("#") and len(told) - len(comment) > key.column:
                end = below
            elif comment and not comment.startswith("#"):
                break
        return self._starts[end]

    def _line(self, at: int) -> int:
        return bisect_right(self._starts, at) - 1

    def _told(self, line: int) -> str:
        return self._text[self._starts[line] : self._starts[line + 1]]


def _order(names: Sequence[str], ranks: Mapping[str, int]) -> Sequence[int]:
    known = [index for index, name in enumerate(names) if name in ranks]
    ranked = iter(sorted(known, key=lambda index: ranks[names[index]]))
    return [next(ranked) if name in ranks else index for index, name in enumerate(names)]


def _is_tied(mapping: Span, order: Sequence[int]) -> bool:
    """Whether an alias would stand for another node, or for none, in this order."""
    return _bound(mapping, order) != _bound(mapping, range(len(order)))


def _bound(mapping: Span, order: Iterable[int]) -> tuple[dict[int, int | None], dict[str, int]]:
    """The anchor that each alias stands for, and the anchors that stand below; by place."""
    bound: dict[int, int | None] = {}
    anchors: dict[str, int] = {}
    pairs = mapping.pairs
    for index in order:
        for node in chain.from_iterable(map(_nodes, pairs[index])):
            if node.kind == "alias":
                bound[node.start] = anchors.get(node.text)
            elif node.anchor:
                anchors[node.anchor] = node.start
    return bound, anchors


def _nodes(node: Span) -> Iterator[Span]:
    yield node
    for each in node.children:
        yield from _nodes(each)
