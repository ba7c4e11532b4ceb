"""revert: the plan that puts back what was there before a plan or a journalled apply."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options, planning, run
from reconciler.cli.options import Connection, Output, option
from reconciler.errors import Refused

if TYPE_CHECKING:
    from reconciler.api import Access
    from reconciler.model import Change, Failure, Plan, Reading


@click.command()
@click.argument("file", metavar="PLAN_OR_JOURNAL", type=click.Path(path_type=Path))
@option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan here.")
@options.connection
@options.output
def revert(file: Path, out: Path | None, connection: Connection, output: Output) -> None:
    """Plan what undoes a saved plan, or the last run in a journal; apply it with apply PLAN.

    A number that has been changed again since is a conflict and left as it is.
    """
    from reconciler import planfile

    api_url, account_sid, changes = _done(file)
    with run.access(connection) as access:
        if (api_url, account_sid) != (access.url, access.account_sid):
            raise Refused(
                f"{file} is about account {account_sid} at {api_url}, "
                f"not about {access.account_sid} at {access.url}."
            )
        made = _plan(access, file, changes, connection, output)
    if out is not None:
        planfile.save_plan(out, made, run.plan_key())
    planning.show(made, output)
    planning.fail_on_errors(made)


def _done(file: Path) -> tuple[str, str, Sequence[Change]]:
    """Where, for whom and what was set out to be changed. Raises InputError."""
    from reconciler import journal, planfile
    from reconciler.plan import writable

    if journal.is_journal(file):
        recorded = journal.read(file)
        if recorded.cut:
            run.tell(f"{file}: {recorded.cut} lines were cut short and are passed over.")
        return recorded.api_url, recorded.account_sid, recorded.changes
    plan = planfile.load_plan(file, run.plan_key())
    return plan.api_url, plan.account_sid, writable(plan.changes)


def _plan(
    access: Access,
    file: Path,
    changes: Sequence[Change],
    connection: Connection,
    output: Output,
) -> Plan:
    import hashlib

    from reconciler.model import Plan, SourceFile

    back, errors = run.asyncio_run(_read(access, changes, connection, output))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return Plan(
        created_at=run.now(),
        api_url=access.url,
        account_sid=access.account_sid,
        sources=(SourceFile(str(file), sha256),),
        numbers=len(changes),
        # Everything that was allowed to be done may be undone.
        max_changes=len(changes),
        changes=tuple(sorted(back, key=lambda change: change.number)),
        errors=tuple(sorted(errors, key=lambda failure: failure.number)),
    )


async def _read(
    access: Access, changes: Sequence[Change], connection: Connection, output: Output
) -> tuple[list[Change], list[Failure]]:
    from reconciler import schema
    from reconciler.fetch import fetch
    from reconciler.model import Change, Failure
    from reconciler.revert import undo

    done = {change.number: change for change in changes}
    back: list[Change] = []
    errors: list[Failure] = []
    async with run.conversation(access, connection, output, "Reading", len(done)) as (api, seen):

        def take(reading: Reading) -> None:
            seen.advance()
            found = undo(done[reading.number], reading, schema.phones())
            if isinstance(found, Change):
                back.append(found)
            elif isinstance(found, Failure):
                errors.append(found)

        await fetch(api, done, take)
    return back, errors
