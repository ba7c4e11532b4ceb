"""Defaults < templates in their order < the number's own fields; "" and null clear those before.

Templates are shared by all files of a run, defaults belong to their file. What an overlay says of
any of them lies right over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from reconciler import ignores, named, schema
from reconciler.declared import Declared, Entries, Layer, Place
from reconciler.document import Document, section
from reconciler.errors import Problem
from reconciler.explain import entry_keys
from reconciler.model import Value
from reconciler.overlay import Overlays, misplaced
from reconciler.tree import Block, Items, Node, as_block
from reconciler.words import E164, NearMisses, quoted


@dataclass(frozen=True, slots=True)
class _Base:
    """What a number has before its own fields, and the blocks that it comes from."""

    fields: Mapping[str, Value]
    layers: tuple[Layer, ...]


# Shared, as an empty set for each of a million numbers would take 200 MB.
_NONE: frozenset[str] = frozenset()


class Layers:
    """The templates of a run, and what they make of each number; `problems` gathers what is wrong.

    `templates` has the path, line and column of each template's name.

    It reads trees that the schema has not passed, so that all errors come at once: what has the
    wrong type counts as declared, and nothing more is made of it.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        overlays: Overlays,
        misses: NearMisses,
        today: date,
    ) -> None:
        self.problems: list[Problem] = []
        self.templates: dict[str, Place] = {}
        self._overlays = overlays
        self._today = today
        self._misses = misses
        self._blocks: dict[str, tuple[Layer, ...]] = {}
        self._bases: dict[tuple[str, tuple[str, ...]], _Base] = {}
        self._replaced: set[str] = set()
        self._checked_uses: set[int] = set()
        for each in documents:
            self._collect(each)
        for each in overlays.documents:
            self._collect(each, over=True)

    @property
    def used(self) -> frozenset[str]:
        """The names of the templates that the numbers use, which have been gone through; an
        overlay does not make a template useless that the files use."""
        return frozenset(self._replaced).union(*(names for _path, names in self._bases))

    def _collect(self, document: Document, *, over: bool = False) -> None:
        templates = section(document, "templates")
        for name, member in templates.items():
            at = (document.path, *templates.key_at(name))
            if name in self._blocks and not over:
                path, line, _column = self.templates[name]
                message = f"the template {quoted(name)} is declared twice; first at {path}:{line}"
                self.problems.append(Problem(*at, message))
                continue
            self.templates.setdefault(name, at)
            layer = Layer(document.path, as_block(member), name)
            self._blocks[name] = (*self._blocks.get(name, ()), layer)

    def declared(self, document: Document) -> Iterator[Declared]:
        """The numbers of one file, resolved; those whose key is no E.164 number are left out, and
        those that the overlays leave out."""
        path, numbers = document.path, section(document, "numbers")
        file = self._overlays.top(document)
        for index, (number, member, line) in enumerate(numbers.lines()):
            if not E164.fullmatch(number) or self._overlays.lacks(path, number):
                continue
            entry, over = as_block(member), self._overlays.over(number)
            if path not in self._overlays.paths:
                self.problems += misplaced(path, entry)
            use = self._use(path, entry, over)
            if number in self._overlays.removed:
                self._replaced.update(use)
                continue
            base = self._base(document, use)
            declared = Declared(
                number=number,
                fields=base.fields,
                path=path,
                line=line,
                column=numbers.marks[4 * index + 1],
                beneath=base.layers,
                entry=entry,
                file=file,
                over=over,
            )
            if entry or over:
                declared.fields = _with_own(declared)
                declared.ignored = self._ignored(declared)
            yield declared

    def _ignored(self, declared: Declared) -> frozenset[str]:
        if "ignore" not in declared.entry and not declared.over:
            return _NONE
        for path, entry in declared.entries:
            if "ignore" in entry:
                self.problems += ignores.problems(path, entry, self._misses)
        _path, entry = declared.saying("ignore")
        return ignores.in_force(entry, self._today) if "ignore" in entry else _NONE

    def _use(self, path: str, entry: Block, over: Entries) -> tuple[str, ...]:
        """The names of the templates that a number uses."""
        names = self._names(path, entry.get("use"))
        for at, block in over:
            if "use" in block:
                self._replaced.update(names)
                names = self._names(at, block["use"])
        return names

    def _names(self, path: str, use: Node) -> tuple[str, ...]:
        if not isinstance(use, Items):
            return ()
        self._check_use(path, use)
        return use.texts()

    def _base(self, document: Document, names: tuple[str, ...]) -> _Base:
        base = self._bases.get((document.path, names))
        if base is None:
            defaults = self._overlays.defaults
            if document.path not in self._overlays.paths:
                defaults = (Layer(document.path, section(document, "defaults")), *defaults)
            base = self._bases[document.path, names] = self._layered(defaults, names)
        return base

    def _layered(self, defaults: tuple[Layer, ...], names: tuple[str, ...]) -> _Base:
        layers = (*defaults, *(each for name in names for each in self._blocks.get(name, ())))
        fields: dict[str, Value] = {}
        for path, block, _template in layers:
            fields |= {name: named.value(path, value) for name, value in block.items()}
        return _Base(_in_order(fields), layers)

    def _check_use(self, path: str, use: Items) -> None:
        # One list may stand in many entries, by an alias.
        if id(use) in self._checked_uses:
            return
        self._checked_uses.add(id(use))
        for index, name in enumerate(use):
            if isinstance(name, str) and name and name not in self._blocks:
                hint = self._misses.hint(name, self._blocks)
                message = f"there is no template {quoted(name)}{hint}"
                self.problems.append(Problem(path, *use.item_at(index), message))


def _with_own(declared: Declared) -> dict[str, Value]:
    """What is beneath a number's own fields, and these."""
    fields, keys = dict(declared.fields), entry_keys().keys()
    for path, block in declared.entries:
        for name, value in block.items():
            if name not in keys:
                fields[name] = named.value(path, value)
    return _in_order(fields)


def _in_order(fields: Mapping[str, Value]) -> dict[str, Value]:
    """The schema's order, so that plans list fields alike whoever wrote them in which order."""
    known = {name: fields[name] for name in schema.parameters() if name in fields}
    return known if len(known) == len(fields) else {**known, **fields}
