"""YAML text → where in it each node stands, by the parser that reads the files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

# PyYAML's type stubs say that an event may be without its marks; libyaml's never are.
_Event = Any


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """A node: text[start:end], its anchor within; both count characters, as `column` does from 0.

    kind: scalar, alias, mapping or list.
    text: a scalar's text, an alias's name; "" for the others.
    flow: whether it is a mapping or a list in brackets.
    children: a list's items; a mapping's keys and values in turn.
    """

    start: int
    end: int
    column: int
    kind: str
    text: str = ""
    anchor: str | None = None
    flow: bool = False
    children: tuple[Span, ...] = ()

    @property
    def pairs(self) -> list[tuple[Span, Span]]:
        """A mapping's keys, each with its value; none for what is no mapping."""
        if self.kind != "mapping":
            return []
        return list(pairwise(self.children))[::2]

    def pair(self, key: str) -> tuple[Span, Span] | None:
        """A key as it is written here, and its value; what `<<` brings in is not here."""
        return next((pair for pair in self.pairs if pair[0].names(key)), None)

    def names(self, key: str) -> bool:
        return self.kind == "scalar" and self.text == key


def read(text: str) -> Span:
    """The root of the text's one document. Raises yaml.YAMLError."""
    import yaml
    from yaml.cyaml import CLoader

    events: Iterator[_Event] = iter(yaml.parse(text, Loader=CLoader))
    while not isinstance(next(events), yaml.DocumentStartEvent):
        pass
    return _span(text, events, next(events))


def _span(text: str, events: Iterator[_Event], event: _Event) -> Span:
    import yaml

    start, end, column = event.start_mark.index, event.end_mark.index, event.start_mark.column
    if isinstance(event, yaml.AliasEvent):
        return Span(start, end, column, "alias", event.anchor or "")
    if isinstance(event, yaml.ScalarEvent):
        if event.style in ("|", ">"):
            # It ends where the next node begins; what is between belongs to nobody.
            end = start + len(text[start:end].rstrip())
        return Span(start, end, column, "scalar", event.value, event.anchor)
    kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "list"
    flow = bool(event.flow_style)
    children = []
    inner = next(events)
    while not isinstance(inner, yaml.CollectionEndEvent):
        children.append(_span(text, events, inner))
        inner = next(events)
    end = _end(inner) if flow else children[-1].end
    return Span(start, end, column, kind, "", event.anchor, flow, tuple(children))


def _end(event: _Event) -> int:
    end: int = event.end_mark.index
    return end
