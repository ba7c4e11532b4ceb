"""Where each value of a number comes from, what it overrides, and what live has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler import named, schema
from reconciler.declared import Declarations, Declared, Origins
from reconciler.diff import same
from reconciler.model import LiveNumber, Source, Value
from reconciler.secret import HIDDEN, Secret
from reconciler.tree import Block, as_block


@dataclass(frozen=True, slots=True)
class Word:
    """What one place says of a field.

    kind: "default", "template NAME" or "own field". overlay: whether an overlay says it.
    """

    value: Value
    source: Source
    kind: str
    overlay: bool
    origins: Origins


@dataclass(frozen=True, slots=True)
class Leave:
    """Why a field is left alone for now, and the last day of that."""

    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class Field:
    """A declared field: the word that counts, and those that it overrides, the nearest first.

    leave: where it is ignored for now. same: whether live is as declared, None where live was
    not read.
    """

    name: str
    word: Word
    over: tuple[Word, ...]
    leave: Leave | None
    live: Value = None
    same: bool | None = None

    @property
    def differs(self) -> bool:
        return self.same is False and self.leave is None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One number: its declared fields, and what is set live besides; both in the schema's order.

    protected: where that is said, None where it is not. others: None where live was not read.
    asked: the one field that it is about, "" for all. What is secret is hidden in it.
    """

    number: str
    friendly: Value
    source: Source
    protected: Source | None
    fields: tuple[Field, ...]
    others: Mapping[str, str] | None
    asked: str = ""

    def only(self, name: str) -> Explanation:
        """As much of it as is about one field."""
        others = self.others and {key: text for key, text in self.others.items() if key == name}
        fields = tuple(each for each in self.fields if each.name == name)
        return replace(self, fields=fields, others=others, asked=name)


def explained(declared: Declared, run: Declarations, live: LiveNumber | None) -> Explanation:
    """What the files say of a number, beside what live has."""
    path, entry = declared.saying("protect")
    shielded = entry.get("protect") == "true"
    return Explanation(
        number=declared.number,
        friendly=_shown(declared.fields.get("Friendly")),
        source=Source(declared.path, declared.line),
        protected=Source(path, entry.key_at("protect")[0]) if shielded else None,
        fields=tuple(_field(declared, name, run, live) for name in declared.fields),
        others=None if live is None else _others(declared, live),
    )


def _field(declared: Declared, name: str, run: Declarations, live: LiveNumber | None) -> Field:
    word, *over = _words(declared, name, run)
    leave = _leave(declared, name) if name in declared.ignored else None
    made = Field(name, _hidden(word), tuple(map(_hidden, over)), leave)
    if live is None:
        return made
    found = live.fields.get(name)
    # What live has may be what another word has hidden.
    secret = any(isinstance(each.value, Secret) for each in (word, *over))
    return replace(
        made,
        live=HIDDEN if found and secret else found,
        same=same(name, word.value, found, schema.phones()),
    )


def _words(declared: Declared, name: str, run: Declarations) -> list[Word]:
    """All that is said of a field, the last first."""
    found = [
        _word(layer.path, layer.block, name, run, _kind(layer.template))
        for layer in declared.beneath
        if name in layer.block
    ]
    found += [
        _word(path, block, name, run, "own field")
        for path, block in declared.entries
        if name in block
    ]
    return found[::-1]


def _word(path: str, block: Block, name: str, run: Declarations, kind: str) -> Word:
    value = block[name]
    # The name of a flow stands in a block of its own.
    inner = (id(value), "name") if isinstance(value, Block) else (id(block), name)
    return Word(
        value=named.value(path, value),
        source=Source(path, block.value_at(name)[0]),
        kind=kind,
        overlay=path in run.overlays,
        origins=run.origins.get(inner, ()),
    )


def _kind(template: str) -> str:
    return f"template {template}" if template else "default"


def _hidden(word: Word) -> Word:
    return replace(word, value=HIDDEN) if isinstance(word.value, Secret) else word


def _leave(declared: Declared, name: str) -> Leave:
    _path, entry = declared.saying("ignore")
    told = as_block(as_block(entry["ignore"])[name])
    return Leave(str(told["reason"]), str(told["until"]))


def _shown(value: Value) -> Value:
    return None if isinstance(value, Secret) else value


def _others(declared: Declared, live: LiveNumber) -> Mapping[str, str]:
    return {
        name: live.fields[name]
        for name in schema.parameters()
        if name in live.fields and name not in declared.fields
    }
