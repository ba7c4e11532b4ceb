"""One run over many workers: who gets what, and what becomes of the whole.

The workers are given no more shards at a time than there are shares of the ceilings: so these
hold, however many threads, restarts and newcomers a cluster has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from reconciler import remote
from reconciler.errors import SetupError, Stopping
from reconciler.flows import Directory
from reconciler.journal import Journal
from reconciler.model import (
    Change,
    DesiredNumber,
    Failure,
    Outcome,
    Plan,
    Status,
    outcomes_of,
)
from reconciler.remote import Errand, Surveyed, Written
from reconciler.shard import Numbered, split
from reconciler.turn import Stop
from reconciler.workers import spread

T = TypeVar("T")
Item = TypeVar("Item", bound=Numbered)

SHARDS_A_LANE = 4  # so that a lost worker costs a quarter of its work at most
MOST_READ, MOST_WRITTEN = 2_000, 200  # numbers in one shard; what was begun is finished
AGAIN = 1.0  # seconds; a worker that has just come up has not heard yet that the run is over
LOST = "WorkersLost"
GOOD = frozenset({Status.APPLIED, Status.ALREADY_IN_PLACE, Status.PROTECTED})
DOUBT = " Whether it was written is not known."


class Workers(Protocol):
    """See cluster.Cluster."""

    size: int

    async def run(self, function: Callable[..., T], *arguments: object) -> T | None: ...

    async def everywhere(self, function: Callable[..., object], *arguments: object) -> None: ...


def lanes(size: int, parallelism: int) -> int:
    """How many shards are under way at once: each is at least one request at a time."""
    return min(size, parallelism)


def share(whole: Errand, size: int) -> Errand:
    """The errand of one of `size` workers; all together never exceed the whole's ceilings."""
    parts = lanes(size, whole.parallelism)
    rate = None if whole.max_rate is None else whole.max_rate / parts
    return replace(whole, parallelism=whole.parallelism // parts, max_rate=rate)


def shards(items: Sequence[Item], parts: int, most: int) -> list[list[Item]]:
    """The items as they are handed out, by the stable hash, `most` or so in one; none is empty."""
    count = max(SHARDS_A_LANE * parts, -(-len(items) // most))
    return [shard for shard in split(items, count) if shard]


async def directory(workers: Workers, whole: Errand, owner: str) -> Directory:
    """Has one worker read the flows of a property. Raises Stopping as `survey` does."""
    told = await workers.run(remote.flows, share(whole, workers.size), owner)
    if told is None:
        return Directory(refused="The workers that were to read them were lost.")
    if told.stopped is not None:
        raise Stopping("Stopped", told.stopped)
    return told.directory


async def survey(
    workers: Workers,
    whole: Errand,
    numbers: Sequence[DesiredNumber],
    take: Callable[[int, Surveyed], None],
) -> None:
    """Has the numbers read; `take` is handed how many were, and what was found, shard by shard.

    Raises Stopping where every other number would end the same way.
    """
    errand = share(whole, workers.size)
    parts = lanes(workers.size, whole.parallelism)

    async def read(shard: list[DesiredNumber]) -> None:
        told = await workers.run(remote.survey, errand, shard) or _unread(shard)
        if told.stopped is not None:
            raise Stopping("Stopped", told.stopped)
        take(len(shard), told)

    try:
        await spread(shards(numbers, parts, MOST_READ), read, parts)
    except BaseException:
        await workers.everywhere(remote.halt, errand.run, "The run has ended.")
        raise


def _unread(shard: Sequence[DesiredNumber]) -> Surveyed:
    message = "The workers that were to read it were lost, one after the other."
    return Surveyed(errors=tuple(Failure(each.number, LOST, message) for each in shard))


@dataclass(slots=True)
class Writing:
    """One apply over many workers; see apply.Apply.

    The journal has a shard's numbers before any of them can be written, and their ends when all
    of them have been told.
    """

    workers: Workers
    whole: Errand
    fail_fast: bool
    canary: int
    stop: Stop
    tell: Callable[[Outcome], None]
    journal: Journal | None = None
    _given: set[str] = field(default_factory=set)
    _ended: dict[str, Outcome] = field(default_factory=dict)

    async def run(self, plan: Plan) -> None:
        """Has every change written; `outcomes` says what came of it, also after a cancel."""
        parts = lanes(self.workers.size, self.whole.parallelism)
        first, rest = plan.changes[: self.canary], plan.changes[self.canary :]

        part = replace(plan, sources=(), errors=(), warnings=())

        async def write(shard: list[Change]) -> None:
            await self._give(replace(part, changes=tuple(shard)))

        halting = asyncio.create_task(self._halt())
        try:
            if first:
                await self._give_canaries(replace(part, changes=first))
            await spread(shards(rest, parts, MOST_WRITTEN), write, parts)
        except BaseException:
            await self._tell_all("The run has ended.")
            raise
        finally:
            halting.cancel()

    def outcomes(self, plan: Plan) -> tuple[Outcome, ...]:
        """Every change's Outcome, and one for each number that could not be read; sorted."""
        return outcomes_of(plan, self._outcome)

    def _outcome(self, number: str) -> Outcome:
        if number in self._ended or number not in self._given:
            return self._ended.get(number) or Outcome(number, Status.NOT_ATTEMPTED)
        return _doubtful(number, "Aborted", "Aborted while a worker had it.")

    async def _give_canaries(self, part: Plan) -> None:
        """All of them to one worker, which reads them again; stops the run unless all stand."""
        await self._give(part, self.canary)
        if any(self._outcome(change.number).status not in GOOD for change in part.changes):
            self.stop.now("The canaries do not all stand.")

    async def _give(self, part: Plan, canary: int = 0) -> None:
        """One shard to one worker; what it tells is kept."""
        if self.stop.reason is not None or not await self._intend(part):
            return
        self._given.update(change.number for change in part.changes)
        told = await self._written(part, canary)
        for outcome in told.outcomes:
            self._ended[outcome.number] = outcome
            self.tell(outcome)
        if told.stopped is not None:
            self.stop.now(told.stopped)
        await self._conclude(told)

    async def _written(self, part: Plan, canary: int) -> Written:
        errand = share(self.whole, self.workers.size)
        try:
            told = await self.workers.run(remote.write, errand, part, self.fail_fast, canary)
        except Stopping as error:
            return _lost(part, error.code, error.message, stopped=error.message)
        return told or _lost(part, LOST, "The workers that had it were lost, one after the other.")

    async def _intend(self, part: Plan) -> bool:
        if self.journal is None:
            return True
        writable = [change for change in part.changes if not change.protected]
        return await self._recorded([self.journal.intend(change) for change in writable])

    async def _conclude(self, told: Written) -> None:
        if self.journal is not None:
            ended = [each for each in told.outcomes if each.status is not Status.PROTECTED]
            await self._recorded([self.journal.conclude(outcome) for outcome in ended])

    async def _recorded(self, lines: Sequence[Coroutine[Any, Any, None]]) -> bool:
        """False where the journal fails: the run stops."""
        try:
            await asyncio.gather(*lines)
        except SetupError as error:
            self.stop.now(str(error))
        return self.stop.reason is None

    async def _halt(self) -> None:
        await self.stop.event.wait()
        while True:
            await self._tell_all(self.stop.reason or "")
            await asyncio.sleep(AGAIN)

    async def _tell_all(self, reason: str) -> None:
        await self.workers.everywhere(remote.halt, self.whole.run, reason)


def _lost(part: Plan, code: str, message: str, stopped: str | None = None) -> Written:
    outcomes = tuple(
        Outcome(change.number, Status.PROTECTED)
        if change.protected
        else _doubtful(change.number, code, message)
        for change in part.changes
    )
    return Written(outcomes, stopped)


def _doubtful(number: str, code: str, message: str) -> Outcome:
    return Outcome(number, Status.FAILED, code=code, message=message + DOUBT)
