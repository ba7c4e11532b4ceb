"""drift --every: round after round in one event loop, until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import bulletin, journal, lock, watch
from reconciler.cli import applying, baselines, reports, run, screen
from reconciler.cli.baselines import Agreed, Since
from reconciler.cli.options import Connection, Output, Selection
from reconciler.cli.run import Session
from reconciler.cli.watching import Watch
from reconciler.errors import Interrupted, ReconcilerError, Refused, SetupError, UsageError
from reconciler.redact import redacted
from reconciler.turn import Stop
from reconciler.watch import Drift, Healing, Round

if TYPE_CHECKING:
    from reconciler.metrics import Metrics
    from reconciler.model import Desired, Outcome, Plan, Result
    from reconciler.notify import Channel

# A watch is dead when nothing has happened for so many rounds, or for as long as reading and
# writing may take with nothing to show for it, or for ten minutes.
ROUNDS, TRIES, SECONDS = 3, 2, 600.0


async def repeat(every: float, work: Callable[[], Awaitable[None]], stopped: asyncio.Event) -> None:
    """Does the work every so many seconds, from beginning to beginning, until it is stopped.

    It never overlaps: what takes longer is followed by the next at once, and none is made up for.
    """
    clock = asyncio.get_running_loop().time
    while not stopped.is_set():
        began = clock()
        await work()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(began + every):
                await stopped.wait()


class Said:
    """Lines for stderr, each said when it comes up and not again until a round went without it."""

    def __init__(self) -> None:
        self._before: set[str] = set()
        self._now: set[str] = set()

    def begin(self) -> None:
        self._before, self._now = self._now, set()

    def __call__(self, line: str) -> None:
        if line not in self._before | self._now:
            screen.tell(line)
        self._now.add(line)


class Unheard(Exception):
    """Its lines cannot be written any more, which no further round would mend; the cause says
    why. Nothing is healed that could not be shown."""


@dataclass(slots=True)
class Service:
    """Looks for drift again and again. What is known of it is in memory alone."""

    paths: Sequence[str]
    overlays: Sequence[str]
    selection: Selection
    since: Since
    strict: bool
    connection: Connection
    output: Output
    how: Watch
    _known: Drift = field(default_factory=dict)
    _said: Said = field(default_factory=Said)
    _channels: Sequence[Channel] = ()
    _metrics: Metrics | None = None
    _beat: Callable[[], None] = lambda: None
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _signal: signal.Signals | None = None
    _halt: Callable[[], object] = lambda: None
    _doing: str = "reading"

    def run(self, every: float) -> None:
        """Returns after SIGTERM. Raises Interrupted after Ctrl-C, UsageError or SetupError where
        it cannot begin, BrokenPipeError where nobody reads its lines any more."""
        reports.refuse(self.output, [])
        if self.how.journal is not None:
            with journal.opened(self.how.journal):
                pass
        if self.how.notify:
            from reconciler.notify import channels

            self._channels = channels(self.how.notify)
        try:
            run.asyncio_run(self._serve(every), self._stop)
        except Unheard as unheard:
            raise unheard.__cause__ or unheard from None

    def _stop(self, number: signal.Signals) -> None:
        self._signal = number
        self._stopped.set()
        self._halt()

    async def _serve(self, every: float) -> None:
        async with AsyncExitStack() as stack:
            if self.how.metrics_port is not None:
                await self._measure(self.how.metrics_port, every, stack)
            await repeat(every, self._round, self._stopped)
        if self._signal is signal.SIGINT:
            raise Interrupted(run.INTERRUPTED)
        screen.tell("Stopped.")

    async def _measure(self, port: int, every: float, stack: AsyncExitStack) -> None:
        from reconciler.metrics import Metrics, Pulse, served

        self._metrics = Metrics()
        pulse = Pulse(max(ROUNDS * every, TRIES * self.connection.retry_for, SECONDS))
        self._beat = pulse.beat
        found = await stack.enter_async_context(served(self._metrics, pulse, port))
        screen.tell(f"/metrics and /healthz are served on port {found}.")

    async def _round(self) -> None:
        self._beat()
        self._said.begin()
        try:
            round_ = await self._looked()
        except asyncio.CancelledError:
            if self._signal is None:
                raise
            screen.tell(f"Told to stop while {self._doing}; this round is given up.")
            return
        if self._metrics is not None:
            self._metrics.record(round_)
        self._emit(bulletin.as_json(round_) if self._as_json else bulletin.line(round_))
        await self._notify(round_)
        self._beat()

    @property
    def _as_json(self) -> bool:
        return self.output.format == "json"

    def _emit(self, text: str) -> None:
        """Raises Unheard."""
        try:
            screen.emit(text)
        except (SetupError, BrokenPipeError) as error:
            raise Unheard from error

    async def _looked(self) -> Round:
        """The round, whatever comes of it. Raises UsageError and Unheard, which no further round
        would mend."""
        clock = asyncio.get_running_loop().time
        began, at = clock(), run.now()
        made, healing, failed = None, None, ""
        self._doing = "reading"
        looking = asyncio.create_task(self._look())
        self._halt = looking.cancel
        try:
            made, healing = await looking
        except (UsageError, Unheard):
            raise
        except ReconcilerError as error:
            failed = self._sentence(error)
        except Exception as bug:  # noqa: BLE001 - the next round may be spared it
            sys.excepthook(type(bug), bug, bug.__traceback__)
            failed = f"{type(bug).__name__}, which is a bug; stderr has more"
        finally:
            self._halt = lambda: None
        return Round(at, clock() - began, made, failed, healing)

    def _sentence(self, error: ReconcilerError) -> str:
        """What is wrong on one line; all of it on stderr, where there is more."""
        sentence, *more = str(error).splitlines()
        if not more:
            return sentence.rstrip(".")
        for line in error.lines():
            self._said(line)
        return f"{sentence} (and {len(more):,} more, on stderr)"

    async def _look(self) -> tuple[Plan, Healing | None]:
        # Files and git may be slow; a signal and /healthz do not wait for them.
        declared, agreed = await asyncio.to_thread(self._declared)
        numbers = run.choose(declared, self.selection)
        with run.session(self.connection, self.output, declared) as session:
            session.beat, session.tell = self._beat, self._said
            before = agreed.of(numbers) if agreed is not None else ()
            made = await session.planning(declared, numbers, None, before)
            if agreed is not None:
                made = agreed.told(made, declared, self.selection, session.directories)
            told = await asyncio.to_thread(self._report, made)
            return told, await self._heal(session, made) if self.how.heal else None

    def _declared(self) -> tuple[Desired, Agreed | None]:
        declared = run.load(self.paths, self.overlays, self.strict, self._said)
        self._refuse([Path(source.path) for source in declared.sources])
        return declared, baselines.agreed(self.since, self.paths, declared, self._said)

    def _each_report(self) -> Iterator[Output]:
        """The output with one file at a time, so that none stands in another's way."""
        for report in self.output.report:
            yield replace(self.output, report=(report,), no_ci=True)

    def _refuse(self, sources: Sequence[Path]) -> None:
        """Raises UsageError where a report would overwrite what it is made from. One that cannot
        be written any more is a warning by then, and no reason to look away."""
        for output in self._each_report():
            with suppress(SetupError):
                reports.refuse(output, sources)

    def _report(self, made: Plan) -> Plan:
        """Writes the files that are asked for; returns the plan as it may be told of."""
        told = redacted(made)
        for output in self._each_report():
            try:
                reports.plan(told, output, on_stdout=False)
            except SetupError as error:
                self._said(f"warning: {error}")
        return told

    async def _heal(self, session: Session, made: Plan) -> Healing:
        """Writes what may be written, once it has been shown."""
        safe, healing = watch.healable(made)
        if healing.held is not None or not safe.changes:
            return healing
        try:
            with self._alone(made):
                self._show(safe)
                result = await self._write(session, safe)
        except (Refused, SetupError) as error:
            return replace(healing, held=str(error).rstrip("."))
        for outcome in result.outcomes:
            if outcome.status not in watch.HEALED:
                self._said(_not_healed(outcome))
        return watch.treated(healing, result)

    @contextmanager
    def _alone(self, made: Plan) -> Iterator[None]:
        """Raises Refused while somebody else applies the files, SetupError where their folders
        cannot be opened to be locked."""
        folders = [Path(each.path).parent for each in made.sources]
        with ExitStack() as stack:
            try:
                stack.enter_context(lock.held(folders, 0.0, self._said))
            except Refused:
                raise Refused("another apply is under way") from None
            except OSError as error:
                raise SetupError(f"{error.filename} cannot be locked: {error.strerror}") from None
            yield

    def _show(self, safe: Plan) -> None:
        """A line for each number, all of them: nothing is written that was not shown."""
        told, at = redacted(safe), run.now()
        as_text = bulletin.healing_as_json if self._as_json else bulletin.healing_line
        self._emit("".join(as_text(at, change) for change in told.changes))

    async def _write(self, session: Session, safe: Plan) -> Result:
        """From here on, being told to stop finishes what is under way: a write that was sent is
        not to be forgotten."""
        stop = Stop()
        self._doing, self._halt = "healing", lambda: stop.now(run.INTERRUPTED)
        terms = replace(applying.UNATTENDED, journal=self.how.journal)
        # Whoever held the lock a moment ago may have written: nothing read is fresh.
        return await applying.write(session, safe, terms, stop, fresh_until=0.0)

    async def _notify(self, round_: Round) -> None:
        self._known, news = watch.news(self._known, round_)
        if news is not None:
            told = bulletin.message(news)
            for channel in self._channels:
                channel.owed = told
        delivered = await asyncio.gather(*(channel.deliver() for channel in self._channels))
        for channel, good in zip(self._channels, delivered, strict=True):
            if not good:
                self._said(f"warning: {channel.name}: not sent; the next round tries again.")


def _not_healed(outcome: Outcome) -> str:
    status = outcome.status.replace("_", " ")
    why = f"{outcome.code}: {outcome.message}" if outcome.message else status
    return f"{outcome.number}: not healed: {why}"
