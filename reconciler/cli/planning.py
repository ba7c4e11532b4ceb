"""plan and drift: read, compare, show. Neither ever writes to the API."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import dasking, options, run, screen, sharding
from reconciler.cli.connect import plan_key
from reconciler.cli.options import Connection, Output, Selection, option
from reconciler.errors import Differences, ReconcilerError, SetupError, UsageError
from reconciler.words import counted

if TYPE_CHECKING:
    from reconciler.model import Desired, Limit, Plan


@click.command()
@options.paths
@options.selection
@options.out
@option("--detailed-exitcode", is_flag=True, help="Exit with 2 where something differs.")
@options.max_changes
@sharding.shard
@options.fetch
@dasking.dask
@options.strict
@options.connection
@options.output
def plan(
    paths: tuple[str, ...],
    selection: Selection,
    out: Path | None,
    detailed_exitcode: bool,
    max_changes: Limit | None,
    shard: sharding.Part | None,
    dask: str | None,
    strict: bool,
    connection: Connection,
    output: Output,
) -> None:
    """Show what differs between the files and the live configuration."""
    declared = run.load(paths, strict)
    refuse_out(out, [Path(source.path) for source in declared.sources])
    made = _surveyed(declared, selection, max_changes, connection, output, dask, shard)
    show(made, output)
    save(made, out)
    fail_on_errors(made)
    if detailed_exitcode and made.changes:
        raise Differences


@click.command()
@options.paths
@options.selection
@options.fetch
@dasking.dask
@options.strict
@options.connection
@options.output
def drift(
    paths: tuple[str, ...],
    selection: Selection,
    dask: str | None,
    strict: bool,
    connection: Connection,
    output: Output,
) -> None:
    """Show what is live but not declared so; exit with 2 where there is any."""
    made = _surveyed(run.load(paths, strict), selection, None, connection, output, dask)
    show(made, output)
    fail_on_errors(made)
    if made.changes:
        raise Differences


def _surveyed(
    declared: Desired,
    selection: Selection,
    limit: Limit | None,
    connection: Connection,
    output: Output,
    dask: str | None = None,
    part: sharding.Part | None = None,
) -> Plan:
    """The plan for what the files declare, read live."""
    if dask is not None and part is not None:
        raise UsageError("--dask and --shard both share the numbers out; use one of them.")
    numbers = run.choose(declared, selection)
    with dasking.session(dask, connection, output, declared) as session:
        made = dasking.plan(dask, session, declared, sharding.chosen(numbers, part), limit)
    return sharding.marked(made, part, numbers)


def refuse_out(out: Path | None, sources: list[Path]) -> None:
    """Before anything is read: what could not be saved in the end is said now.

    Raises UsageError where the plan would overwrite what it is made from, SetupError where the
    folder cannot be written to.
    """
    if out is None:
        return
    if out.exists() and any(out.samefile(source) for source in sources):
        raise UsageError(f"--out {out} would overwrite what the plan is made from.")
    if not os.access(out.resolve().parent, os.W_OK):
        raise SetupError(f"--out {out} cannot be written: its folder is missing or read-only.")


def save(made: Plan, out: Path | None) -> None:
    """Saves the plan where that is asked for. Raises SetupError."""
    from reconciler import planfile

    if out is not None:
        planfile.save_plan(out, made, plan_key())


def show(made: Plan, output: Output) -> None:
    """The plan on stdout, in the format asked for."""
    from reconciler.render import json, text

    if output.format == "json":
        screen.emit(json.plan(made, plan_key()))
    else:
        screen.emit(text.plan(made, color=screen.colored(output)))


def fail_on_errors(made: Plan) -> None:
    if made.errors:
        raise ReconcilerError(f"{counted(len(made.errors), 'number')} could not be planned.")
