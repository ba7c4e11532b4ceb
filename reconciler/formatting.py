"""A numbers file → the same with its keys in the schema's order, and quotes where YAML needs them.

What YAML 1.1 would read as a number, a date or a truth value is quoted: keys too, as
+61255500001 is a number to it. Spaces at the ends of lines go. All else stays to the byte. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from reconciler import desired, document, emit, schema
from reconciler.errors import InputError
from reconciler.explain import entry_keys
from reconciler.pieces import Pieces
from reconciler.reorder import BREAK, Reorder, is_block_scalar, last_leaf
from reconciler.spans import Span, read

_BOM = "\ufeff"
# Names that a person chose stay in that person's order.
_NAMED = frozenset(("templates", "numbers"))
_ANCHOR = re.compile(r"(&\S+\s+)?")
# Two spaces that a comment at the end of the line can do without, so that it stays in its column.
_ROOM = re.compile(r":?(  )(?= +#)")
_TRAILING = re.compile(r"[ \t]+(?=[\r\n])")
_ENDS = " \t\r\n\x85\u2028\u2029"
_BLANK = re.compile(r"\s*")


def formatted(path: str, data: bytes) -> bytes:
    """The content of a numbers file, formatted; it means the same.

    Raises InputError for what is wrong with the file by itself.
    """
    found, problems = document.examine(path, data)
    if found is not None:
        problems += desired.mistakes(found)
    if found is None or problems:
        raise InputError(problems)
    text = data.decode()
    bom = _BOM * text.startswith(_BOM)
    new = (bom + _Format(text.removeprefix(_BOM)).text()).encode()
    if new != data and document.parse(path, new).root != found.root:
        raise RuntimeError(f"formatting {path} would change what it says; nothing was written")
    return new


class _Format:
    """One text in work."""

    def __init__(self, text: str) -> None:
        self._root = read(text)
        self._text = text
        if not is_block_scalar(text, last_leaf(self._root)):
            said = text.rstrip(_ENDS)
            line_end = BREAK.search(text, len(said)) or BREAK.search(text)
            self._text = said + (line_end.group() if line_end else "\n")
        self._pieces = Pieces(self._text)
        self._reorder = Reorder(self._text)

    def text(self) -> str:
        self._order(self._root, is_file=True)
        for key, value in self._root.pairs:
            self._quote_key(key)
            if key.text.startswith("x-"):
                self._shared(value)
            elif key.text in _NAMED and value.kind == "mapping":
                self._members(value)
            else:
                self._node(value, key.text)
        self._trim()
        return self._pieces.edited()

    def _members(self, mapping: Span) -> None:
        for key, value in mapping.pairs:
            self._quote_key(key)
            self._node(value)

    def _node(self, node: Span, name: str = "") -> None:
        """name: the key that it stands under."""
        self._order(node)
        for key, value in node.pairs:
            self._quote_key(key)
            self._node(value, key.text)
        if node.kind == "list":
            for each in node.children:
                self._node(each)
        elif name not in _no_texts() and node.text not in emit.NULLS:
            self._quote(node)

    def _shared(self, node: Span) -> None:
        """What stands under an x-… key is nobody's, save where an anchor says that it is used."""
        if node.anchor:
            self._node(node)
            return
        for each in node.children:
            self._shared(each)

    def _order(self, mapping: Span, *, is_file: bool = False) -> None:
        if parts := self._reorder.parts(mapping, _ranks(), is_file=is_file):
            self._pieces.arrange(parts)

    def _quote_key(self, key: Span) -> None:
        if key.text != emit.MERGE:
            self._quote(key)

    def _quote(self, node: Span) -> None:
        if node.kind != "scalar" or emit.is_text_to_all(node.text):
            return
        start = node.end - len(node.text)
        is_plain = _ANCHOR.fullmatch(self._text, node.start, start) is not None
        if is_plain and self._text[start : node.end] == node.text:
            # What is misread has neither quotes nor backslashes in it.
            self._pieces.replace(start, node.end, f'"{node.text}"')
            if room := _ROOM.match(self._text, node.end):
                self._pieces.replace(room.start(1), room.end(1), "")

    def _trim(self) -> None:
        """Takes the spaces away at the ends of lines, save within text, where they may mean
        something."""
        at = 0
        for start, end in (*_texts(self._text, self._root), (len(self._text), 0)):
            for found in _TRAILING.finditer(self._text, at, start):
                self._pieces.replace(found.start(), found.end(), "")
            at = end


def _texts(text: str, node: Span) -> Iterator[tuple[int, int]]:
    """From where to where each scalar stands, in their order."""
    if node.kind == "scalar":
        below = _BLANK.match(text, node.end) if is_block_scalar(text, node) else None
        yield node.start, below.end() if below else node.end
    for each in node.children:
        yield from _texts(text, each)


@cache
def _ranks() -> Mapping[str, int]:
    """The place of each key of the schema; none is in two mappings that want it elsewhere."""
    file, own = schema.load("numbers")["properties"], entry_keys()
    names = (emit.MERGE, *file, *own, *schema.parameters(), *_within(own["ignore"]))
    return {name: rank for rank, name in enumerate(names)}


@cache
def _no_texts() -> frozenset[str]:
    """The keys whose values are numbers or truth values to everybody: `version: 1`."""
    file = schema.load("numbers")["properties"]
    described = {**file, **file["limits"]["properties"], **entry_keys()}
    return frozenset(name for name, raw in described.items() if not _is_text(raw))


def _within(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = raw["additionalProperties"]["properties"]
    return properties


def _is_text(raw: Mapping[str, Any]) -> bool:
    choices = raw.get("enum", ())
    return "integer" not in raw.get("type", ()) and all(isinstance(each, str) for each in choices)
