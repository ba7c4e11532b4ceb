"""plan → result: sends what was planned, number by number, and says how each one ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reconciler.api import Api
from reconciler.errors import SetupError, Stopping, Unauthorized
from reconciler.journal import Journal
from reconciler.model import Change, Outcome, Plan, Status, outcomes_of
from reconciler.plan import FRESH_SECONDS
from reconciler.turn import Stop, Turn
from reconciler.workers import spread

DONE = frozenset({Status.APPLIED, Status.ALREADY_IN_PLACE})


@dataclass(slots=True)
class Apply:
    """One run over one plan.

    tell: is handed every Outcome as it comes.
    fresh_until, fresh_for: see Turn; 0 where every number is to be read before it is written.
    canary: how many numbers are written and read again before any other is written.
    """

    api: Api
    tell: Callable[[Outcome], None]
    stop: Stop
    fresh_until: float
    fresh_for: float = FRESH_SECONDS
    journal: Journal | None = None
    fail_fast: bool = False
    canary: int = 0
    _by_itself: asyncio.Lock = field(default_factory=asyncio.Lock)
    _turns: dict[str, Turn] = field(default_factory=dict)
    _ended: dict[str, Outcome] = field(default_factory=dict)

    async def run(self, plan: Plan) -> None:
        """Gives every change its turn; `outcomes` says what came of it, also after a cancel."""
        halting = asyncio.create_task(self._halt())
        try:
            first, rest = plan.changes[: self.canary], plan.changes[self.canary :]
            await spread(first, self._give_turn, self.api.pacer.most)
            if first and self.stop.reason is None:
                await self._verify(first)
            await spread(rest, self._give_turn, self.api.pacer.most)
        finally:
            halting.cancel()

    def outcomes(self, plan: Plan) -> tuple[Outcome, ...]:
        """Every change's Outcome, and one for each number that could not be read; sorted."""
        return outcomes_of(plan, self._outcome)

    def _outcome(self, number: str) -> Outcome:
        turn = self._turns.get(number)
        if number in self._ended or turn is None or not turn.posts:
            return self._ended.get(number) or Outcome(number, Status.NOT_ATTEMPTED)
        return turn.cut_off("Aborted", "Aborted while it was being written.")

    async def _halt(self) -> None:
        """Once the run is to stop, whoever still waits to send anything need not wait."""
        await self.stop.event.wait()
        for turn in self._turns.values():
            turn.halt()

    async def _give_turn(self, change: Change) -> None:
        if change.protected:
            self._end(Outcome(change.number, Status.PROTECTED))
        elif self.stop.reason is None:
            turn = self._turns[change.number] = Turn(
                self.api,
                change,
                self.stop,
                self.journal,
                self.fresh_until,
                self.fresh_for,
                self._by_itself,
            )
            self._end(await self._ending(turn))

    def _end(self, outcome: Outcome) -> None:
        self._ended[outcome.number] = outcome
        self.tell(outcome)

    async def _ending(self, turn: Turn) -> Outcome:
        try:
            outcome = await turn.run()
        except Stopping as error:
            self.stop.now(error.message)
            refused = isinstance(error, Unauthorized) and not turn.lost
            end = turn.failed if refused else turn.cut_off
            return end(error.code, error.message)
        except SetupError as error:
            self.stop.now(str(error))
            return turn.cut_off("JournalFailed", str(error))
        if self.fail_fast and outcome.status not in DONE:
            self.stop.now(f"{outcome.number} was not applied, and --fail-fast was given.")
        return outcome

    async def _verify(self, canaries: Sequence[Change]) -> None:
        """Reads the canaries again; stops the run unless all of them stand."""
        for change in canaries:
            outcome = self._ended[change.number]
            if outcome.status in DONE:
                outcome = self._ended[change.number] = await self._turns[change.number].verify()
            if outcome.status not in DONE and outcome.status is not Status.PROTECTED:
                self.stop.now(f"The canary {change.number} does not stand ({outcome.status}).")
