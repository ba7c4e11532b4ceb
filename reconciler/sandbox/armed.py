"""One fault that is armed: which of the requests it strikes; pure but for the clock it is given."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from random import Random

from reconciler.sandbox import faultspec, limiter
from reconciler.sandbox.fault import KINDS, Fault


class Armed:
    """`clock` gives seconds, and never goes back."""

    def __init__(self, fault: Fault, clock: Callable[[], float]) -> None:
        self.fault = fault
        self._method = "POST" if KINDS[fault.kind].posts_only else fault.method
        self._clock = clock
        self._limiter = limiter.of(fault)
        self._random = Random(fault.seed)  # noqa: S311  it is to repeat, not to surprise
        self._matched = 0
        self._struck = 0

    def strikes(self, method: str, digits: str | None) -> bool:
        """Whether this request is struck; asked once for each request, in their order.

        `digits` are those of the number in the path, None where there is none.
        """
        if not self._matches(method, digits):
            return False
        self._matched += 1
        if self._matched <= self.fault.after or self._struck == self.fault.times:
            return False
        if self._random.random() >= self.fault.share or self._limiter.admits(self._clock()):
            return False
        self._struck += 1
        return True

    def report(self) -> dict[str, object]:
        """The fault in JSON, with "spec", the text of it, "matched" and "struck"."""
        counted = {"matched": self._matched, "struck": self._struck}
        return {**faultspec.shown(self.fault), "spec": faultspec.spec(self.fault), **counted}

    def _matches(self, method: str, digits: str | None) -> bool:
        if self._method not in ("any", method):
            return False
        wanted = self.fault.number
        return wanted is None or (digits is not None and fnmatchcase(digits, wanted))
