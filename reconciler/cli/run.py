"""What the commands have in common: the declared state, and one conversation with the API."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.cli import connect, screen
from reconciler.cli.options import Connection, Output, Selection
from reconciler.errors import InputError, Interrupted, Problem, SetupError
from reconciler.words import inert

if TYPE_CHECKING:
    from reconciler.api import Access, Api
    from reconciler.flows import Directory
    from reconciler.model import (
        Change,
        Desired,
        DesiredNumber,
        Failure,
        Limit,
        Plan,
        Reading,
        SourceFile,
    )
    from reconciler.pace import Pacer
    from reconciler.progress import Progress

T = TypeVar("T")
INTERRUPTED = "Interrupted."


def load(
    paths: Sequence[str],
    overlays: Sequence[str],
    strict: bool,
    tell: Callable[[str], None] = screen.tell,
) -> Desired:
    """The declared state; warnings go to stderr, or fail the run. Raises InputError."""
    from reconciler import desired

    declared = desired.load(paths, overlays=overlays)
    if strict and declared.warnings:
        raise InputError(declared.warnings)
    for warning in declared.warnings:
        tell(warned(warning))
    return declared


def warned(warning: Problem) -> str:
    """FILE:LINE:COL: warning: message [rule]"""
    place = f"{warning.path}:{warning.line}:{warning.column}"
    return f"{place}: warning: {warning.message} [{warning.rule}]"


def choose(declared: Desired, selection: Selection) -> list[DesiredNumber]:
    """The declared numbers that this run is about. Raises SetupError where there are none: that
    would read as "no changes"."""
    from reconciler.selection import select

    if not declared.numbers:
        raise SetupError("The files declare no number.")
    numbers = declared.numbers.values()
    chosen = select(numbers, selection.target, selection.exclude, selection.tag)
    if not chosen:
        raise SetupError("No number is left of those that --target, --exclude and --tag select.")
    return chosen


def guarded_property(numbers: Iterable[DesiredNumber]) -> str | None:
    """The one property that the files of all these numbers guard, where it can be part of a URL."""
    owners = {number.guards.get("PropertySid") for number in numbers}
    owner = owners.pop() if len(owners) == 1 else None
    return owner if owner is not None and connect.SID.fullmatch(owner) else None


def sifted(found: Iterable[Change | Failure]) -> tuple[list[Change], list[Failure]]:
    """The changes and the failures, each sorted by number."""
    from reconciler.model import Change

    changes: list[Change] = []
    failures: list[Failure] = []
    for each in sorted(found, key=lambda each: each.number):
        if isinstance(each, Change):
            changes.append(each)
        else:
            failures.append(each)
    return changes, failures


@dataclass(slots=True)
class Session:
    """One run against one API: where and as whom, how, and what is shown of it.

    Its reads and its writes share one Pacer: what was learnt of the API's limit is not forgotten.
    beat: is called for each number that has been read or written.
    tell: says a line on stderr.
    directories: the flows of the properties that have been asked for them, by PropertySid.
    """

    access: Access
    connection: Connection
    output: Output
    beat: Callable[[], None] = lambda: None
    tell: Callable[[str], None] = screen.tell
    directories: dict[str, Directory] = field(default_factory=dict)
    _pacer: Pacer | None = None

    @property
    def checks_flows(self) -> bool:
        """Whether the properties are to have the flows that are declared; the embedded API is made
        from the very files, and has no more flows than their names."""
        return not (self.connection.no_check_flows or self.connection.sandbox)

    @asynccontextmanager
    async def conversation(self, what: str, total: int) -> AsyncIterator[tuple[Api, Progress]]:
        """An Api, and the Progress over `total` items that its retries show up in."""
        from reconciler.api import connect as connected
        from reconciler.pace import Pacer
        from reconciler.progress import progress

        if self._pacer is None:
            how = self.connection
            self._pacer = Pacer(how.parallelism, max_rate=how.max_rate)
        async with (
            progress(what, total, self.output.verbosity, screen.plain(self.output)) as seen,
            connected(
                self.access,
                self._pacer,
                retry_for=self.connection.retry_for,
                on_retry=seen.retry,
                on_request=seen.say if self.output.verbose > 1 else None,
            ) as api,
        ):
            seen.beat = self.beat
            yield api, seen

    def judged(
        self,
        numbers: Iterable[str],
        judge: Callable[[Reading], Change | Failure | None],
        owner: str | None = None,
    ) -> tuple[list[Change], list[Failure]]:
        """Reads the numbers and sorts what `judge` makes of each; `owner` is the PropertySid that
        all of them are to be of. Raises Stopping, and Rejected where they cannot be listed."""
        return asyncio_run(self._judged(list(numbers), judge, owner))

    async def _judged(
        self,
        numbers: Sequence[str],
        judge: Callable[[Reading], Change | Failure | None],
        owner: str | None,
    ) -> tuple[list[Change], list[Failure]]:
        found: dict[str, Change | Failure] = {}
        async with self.conversation("Reading", len(numbers)) as (api, seen):

            def take(reading: Reading) -> None:
                seen.advance()
                judged = judge(reading)
                if judged is not None:
                    found[reading.number] = judged

            def forget(number: str) -> None:
                seen.advance(-1)
                found.pop(number, None)

            await self._read(api, numbers, take, forget, owner, seen.note)
        return sifted(found.values())

    async def _read(
        self,
        api: Api,
        numbers: Sequence[str],
        take: Callable[[Reading], None],
        forget: Callable[[str], None],
        owner: str | None,
        note: Callable[[str], None],
    ) -> None:
        from reconciler.fetch import fetch

        how = self.connection.fetch
        if how == "each":
            await fetch(api, numbers, take)
            return
        from reconciler.listing import Listing

        refused = (lambda line: note(inert(line))) if how == "auto" else None
        await Listing(api, take, forget, owner, refused).read(numbers)

    def plan(
        self,
        declared: Desired,
        numbers: Sequence[DesiredNumber],
        limit: Limit | None,
        before: Sequence[DesiredNumber] = (),
    ) -> Plan:
        """Reads these numbers and plans them; for `before` see flowing.known. Raises Stopping, and
        InputError where a flow's name leads to no flow."""
        return asyncio_run(self.planning(declared, numbers, limit, before))

    async def planning(
        self,
        declared: Desired,
        numbers: Sequence[DesiredNumber],
        limit: Limit | None,
        before: Sequence[DesiredNumber] = (),
    ) -> Plan:
        """As `plan`, within an event loop that is there already."""
        from reconciler import plan, schema
        from reconciler.cli import flowing

        flows = await flowing.known(self, numbers, before)

        def judge(reading: Reading) -> Change | Failure | None:
            desired = flows.resolved(declared.numbers[reading.number])
            return plan.assess(desired, reading, schema.phones())

        wanted = [number.number for number in numbers]
        found = await self._judged(wanted, judge, guarded_property(numbers))
        changes, errors = flowing.checked(self, flows, numbers, *found)
        most = plan.max_changes(declared, limit)
        return self.planned(
            changes, errors, declared.sources,
            len(numbers), len(declared.numbers), most, declared.warnings,
        )  # fmt: skip

    def planned(
        self,
        changes: Sequence[Change],
        errors: Sequence[Failure],
        sources: tuple[SourceFile, ...],
        numbers: int,
        managed: int,
        max_changes: int,
        warnings: tuple[Problem, ...] = (),
    ) -> Plan:
        """A Plan made now, for this API and account."""
        from reconciler.model import Plan

        return Plan(
            created_at=now(),
            api_url=self.access.known_as,
            account_sid=self.access.account_sid,
            sources=sources,
            numbers=numbers,
            managed=managed,
            max_changes=max_changes,
            changes=tuple(changes),
            errors=tuple(sorted(errors, key=lambda failure: failure.number)),
            warnings=warnings,
        )


@contextmanager
def session(
    connection: Connection,
    output: Output,
    declared: Desired | None = None,
    account_sid: str | None = None,
) -> Iterator[Session]:
    """See connect.access. Raises SetupError."""
    with connect.access(connection, declared, account_sid) as access:
        yield Session(access, connection, output)


def asyncio_run(
    work: Coroutine[Any, Any, T], on_interrupt: Callable[[signal.Signals], object] | None = None
) -> T:
    """asyncio.run, where Ctrl-C and SIGTERM call `on_interrupt`, and a second one cancels the
    work; without `on_interrupt` the first one does. Raises Interrupted."""
    import asyncio

    async def run() -> T:
        task = asyncio.current_task()
        assert task is not None
        calls = iter([] if on_interrupt is None else [on_interrupt])

        def interrupt(number: signal.Signals) -> None:
            next(calls, lambda _: task.cancel())(number)

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interrupt, number)
        return await work

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        raise Interrupted(INTERRUPTED) from None


def now() -> str:
    """UTC, to the second, as the schemas have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
