"""What the commands have in common: inputs, credentials, one conversation with the API."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from reconciler.cli.options import SANDBOX_DB, Connection, Output, Selection
from reconciler.errors import InputError, Interrupted, Problem, SetupError
from reconciler.words import inert

if TYPE_CHECKING:
    from reconciler.api import Access, Api
    from reconciler.model import Change, Desired, DesiredNumber, Failure, Limit, Plan, Reading
    from reconciler.progress import Progress

T = TypeVar("T")
INTERRUPTED = "Interrupted."


def load(paths: Sequence[str], strict: bool) -> Desired:
    """The declared state; warnings go to stderr, or fail the run. Raises InputError."""
    from reconciler import desired

    declared = desired.load(paths)
    if strict and declared.warnings:
        raise InputError(declared.warnings)
    for warning in declared.warnings:
        tell(str(_marked(warning)))
    return declared


def _marked(warning: Problem) -> Problem:
    text = f"warning: {warning.message} [{warning.rule}]"
    return Problem(warning.path, warning.line, warning.column, text)


def tell(line: str) -> None:
    """A line on stderr, whatever is in it."""
    click.echo(inert(line), err=True)


def choose(declared: Desired, selection: Selection) -> list[DesiredNumber]:
    """The declared numbers that this run is about. Raises SetupError."""
    from reconciler.selection import select

    numbers = declared.numbers.values()
    return select(numbers, selection.target, selection.exclude, selection.tag)


def colored(output: Output) -> bool:
    return not (output.no_color or os.environ.get("NO_COLOR")) and sys.stdout.isatty()


@contextmanager
def access(connection: Connection, declared: Desired | None = None) -> Iterator[Access]:
    """Where to ask and as whom, the sandbox where that is what is asked. Raises SetupError."""
    from reconciler.api import Access

    if connection.sandbox:
        with _sandbox(connection, declared) as ready:
            yield ready
        return
    url = _checked_url(connection)
    account = connection.account_sid or _declared_account(declared)
    if not account:
        raise SetupError(
            "No account is given: set RECONCILER_ACCOUNT_SID, use --account-sid, or write "
            "`account:` in the numbers file. To try it without an account, use --sandbox."
        )
    loopback = _is_loopback(urlsplit(url).hostname or "")
    yield Access(url, account, _token(connection), connection.timeout, loopback)


@contextmanager
def _sandbox(connection: Connection, declared: Desired | None) -> Iterator[Access]:
    from reconciler import sandbox
    from reconciler.api import Access

    account = connection.account_sid or _declared_account(declared) or sandbox.ACCOUNT_SID
    settings = sandbox.Settings(db=prepared_db(connection.sandbox_db), account_sid=account)
    with sandbox.running(settings, _bare(declared, account)) as url:
        yield Access(url, account, sandbox.TOKEN, connection.timeout, loopback=True)


def _bare(declared: Desired | None, account: str) -> list[dict[str, object]]:
    """The declared numbers as somebody's who has just bought them: nothing is set yet."""
    numbers = declared.numbers.values() if declared is not None else ()
    return [
        {
            "Number": number.number,
            "AccountSid": account,
            **number.guards,
        }
        for number in numbers
    ]


def prepared_db(path: Path) -> Path:
    """The sandbox's file, its folder made where it is the usual one, and kept out of git."""
    if path == SANDBOX_DB and not path.parent.exists():
        path.parent.mkdir()
        (path.parent / ".gitignore").write_text("*\n", "utf-8")
    return path


def _checked_url(connection: Connection) -> str:
    url = connection.api_url.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SetupError(f"--api-url {url!r} is not an http:// or https:// URL.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SetupError("--api-url must be a plain URL, without credentials, query or fragment.")
    if parts.scheme == "http" and not (connection.insecure_http or _is_loopback(parts.hostname)):
        raise SetupError(
            f"--api-url {url} would send the token unencrypted; use https://, or --insecure-http "
            "where you are sure."
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _declared_account(declared: Desired | None) -> str | None:
    numbers = declared.numbers.values() if declared is not None else ()
    accounts = {number.guards.get("AccountSid") for number in numbers}
    return next(iter(accounts)) if len(accounts) == 1 else None


def _token(connection: Connection) -> str:
    if connection.token_file is not None:
        try:
            token = connection.token_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise SetupError(f"--token-file {connection.token_file} cannot be read.") from None
    else:
        token = os.environ.get("RECONCILER_TOKEN", "").strip()
    if not token:
        raise SetupError("No token is given: set RECONCILER_TOKEN or use --token-file.")
    if not (token.isascii() and token.isprintable()):
        raise SetupError("The token holds characters that no token has; was it copied whole?")
    return token


@asynccontextmanager
async def conversation(
    access: Access, connection: Connection, output: Output, what: str, total: int
) -> AsyncIterator[tuple[Api, Progress]]:
    """An Api, and the Progress over `total` items that its retries show up in."""
    from reconciler.api import connect
    from reconciler.pace import Pacer
    from reconciler.progress import progress

    async with (
        progress(what, total, output.verbosity) as seen,
        connect(
            access,
            Pacer(connection.parallelism, max_rate=connection.max_rate),
            retry_for=connection.retry_for,
            on_retry=seen.retry,
            on_request=seen.say if output.verbose > 1 else None,
        ) as api,
    ):
        yield api, seen


def plan(
    access: Access,
    declared: Desired,
    numbers: Sequence[DesiredNumber],
    limit: Limit | None,
    connection: Connection,
    output: Output,
) -> Plan:
    """Reads these numbers and plans them. Raises Stopping."""
    from reconciler import plan as planner
    from reconciler.model import Plan

    changes, errors = asyncio_run(_read(access, declared, numbers, connection, output))
    return Plan(
        created_at=now(),
        api_url=access.url,
        account_sid=access.account_sid,
        sources=declared.sources,
        numbers=len(numbers),
        max_changes=planner.max_changes(declared, limit),
        changes=tuple(sorted(changes, key=lambda change: change.number)),
        errors=tuple(sorted(errors, key=lambda failure: failure.number)),
        warnings=declared.warnings,
    )


async def _read(
    access: Access,
    declared: Desired,
    numbers: Sequence[DesiredNumber],
    connection: Connection,
    output: Output,
) -> tuple[list[Change], list[Failure]]:
    from reconciler import plan, schema
    from reconciler.fetch import fetch
    from reconciler.model import Change

    changes: list[Change] = []
    errors: list[Failure] = []
    phones = schema.phones()
    async with conversation(access, connection, output, "Reading", len(numbers)) as (api, seen):

        def take(reading: Reading) -> None:
            seen.advance()
            found = plan.assess(declared.numbers[reading.number], reading, phones)
            if isinstance(found, Change):
                changes.append(found)
            elif found is not None:
                errors.append(found)

        await fetch(api, (number.number for number in numbers), take)
    return changes, errors


def asyncio_run(
    work: Coroutine[Any, Any, T], on_interrupt: Callable[[], object] | None = None
) -> T:
    """asyncio.run, where Ctrl-C and SIGTERM call `on_interrupt`, and a second one cancels the
    work; without `on_interrupt` the first one does. Raises Interrupted."""
    import asyncio

    async def run() -> T:
        task = asyncio.current_task()
        assert task is not None
        calls = iter([] if on_interrupt is None else [on_interrupt])
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(
                number, lambda: next(calls, task.cancel)()
            )
        return await work

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        raise Interrupted(INTERRUPTED) from None


def plan_key() -> str | None:
    """What plans are signed with; from the environment alone, as it is a secret."""
    return os.environ.get("RECONCILER_PLAN_KEY") or None


def now() -> str:
    """UTC, to the second, as the schemas have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
