"""The case of --fetch list: what it takes to read an account by pages of 200."""

from __future__ import annotations

from lab import Lab
from measure import CommandFailed, Usage
from server import sandbox, stats
from table import Row

COUNT, LATENCY, PAGE = 10_000, 0.05, 200


def by_list(lab: Lab) -> list[Row]:
    """Plan by the list endpoint, 200 numbers a request

    10,000 numbers at 50 ms of latency, 1 % of which differ, with `--fetch list` and without. The
    lists are bare: no total is told. The wall ratio is that of the whole command, the last column
    that of what is left without start-up, load and check: both less `reconciler validate`.
    """
    each, listed, load = lab.plan(COUNT, LATENCY), listed_plan(lab), lab.validate(COUNT)
    ratio: Row = {
        "wall ratio": each.wall / listed.wall,
        "wall ratio, load apart": (each.wall - load.wall) / (listed.wall - load.wall),
    }
    return [
        _row("number by number, 64 at once", COUNT, each),
        {**_row("--fetch list", COUNT // PAGE, listed), **ratio},
    ]


def _row(what: str, requests: int, usage: Usage) -> Row:
    return {
        "what": what,
        "requests": requests,
        "wall s": usage.wall,
        "CPU s": usage.cpu,
        "peak MB": usage.peak,
    }


def listed_plan(lab: Lab) -> Usage:
    """The plan by the list, checked to have taken no request more than its pages."""
    return lab.once(("plan by list", COUNT, LATENCY), lab.repeats(COUNT), lambda: _once(lab))


def _once(lab: Lab) -> Usage:
    made = lab.account(COUNT)
    with sandbox(made.live, LATENCY) as server:
        usage = lab.planned(made, server, "--fetch", "list")
        asked = stats(server)
    if (asked["list"], asked["total"]) != (COUNT // PAGE, COUNT // PAGE):
        raise CommandFailed(f"plan --fetch list made these requests: {asked}")
    return usage
