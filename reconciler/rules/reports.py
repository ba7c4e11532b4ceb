"""One problem for all numbers that share it, where a template or the defaults give it to many."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.declared import Declared
from reconciler.errors import Problem


class Reports:
    """Problems by place and sentence, each naming the first number and counting the others."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, int, str], tuple[str, int]] = {}

    def add(self, declared: Declared, name: str, sentence: str) -> None:
        """Something is wrong with a field of a number; it is told where the value stands."""
        key = (*declared.place(name), sentence)
        first, others = self._found.get(key, (declared.number, -1))
        self._found[key] = (first, others + 1)

    def problems(self) -> Iterator[Problem]:
        for (path, line, column, sentence), (first, others) in self._found.items():
            who = f"{first} and {others} more" if others else first
            yield Problem(path, line, column, f"{who}: {sentence}")
