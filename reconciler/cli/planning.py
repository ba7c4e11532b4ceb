"""plan and drift: read, compare, show. Neither ever writes to the API, save for drift --heal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import baselines, dasking, flowing, options, reports, run, sharding, watching
from reconciler.cli.baselines import Agreed, Since
from reconciler.cli.connect import plan_key
from reconciler.cli.options import Connection, Output, Selection, option
from reconciler.cli.unmanaged import Census, census
from reconciler.errors import Differences, ReconcilerError, UsageError
from reconciler.words import counted

if TYPE_CHECKING:
    from reconciler.model import Desired, DesiredNumber, Limit, Plan


@click.command()
@options.paths
@options.overlay
@options.selection
@options.out
@option("--detailed-exitcode", is_flag=True, help="Exit with 2 where something differs.")
@options.max_changes
@baselines.plan
@census
@sharding.shard
@options.fetch
@flowing.no_check
@dasking.dask
@options.strict
@options.connection
@options.output(*options.PLAN_FORMATS)
def plan(
    paths: tuple[str, ...],
    overlay: tuple[str, ...],
    selection: Selection,
    out: Path | None,
    detailed_exitcode: bool,
    max_changes: Limit | None,
    since: Since,
    census: Census,
    shard: sharding.Part | None,
    dask: str | None,
    strict: bool,
    connection: Connection,
    output: Output,
) -> None:
    """Show what differs between the files and the live configuration."""
    census.refuse(selection, shared=shard is not None or dask is not None)
    declared = run.load(paths, overlay, strict)
    reports.refuse(output, [Path(source.path) for source in declared.sources], out)
    agreed = baselines.agreed(since, paths, declared)
    made = _surveyed(
        declared, agreed, selection, max_changes, connection, output, dask, shard, census
    )
    reports.plan(made, output)
    save(made, out)
    fail_on_errors(made)
    census.fail()
    if detailed_exitcode and made.changes:
        raise Differences


@click.command()
@options.paths
@options.overlay
@options.selection
@baselines.drift
@watching.watch
@options.fetch
@flowing.no_check
@dasking.dask
@options.strict
@options.connection
@options.output(*options.PLAN_FORMATS)
def drift(
    paths: tuple[str, ...],
    overlay: tuple[str, ...],
    selection: Selection,
    since: Since,
    watch: watching.Watch,
    dask: str | None,
    strict: bool,
    connection: Connection,
    output: Output,
) -> None:
    """Show what is live but not declared so; exit with 2 where there is any.

    With --baseline, what the files have declared since and nobody has applied yet is no drift.
    With --every it stays up and looks again; SIGTERM ends it.
    """
    watching.refuse(watch, dask, output)
    if watch.every is not None:
        from reconciler.cli.service import Service

        service = Service(paths, overlay, selection, since, strict, connection, output, watch)
        service.run(watch.every)
        return
    declared = run.load(paths, overlay, strict)
    reports.refuse(output, [Path(source.path) for source in declared.sources])
    agreed = baselines.agreed(since, paths, declared)
    made = _surveyed(declared, agreed, selection, None, connection, output, dask)
    reports.plan(made, output)
    fail_on_errors(made)
    if made.drifted:
        raise Differences


def _surveyed(
    declared: Desired,
    agreed: Agreed | None,
    selection: Selection,
    limit: Limit | None,
    connection: Connection,
    output: Output,
    dask: str | None = None,
    part: sharding.Part | None = None,
    census: Census | None = None,
) -> Plan:
    """The plan for what the files declare, read live."""
    if dask is not None and part is not None:
        raise UsageError("--dask and --shard both share the numbers out; use one of them.")
    numbers: Sequence[DesiredNumber] = run.choose(declared, selection)
    if agreed is not None:
        numbers = agreed.selected(numbers)
    with dasking.session(dask, connection, output, declared) as session:
        own = sharding.chosen(numbers, part)
        before = agreed.of(own) if agreed is not None else ()
        made = dasking.plan(dask, session, declared, own, limit, before)
        if census is not None:
            made = census.told(made, session, declared.numbers, selection)
        if agreed is not None:
            made = agreed.told(made, declared, selection, session.directories)
    return sharding.marked(made, part, numbers)


def save(made: Plan, out: Path | None) -> None:
    """Saves the plan where that is asked for. Raises SetupError."""
    from reconciler import planfile

    if out is not None:
        planfile.save_plan(out, made, plan_key())


def fail_on_errors(made: Plan) -> None:
    if made.errors:
        raise ReconcilerError(f"{counted(len(made.errors), 'number')} could not be planned.")
