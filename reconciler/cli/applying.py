"""apply: show, ask, write, report."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import dasking, flowing, options, reports, run, screen
from reconciler.cli.connect import plan_key
from reconciler.cli.options import Connection, Finite, Output, Selection, option
from reconciler.cli.run import Session
from reconciler.errors import Interrupted, PartlyConverged, ReconcilerError, Refused, UsageError
from reconciler.plan import FRESH_SECONDS
from reconciler.words import counted

if TYPE_CHECKING:
    from reconciler.journal import Journal
    from reconciler.model import Limit, Outcome, Plan, Result
    from reconciler.turn import Stop


@dataclass(frozen=True, slots=True)
class Terms:
    """How an apply is to go about it, as told on the command line."""

    auto_approve: bool
    fail_fast: bool
    canary: int
    max_changes: Limit | None
    journal: Path | None
    lock_timeout: float
    dask: str | None


# Where nobody is there to ask, and the guards are the caller's.
UNATTENDED = Terms(
    auto_approve=True,
    fail_fast=False,
    canary=0,
    max_changes=None,
    journal=None,
    lock_timeout=0.0,
    dask=None,
)
journal = option(
    "--journal",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Append to this file what each number was and what became of it.",
)
terms = options.gather(
    Terms,
    "terms",
    option("--auto-approve", is_flag=True, help="Do not ask."),
    option("--fail-fast", is_flag=True, help="Start nothing new after the first failure."),
    option(
        "--canary",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Write N numbers first, read them again, and go on only if all stand.",
    ),
    options.max_changes,
    journal,
    option(
        "--lock-timeout",
        type=Finite(min=0),
        default=0.0,
        metavar="SECONDS",
        help="How long to wait for another apply over the same files.  [default: not at all]",
    ),
    dasking.dask,
)


@click.command()
@click.argument("paths", metavar="PATH...|PLAN", nargs=-1, required=True)
@options.overlay
@options.selection
@options.fetch
@flowing.no_check
@terms
@options.strict
@options.connection
@options.output(*options.RESULT_FORMATS)
def apply(
    paths: tuple[str, ...],
    overlay: tuple[str, ...],
    selection: Selection,
    terms: Terms,
    strict: bool,
    connection: Connection,
    output: Output,
) -> None:
    """Send what is needed to make the live configuration what the files, or a saved plan, say."""
    from reconciler import planfile

    if any(planfile.is_plan(Path(path)) for path in paths):
        _apply_saved(paths, selection, terms, connection, output)
    else:
        _apply_files(paths, overlay, selection, terms, strict, connection, output)


def _apply_saved(
    paths: tuple[str, ...],
    selection: Selection,
    terms: Terms,
    connection: Connection,
    output: Output,
) -> None:
    from reconciler import lock, planfile

    if len(paths) > 1:
        raise UsageError("A saved plan is applied alone, without further paths.")
    if selection.target or selection.exclude or selection.tag:
        raise UsageError("A saved plan is applied as it is: select numbers when making it.")
    if options.given("overlay"):
        raise UsageError("A saved plan is applied as it is: give its overlays when making it.")
    reports.refuse(output, [Path(paths[0])])
    made = planfile.load_plan(Path(paths[0]), plan_key())
    with (
        lock.held([Path(paths[0]).parent], terms.lock_timeout, screen.tell),
        dasking.session(terms.dask, connection, output, account_sid=made.account_sid) as session,
    ):
        _refuse_other_api(made, session)
        made = _restored(made)
        # It was read by another run, however short a time ago: nothing in it is fresh.
        _apply(session, made, terms, fresh_until=0.0)


def _apply_files(
    paths: tuple[str, ...],
    overlay: tuple[str, ...],
    selection: Selection,
    terms: Terms,
    strict: bool,
    connection: Connection,
    output: Output,
) -> None:
    from reconciler import lock

    declared = run.load(paths, overlay, strict)
    reports.refuse(output, [Path(source.path) for source in declared.sources])
    numbers = run.choose(declared, selection)
    folders = [Path(source.path).parent for source in declared.sources]
    with (
        lock.held(folders, terms.lock_timeout, screen.tell),
        dasking.session(terms.dask, connection, output, declared) as session,
    ):
        # A list may lag behind the numbers themselves, so nothing of it is fresh either.
        fresh_until = time.monotonic() + FRESH_SECONDS if connection.fetch == "each" else 0.0
        made = dasking.plan(terms.dask, session, declared, numbers, terms.max_changes)
        _apply(session, made, terms, fresh_until)


def _restored(made: Plan) -> Plan:
    """A saved plan with the values that it does not hold, from the files that it was made from.

    Raises InputError where they are not what they were.
    """
    from reconciler import desired, redact

    if not redact.lacks(made):
        return made
    files = [source.path for source in made.sources if not source.overlay]
    overlays = [source.path for source in made.sources if source.overlay]
    return redact.restored(made, desired.load(files, overlays=overlays))


def _refuse_other_api(made: Plan, session: Session) -> None:
    """A plan holds for the API and the account that it was made from."""
    access = session.access
    here = access.known_as
    if (made.account_sid, made.api_url) != (access.account_sid, here):
        raise Refused(
            f"This plan is for account {made.account_sid} at {made.api_url}, "
            f"not for {access.account_sid} at {here}; nothing was written."
        )


def _apply(session: Session, made: Plan, terms: Terms, fresh_until: float) -> None:
    """Shows, asks, writes, reports. Raises what the result amounts to."""
    output = session.output
    _show_plan(made, output)
    if made.changes:
        try:
            _guard(made, terms, output)
        except Refused as refused:
            # One document comes out whatever happens: here, that nothing was attempted.
            _show_result(_nothing_attempted(made, str(refused)), output, shown=False)
            raise
    result = _written(session, made, terms, fresh_until)
    _show_result(result, output, shown=bool(made.changes))
    _judge(result)


def _show_plan(made: Plan, output: Output) -> None:
    """On stdout as part of the report, save where stdout is to hold one document alone."""
    if output.format == "text":
        screen.emit(reports.as_text(made, output, color=screen.colored(output)))
    elif not output.quiet:
        _tell_plan(made, output)


def _tell_plan(made: Plan, output: Output) -> None:
    click.echo(reports.as_text(made, output), nl=False, err=True)


def _guard(made: Plan, terms: Terms, output: Output) -> None:
    """Raises Refused unless these changes may be written."""
    from reconciler.plan import writable

    count = len(writable(made.changes))
    most = made.max_changes if terms.max_changes is None else terms.max_changes.of(made.managed)
    if not count:
        if made.errors:
            return
        raise Refused("All that differs is protected; nothing was written.")
    asking = screen.can_ask() and not terms.auto_approve
    if asking and not _was_shown(output):
        _tell_plan(made, output)
    if count > most:
        if not asking:
            raise Refused(
                f"{counted(count, 'number')} would be written, more than the {most:,} that are "
                "allowed; nothing was written. If that is right, allow it with --max-changes."
            )
        screen.ask(
            f"This is more than the {most:,} that are allowed. Type {count} to go on", str(count)
        )
    if terms.auto_approve:
        return
    if not asking:
        raise Refused("Nobody is there to approve, and --auto-approve is not given.")
    question = f"Write {counted(count, 'number')} of {made.account_sid}? Only yes is accepted"
    screen.ask(question, "yes")


def _was_shown(output: Output) -> bool:
    """Whether who is asked has the plan before them."""
    if output.format == "text":
        return screen.is_terminal(sys.stdout)
    return not output.quiet


def _nothing_attempted(made: Plan, why: str | None = None) -> Result:
    """The result of an apply that sends nothing; numbers that could not be read are in it too."""
    from reconciler.model import Outcome, Result, Status, outcomes_of

    shielded = {change.number for change in made.changes if change.protected}

    def end(number: str) -> Outcome:
        return Outcome(number, Status.PROTECTED if number in shielded else Status.NOT_ATTEMPTED)

    return Result(run.now(), made.api_url, made.account_sid, outcomes_of(made, end), why)


def _written(session: Session, made: Plan, terms: Terms, fresh_until: float) -> Result:
    if not made.changes:
        return _nothing_attempted(made)
    from reconciler.turn import Stop

    stop = Stop()
    work = write(session, made, terms, stop, fresh_until)
    return run.asyncio_run(work, lambda _: stop.now(run.INTERRUPTED))


async def write(
    session: Session, made: Plan, terms: Terms, stop: Stop, fresh_until: float
) -> Result:
    """Sends the plan's changes, and says what came of them. Raises SetupError where the journal
    cannot be begun."""
    from reconciler.journal import opened

    with ExitStack() as stack:
        kept = None
        if terms.journal is not None:
            kept = stack.enter_context(opened(terms.journal))
        return await _write(session, made, terms, stop, kept, fresh_until)


async def _write(
    session: Session, made: Plan, terms: Terms, stop: Stop, kept: Journal | None, fresh_until: float
) -> Result:
    import asyncio

    from reconciler.apply import Apply
    from reconciler.model import Result
    from reconciler.render.json import digest

    if terms.dask is not None:
        if kept is not None:
            await kept.begin(made, digest(made, plan_key()))
        how = (terms.fail_fast, terms.canary)
        outcomes = await dasking.write(terms.dask, session, made, how, stop, kept)
        return Result(run.now(), made.api_url, made.account_sid, outcomes, stop.reason)
    async with session.conversation("Writing", len(made.changes)) as (api, seen):

        def tell(_: Outcome) -> None:
            seen.advance()

        if kept is not None:
            await kept.begin(made, digest(made, plan_key()))
        applying = Apply(
            api,
            tell,
            stop,
            fresh_until,
            journal=kept,
            fail_fast=terms.fail_fast,
            canary=terms.canary,
        )
        try:
            await applying.run(made)
        except asyncio.CancelledError:
            if stop.reason != run.INTERRUPTED:
                raise
    outcomes = applying.outcomes(made)
    return Result(run.now(), made.api_url, made.account_sid, outcomes, stop.reason)


def _show_result(result: Result, output: Output, *, shown: bool) -> None:
    """Everywhere that it is asked for; as text on stdout only where it is to be `shown`."""
    if output.format == "text" and shown:
        screen.emit("\n")
    reports.result(result, output, on_stdout=shown or output.format != "text")


def _judge(result: Result) -> None:
    """Raises what the result amounts to; returns where every number is as it should be."""
    from reconciler.model import Status

    done = result.count(Status.APPLIED) + result.count(Status.ALREADY_IN_PLACE)
    kept = done + result.count(Status.PROTECTED)
    if result.stopped == run.INTERRUPTED:
        raise Interrupted(run.INTERRUPTED)
    if kept == len(result.outcomes):
        return
    if result.count(Status.CONFLICT) == len(result.outcomes):
        raise Refused("The plan is stale throughout; nothing was written.")
    if not any(outcome.attempts for outcome in result.outcomes) and not done:
        raise ReconcilerError("Nothing was written.")
    raise PartlyConverged("Some numbers are not as declared; the report says which.")
