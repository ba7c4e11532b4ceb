"""merge: the plans of all shards, put together to the plan of one machine."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import options, planning, reports
from reconciler.cli.connect import plan_key
from reconciler.cli.options import Output, option
from reconciler.errors import Differences


@click.command()
@click.argument(
    "files", metavar="PLAN...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@options.out
@option("--detailed-exitcode", is_flag=True, help="Exit with 2 where something differs.")
@options.output(*options.PLAN_FORMATS)
def merge(
    files: tuple[Path, ...], out: Path | None, detailed_exitcode: bool, output: Output
) -> None:
    """Put the plans of plan --shard together; every shard has to be there, once.

    It is then the plan that one machine would have made, to the byte.
    """
    from reconciler import merge, planfile

    reports.refuse(output, files, out)
    made = merge.merged([(str(file), planfile.load_plan(file, plan_key())) for file in files])
    reports.plan(made, output)
    planning.save(made, out)
    planning.fail_on_errors(made)
    if detailed_exitcode and made.changes:
        raise Differences
