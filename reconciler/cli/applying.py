"""apply: show, ask, write, report."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import dasking, options, planning, run, screen
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
    option(
        "--journal",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Append to this file what each number was and what became of it.",
    ),
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
@options.selection
@options.fetch
@terms
@options.strict
@options.connection
@options.output
def apply(
    paths: tuple[str, ...],
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
        _apply_files(paths, selection, terms, strict, connection, output)


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
    made = planfile.load_plan(Path(paths[0]), plan_key())
    with (
        lock.held([Path(paths[0]).parent], terms.lock_timeout, screen.tell),
        dasking.session(terms.dask, connection, output, account_sid=made.account_sid) as session,
    ):
        _refuse_other_api(made, session)
        # It was read by another run, however short a time ago: nothing in it is fresh.
        _apply(session, made, terms, fresh_until=0.0)


def _apply_files(
    paths: tuple[str, ...],
    selection: Selection,
    terms: Terms,
    strict: bool,
    connection: Connection,
    output: Output,
) -> None:
    from reconciler import lock

    declared = run.load(paths, strict)
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
            _show_refusal(session, made, str(refused))
            raise
    result = _written(session, made, terms, fresh_until)
    if made.changes or output.format != "text":
        _show_result(result, output)
    _judge(result)


def _show_plan(made: Plan, output: Output) -> None:
    """On stdout as part of the report, save where stdout is to hold one document alone."""
    if output.format == "text":
        planning.show(made, output)
    elif not output.quiet:
        _tell_plan(made)


def _tell_plan(made: Plan) -> None:
    from reconciler.render import text

    click.echo(text.plan(made), nl=False, err=True)


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
        _tell_plan(made)
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


def _show_refusal(session: Session, made: Plan, why: str) -> None:
    """One document comes out whatever happens: here, that nothing was attempted."""
    if session.output.format != "text":
        _show_result(_nothing_attempted(made, why), session.output)


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
    from reconciler import journal
    from reconciler.turn import Stop

    stop = Stop()
    with ExitStack() as stack:
        kept = None
        if terms.journal is not None:
            kept = stack.enter_context(journal.opened(terms.journal))
        work = _write(session, made, terms, stop, kept, fresh_until)
        return run.asyncio_run(work, lambda: stop.now(run.INTERRUPTED))


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


def _show_result(result: Result, output: Output) -> None:
    from reconciler.render import json, text

    if output.format == "json":
        screen.emit(json.result(result))
    else:
        screen.emit("\n" + text.result(result, color=screen.colored(output)))


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
