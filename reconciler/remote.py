"""What a worker does with its share of a run: it reads or writes, and gives back what came of it.

It knows nothing of the cluster. The token is the worker's own: what it is sent on has none.
A process works on one shard at a time, whatever the number of its threads, and keeps the pace
that it has learnt for as long as the run lasts.
"""

from __future__ import annotations

import asyncio
import platform
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from reconciler import __version__, credentials, lookup, plan, schema
from reconciler.api import Access, Api, connect
from reconciler.apply import Apply
from reconciler.errors import SetupError, Stopping
from reconciler.fetch import fetch
from reconciler.flows import Directory
from reconciler.model import Change, DesiredNumber, Failure, Outcome, Plan, Reading, Status
from reconciler.pace import Pacer
from reconciler.turn import Stop

MOST_RUNS = 16  # that a worker remembers; it may live long


@dataclass(frozen=True, slots=True)
class Errand:
    """What a worker has to know of a run, and never the token.

    run: what this run is called. token_file, ca_file: paths on the worker.
    timeout, retry_for: seconds. parallelism, max_rate: the worker's share of the run's.
    """

    run: str
    url: str
    account_sid: str
    loopback: bool
    token_file: Path | None
    ca_file: Path | None
    timeout: float
    retry_for: float
    parallelism: int
    max_rate: float | None
    version: str = __version__


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What a shard differs in; `stopped` says why nothing more is to be read anywhere."""

    changes: tuple[Change, ...] = ()
    errors: tuple[Failure, ...] = ()
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """The flows of a property; `stopped` says why nothing more is to be read anywhere."""

    directory: Directory
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """How a shard's changes ended; `stopped` says why nothing more is to be written anywhere."""

    outcomes: tuple[Outcome, ...]
    stopped: str | None = None


def survey(errand: Errand, numbers: Sequence[DesiredNumber]) -> Surveyed:
    """Reads these numbers and returns only what is to be told of them."""
    desired = {each.number: each for each in numbers}
    found: list[Change | Failure] = []

    def take(reading: Reading) -> None:
        wanted = desired[reading.number]
        if (each := plan.assess(wanted, reading, schema.phones())) is not None:
            found.append(each)

    async def work(api: Api, stop: Stop) -> None:
        await _unless(stop, fetch(api, desired, take))

    stopped = _carry_out(errand, work)
    changes = tuple(each for each in found if isinstance(each, Change))
    errors = tuple(each for each in found if isinstance(each, Failure))
    return Surveyed(changes, errors, stopped)


def flows(errand: Errand, owner: str) -> Looked:
    """Reads the flows of the property with that PropertySid."""
    found = Directory()

    async def look(api: Api) -> None:
        nonlocal found
        found = await lookup.directory(api, owner)

    async def work(api: Api, stop: Stop) -> None:
        await _unless(stop, look(api))

    stopped = _carry_out(errand, work)
    return Looked(found, stopped)


def write(errand: Errand, made: Plan, fail_fast: bool, canary: int) -> Written:
    """Applies this plan. Whoever had it before may have written some of it: every number is read
    just before it is written. `fail_fast`, `canary`: see apply.Apply."""
    outcomes = tuple(Outcome(each.number, Status.NOT_ATTEMPTED) for each in made.changes)

    async def work(api: Api, stop: Stop) -> None:
        nonlocal outcomes
        applying = Apply(api, lambda _: None, stop, 0.0, fail_fast=fail_fast, canary=canary)
        await applying.run(made)
        outcomes = applying.outcomes(made)

    stopped = _carry_out(errand, work)
    return Written(outcomes, stopped)


def halt(run: str, reason: str) -> None:
    """Ends a run in this process: what is under way is finished, nothing new is begun."""
    with _guard:
        here = _here(run)
        here.over = here.over or reason
        if here.stop is not None:
            here.stop(reason)


def dask_setup(_worker: object) -> None:
    """A Ctrl-C at the terminal is for the run; the workers that it started go on until told."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass(slots=True)
class _Run:
    """One run as this process knows it; `stop` ends what is under way, from any thread."""

    pacer: Pacer | None = None
    over: str | None = None
    stop: Callable[[str], object] | None = None
    at_work: Lock = field(default_factory=Lock)


_runs: dict[str, _Run] = {}
_guard = Lock()


def _here(run: str) -> _Run:
    if run not in _runs and len(_runs) >= MOST_RUNS:
        del _runs[next(iter(_runs))]
    return _runs.setdefault(run, _Run())


Work = Callable[[Api, Stop], Awaitable[None]]


def _carry_out(errand: Errand, work: Work) -> str | None:
    """Does the work in a loop of its own; returns why the whole run is to stop, if it is."""
    with _guard:
        here = _here(errand.run)
    with here.at_work:
        try:
            _refuse_other_version(errand)
            return asyncio.run(_converse(errand, here, work))
        except Stopping as error:
            return error.message
        except SetupError as error:
            return f"On the worker {platform.node()}: {error}"


def _refuse_other_version(errand: Errand) -> None:
    if errand.version != __version__:
        raise SetupError(
            f"It has reconciler {__version__}, and the run is of {errand.version}; "
            "install the same everywhere."
        )


async def _converse(errand: Errand, here: _Run, work: Work) -> str | None:
    stop = Stop()
    with _halting(here, stop):
        if stop.reason is None:
            pacer = await _pacer(errand, here)
            access = _access(errand)
            async with connect(access, pacer, retry_for=errand.retry_for) as api:
                await work(api, stop)
    return stop.reason


@contextmanager
def _halting(here: _Run, stop: Stop) -> Iterator[None]:
    """Within it, halt() sets `stop`, now or later."""
    loop = asyncio.get_running_loop()
    with _guard:
        here.stop = lambda reason: loop.call_soon_threadsafe(stop.now, reason)
        if here.over is not None:
            stop.now(here.over)
    try:
        yield
    finally:
        with _guard:
            here.stop = None


async def _pacer(errand: Errand, here: _Run) -> Pacer:
    """This process's pace. A new one waits for its first turn: it may replace one that was lost
    just after a request."""
    if here.pacer is None:
        here.pacer = Pacer(errand.parallelism, max_rate=errand.max_rate)
        await asyncio.sleep(1 / errand.max_rate if errand.max_rate else 0)
    return here.pacer


def _access(errand: Errand) -> Access:
    return Access(
        url=errand.url,
        account_sid=errand.account_sid,
        token=credentials.token(errand.token_file),
        timeout=errand.timeout,
        loopback=errand.loopback,
        ca_file=errand.ca_file,
    )


async def _unless(stop: Stop, work: Awaitable[None]) -> None:
    """Awaits the work, or gives it up as soon as the run is to stop."""
    doing = asyncio.ensure_future(work)
    stopping = asyncio.create_task(stop.event.wait())
    await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.reason is not None:
        doing.cancel()
        await asyncio.wait({doing})
    if not doing.cancelled():
        doing.result()
