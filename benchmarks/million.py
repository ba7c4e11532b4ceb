"""The case of a million numbers: only where it is asked for, for it takes a quarter of an hour."""

from __future__ import annotations

from collections.abc import Iterator

from account import FEW
from lab import RECONCILER, Lab
from measure import Usage
from server import sandbox
from table import Row

MOST_MB = {100_000: 400, 1_000_000: 2_500}


def million(lab: Lab) -> list[Row]:
    """A million numbers: memory at the peak

    Three fields a number, 1 % of the numbers differ, 0 ms of latency, each measured once. The
    targets are 400 MB for 100,000 numbers and 2,500 MB for a million.
    """
    return [row for count, most in MOST_MB.items() for row in _rows(lab, count, most)]


def _rows(lab: Lab, count: int, most: int) -> Iterator[Row]:
    for what, usage in (("validate", _validate(lab, count)), ("plan", _plan(lab, count))):
        yield {
            "what": what,
            "numbers": count,
            "wall s": usage.wall,
            "CPU s": usage.cpu,
            "CPU ms a number": usage.cpu / count * 1000,
            "peak MB": usage.peak,
            "at most MB": most,
            "verdict": "met" if usage.peak <= most else "MISSED",
        }


def _validate(lab: Lab, count: int) -> Usage:
    command = (*RECONCILER, "validate", str(lab.account(count, FEW).declared))
    return lab.once(("validate", count, FEW), 1, lambda: lab.spent(command))


def _plan(lab: Lab, count: int) -> Usage:
    made = lab.account(count, FEW)

    def once() -> Usage:
        with sandbox(made.live) as server:
            return lab.planned(made, server)

    return lab.once(("plan", count, FEW), 1, once)
