"""What a YAML file becomes: mappings, lists and text, each with its place.

Lines and columns count from 1.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Union

Node = Union["Block", "Items", str, None]
Place = tuple[int, int]


class Block(dict[str, Node]):
    """A mapping. `marks` holds four numbers a key, in the order of the keys.

    They are kept flat (key line, key column, value line, value column) because a million numbers
    with a tuple a field would need gigabytes for places that are asked for only in errors.
    """

    __slots__ = ("_order", "marks")

    marks: array[int]
    _order: dict[str, int] | None

    def __init__(self) -> None:
        self.marks = array("I")
        self._order = None

    def key_at(self, key: str) -> Place:
        start = self._start(key)
        return self.marks[start], self.marks[start + 1]

    def value_at(self, key: str) -> Place:
        start = self._start(key)
        return self.marks[start + 2], self.marks[start + 3]

    def lines(self) -> Iterator[tuple[str, Node, int]]:
        """Each key with its value and its line."""
        return zip(self.keys(), self.values(), self.marks[::4], strict=True)

    def _start(self, key: str) -> int:
        if self._order is None:
            self._order = {each: 4 * index for index, each in enumerate(self)}
        return self._order[key]


class Unknown(str):
    """The text of a value that could not be had; what is wrong with it has been said."""

    __slots__ = ()


class Items(list[Node]):
    """A sequence. `marks` holds two numbers an item: line, column."""

    __slots__ = ("marks",)

    marks: array[int]

    def __init__(self) -> None:
        self.marks = array("I")

    def item_at(self, index: int) -> Place:
        return self.marks[2 * index], self.marks[2 * index + 1]

    def texts(self) -> tuple[str, ...]:
        """Those of the items that are text."""
        return tuple(each for each in self if isinstance(each, str))


_EMPTY = Block()


def as_block(node: Node) -> Block:
    """The mapping that a node is, empty where it is none."""
    return node if isinstance(node, Block) else _EMPTY
