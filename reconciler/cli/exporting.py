"""export: the live configuration as a numbers file on stdout, or into those that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli import accepting, flowing, options, run, screen
from reconciler.cli.options import Connection, Output, option
from reconciler.cli.run import Session
from reconciler.errors import ReconcilerError, Unreadable, UsageError
from reconciler.words import E164, counted, quoted

if TYPE_CHECKING:
    from reconciler.model import Failure, LiveNumber


@click.command()
@click.argument("numbers", metavar="[NUMBER...]", nargs=-1)
@option(
    "--all",
    "everything",
    is_flag=True,
    help="Every number of the account; with --into, every one that is declared there.",
)
@option(
    "--factor",
    is_flag=True,
    help="Move what many numbers share into defaults and templates, where that makes it shorter.",
)
@accepting.flags
@options.connection
@option("-q", "--quiet", is_flag=True, help="No progress.")
@option("-v", "--verbose", count=True, help="Tell each retry.")
def export(
    numbers: tuple[str, ...],
    everything: bool,
    factor: bool,
    wanted: accepting.Wanted,
    connection: Connection,
    quiet: bool,
    verbose: int,
) -> None:
    """Write the live configuration of numbers as a numbers file.

    With --into, write it into the numbers files that there are, where it is not as declared: what
    was changed by hand is kept. Comments, order, quotes and templates stay as they are.
    """
    if bool(numbers) == everything:
        raise UsageError("Name the numbers to export, or use --all for every one.")
    if wanted.into is not None and factor:
        raise UsageError("--factor makes a file of its own; it does not go with --into.")
    into = accepting.opened(wanted)
    output = Output("text", no_color=True, quiet=quiet, verbose=verbose)
    named = checked(numbers)
    if into is not None:
        named = into.numbers(named)
    with run.session(connection, output, into.declared if into else None) as session:
        live, failures = run.asyncio_run(_read(session, named))
        if into is not None:
            live = run.asyncio_run(flowing.spoken(session, live, into.declared))
    for failure in failures:
        screen.tell(f"{failure.number}: {failure.code}: {failure.message}")
    if into is not None:
        into.accept(live, failures)
        return
    screen.emit(_text(live, factor))
    if failures:
        raise ReconcilerError(f"{counted(len(failures), 'number')} could not be read.")


def _text(live: list[LiveNumber], factor: bool) -> str:
    """The numbers file; what it may not hold is told of."""
    from reconciler.export import numbers_file

    text, left_out = numbers_file(live, factor=factor)
    for sentence in left_out:
        screen.tell(f"warning: {sentence} It is left out.")
    return text


def checked(numbers: tuple[str, ...]) -> list[str]:
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
    from reconciler.model import LiveNumber, Reading, canonical_number

    readings: list[Reading] = []
    async with session.conversation("Reading", len(numbers)) as (api, seen):

        def take(reading: Reading) -> None:
            seen.advance()
            readings.append(reading)

        if numbers:
            await fetch(api, numbers, take)
        else:
            unclear: list[str] = []
            async for row in api.list_numbers():
                try:
                    take(wire.live_number(row))
                except Unreadable:
                    unclear.append(canonical_number(str(row["Number"])))
            await fetch(api, unclear, take)
    live = [reading for reading in readings if isinstance(reading, LiveNumber)]
    failed = [reading for reading in readings if not isinstance(reading, LiveNumber)]
    return live, sorted(failed, key=lambda failure: failure.number)
