"""An event loop whose clock moves only when everything waits: hours pass in no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    loop: Loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("Everybody waits and no timer is set: a lost wake-up.")
        if not ready and timeout:
            self.loop.now += timeout
        return ready


class Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = 0.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        # A timer that is due is due, however small what is missing.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.now


def run(work: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """The result, and how many seconds it took by the loop's clock."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        result = runner.run(work)
        return result, runner.get_loop().time()
