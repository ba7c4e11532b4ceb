"""What the files of a run declare: each number after defaults and templates, and whence it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from reconciler.model import Value
from reconciler.tree import Block, Node

Place = tuple[str, int, int]
# Where a value has what is in it from: kind and name of each, as in ("environment", "STAGE"). The
# other kinds are "file", and "default" for a variable that is not set.
Origins = tuple[tuple[str, str], ...]
Entries = tuple[tuple[str, Block], ...]


class Layer(NamedTuple):
    """A block that numbers share, and its file; `template` is its name, "" for defaults."""

    path: str
    block: Block
    template: str = ""


@dataclass(slots=True)
class Declared:
    """One number after defaults and templates, with the blocks that its fields come from.

    beneath: the defaults and each template, with what overlays say of each right after it; later
    wins, and the number's own fields win over all.
    entry, over: the number's own block; path and block of what overlays say of it, later wins.
    file: the top level of its file, with what overlays put in the place of it.
    ignored: the declared fields that are left alone today.
    """

    number: str
    fields: Mapping[str, Value]
    path: str
    line: int
    column: int
    beneath: tuple[Layer, ...]
    entry: Block
    file: Mapping[str, Node]
    over: Entries = ()
    ignored: frozenset[str] = frozenset()

    @property
    def entries(self) -> Entries:
        """Path and block of each entry that the number has, its own first; later wins."""
        return ((self.path, self.entry), *self.over)

    def saying(self, key: str) -> tuple[str, Block]:
        """Path and block of the entry that has the last word on a key; its own if none has it."""
        for path, block in reversed(self.over):
            if key in block:
                return path, block
        return self.path, self.entry

    def place(self, name: str) -> Place:
        """Path, line and column of the value that a field has in the end."""
        path, block = self.saying(name)
        if name in block:
            return (path, *block.value_at(name))
        for layer in reversed(self.beneath):
            if name in layer.block:
                return (layer.path, *layer.block.value_at(name))
        return self.path, self.line, self.column


@dataclass(frozen=True, slots=True)
class Declarations:
    """All that one run declares, on one day (in UTC).

    numbers: by their E.164 form, sorted.
    templates: path, line and column of each template's name.
    used: the names that the numbers use.
    removed: the numbers that an overlay leaves out of the run, each with the place that says so.
    overlays: the paths of the overlays, in their order.
    origins: of the values with references, by the identity of their block and their name.
    """

    numbers: Mapping[str, Declared]
    templates: Mapping[str, Place]
    used: frozenset[str]
    today: date
    removed: Mapping[str, Place] = field(default_factory=dict)
    overlays: tuple[str, ...] = ()
    origins: Mapping[tuple[int, str], Origins] = field(default_factory=dict)
