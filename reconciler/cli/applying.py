"""apply: show, ask, write, report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options, planning, run
from reconciler.cli.options import Connection, Output, Selection, option
from reconciler.errors import Interrupted, PartlyConverged, ReconcilerError, Refused, UsageError
from reconciler.words import counted

if TYPE_CHECKING:
    from reconciler.api import Access
    from reconciler.journal import Journal
    from reconciler.model import Limit, Outcome, Plan, Result
    from reconciler.turn import Stop

# A number that was read longer ago than this is read again before it is written: a person may
# have thought about the prompt.
FRESH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Terms:
    """How an apply is to go about it, as told on the command line."""

    auto_approve: bool
    fail_fast: bool
    canary: int
    max_changes: Limit | None
    journal: Path | None
    lock_timeout: float


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
        type=click.FloatRange(min=0),
        default=0.0,
        metavar="SECONDS",
        help="How long to wait for another apply over the same files.  [default: not at all]",
    ),
)


@click.command()
@click.argument("paths", metavar="PATH...|PLAN", nargs=-1, required=True)
@options.selection
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
    from reconciler import lock, planfile

    if any(planfile.is_plan(Path(path)) for path in paths):
        made = _saved(paths, selection)
        with (
            lock.held([Path(paths[0]).parent], terms.lock_timeout, run.tell),
            run.access(connection) as access,
        ):
            _refuse_other_api(made, access)
            _apply(access, made, 0.0, terms, connection, output)
        return
    declared = run.load(paths, strict)
    numbers = run.choose(declared, selection)
    folders = [Path(source.path).parent for source in declared.sources]
    with (
        lock.held(folders, terms.lock_timeout, run.tell),
        run.access(connection, declared) as access,
    ):
        fresh_until = time.monotonic() + FRESH_SECONDS
        made = run.plan(access, declared, numbers, terms.max_changes, connection, output)
        _apply(access, made, fresh_until, terms, connection, output)


def _saved(paths: tuple[str, ...], selection: Selection) -> Plan:
    from reconciler import planfile

    if len(paths) > 1:
        raise UsageError("A saved plan is applied alone, without further paths.")
    if selection.target or selection.exclude or selection.tag:
        raise UsageError("A saved plan is applied as it is: select numbers when making it.")
    return planfile.load_plan(Path(paths[0]), run.plan_key())


def _refuse_other_api(made: Plan, access: Access) -> None:
    """A plan holds for the API and the account that it was made from."""
    if (made.account_sid, made.api_url) != (access.account_sid, access.url):
        raise Refused(
            f"This plan is for account {made.account_sid} at {made.api_url}, "
            f"not for {access.account_sid} at {access.url}; nothing was written."
        )


def _apply(
    access: Access,
    made: Plan,
    fresh_until: float,
    terms: Terms,
    connection: Connection,
    output: Output,
) -> None:
    """Shows, asks, writes, reports. Raises what the result amounts to."""
    _show_plan(made, output)
    if made.changes:
        _guard(made, terms)
    result = _written(
        access, made, lambda: time.monotonic() > fresh_until, terms, connection, output
    )
    if made.changes or output.format != "text":
        _show_result(result, output)
    _judge(result)


def _show_plan(made: Plan, output: Output) -> None:
    """On stdout as part of the report, save where stdout is to hold one document alone."""
    from reconciler.render import text

    if output.format == "text":
        planning.show(made, output)
    elif not output.quiet:
        click.echo(text.plan(made), nl=False, err=True)


def _guard(made: Plan, terms: Terms) -> None:
    """Raises Refused unless these changes may be written."""
    from reconciler.plan import writable

    count = len(writable(made.changes))
    most = made.max_changes if terms.max_changes is None else terms.max_changes.of(made.numbers)
    if not count:
        raise Refused("All that differs is protected; nothing was written.")
    asking = sys.stdin.isatty() and sys.stderr.isatty() and not terms.auto_approve
    if count > most:
        if not asking:
            raise Refused(
                f"{counted(count, 'number')} would be written, more than the {most:,} that are "
                "allowed; nothing was written. If that is right, allow it with --max-changes."
            )
        _ask(f"This is more than the {most:,} that are allowed. Type {count} to go on", str(count))
    if terms.auto_approve:
        return
    if not asking:
        raise Refused("Nobody is there to approve, and --auto-approve is not given.")
    _ask(f"Write {counted(count, 'number')} of {made.account_sid}? Only yes is accepted", "yes")


def _ask(question: str, wanted: str) -> None:
    click.echo(err=True)
    if click.prompt(question, default="", show_default=False, err=True).strip() != wanted:
        raise Refused("Not approved; nothing was written.")


def _written(
    access: Access,
    made: Plan,
    recheck: Callable[[], bool],
    terms: Terms,
    connection: Connection,
    output: Output,
) -> Result:
    from reconciler import journal
    from reconciler.turn import Stop

    stop = Stop()
    with ExitStack() as stack:
        kept = None
        if terms.journal is not None and made.changes:
            kept = stack.enter_context(journal.opened(terms.journal))
        work = _write(access, made, recheck, stop, kept, terms, connection, output)
        return run.asyncio_run(work, lambda: stop.now(run.INTERRUPTED))


async def _write(
    access: Access,
    made: Plan,
    recheck: Callable[[], bool],
    stop: Stop,
    kept: Journal | None,
    terms: Terms,
    connection: Connection,
    output: Output,
) -> Result:
    import asyncio

    from reconciler.apply import Apply
    from reconciler.model import Result
    from reconciler.render.json import digest

    total = len(made.changes)
    async with run.conversation(access, connection, output, "Writing", total) as (api, seen):

        def tell(_: Outcome) -> None:
            seen.advance()

        if kept is not None:
            await kept.begin(made, digest(made, run.plan_key()))
        applying = Apply(api, recheck, tell, stop, kept, terms.fail_fast, terms.canary)
        try:
            await applying.run(made)
        except asyncio.CancelledError:
            if stop.reason != run.INTERRUPTED:
                raise
    outcomes = applying.outcomes(made)
    return Result(run.now(), access.url, access.account_sid, outcomes, stop.reason)


def _show_result(result: Result, output: Output) -> None:
    from reconciler.render import json, text

    if output.format == "json":
        click.echo(json.result(result), nl=False)
    else:
        click.echo("\n" + text.result(result, color=run.colored(output)), nl=False, color=True)


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
