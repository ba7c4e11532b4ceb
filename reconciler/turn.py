"""One number's turn in an apply: read again where it has to be, write, and never write blindly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from reconciler import schema, wire
from reconciler.api import Api
from reconciler.errors import ApiError, Stopping, Throttled, Transient
from reconciler.fetch import read_one
from reconciler.journal import Journal
from reconciler.model import Change, Failure, LiveNumber, Outcome, Status
from reconciler.plan import Position, position, stranger, unlike
from reconciler.secret import hidden
from reconciler.words import value


@dataclass(slots=True)
class Stop:
    """Set by whatever must end a run early: nothing new is sent once there is a reason."""

    reason: str | None = None
    event: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self, reason: str) -> None:
        """The first reason stands."""
        self.reason = self.reason or reason
        self.event.set()


# A pace this slow is a mistake, or an API that is hardly there.
MOST_STALE = 3


class _Stale(Exception):
    """What is known of a number has become too old while its request waited for its turn."""


@dataclass(slots=True)
class Turn:
    """One number's way through: what has been sent for it so far, and what came of it.

    fresh_until: until when (time.monotonic) the number needs no reading before it is written;
    a reading keeps it fresh for `fresh_for` seconds.
    by_itself: held by the one number that is seen through without others in its way.
    """

    api: Api
    change: Change
    stop: Stop
    journal: Journal | None
    fresh_until: float
    fresh_for: float
    by_itself: asyncio.Lock
    posts: int = 0
    lost: bool = False
    waited: float = 0.0
    intended: bool = False
    task: asyncio.Task[Outcome] | None = None

    async def run(self) -> Outcome:
        """The Outcome; not attempted, where the run stopped before anything was sent.

        Raises Stopping, and SetupError where the journal fails.
        """
        self.task = asyncio.create_task(self._take())
        try:
            outcome = await self.task
        except asyncio.CancelledError:
            if self.stop.reason is None or not self.task.cancelled() or _is_cancelled():
                raise
            outcome = Outcome(self.change.number, Status.NOT_ATTEMPTED)
        if self.intended and self.journal is not None:
            await self.journal.conclude(outcome)
        return outcome

    def halt(self) -> None:
        """Ends the turn where nothing has been sent yet; what is under way is finished."""
        if self.task is not None and not self.posts:
            self.task.cancel()

    async def verify(self) -> Outcome:
        """Reads the number once more and judges what is there. Raises Stopping."""
        reading = await read_one(self.api, self.change.number)
        if isinstance(reading, Failure):
            return self._unread(reading)
        return self._judge(reading, "It was read again")

    def failed(self, code: str, message: str) -> Outcome:
        return self._ended(Status.FAILED, code, message)

    def cut_off(self, code: str, message: str) -> Outcome:
        """The run ended in the middle of it; what was sent may have been carried out."""
        doubt = " Whether it was written is not known." if self.posts else ""
        return self.failed(code, message + doubt)

    async def _take(self) -> Outcome:
        """Sees the number through, once more where what is known of it became too old meanwhile:
        then by itself, as what made it old was the others' waiting for the same pace."""
        try:
            return await self._converge()
        except _Stale:
            async with self.by_itself:
                for _ in range(MOST_STALE):
                    with suppress(_Stale):
                        return await self._converge()
        return self.failed("TooSlow", "Its turn to be written always came too late.")

    async def _converge(self) -> Outcome:
        """Reads again if it must, writes, and where an answer is lost, reads before writing again:
        a POST whose answer did not arrive may have been carried out all the same."""
        while True:
            if self._is_stale() and (settled := await self._look()):
                return settled
            await self._intend()
            try:
                return self._judge(await self._write(), "The API accepted it")
            except Stopping:
                raise
            except Throttled as error:
                if not await self._pause(error):
                    return await self._last_look(error)
            except Transient as error:
                self.fresh_until, self.lost = 0.0, True
                if not await self._pause(error):
                    return await self._last_look(error)
            except ApiError as error:
                return await self._last_look(error)

    async def _last_look(self, error: ApiError) -> Outcome:
        """No further try: what the number is now, or that it was not written, and why."""
        if settled := await self._look():
            return settled
        doubt = " An answer was lost: whether it may yet be written is not known."
        return self.failed(error.code, error.message + (doubt if self.lost else ""))

    def _is_stale(self) -> bool:
        return time.monotonic() > self.fresh_until

    async def _intend(self) -> None:
        if self.journal is not None and not self.intended:
            self.intended = True
            await self.journal.intend(self.change)

    async def _write(self) -> LiveNumber:
        number = self.change.number
        answer = await self.api.write_number(
            number, self.change.post, self._sent, sensitive=bool(self.change.sensitive)
        )
        return wire.live_number(answer, number)

    def _sent(self) -> None:
        if self._is_stale():
            raise _Stale
        self.posts += 1

    async def _pause(self, error: Transient) -> bool:
        """Waits before the next try; False where there is to be none."""
        try:
            self.waited += await self.api.wait_before_retry(
                error, self.posts, self.waited, self.stop.event
            )
        except Transient:
            return False
        return self.stop.reason is None

    async def _look(self) -> Outcome | None:
        """Where the number stands now; None where it is still to be written."""
        reading = await read_one(self.api, self.change.number)
        if isinstance(reading, Failure):
            return self._unread(reading)
        self.fresh_until = time.monotonic() + self.fresh_for
        if other := stranger(self.change.guards, reading):
            return self.failed(other.code, other.message)
        where = position(self.change, reading, schema.phones())
        if where is Position.BEFORE:
            return None
        if where is Position.AFTER:
            return self._ended(Status.APPLIED if self.posts else Status.ALREADY_IN_PLACE)
        if self.posts:
            return self._judge(reading, "Its answer was lost, and it was read again")
        names = unlike(_before(self.change), reading.fields, schema.phones())
        message = f"Changed since it was read: {self._listed(reading, names)}."
        return self._ended(Status.CONFLICT, "Conflict", message)

    def _judge(self, live: LiveNumber, so_far: str) -> Outcome:
        """Whether what the API now shows, after what happened `so_far`, is what was asked for."""
        if other := stranger(self.change.guards, live):
            return self.cut_off(other.code, other.message)
        names = unlike(self.change.post, live.fields, schema.phones())
        if not names:
            return self._ended(Status.APPLIED if self.posts else Status.ALREADY_IN_PLACE)
        message = f"{so_far}, but the API shows {self._listed(live, names)}."
        return self._ended(Status.NOT_CONVERGED, "NotConverged", message)

    def _unread(self, failure: Failure) -> Outcome:
        return self.cut_off(failure.code, failure.message)

    def _listed(self, live: LiveNumber, names: Sequence[str]) -> str:
        told = hidden(live.fields, self.change.sensitive)
        return ", ".join(f"{name} {value(told.get(name))}" for name in names)

    def _ended(
        self, status: Status, code: str | None = None, message: str | None = None
    ) -> Outcome:
        posted = hidden(self.change.post, self.change.sensitive) if self.posts else None
        return Outcome(self.change.number, status, posted, self.posts, code, message)


def _is_cancelled() -> bool:
    """Whether it is this very task that is to end, and not only the one it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _before(change: Change) -> dict[str, str | None]:
    return {**change.post, **{name: each.before for name, each in change.fields.items()}}
