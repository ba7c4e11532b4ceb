"""plan → result: sends what was planned, number by number, and says how each one ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconciler import schema, wire
from reconciler.api import Api
from reconciler.errors import ApiError, Throttled, Transient, Unauthorized
from reconciler.fetch import read_one
from reconciler.model import Change, Failure, LiveNumber, Outcome, Plan, Status
from reconciler.plan import Position, position, unlike
from reconciler.words import value
from reconciler.workers import spread


@dataclass(slots=True)
class Stop:
    """Set by whatever must end a run early: nothing new is started once there is a reason."""

    reason: str | None = None


@dataclass(slots=True)
class Apply:
    """One run over one plan.

    must_recheck: whether a number has to be read again before it is written, asked just then.
    tell: is handed every Outcome as it comes.
    """

    api: Api
    must_recheck: Callable[[], bool]
    tell: Callable[[Outcome], None]
    stop: Stop
    fail_fast: bool = False

    async def run(self, plan: Plan) -> tuple[Outcome, ...]:
        """Every change's Outcome, and one for each number that could not be read; sorted."""
        outcomes = [
            Outcome(failure.number, Status.FAILED, code=failure.code, message=failure.message)
            for failure in plan.errors
        ]

        async def handle(change: Change) -> None:
            outcome = await self._turn(change)
            outcomes.append(outcome)
            self.tell(outcome)

        await spread(plan.changes, handle, self.api.pacer.most)
        return tuple(sorted(outcomes, key=lambda outcome: outcome.number))

    async def _turn(self, change: Change) -> Outcome:
        if change.protected:
            return Outcome(change.number, Status.PROTECTED)
        if self.stop.reason is not None:
            return Outcome(change.number, Status.NOT_ATTEMPTED)
        try:
            outcome = await _Turn(self.api, change).take(recheck=self.must_recheck())
        except Unauthorized as error:
            self.stop.reason = error.message
            return _failed(change, error)
        if self.fail_fast and outcome.status not in (Status.APPLIED, Status.ALREADY_IN_PLACE):
            self.stop.reason = f"{change.number} was not applied, and --fail-fast was given."
        return outcome


@dataclass(slots=True)
class _Turn:
    """One number's way through: what has been sent for it so far, and what came of it."""

    api: Api
    change: Change
    posts: int = 0
    waited: float = 0.0

    async def take(self, *, recheck: bool) -> Outcome:
        """Reads again if told to, writes, and where an answer is lost, reads before writing again:
        a POST whose answer did not arrive may have been carried out all the same."""
        while True:
            if recheck and (settled := await self._look()):
                return settled
            self.posts += 1
            try:
                return self._judge(await self._write())
            except Throttled as error:
                if lost := await self._pause(error):
                    return lost
            except Transient as error:
                recheck = True
                if lost := await self._pause(error):
                    return await self._look(final=True) or lost
            except Unauthorized:
                raise
            except ApiError as error:
                return _failed(self.change, error, self._sent(), self.posts)

    async def _write(self) -> LiveNumber:
        number = self.change.number
        return wire.live_number(await self.api.write_number(number, self.change.post), number)

    async def _pause(self, error: Transient) -> Outcome | None:
        """Waits before the next try; an Outcome where there is to be none."""
        try:
            self.waited += await self.api.wait_before_retry(error, self.posts, self.waited)
        except Transient:
            return _failed(self.change, error, self._sent(), self.posts)
        return None

    async def _look(self, *, final: bool = False) -> Outcome | None:
        """Where the number stands now; None where it is still to be written."""
        reading = await read_one(self.api, self.change.number)
        if isinstance(reading, Failure):
            return None if final else self._unread(reading)
        where = position(self.change, reading, schema.phones())
        if where is Position.BEFORE:
            return None
        if where is Position.AFTER:
            return self._outcome(Status.APPLIED if self.posts else Status.ALREADY_IN_PLACE)
        if self.posts:
            return self._judge(reading)
        names = unlike(_before(self.change), reading.fields, schema.phones())
        message = f"Changed since it was read: {_listed(reading.fields, names)}."
        return self._outcome(Status.CONFLICT, "Conflict", message)

    def _judge(self, live: LiveNumber) -> Outcome:
        """Whether what the API now shows is what was asked for."""
        names = unlike(self.change.post, live.fields, schema.phones())
        if not names:
            return self._outcome(Status.APPLIED)
        message = f"The API accepted it, but shows {_listed(live.fields, names)}."
        return self._outcome(Status.NOT_CONVERGED, "NotConverged", message)

    def _unread(self, failure: Failure) -> Outcome:
        doubt = " Whether it was written is not known." if self.posts else ""
        return self._outcome(Status.FAILED, failure.code, failure.message + doubt)

    def _outcome(
        self, status: Status, code: str | None = None, message: str | None = None
    ) -> Outcome:
        return Outcome(self.change.number, status, self._sent(), self.posts, code, message)

    def _sent(self) -> Mapping[str, str] | None:
        return self.change.post if self.posts else None


def _failed(
    change: Change,
    error: ApiError,
    posted: Mapping[str, str] | None = None,
    posts: int = 0,
) -> Outcome:
    return Outcome(change.number, Status.FAILED, posted, posts, error.code, error.message)


def _before(change: Change) -> dict[str, str | None]:
    return {**change.post, **{name: each.before for name, each in change.fields.items()}}


def _listed(live: Mapping[str, str], names: list[str]) -> str:
    return ", ".join(f"{name} {value(live.get(name))}" for name in names)
