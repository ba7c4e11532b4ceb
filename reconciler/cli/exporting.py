"""export: the live configuration as a numbers file on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli import options, run, screen
from reconciler.cli.options import Connection, Output, option
from reconciler.cli.run import Session
from reconciler.errors import ReconcilerError, UsageError
from reconciler.words import E164, counted, quoted

if TYPE_CHECKING:
    from reconciler.model import Failure, LiveNumber


@click.command()
@click.argument("numbers", metavar="[NUMBER...]", nargs=-1)
@option("--all", "everything", is_flag=True, help="Every number of the account.")
@options.connection
@option("-q", "--quiet", is_flag=True, help="No progress.")
@option("-v", "--verbose", count=True, help="Tell each retry.")
def export(
    numbers: tuple[str, ...], everything: bool, connection: Connection, quiet: bool, verbose: int
) -> None:
    """Write the live configuration of numbers as a numbers file."""
    from reconciler.export import numbers_file

    if bool(numbers) == everything:
        raise UsageError("Name the numbers to export, or use --all for every one.")
    output = Output("text", no_color=True, quiet=quiet, verbose=verbose)
    named = _checked(numbers)
    with run.session(connection, output) as session:
        live, failures = run.asyncio_run(_read(session, named))
    text, left_out = numbers_file(live)
    for sentence in left_out:
        screen.tell(f"warning: {sentence} It is left out.")
    for failure in failures:
        screen.tell(f"{failure.number}: {failure.code}: {failure.message}")
    screen.emit(text)
    if failures:
        raise ReconcilerError(f"{counted(len(failures), 'number')} could not be read.")


def _checked(numbers: tuple[str, ...]) -> list[str]:
    """The numbers in E.164 form with their plus. Raises UsageError."""
    from reconciler.model import canonical_number

    known = {number: canonical_number(number) for number in numbers}
    for given, number in known.items():
        if not E164.fullmatch(number):
            raise UsageError(f"{quoted(given)} is no phone number in E.164 form: +61255501234.")
    return sorted(set(known.values()))


async def _read(session: Session, numbers: list[str]) -> tuple[list[LiveNumber], list[Failure]]:
    """The numbers named, or all of the account where none is."""
    from reconciler import wire
    from reconciler.fetch import fetch
    from reconciler.model import LiveNumber, Reading

    readings: list[Reading] = []
    async with session.conversation("Reading", len(numbers)) as (api, seen):

        def take(reading: Reading) -> None:
            seen.advance()
            readings.append(reading)

        if numbers:
            await fetch(api, numbers, take)
        else:
            async for row in api.list_numbers():
                take(wire.live_number(row))
    live = [reading for reading in readings if isinstance(reading, LiveNumber)]
    failed = [reading for reading in readings if not isinstance(reading, LiveNumber)]
    return live, sorted(failed, key=lambda failure: failure.number)
