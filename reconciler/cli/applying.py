"""apply: show, ask, write, report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options, planning, run
from reconciler.cli.options import Connection, Output, Selection, option
from reconciler.errors import (
    PartlyConverged,
    ReconcilerError,
    Refused,
    UsageError,
)

if TYPE_CHECKING:
    from reconciler.api import Access
    from reconciler.model import Limit, Outcome, Plan, Result

# A number that was read longer ago than this is read again before it is written: a person may
# have thought about the prompt.
FRESH_SECONDS = 60.0


@click.command()
@click.argument("paths", metavar="PATH...|PLAN", nargs=-1, required=True)
@options.selection
@option("--auto-approve", is_flag=True, help="Do not ask.")
@option("--fail-fast", is_flag=True, help="Start nothing new after the first failure.")
@options.max_changes
@options.strict
@options.connection
@options.output
def apply(
    paths: tuple[str, ...],
    selection: Selection,
    auto_approve: bool,
    fail_fast: bool,
    max_changes: Limit | None,
    strict: bool,
    connection: Connection,
    output: Output,
) -> None:
    """Send what is needed to make the live configuration what the files, or a saved plan, say."""
    from reconciler import planfile

    if any(planfile.is_plan(Path(path)) for path in paths):
        made = _saved(paths, selection)
        with run.access(connection) as access:
            _refuse_other_api(made, access)
            _apply(access, made, 0.0, auto_approve, fail_fast, max_changes, connection, output)
        return
    declared = run.load(paths, strict)
    numbers = run.choose(declared, selection)
    with run.access(connection, declared) as access:
        fresh_until = time.monotonic() + FRESH_SECONDS
        made = run.plan(access, declared, numbers, max_changes, connection, output)
        _apply(access, made, fresh_until, auto_approve, fail_fast, None, connection, output)


def _saved(paths: tuple[str, ...], selection: Selection) -> Plan:
    from reconciler import planfile

    if len(paths) > 1:
        raise UsageError("A saved plan is applied alone, without further paths.")
    if selection.target or selection.exclude or selection.tag:
        raise UsageError("A saved plan is applied as it is: select numbers when making it.")
    return planfile.load_plan(Path(paths[0]))


def _refuse_other_api(made: Plan, access: Access) -> None:
    """A plan holds for the API and the account that it was made from."""
    if (made.account_sid, made.api_url) != (access.account_sid, access.url):
        raise Refused(
            f"This plan is for account {made.account_sid} at {made.api_url}, "
            f"not for {access.account_sid} at {access.url}."
        )


def _apply(
    access: Access,
    made: Plan,
    fresh_until: float,
    auto_approve: bool,
    fail_fast: bool,
    limit: Limit | None,
    connection: Connection,
    output: Output,
) -> None:
    _show_plan(made, output)
    if made.changes:
        most = made.max_changes if limit is None else limit.of(made.numbers)
        _guard(made, most, auto_approve)
    recheck = lambda: time.monotonic() > fresh_until  # noqa: E731
    result = run.asyncio_run(_write(access, made, recheck, fail_fast, connection, output))
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


def _guard(made: Plan, most: int, auto_approve: bool) -> None:
    """Raises Refused unless these changes may be written."""
    from reconciler.plan import writable

    count = len(writable(made.changes))
    if not count:
        raise Refused("All that differs is protected; nothing was written.")
    asking = sys.stdin.isatty() and sys.stderr.isatty() and not auto_approve
    if count > most:
        if not asking:
            raise Refused(
                f"{count:,} numbers would be written, more than the {most:,} that are allowed; "
                "nothing was written. If that is right, allow it with --max-changes."
            )
        _ask(f"This is more than the {most:,} that are allowed. Type {count} to go on", str(count))
    if auto_approve:
        return
    if not asking:
        raise Refused("Nobody is there to approve, and --auto-approve is not given.")
    _ask(f"Write {count:,} numbers of {made.account_sid}? Only yes is accepted", "yes")


def _ask(question: str, wanted: str) -> None:
    click.echo(err=True)
    if click.prompt(question, default="", show_default=False, err=True).strip() != wanted:
        raise Refused("Not approved; nothing was written.")


async def _write(
    access: Access,
    made: Plan,
    recheck: Callable[[], bool],
    fail_fast: bool,
    connection: Connection,
    output: Output,
) -> Result:
    from reconciler.apply import Apply, Stop
    from reconciler.model import Result

    stop = Stop()
    total = len(made.changes)
    async with run.conversation(access, connection, output, "Writing", total) as (api, seen):

        def tell(_: Outcome) -> None:
            seen.advance()

        outcomes = await Apply(api, recheck, tell, stop, fail_fast).run(made)
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
    if kept == len(result.outcomes):
        return
    if result.count(Status.CONFLICT) == len(result.outcomes):
        raise Refused("The plan is stale throughout; nothing was written.")
    if not any(outcome.attempts for outcome in result.outcomes) and not done:
        raise ReconcilerError("Nothing could be applied.")
    raise PartlyConverged("Some numbers are not as declared; the report says which.")
