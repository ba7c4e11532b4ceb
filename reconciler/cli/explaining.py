"""explain: where each value of a number comes from, and what live has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exporting, flowing, options, reports, run
from reconciler.cli.options import Connection, Output, option
from reconciler.cli.run import Session
from reconciler.errors import ReconcilerError, SetupError, UsageError
from reconciler.words import NearMisses, quoted

if TYPE_CHECKING:
    from reconciler.declared import Declarations, Declared
    from reconciler.model import DesiredNumber, Failure, LiveNumber


@click.command()
@click.argument("number", metavar="NUMBER")
@click.argument("field", metavar="[FIELD]", required=False)
@option(
    "--files",
    "paths",
    multiple=True,
    type=click.Path(),
    default=["."],
    help="The numbers files, or folders of them (repeatable).  [default: this folder]",
)
@options.overlay
@option("--offline", is_flag=True, help="Leave live out; this needs no credentials.")
@options.connection
@options.output("text", "json")
def explain(
    number: str,
    field: str | None,
    paths: tuple[str, ...],
    overlay: tuple[str, ...],
    offline: bool,
    connection: Connection,
    output: Output,
) -> None:
    """Show where each value of a number comes from, what it overrides, and what live has.

    It is to numbers files what git blame is to code. With FIELD it is about that one alone.
    """
    from reconciler import desired
    from reconciler.provenance import explained

    [wanted] = exporting.checked((number,))
    _refuse_unknown(field)
    ready, traced = desired.traced(paths, overlays=overlay)
    reports.refuse(output, [Path(source.path) for source in ready.sources])
    declared = _found(wanted, traced)
    live, failure = None, None
    if not offline:
        # Which flows there are is for a plan to check; here their names are looked up.
        how = replace(connection, no_check_flows=True)
        with run.session(how, output, ready) as session:
            live, failure = run.asyncio_run(_read(session, ready.numbers[wanted]))
    made = explained(declared, traced, live)
    reports.explanation(made.only(field) if field else made, failure, output)
    if failure is not None:
        raise ReconcilerError("What live has cannot be told.")


def _refuse_unknown(field: str | None) -> None:
    """Raises UsageError where there is no such field."""
    from reconciler import schema

    if field is not None and field not in schema.parameters():
        hint = NearMisses().hint(field, schema.parameters())
        raise UsageError(f"There is no field {quoted(field)}{hint or '.'}")


def _found(number: str, run: Declarations) -> Declared:
    """Raises SetupError where the number is not declared."""
    if number in run.numbers:
        return run.numbers[number]
    if number in run.removed:
        path, line, _column = run.removed[number]
        raise SetupError(f"{path}:{line} leaves {number} out of the run.")
    hint = NearMisses().hint(number, run.numbers)
    raise SetupError(f"No file declares {number}{hint or '.'}")


async def _read(
    session: Session, number: DesiredNumber
) -> tuple[LiveNumber | None, Failure | None]:
    """What live has, the flows by name where they are declared so, or why that is not known; both
    where the number is somebody else's. Raises Stopping."""
    from reconciler.fetch import read_one
    from reconciler.model import LiveNumber
    from reconciler.plan import stranger

    flows = await flowing.known(session, [number])
    async with session.conversation("Reading", 1) as (api, seen):
        reading = await read_one(api, number.number)
        seen.advance()
    if not isinstance(reading, LiveNumber):
        return None, reading
    return flows.spoken(reading, number), stranger(number.guards, reading)
