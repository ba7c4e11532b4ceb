"""plan and drift: read, compare, show. Neither ever writes to the API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options, run
from reconciler.cli.options import Connection, Output, Selection, option
from reconciler.errors import Differences, ReconcilerError
from reconciler.words import counted

if TYPE_CHECKING:
    from reconciler.model import Limit, Plan


@click.command()
@options.paths
@options.selection
@option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan here.")
@option("--detailed-exitcode", is_flag=True, help="Exit with 2 where something differs.")
@options.max_changes
@options.strict
@options.connection
@options.output
def plan(
    paths: tuple[str, ...],
    selection: Selection,
    out: Path | None,
    detailed_exitcode: bool,
    max_changes: Limit | None,
    strict: bool,
    connection: Connection,
    output: Output,
) -> None:
    """Show what differs between the files and the live configuration."""
    from reconciler import planfile

    made = survey(paths, selection, max_changes, strict, connection, output)
    if out is not None:
        planfile.save_plan(out, made, run.plan_key())
    show(made, output)
    fail_on_errors(made)
    if detailed_exitcode and made.changes:
        raise Differences


@click.command()
@options.paths
@options.selection
@options.strict
@options.connection
@options.output
def drift(
    paths: tuple[str, ...],
    selection: Selection,
    strict: bool,
    connection: Connection,
    output: Output,
) -> None:
    """Show what is live but not declared so; exit with 2 where there is any."""
    made = survey(paths, selection, None, strict, connection, output)
    show(made, output)
    fail_on_errors(made)
    if made.changes:
        raise Differences


def survey(
    paths: tuple[str, ...],
    selection: Selection,
    limit: Limit | None,
    strict: bool,
    connection: Connection,
    output: Output,
) -> Plan:
    """The plan for what the files declare, read live."""
    declared = run.load(paths, strict)
    numbers = run.choose(declared, selection)
    with run.access(connection, declared) as access:
        return run.plan(access, declared, numbers, limit, connection, output)


def show(made: Plan, output: Output) -> None:
    """The plan on stdout, in the format asked for."""
    from reconciler.render import json, text

    if output.format == "json":
        click.echo(json.plan(made, run.plan_key()), nl=False)
    else:
        click.echo(text.plan(made, color=run.colored(output)), nl=False, color=True)


def fail_on_errors(made: Plan) -> None:
    if made.errors:
        raise ReconcilerError(f"{counted(len(made.errors), 'number')} could not be read.")
