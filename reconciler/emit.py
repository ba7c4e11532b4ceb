"""New pieces of YAML, written so that readers of YAML 1.1 and of 1.2 take them alike.

The one importer of ruamel.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache, lru_cache
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruamel.yaml import YAML

MERGE = "<<"
NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TEXT = "tag:yaml.org,2002:str"
_WIDEST = 1 << 30
_MOST_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, or null for None.

    style: '"' or "'" for its quotes; "" for plain; None for plain where every reader takes it for
    this text, else '"'. A text that the style cannot hold is in double quotes.
    """

    text: str | None
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    name: str


New = Scalar | Alias | Mapping[str, "New"]


def value(new: New, flow: bool) -> str:
    """A value as it stands after its key, on one line; `flow` says that this is in brackets."""
    if isinstance(new, Mapping):
        return f"{{{inline(new)}}}"
    emitted = _emitted({"k": new}, flow)
    return (emitted[1:-1] if flow else emitted).removeprefix("k: ")


def inline(new: Mapping[str, New], quotes: str | None = None) -> str:
    """A mapping as it stands between its brackets. `quotes`: the style of its own keys."""
    return _emitted(new, True, quotes)[1:-1]


def lines(
    new: Mapping[str, New], column: int, step: int, quotes: str | None = None
) -> Sequence[str]:
    """A mapping in lines that begin at a column, from 0; what is within begins `step` later."""
    emitted = _emitted(new, False, quotes, step)
    return [" " * column + line for line in emitted.split("\n")]


def _emitted(
    new: Mapping[str, New], flow: bool, quotes: str | None = None, step: int | None = None
) -> str:
    from ruamel.yaml.events import (
        DocumentEndEvent,
        DocumentStartEvent,
        StreamEndEvent,
        StreamStartEvent,
    )

    events = list(_events(new, flow, quotes))
    yaml = copy(_yaml())
    yaml.map_indent = step
    yaml.allow_unicode = all(getattr(event, "value", "").isprintable() for event in events)
    out = StringIO()
    start = [StreamStartEvent(), DocumentStartEvent(explicit=False)]
    yaml.emit([*start, *events, DocumentEndEvent(explicit=False), StreamEndEvent()], out)
    return out.getvalue().rstrip("\n")


def _events(new: New, flow: bool, quotes: str | None = None) -> Iterator[Any]:
    from ruamel.yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent

    if isinstance(new, Alias):
        yield AliasEvent(new.name)
    elif isinstance(new, Scalar):
        text = "~" if new.text is None else new.text
        yield ScalarEvent(None, None, (True, True, True), text, style=_style(new, flow))
    else:
        yield MappingStartEvent(None, None, True, flow_style=flow or not new)
        for key, value in new.items():
            yield from _events(Scalar(key, "" if key == MERGE else quotes), flow)
            yield from _events(value, flow)
        yield MappingEndEvent()


def _style(scalar: Scalar, flow: bool) -> str:
    """The style in which a scalar can be written, as near to the wanted one as can be."""
    text, style = scalar.text, scalar.style
    if text is None:
        return ""
    if style == "'" and text.isprintable():
        return "'"
    if style in ('"', "'") or text in NULLS or not text.isprintable():
        return '"'
    plain = copy(_yaml()).emitter.analyze_scalar(text)
    fits = plain.allow_flow_plain if flow else plain.allow_block_plain
    return "" if fits and (style == "" or is_text_to_all(text)) else '"'


@lru_cache(_MOST_REMEMBERED)
def is_text_to_all(text: str) -> bool:
    """Whether plain it is text to readers of YAML 1.1 and of 1.2: "Off" is not, nor "+61"."""
    from ruamel.yaml.nodes import ScalarNode

    return all(str(each.resolve(ScalarNode, text, (True, False))) == _TEXT for each in _resolvers())


@cache
def _resolvers() -> Sequence[Any]:
    from ruamel.yaml.resolver import VersionedResolver

    return [VersionedResolver((1, 1)), VersionedResolver((1, 2))]


@cache
def _yaml() -> YAML:
    """Not to be used itself: making one looks for plug-ins on the disk, copying one does not."""
    from ruamel.yaml import YAML

    yaml = YAML(pure=True)
    # What YAML 1.1 takes for an indicator is quoted too; our events say nothing of a version.
    yaml.version = (1, 1)
    yaml.width = _WIDEST
    return yaml
