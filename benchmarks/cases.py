"""What is measured. A case is a function of the lab that returns rows; its docstring is what the
report says above its table, the first line as the title. A new case is one more name in CASES.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from beside_octodns import beside_octodns
from by_list import by_list
from lab import Lab
from measure import Usage
from million import million
from over_dask import dask
from pacer import pacer
from table import Row
from targets import targets

Case = Callable[[Lab], list[Row]]

LATENCIES = (0.0, 0.05)


def plan(lab: Lab) -> list[Row]:
    """Plan, beside a client that does nothing but the same GETs

    `reconciler plan -q --format json`, 64 requests at once, 1 % of the numbers differ. The bare
    client sends the same GETs over 64 raw sockets and looks into no answer. Both are processes of
    their own, measured from start to end, in turns against one server; the last columns are
    reconciler's figures divided by the bare client's.
    """
    at = [(count, latency) for latency in LATENCIES for count in (1_000, 10_000)]
    at += [] if lab.quick else [(100_000, 0.0)]
    return [row for count, latency in at for row in _plan_rows(lab, count, latency)]


def _plan_rows(lab: Lab, count: int, latency: float) -> list[Row]:
    ours, bare = lab.plan(count, latency), lab.bare(count, latency)
    ratio: Row = {"wall ratio": ours.wall / bare.wall, "CPU ratio": ours.cpu / bare.cpu}
    return [
        {"what": f"plan, {_at(latency)}", **_spent(ours, count), **ratio},
        {"what": f"bare GETs, {_at(latency)}", **_spent(bare, count)},
    ]


def apply(lab: Lab) -> list[Row]:
    """Apply: plan, then one POST for each number that differs

    `reconciler apply -q --auto-approve --max-changes 100%`: 1 % of the numbers are written, each
    time from the same live state. Beside it what the plan alone takes.
    """
    counts = (1_000,) if lab.quick else (1_000, 10_000)
    at = [(count, latency) for latency in LATENCIES for count in counts]
    return [_apply_row(lab, count, latency) for count, latency in at]


def _apply_row(lab: Lab, count: int, latency: float) -> Row:
    ours, planned = lab.apply(count, latency), lab.plan(count, latency)
    return {
        "what": f"apply, {_at(latency)}",
        "numbers": count,
        "written": lab.account(count).differing,
        "wall s": ours.wall,
        "CPU s": ours.cpu,
        "peak MB": ours.peak,
        "wall s, plan alone": planned.wall,
        "CPU s, plan alone": planned.cpu,
    }


def validate(lab: Lab) -> list[Row]:
    """Load and check a file, offline

    `reconciler validate`: parse, schema, templates, rules over all numbers.
    """
    counts = (1_000, 10_000) if lab.quick else (1_000, 10_000, 100_000)
    return [{"what": "validate", **_spent(lab.validate(count), count)} for count in counts]


def start(lab: Lab) -> list[Row]:
    """Start-up

    The least that a command costs.
    """
    usages = {
        "--help": lab.help(lab.starts),
        "validate, one number": lab.validate(1, lab.starts),
        "plan, one number": lab.plan(1, 0.0, lab.starts),
    }
    return [
        {"what": what, "wall s": usage.wall, "CPU s": usage.cpu, "peak MB": usage.peak}
        for what, usage in usages.items()
    ]


def growth(lab: Lab) -> list[Row]:
    """Growth: what one more number costs

    Figures per number are those of the whole run less those of a run over one number. The
    exponent is the slope of log(CPU) against log(N), least squares: 1 is linear.
    """
    counts = lab.counts
    plan, load = lab.plan(1, 0.0, lab.starts), lab.validate(1, lab.starts)
    return [
        _growth_row("plan", counts, [lab.plan(n, 0.0) for n in counts], plan),
        _growth_row("validate", counts, [lab.validate(n) for n in counts], load),
    ]


def _growth_row(what: str, counts: Sequence[int], usages: Sequence[Usage], least: Usage) -> Row:
    cpu = [usage.cpu - least.cpu for usage in usages]
    row: Row = {"what": what}
    for count, spent in zip(counts, cpu, strict=True):
        row[f"CPU ms a number at {count:,}"] = spent / count * 1000
    for count, usage in zip(counts, usages, strict=True):
        row[f"KB a number at {count:,}"] = (usage.peak - least.peak) / count * 1024
    return {**row, "exponent of CPU": exponent(counts, cpu)}


def exponent(counts: Sequence[int], costs: Sequence[float]) -> float:
    """The slope of the least-squares line through the logarithms."""
    xs, ys = [math.log(count) for count in counts], [math.log(cost) for cost in costs]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    pairs = list(zip(xs, ys, strict=True))
    return sum((a - x) * (b - y) for a, b in pairs) / sum((a - x) ** 2 for a in xs)


def _at(latency: float) -> str:
    return f"{latency * 1000:g} ms"


def _spent(usage: Usage, count: int) -> Row:
    return {
        "numbers": count,
        "wall s": usage.wall,
        "numbers/s": usage.wall and count / usage.wall,
        "CPU s per 1,000": usage.cpu / count * 1000,
        "peak MB": usage.peak,
    }


CASES: tuple[Case, ...] = (
    targets,
    plan,
    by_list,
    apply,
    validate,
    start,
    growth,
    pacer,
    dask,
    beside_octodns,
)
# Measured only where they are named.
LONG: tuple[Case, ...] = (million,)
