"""The case of the targets: what was promised, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import by_list
from beside_octodns import LITTLE, WORKERS, in_turns
from lab import AT_ONCE, Lab
from measure import Usage
from pacer import all_paced
from table import Row, text

LARGE = 10_000
LATENCY = 0.05
RATE = 50


@dataclass(frozen=True, slots=True)
class Target:
    """`measured` is at most `bound`, or at least, where that is said; else text says why not."""

    what: str
    bound: float
    measured: float | str
    at_least: bool = False

    def row(self) -> Row:
        word = "at least" if self.at_least else "at most"
        return {
            "what": self.what,
            "target": f"{word} {text(self.bound)}",
            "measured": self.measured,
            "verdict": self._verdict(),
        }

    def _verdict(self) -> str:
        if isinstance(self.measured, str):
            return "not measured"
        met = self.measured >= self.bound if self.at_least else self.measured <= self.bound
        return "met" if met else "MISSED"


def targets(lab: Lab) -> list[Row]:
    """Targets, and what was measured

    The plan at 50 ms is less the validation of the same file, so that start-up and load stay
    apart; its target is 1.15 * N * latency / 64. The bare client's time, last, shows how much of
    that the sandbox takes. The pacer is held to the worse of the two limits.

    Growth is what one more number costs at the largest N over the same at the N before; start-up,
    where it is apart, is a run over one number. The peak of a plan is the larger of two: that of
    loading, and that of reading, which has the network's modules but no longer the file's tree.
    From some N on the former is the larger, so that a ratio over 1.2 there need not mean that
    memory grows faster than N: see validate, which has the former alone.
    """
    groups = (_plan, _against_octodns, _listed, _pace, _growth, _start, _size)
    rows = [target.row() for group in groups for target in group(lab)]
    bare = lab.bare(LARGE, LATENCY).wall
    return [*rows, {"what": "beside it: bare GETs of 10,000 at 50 ms, wall s", "measured": bare}]


def _plan(lab: Lab) -> Iterator[Target]:
    network = lab.plan(LARGE, LATENCY).wall - lab.validate(LARGE).wall
    ideal = 1.15 * LARGE * LATENCY / AT_ONCE
    yield Target("plan of 10,000 at 50 ms, wall s", ideal, network)
    each = lab.plan(LARGE, 0.0).cpu / LARGE * 1000
    yield Target("plan of 10,000 at 0 ms, CPU ms a number, all in", 0.7, each)


def _against_octodns(lab: Lab) -> Iterator[Target]:
    for latency, workers, ratio in ((0.0, "the faster of 10 and 64", 1.5), (LATENCY, "10", 4.0)):
        what = f"plan of {LITTLE:,} at {latency * 1000:g} ms, wall s of octoDNS, {workers} workers,"
        times = _times_octodns(lab, latency, len(WORKERS) if not latency else 1)
        yield Target(f"{what} over ours", ratio, times, at_least=True)


def _times_octodns(lab: Lab, latency: float, of: int) -> float | str:
    """The least that its wall time is of ours, with the first so many of WORKERS."""
    if lab.octodns is None:
        return "octodns is not installed"
    ours, *theirs = in_turns(lab, lab.octodns, LITTLE, latency)
    return min(usage.wall for usage in theirs[:of]) / ours.wall


def _listed(lab: Lab) -> Iterator[Target]:
    count, pages = by_list.COUNT, by_list.COUNT // by_list.PAGE
    times = lab.plan(count, by_list.LATENCY).wall / by_list.listed_plan(lab).wall
    what = f"--fetch list of {count:,} at 50 ms, wall s number by number over its"
    yield Target(what, 5, times, at_least=True)
    # That there was no other request is checked where it is measured.
    yield Target(f"--fetch list of {count:,}, list requests, and no other", pages, pages)


def _pace(lab: Lab) -> Iterator[Target]:
    runs = [run for run in all_paced(lab) if run.rate == RATE]
    where = f"pacer at R = {RATE} a second"
    reached, refused = min(run.reached for run in runs), max(run.refusals for run in runs)
    yield Target(f"{where}, share of R reached", 0.9, reached, at_least=True)
    yield Target(f"{where}, share refused", 0.05, refused)
    yield Target(f"{where}, numbers failed", 0, max(run.failed for run in runs))


def _growth(lab: Lab) -> Iterator[Target]:
    *_, small, large = lab.counts
    where = f"growth from {small:,} to {large:,}, ratio of"
    plan = {count: lab.plan(count, 0.0) for count in (small, large)}
    load = {count: lab.validate(count) for count in (small, large)}
    one, least = lab.plan(1, 0.0, lab.starts), lab.validate(1, lab.starts)
    cpu = {count: (usage.cpu - one.cpu) / count for count, usage in plan.items()}
    yield Target(f"{where} a plan's CPU a number, start-up apart", 1.2, cpu[large] / cpu[small])
    yield Target(f"{where} a plan's peak a number, all in", 1.2, _memory(plan, 0.0))
    yield Target(f"{where} a plan's peak a number, start-up apart", 1.2, _memory(plan, one.peak))
    yield Target(
        f"{where} validate's peak a number, start-up apart", 1.2, _memory(load, least.peak)
    )


def _memory(usages: Mapping[int, Usage], apart: float) -> float:
    """How the megabytes a number, less those, grow from the first N to the last."""
    first, *_, last = [(usage.peak - apart) / count for count, usage in usages.items()]
    return last / first


def _start(lab: Lab) -> Iterator[Target]:
    yield Target("--help, CPU s", 0.15, lab.help(lab.starts).cpu)
    yield Target("plan of one number, CPU s", 0.5, lab.plan(1, 0.0, lab.starts).cpu)


def _size(lab: Lab) -> Iterator[Target]:
    if lab.quick:
        return
    yield Target("validate of 100,000, CPU s", 15, lab.validate(100_000).cpu)
    yield Target("plan of 100,000, peak MB", 400, lab.plan(100_000, 0.0).peak)
