"""Values that a numbers file gives by name, {name: Sales IVR}, where the API wants an id."""

from __future__ import annotations

from typing import Self

from reconciler.tree import Block, Node

Place = tuple[str, int, int]

_NO_TEXT = "…"


class Named(str):
    """A name, and where it stands: path, line and column.

    It is not the id that it stands for, so that it equals no text, not even the very same.
    """

    __slots__ = ("place",)

    place: Place

    def __new__(cls, name: str, place: Place) -> Self:
        made = super().__new__(cls, name)
        made.place = place
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and str(self) == str(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((Named, str(self)))


def value(path: str, node: Node) -> str | None:
    """What a file sets a field to; "" is None, as null is.

    The schema may not have passed the tree yet: what can be no value counts as set to something.
    """
    if node is None or isinstance(node, str):
        return node or None
    name = node.get("name") if isinstance(node, Block) else None
    if isinstance(name, str) and name and isinstance(node, Block):
        return Named(name, (path, *node.value_at("name")))
    return _NO_TEXT
