"""The case of Dask: the numbers of one plan, split over workers on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from lab import AT_ONCE, RECONCILER, Lab, environment
from measure import Usage, run
from server import sandbox
from table import Row

LATENCY = 0.05
ALONE = 0


def dask(lab: Lab) -> list[Row]:
    """Plan over Dask workers

    `plan --dask local:N` at 50 ms of latency, beside the plain plan. --parallelism is for all
    workers together, so with 64 there is nothing to win here: what is seen is what the splitting
    costs. With 64 for each worker there is. Start-up of the workers is in; CPU is that of all
    processes, the peak that of the largest of them.
    """
    if why := _missing():
        return [{"what": why}]
    return list(_rows(lab, 1_000 if lab.quick else 5_000))


def _missing() -> str:
    if "--dask" not in run((*RECONCILER, "plan", "--help"), environment({})).stdout:
        return "this version of reconciler has no --dask"
    return "" if find_spec("distributed") else "distributed is not installed"


def _rows(lab: Lab, count: int) -> Iterator[Row]:
    plain = _plan(lab, count, ALONE, AT_ONCE)
    for workers, at_once in _shapes(lab):
        usage = _plan(lab, count, workers, at_once)
        what = f"--dask local:{workers}" if workers else "plain"
        yield {
            "what": what,
            "at once": at_once,
            "numbers": count,
            "wall s": usage.wall,
            "numbers/s": count / usage.wall,
            "CPU s per 1,000": usage.cpu / count * 1000,
            "peak MB": usage.peak,
            "wall ratio": usage.wall / plain.wall,
        }


def _shapes(lab: Lab) -> list[tuple[int, int]]:
    """Workers, and how many requests at once they have together."""
    if lab.quick:
        return [(ALONE, AT_ONCE), (2, AT_ONCE)]
    several = [(workers, workers * AT_ONCE) for workers in (2, 4)]
    return [(workers, AT_ONCE) for workers in (ALONE, 1, 2, 4)] + several


def _plan(lab: Lab, count: int, workers: int, at_once: int) -> Usage:
    made = lab.account(count)
    more = ["--parallelism", str(at_once), *(["--dask", f"local:{workers}"] if workers else [])]

    def once() -> Usage:
        with sandbox(made.live, LATENCY) as server:
            return lab.planned(made, server, *more)

    return lab.once(("dask", count, workers, at_once), 1, once)
