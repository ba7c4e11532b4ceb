"""What lets a request past a fault by the clock; pure: each is told the time, in seconds."""

from __future__ import annotations

import math
from typing import Protocol

from reconciler.sandbox.fault import Fault


class Limiter(Protocol):
    def admits(self, now: float) -> bool:
        """Whether a request that comes now is spared; it is counted where it is."""


class Nothing:
    """Spares no request."""

    def admits(self, now: float) -> bool:  # noqa: ARG002  the clock is nothing to it
        return False


class Bucket:
    """`rate` a second, and `burst` at once; it begins full."""

    def __init__(self, rate: float, burst: int | None) -> None:
        self._rate = rate
        self._most = max(1.0, rate) if burst is None else float(burst)
        self._left = self._most
        self._seen = -math.inf

    def admits(self, now: float) -> bool:
        self._left = min(self._most, self._left + (now - self._seen) * self._rate)
        self._seen = now
        # A request in exactly the time that one takes to refill is on time, rounding or not.
        if self._left < 1.0 - 1e-6:
            return False
        self._left -= 1.0
        return True


class Window:
    """`rate` times `window` in each window, at least one; the first begins with the first request.

    Two windows' worth may pass at the border of two: that is what fixed windows are like.
    """

    def __init__(self, rate: float, window: float) -> None:
        self._most = max(1, math.floor(rate * window))
        self._window = window
        self._began = -math.inf
        self._passed = 0

    def admits(self, now: float) -> bool:
        if now - self._began >= self._window:
            behind = 0.0 if math.isinf(self._began) else (now - self._began) % self._window
            self._began = now - behind
            self._passed = 0
        self._passed += 1
        return self._passed <= self._most


class Recovery:
    """Spares none for `seconds` from the first request on, and then all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: float | None = None

    def admits(self, now: float) -> bool:
        if self._ends is None:
            self._ends = now + self._seconds
        return now >= self._ends


def of(fault: Fault) -> Limiter:
    if fault.kind == "outage":
        return Recovery(fault.seconds or 0.0)
    if fault.rate is None:
        return Nothing()
    return Window(fault.rate, fault.window) if fault.window else Bucket(fault.rate, fault.burst)
