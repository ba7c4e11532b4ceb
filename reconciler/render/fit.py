"""As much of a page as fits into so many bytes: whole items, and a count of those left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Item:
    """Told whole or not at all, save for the `lines` between its head and its tail: some of them
    may be left out. It tells of `count` things, one a line where it has lines."""

    head: str
    tail: str = ""
    lines: Iterable[str] = ()
    count: int = 1

    @property
    def size(self) -> int:
        """In bytes, with no lines."""
        return size(self.head + self.tail) + (size(_more(self.count)) if self.count > 1 else 0)


@dataclass(frozen=True, slots=True)
class Part:
    """Items under a title, which is always told; `frame` goes around them, where there are any.

    `count` is of all the things in the items; `more` tells of those that are left out: how many,
    and whether others are there.
    """

    title: str
    items: Iterable[Item]
    count: int
    more: Callable[[int, bool], str]
    frame: tuple[str, str] = ("", "")

    @property
    def size(self) -> int:
        """In bytes, with no items."""
        more = max(self.more(self.count, True), self.more(self.count, False), key=size)
        return size(self.title + "".join(self.frame) + more) if self.count else 0


def size(text: str) -> int:
    return len(text.encode())


def fit(parts: Sequence[Part], room: int) -> list[str]:
    """Each part as a text, all of them in `room` bytes; without room, titles and counts alone.

    The parts take turns, item by item, so that none of them starves another; then the items do,
    line by line. What does not fit in its turn is left out, and what comes after it may be told.
    """
    room -= sum(part.size for part in parts)
    items, room = _taken([part.items for part in parts], room, lambda item: item.size)
    flat = [item for of_part in items for item in of_part]
    lines, _ = _taken([item.lines for item in flat], room, size)
    texts = iter([_item(item, told) for item, told in zip(flat, lines, strict=True)])
    return [
        _part(part, sum(item.count for item in of_part), "".join(islice(texts, len(of_part))))
        for part, of_part in zip(parts, items, strict=True)
    ]


def _taken(
    queues: Sequence[Iterable[_T]], room: int, size_of: Callable[[_T], int]
) -> tuple[list[list[_T]], int]:
    """What fits of each queue, and the room that is left."""
    taken: list[list[_T]] = [[] for _ in queues]
    for at, each in _in_turns(queues):
        if (needed := size_of(each)) <= room:
            room -= needed
            taken[at].append(each)
    return taken, room


def _in_turns(queues: Sequence[Iterable[_T]]) -> Iterator[tuple[int, _T]]:
    """One of each queue, then the next of each, with the queue's place."""
    waiting = deque(enumerate(map(iter, queues)))
    while waiting:
        at, queue = waiting.popleft()
        for each in queue:
            yield at, each
            waiting.append((at, queue))
            break


def _part(part: Part, told: int, inside: str) -> str:
    before, after = part.frame if inside else ("", "")
    left = part.count - told
    more = part.more(left, bool(inside)) if left else ""
    return part.title + before + inside + after + more if part.count else ""


def _item(item: Item, lines: Sequence[str]) -> str:
    left = item.count - len(lines) if item.count > 1 else 0
    return item.head + "".join(lines) + (_more(left) if left else "") + item.tail


def _more(count: int) -> str:
    return f"  and {count:,} more\n"
