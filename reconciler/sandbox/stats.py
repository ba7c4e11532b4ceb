"""What the server was asked and what it answered, in numbers."""

from __future__ import annotations

from collections import Counter

KINDS = ("get", "post", "list", "flows")


class Stats:
    """Counts requests from when they begin, and statuses from when they are answered."""

    def __init__(self) -> None:
        self._in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Forgets all but what is under way."""
        self._total = 0
        self._kinds: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._strikes: Counter[str] = Counter()
        self._carried_out = 0
        self._max_in_flight = self._in_flight

    def begin(self, kind: str | None) -> None:
        """`kind` is one of KINDS, None for a request that is none of them."""
        self._total += 1
        if kind is not None:
            self._kinds[kind] += 1
        self._in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self._in_flight)

    def end(self, status: int) -> None:
        self._statuses[status] += 1
        self._in_flight -= 1

    def strike(self, kind: str) -> None:
        """A fault of this kind struck a request."""
        self._strikes[kind] += 1

    def carry_out(self) -> None:
        """A POST is stored, whatever its client gets to hear."""
        self._carried_out += 1

    def report(self) -> dict[str, object]:
        """{"total", "get", "post", "list", "flows", "status": {"200": n}, "max_in_flight",
        "posts_carried_out", "refused": those with 429, "faults": {"total": n, "cut": n}}

        The status of a request that got no answer at all is "0".
        """
        return {
            "total": self._total,
            **{kind: self._kinds[kind] for kind in KINDS},
            "status": {str(status): self._statuses[status] for status in sorted(self._statuses)},
            "max_in_flight": self._max_in_flight,
            "posts_carried_out": self._carried_out,
            "refused": self._statuses[429],
            "faults": {"total": self._strikes.total(), **self._strikes},
        }
