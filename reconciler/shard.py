"""Which shard a number is in: the same on every machine and in every run."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Protocol, TypeVar


class Numbered(Protocol):
    @property
    def number(self) -> str: ...


Item = TypeVar("Item", bound=Numbered)


def shard_of(number: str, count: int) -> int:
    """From 1 to `count`, by the number's SHA-256: Python's own hash is another in each process."""
    return int.from_bytes(sha256(number.encode()).digest()[:8], "big") % count + 1


def part(items: Iterable[Item], index: int, count: int) -> list[Item]:
    """What is in shard `index` of `count`, in the order given."""
    return [item for item in items if shard_of(item.number, count) == index]


def split(items: Iterable[Item], count: int) -> list[list[Item]]:
    """All `count` shards in the order of their indexes, each in the order given; some are empty."""
    shards: list[list[Item]] = [[] for _ in range(count)]
    for item in items:
        shards[shard_of(item.number, count) - 1].append(item)
    return shards
