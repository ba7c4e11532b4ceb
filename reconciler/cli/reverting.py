"""revert: the plan that puts back what was there before a plan or a journalled apply."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options, planning, reports, run, screen
from reconciler.cli.connect import plan_key
from reconciler.cli.options import Connection, Output
from reconciler.errors import Refused
from reconciler.words import counted

if TYPE_CHECKING:
    from reconciler.model import Change, Failure, Reading, SourceFile


@click.command()
@click.argument("file", metavar="PLAN_OR_JOURNAL", type=click.Path(path_type=Path))
@options.out
@options.connection
@options.output(*options.PLAN_FORMATS)
def revert(file: Path, out: Path | None, connection: Connection, output: Output) -> None:
    """Plan what undoes a saved plan, or the last run in a journal; apply it with apply PLAN.

    A number that has been changed again since is a conflict and left as it is. A sensitive value
    is in no plan and no journal, so it cannot be put back: that is told, and the other fields are
    planned.
    """
    from reconciler import schema
    from reconciler.revert import undo, unkept

    api_url, account_sid, changes = _done(file)
    reports.refuse(output, [file], out)
    done = {change.number: change for change in changes}

    def judge(reading: Reading) -> Change | Failure | None:
        return undo(done[reading.number], reading, schema.phones())

    with run.session(connection, output, account_sid=account_sid) as session:
        here = session.access.known_as
        if (api_url, account_sid) != (here, session.access.account_sid):
            raise Refused(
                f"{file} is about account {account_sid} at {api_url}, "
                f"not about {session.access.account_sid} at {here}."
            )
        back, errors = session.judged(done, judge)
        failed = {failure.number for failure in errors}
        for number, change in done.items():
            if number not in failed and (lost := unkept(change)):
                screen.tell(f"warning: {number}: {lost}.")
        # Everything that was allowed to be done may be undone.
        count = len(done)
        made = session.planned(back, errors, (_source(file),), count, count, count)
    reports.plan(made, output)
    planning.save(made, out)
    planning.fail_on_errors(made)


def _source(file: Path) -> SourceFile:
    import hashlib

    from reconciler.model import SourceFile

    return SourceFile(str(file), hashlib.sha256(file.read_bytes()).hexdigest())


def _done(file: Path) -> tuple[str, str, Sequence[Change]]:
    """Where, for whom and what was set out to be changed. Raises InputError."""
    from reconciler import journal, planfile
    from reconciler.plan import writable

    if journal.is_journal(file):
        recorded = journal.read(file)
        if recorded.cut:
            screen.tell(f"{file}: {counted(recorded.cut, 'line')} cut short, and passed over.")
        return recorded.api_url, recorded.account_sid, recorded.changes
    plan = planfile.load_plan(file, plan_key())
    return plan.api_url, plan.account_sid, writable(plan.changes)
