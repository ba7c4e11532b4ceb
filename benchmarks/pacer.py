"""The case of the pacer: a server that lets R requests a second pass and refuses all others."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from lab import Lab, environment, plan_command
from measure import run
from server import sandbox, stats
from table import Row

COUNT = 1_000
LIMITS = {"bucket": "429:rate={rate}", "fixed window": "429:rate={rate},window=1"}


@dataclass(frozen=True, slots=True)
class Paced:
    """One plan of COUNT numbers under a limit of `rate`; `reading` is in seconds."""

    limit: str
    rate: int
    reading: float
    requests: int
    refused: int
    failed: int

    @property
    def reached(self) -> float:
        """Share of the rate."""
        return COUNT / self.reading / self.rate

    @property
    def refusals(self) -> float:
        """Share of the requests."""
        return self.refused / self.requests


def pacer(lab: Lab) -> list[Row]:
    """The pacer, against a server that lets R requests a second pass

    `plan` of 1,000 numbers with no `--max-rate`: what is allowed is learnt from the refusals
    (429 without Retry-After). A bucket fills at R a second and holds R of them; a fixed window
    lets R pass in each second from the first request on. Seconds of reading are those of the whole
    command, less its start-up (a plan of one number less its validation) and less the validation
    of the 1,000. Both limits let the first R pass at once, so that the fastest possible takes
    1,000 / R - 1 seconds, and a share of R above 1 can be. With `--quick` the runs are side by
    side.
    """
    return [_row(run) for run in all_paced(lab)]


@cache
def all_paced(lab: Lab) -> list[Paced]:
    """Every rate under every limit, measured once."""
    at = [(rate, limit) for rate in ((50, 200) if lab.quick else (20, 50, 200)) for limit in LIMITS]
    start_up = _start_up(lab)
    # Most of it is waiting: side by side they end within two minutes.
    with ThreadPoolExecutor(len(at) if lab.quick else 1) as threads:
        return list(threads.map(lambda each: _paced(lab, start_up, *each), at))


def _paced(lab: Lab, start_up: float, rate: int, limit: str) -> Paced:
    """`limit` is one of LIMITS. Numbers that fail are counted, not raised."""
    lab.say(f"pacer at {rate} a second, {limit}")
    made = lab.account(COUNT)
    with sandbox(made.live, faults=[LIMITS[limit].format(rate=rate)]) as server:
        ran = run(plan_command(made), environment(server), accepted=(0, 1))
        counted = stats(server)
    failed = json.loads(ran.stdout)["summary"]["error"]
    reading = ran.usage.wall - start_up
    return Paced(limit, rate, reading, counted["total"], counted["refused"], failed)


def _start_up(lab: Lab) -> float:
    """Seconds before the first request and after the last answer."""
    least = lab.plan(1, 0.0, lab.starts).wall - lab.validate(1, lab.starts).wall
    return least + lab.validate(COUNT).wall


def _row(paced: Paced) -> Row:
    return {
        "limit": paced.limit,
        "R": paced.rate,
        "reading s": paced.reading,
        "share of R": paced.reached,
        "of the fastest possible": (COUNT / paced.rate - 1) / paced.reading,
        "requests": paced.requests,
        "refused": paced.refused,
        "share refused": paced.refusals,
        "numbers failed": paced.failed,
    }
