"""--dask: the numbers are read and written by the workers of a Dask cluster."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from reconciler.cli import connect, run, screen
from reconciler.cli.options import Connection, Output, ParamType, option
from reconciler.cli.run import Session
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.journal import Journal
    from reconciler.model import Change, Desired, DesiredNumber, Failure, Limit, Outcome, Plan
    from reconciler.remote import Errand, Surveyed
    from reconciler.turn import Stop

_ADDRESS = re.compile(r"(tcp|tls)://[^\s/?#@]+:[0-9]{1,5}|local:[1-9][0-9]{0,2}", re.ASCII)


class AddressType(ParamType[str]):
    """tcp://host:port, tls://host:port or local:N."""

    name = "ADDRESS"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if not _ADDRESS.fullmatch(str(value)):
            self.fail(f"{value!r} is neither like tcp://host:8786 nor like local:4", param, ctx)
        return str(value)


dask = option(
    "--dask",
    type=AddressType(),
    help="Have the workers of this Dask scheduler do it (tcp://host:8786), or N of our own "
    "(local:N). The token is each worker's own.",
)


@contextmanager
def session(
    where: str | None,
    connection: Connection,
    output: Output,
    declared: Desired | None = None,
    account_sid: str | None = None,
) -> Iterator[Session]:
    """run.session, which needs no token where workers do the asking.

    Raises UsageError for what workers cannot do, SetupError.
    """
    if where is not None and connection.sandbox:
        raise UsageError("--sandbox is of this process alone; --dask needs an API elsewhere.")
    if where is not None and connection.fetch == "list":
        raise UsageError("With --dask the workers read number by number; leave --fetch list out.")
    asks = where is None
    with connect.access(connection, declared, account_sid, asks=asks) as access:
        yield Session(access, connection, output)


def plan(
    where: str | None,
    session: Session,
    declared: Desired,
    numbers: Sequence[DesiredNumber],
    limit: Limit | None,
    before: Sequence[DesiredNumber] = (),
) -> Plan:
    """Session.plan, by workers where there are any; to the byte the same."""
    from reconciler import plan

    if where is None:
        return session.plan(declared, numbers, limit, before)
    changes, errors = run.asyncio_run(_survey(where, session, numbers, before))
    return session.planned(
        changes, errors, declared.sources, len(numbers), len(declared.numbers),
        plan.max_changes(declared, limit), declared.warnings,
    )  # fmt: skip


async def _survey(
    where: str,
    session: Session,
    numbers: Sequence[DesiredNumber],
    before: Sequence[DesiredNumber],
) -> tuple[list[Change], list[Failure]]:
    from reconciler import distribute
    from reconciler.cli import flowing
    from reconciler.cluster import connected
    from reconciler.progress import progress

    changes: list[Change] = []
    errors: list[Failure] = []
    verbosity, plain = session.output.verbosity, screen.plain(session.output)
    async with (
        connected(where, session.connection.retry_for) as workers,
        progress("Reading", len(numbers), verbosity, plain) as seen,
    ):

        def take(read: int, told: Surveyed) -> None:
            seen.advance(read)
            changes.extend(told.changes)
            errors.extend(told.errors)

        errand = _errand(session)
        ask = partial(distribute.directory, workers, errand)
        flows = await flowing.known(session, numbers, before, ask)
        await distribute.survey(workers, errand, list(map(flows.resolved, numbers)), take)
    changes.sort(key=lambda change: change.number)
    return flowing.checked(session, flows, numbers, changes, errors)


async def write(
    where: str,
    session: Session,
    made: Plan,
    how: tuple[bool, int],
    stop: Stop,
    kept: Journal | None,
) -> tuple[Outcome, ...]:
    """Applies the plan by workers; what came of it, also after a cancel. `how`: fail_fast and
    canary of apply.Apply."""
    import asyncio

    from reconciler.cluster import connected
    from reconciler.distribute import Writing
    from reconciler.progress import progress

    verbosity, plain = session.output.verbosity, screen.plain(session.output)
    async with (
        connected(where, session.connection.retry_for) as workers,
        progress("Writing", len(made.changes), verbosity, plain) as seen,
    ):

        def tell(_: Outcome) -> None:
            seen.advance()

        writing = Writing(workers, _errand(session), *how, stop, tell, kept)
        try:
            await writing.run(made)
        except asyncio.CancelledError:
            if stop.reason != run.INTERRUPTED:
                raise
    return writing.outcomes(made)


def _errand(session: Session) -> Errand:
    from reconciler.remote import Errand

    access, connection = session.access, session.connection
    return Errand(
        run=uuid.uuid4().hex,
        url=access.url,
        account_sid=access.account_sid,
        loopback=access.loopback,
        token_file=connection.token_file,
        ca_file=access.ca_file,
        timeout=access.timeout,
        retry_for=connection.retry_for,
        parallelism=connection.parallelism,
        max_rate=connection.max_rate,
    )
