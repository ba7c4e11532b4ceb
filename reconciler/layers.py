"""Defaults < templates in their order < the number's own fields; "" and null clear those before.

Templates are shared by all files of a run, defaults belong to their file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from reconciler import ignores, schema
from reconciler.document import Document
from reconciler.errors import Problem
from reconciler.explain import entry_keys
from reconciler.model import Value
from reconciler.rules import Declared
from reconciler.tree import Block, Items, Node
from reconciler.words import E164, NearMisses, quoted


@dataclass(frozen=True, slots=True)
class _Base:
    """What a number has before its own fields, and the blocks that it comes from."""

    fields: Mapping[str, Value]
    layers: tuple[tuple[str, Block], ...]


_EMPTY = Block()
# Shared, as an empty set for each of a million numbers would take 200 MB.
_NONE: frozenset[str] = frozenset()


class Layers:
    """The templates of a run, and what they make of each number; `problems` and `warnings` gather
    what is wrong.

    It reads trees that the schema has not passed, so that all errors come at once: what has the
    wrong type counts as declared, and nothing more is made of it.
    """

    def __init__(self, documents: Sequence[Document], misses: NearMisses, today: date) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._today = today
        self._misses = misses
        self._templates: dict[str, tuple[str, Block]] = {}
        self._bases: dict[tuple[str, tuple[str, ...]], _Base] = {}
        self._checked_uses: set[int] = set()
        first: dict[str, str] = {}
        for each in documents:
            self._collect(each, first)

    def _collect(self, document: Document, first: dict[str, str]) -> None:
        templates = section(document, "templates")
        for name, member, line in templates.lines():
            if name in self._templates:
                at = templates.key_at(name)
                message = f"the template {quoted(name)} is declared twice; first at {first[name]}"
                self.problems.append(Problem(document.path, *at, message))
                continue
            first[name] = f"{document.path}:{line}"
            self._templates[name] = (document.path, as_block(member))

    def declared(self, document: Document) -> Iterator[Declared]:
        """The numbers of one file, resolved; those whose key is no E.164 number are left out."""
        numbers = section(document, "numbers")
        own = entry_keys().keys()
        for index, (number, member, line) in enumerate(numbers.lines()):
            if not E164.fullmatch(number):
                continue
            entry = as_block(member)
            base = self._base(document, entry.get("use"))
            fields = dict(base.fields)
            for name, value in entry.items():
                if name not in own:
                    fields[name] = cast("Value", value or None)
            yield Declared(
                number=number,
                fields=_in_order(fields) if entry else base.fields,
                path=document.path,
                line=line,
                column=numbers.marks[4 * index + 1],
                layers=(*base.layers, (document.path, entry)),
                entry=entry,
                file=as_block(document.root),
                ignored=self._ignored(document.path, number, entry),
            )

    def _ignored(self, path: str, number: str, entry: Block) -> frozenset[str]:
        if "ignore" not in entry:
            return _NONE
        self.problems += ignores.problems(path, entry, self._misses)
        self.warnings += ignores.expired(path, number, entry, self._today)
        return ignores.in_force(entry, self._today)

    def _base(self, document: Document, use: Node) -> _Base:
        names: tuple[str, ...] = ()
        if isinstance(use, Items):
            names = tuple(each for each in use if isinstance(each, str))
            self._check_use(document, use)
        base = self._bases.get((document.path, names))
        if base is None:
            base = self._bases[document.path, names] = self._layered(document, names)
        return base

    def _layered(self, document: Document, names: Sequence[str]) -> _Base:
        layers = [(document.path, section(document, "defaults"))]
        layers += [self._templates[name] for name in names if name in self._templates]
        fields: dict[str, Value] = {}
        for _path, block in layers:
            fields |= {name: cast("Value", value or None) for name, value in block.items()}
        return _Base(_in_order(fields), tuple(layers))

    def _check_use(self, document: Document, use: Items) -> None:
        # One list may stand in many entries, by an alias.
        if id(use) in self._checked_uses:
            return
        self._checked_uses.add(id(use))
        for index, name in enumerate(use):
            if isinstance(name, str) and name and name not in self._templates:
                hint = self._misses.hint(name, self._templates)
                message = f"there is no template {quoted(name)}{hint}"
                self.problems.append(Problem(document.path, *use.item_at(index), message))


def _in_order(fields: Mapping[str, Value]) -> dict[str, Value]:
    """The schema's order, so that plans list fields alike whoever wrote them in which order."""
    known = {name: fields[name] for name in schema.parameters() if name in fields}
    return known if len(known) == len(fields) else {**known, **fields}


def section(document: Document, name: str) -> Block:
    """A top-level block of a file, empty where it is none."""
    return as_block(document.root.get(name) if isinstance(document.root, Block) else None)


def as_block(node: Node) -> Block:
    return node if isinstance(node, Block) else _EMPTY
