"""YAML events → a tree of text, in which nothing can act.

libyaml's events are used as they come: there are no constructors, so a tag can do nothing, and no
scalar is ever read as anything but text. The work is linear in the file, and what its aliases
unfold to is bounded.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from reconciler.errors import InputError, Problem
from reconciler.tree import Block, Items, Node, Place
from reconciler.words import quoted

if TYPE_CHECKING:
    from yaml import Event

# PyYAML's type stubs say that an event may be without its marks; libyaml's never are.
_Marked = Any

DEEPEST = 64
EXPANSION_FREE = 10_000
EXPANSION_PER_NODE = 100

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TEXT_TAG = "tag:yaml.org,2002:str"
_MOST_SHARED_TEXTS = 65_536
_MERGE: Final = "<<merge>>"
_DISCARD: Final = "<<discard>>"


class Events(Protocol):
    """What is needed of `yaml.cyaml.CParser`."""

    def get_event(self) -> Event | None: ...


class _Frame:
    """A collection that is still open, and the key that waits for its value."""

    __slots__ = (
        "anchor",
        "at",
        "depth",
        "first_at",
        "key",
        "key_at",
        "marks",
        "merges",
        "node",
        "opened",
    )

    def __init__(self, node: Block | Items, at: Place, anchor: str | None, opened: int) -> None:
        self.node = node
        self.at = at
        self.anchor = anchor
        self.opened = opened
        self.marks: list[int] = []
        self.key: str | None = None
        self.key_at: Place = at
        self.merges: list[Block] | None = None
        self.first_at: dict[str, Place] | None = None
        self.depth = 0


class _Anchored(NamedTuple):
    """What an alias stands for: its nodes, unfolded, and the levels of collections in it."""

    node: Node
    size: int
    depth: int


class Builder:
    """Builds the tree of one file; what is wrong but can be read past is left in `problems`.

    Raises InputError for what cannot be read past, and yaml.YAMLError for bad syntax.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.problems: list[Problem] = []
        self._frames: list[_Frame] = []
        self._frame = self._root = _Frame(Items(), (1, 1), None, 0)
        self._anchors: dict[str, _Anchored | _Frame] = {}
        self._texts: dict[str, str] = {}
        self._written = 0
        self._expanded = 0

    def build(self, parser: Events) -> Node:
        """The root of the file's one document; None where there is none."""
        import yaml

        handlers: dict[type[Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._open_block,
            yaml.SequenceStartEvent: self._open_items,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.DocumentStartEvent: self._document,
        }
        get_event = parser.get_event
        while (event := get_event()) is not None:
            handle = handlers.get(type(event))
            if handle is not None:
                handle(event)
        return (
            self._root.node[0] if isinstance(self._root.node, Items) and self._root.node else None
        )

    def _document(self, event: _Marked) -> None:
        if self._root.node:
            raise self._fatal(
                _place(event.start_mark),
                "a second YAML document begins here; keep one document in a file",
            )

    def _scalar(self, event: _Marked) -> None:
        value = event.value
        mark = event.start_mark
        at = (mark.line + 1, mark.column + 1)
        plain = event.style == ""
        if event.tag is not None:
            plain = False
            if event.tag != _TEXT_TAG:
                self._refuse_tag(event.tag, at)
        text = self._texts.get(value)
        if text is None:
            text = value
            if len(self._texts) < _MOST_SHARED_TEXTS:
                self._texts[value] = value
        self._written += 1
        self._expanded += 1
        node = None if plain and text in _NULLS else text
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(node, 1, 0)
        frame = self._frame
        if self._awaits_key(frame):
            self._key(frame, text, at, plain)
        else:
            self._put(frame, node, at)

    def _key(self, frame: _Frame, text: str, at: Place, plain: bool) -> None:
        frame.key_at = at
        if plain and text == "<<":
            frame.key = _MERGE
            if frame.merges is not None:
                self._problem(at, 'the key "<<" stands twice here; give one "<<" a list instead')
            frame.merges = frame.merges or []
        elif plain and not text:
            self._problem(at, "there is no key before this colon")
            frame.key = _DISCARD
        elif text in frame.node:
            self._repeated(frame, text, at)
        else:
            frame.key = text

    def _repeated(self, frame: _Frame, text: str, at: Place) -> None:
        if frame.first_at is None:
            places = zip(frame.marks[::4], frame.marks[1::4], strict=True)
            frame.first_at = dict(zip(frame.node, places, strict=True))  # type: ignore[arg-type]
        line, column = frame.first_at[text]
        self._problem(at, f"the key {quoted(text)} stands twice; it is first at {line}:{column}")
        frame.key = _DISCARD

    def _put(self, frame: _Frame, node: Node, at: Place) -> None:
        target = frame.node
        if isinstance(target, Items):
            target.append(node)
            frame.marks += at
            return
        key = frame.key
        frame.key = None
        if key is _MERGE:
            self._merge(frame, node, at)
        elif key is not _DISCARD and key is not None:
            target[key] = node
            if frame.first_at is not None:
                frame.first_at[key] = frame.key_at
            frame.marks += frame.key_at
            frame.marks += at

    def _merge(self, frame: _Frame, node: Node, at: Place) -> None:
        assert frame.merges is not None
        for each in node if isinstance(node, Items) else (node,):
            if isinstance(each, Block):
                frame.merges.append(each)
            else:
                self._problem(
                    at, 'the merge key "<<" takes an alias of a mapping, or a list of them'
                )

    def _alias(self, event: _Marked) -> None:
        at = _place(event.start_mark)
        self._written += 1
        target = self._anchors.get(event.anchor)
        if isinstance(target, _Frame):
            raise self._fatal(at, f"the alias {_alias_name(event)} stands within its own anchor")
        if target is None:
            self._problem(at, f"no anchor stands above this for the alias {_alias_name(event)}")
            self._skip()
            return
        self._expanded += target.size
        if self._expanded > EXPANSION_FREE + EXPANSION_PER_NODE * self._written:
            raise self._fatal(at, "the aliases up to here unfold to far more than the file holds")
        self._check_depth(at, target.depth)
        self._frame.depth = max(self._frame.depth, target.depth)
        self._place_alias(target.node, at)

    def _place_alias(self, node: Node, at: Place) -> None:
        frame = self._frame
        if not self._awaits_key(frame):
            self._put(frame, node, at)
        elif isinstance(node, str):
            self._key(frame, node, at, plain=False)
        else:
            self._refuse_key(frame, at)

    def _skip(self) -> None:
        """Something wrong stands here and was said: read on as if it were not there."""
        self._frame.key = _DISCARD if self._awaits_key(self._frame) else None

    def _awaits_key(self, frame: _Frame) -> bool:
        return frame.key is None and isinstance(frame.node, Block)

    def _open_block(self, event: _Marked) -> None:
        self._open(event, Block())

    def _open_items(self, event: _Marked) -> None:
        self._open(event, Items())

    def _open(self, event: _Marked, node: Block | Items) -> None:
        at = _place(event.start_mark)
        if event.tag is not None:
            self._refuse_tag(event.tag, at)
        self._check_depth(at, 1)
        frame = _Frame(node, at, event.anchor, self._expanded)
        if event.anchor is not None:
            self._anchors[event.anchor] = frame
        self._written += 1
        self._expanded += 1
        self._frames.append(self._frame)
        self._frame = frame

    def _close(self, _event: _Marked) -> None:
        frame = self._frame
        node = frame.node
        if isinstance(node, Block):
            for block in frame.merges or ():
                _add_missing(node, frame.marks, block)
        node.marks = array("I", frame.marks)
        anchor = frame.anchor
        # The name may have been given to another node meanwhile; the later one keeps it.
        if anchor is not None and self._anchors[anchor] is frame:
            size = self._expanded - frame.opened
            self._anchors[anchor] = _Anchored(node, size, frame.depth + 1)
        self._frame = parent = self._frames.pop()
        parent.depth = max(parent.depth, frame.depth + 1)
        if self._awaits_key(parent):
            self._refuse_key(parent, frame.at)
        else:
            self._put(parent, node, frame.at)

    def _check_depth(self, at: Place, deeper: int) -> None:
        if len(self._frames) + deeper > DEEPEST:
            raise self._fatal(at, f"this is nested more than {DEEPEST} levels deep")

    def _refuse_key(self, frame: _Frame, at: Place) -> None:
        self._problem(at, "a key must be text; put it in quotes if it is meant so")
        frame.key = _DISCARD

    def _refuse_tag(self, tag: str, at: Place) -> None:
        written = tag.replace("tag:yaml.org,2002:", "!!")
        self._problem(at, f"remove the tag {quoted(written)}; every value is text as it is written")

    def _problem(self, at: Place, message: str) -> None:
        self.problems.append(Problem(self._path, *at, message))

    def _fatal(self, at: Place, message: str) -> InputError:
        return InputError([Problem(self._path, *at, message)])


def _alias_name(event: _Marked) -> str:
    return quoted(f"*{event.anchor}")


def _place(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1


def _add_missing(node: Block, marks: list[int], merged: Block) -> None:
    """The keys of a merged mapping that are not there yet, with the places they come from."""
    for index, (key, value) in enumerate(merged.items()):
        if key not in node:
            node[key] = value
            marks += merged.marks[4 * index : 4 * index + 4]
