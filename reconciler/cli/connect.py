"""From flags and the environment to where the API is and who asks."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from reconciler.cli.options import SANDBOX_DB, Connection
from reconciler.errors import SetupError
from reconciler.words import quoted

if TYPE_CHECKING:
    from reconciler.api import Access
    from reconciler.model import Desired

# What can be an account or a property, and a part of a URL as it stands.
SID = re.compile(r"[A-Za-z0-9_-]+")


@contextmanager
def access(
    connection: Connection,
    declared: Desired | None = None,
    account_sid: str | None = None,
    *,
    asks: bool = True,
) -> Iterator[Access]:
    """Where to ask and as whom; the sandbox, where that is what is asked for.

    `account_sid` is the account where no flag and no file names one. Where it is not this process
    that `asks`, it needs no token. Raises SetupError.
    """
    account = connection.account_sid or _declared_account(declared) or account_sid
    if account is not None and not SID.fullmatch(account):
        raise SetupError(f"{quoted(account)} is no AccountSid: letters, digits, - and _ are.")
    if connection.sandbox:
        with _sandbox(connection, declared, account) as ready:
            yield ready
    else:
        yield _real(connection, account, asks)


def plan_key() -> str | None:
    """What plans are signed with; from the environment alone, as it is a secret."""
    return os.environ.get("RECONCILER_PLAN_KEY") or None


def _declared_account(declared: Desired | None) -> str | None:
    """The one account that the files name. Raises SetupError where they name several."""
    numbers = declared.numbers.values() if declared is not None else ()
    accounts = sorted({sid for number in numbers if (sid := number.guards.get("AccountSid"))})
    if len(accounts) > 1:
        raise SetupError(
            f"The files name several accounts ({', '.join(accounts)}); one run is for one. "
            "Say which with --account-sid, or give the files of one account."
        )
    return accounts[0] if accounts else None


def _real(connection: Connection, account: str | None, asks: bool) -> Access:
    from reconciler import credentials
    from reconciler.api import Access

    url = _checked_url(connection)
    if not account:
        raise SetupError(
            "No account is given: set RECONCILER_ACCOUNT_SID, use --account-sid, or write "
            "`account:` in the numbers file. To try it without an account, use --sandbox."
        )
    return Access(
        url=url,
        account_sid=account,
        token=credentials.token(connection.token_file) if asks else "",
        timeout=connection.timeout,
        loopback=_is_loopback(urlsplit(url).hostname or ""),
        ca_file=connection.ca_file,
    )


@contextmanager
def _sandbox(
    connection: Connection, declared: Desired | None, account: str | None
) -> Iterator[Access]:
    from reconciler import sandbox
    from reconciler.api import Access

    played = account or sandbox.ACCOUNT_SID
    settings = sandbox.Settings(db=prepared_db(connection.sandbox_db), account_sid=played)
    with sandbox.running(settings, _bare(declared, played), _flows(declared)) as url:
        yield Access(
            url=url,
            account_sid=played,
            token=sandbox.TOKEN,
            timeout=connection.timeout,
            loopback=True,
            # Its port is another one each time, but what it stands for is not.
            name=f"sandbox:{connection.sandbox_db}",
        )


def _bare(declared: Desired | None, account: str) -> list[dict[str, object]]:
    """The declared numbers as somebody's who has just bought them: nothing is set yet."""
    numbers = declared.numbers.values() if declared is not None else ()
    return [{"Number": number.number, "AccountSid": account, **number.guards} for number in numbers]


def _flows(declared: Desired | None) -> list[dict[str, object]]:
    """The flows that the files name, with ConfigIds made up."""
    from reconciler.flows import by_name

    numbers = declared.numbers.values() if declared is not None else ()
    named = {
        (number.guards["PropertySid"], str(name))
        for number in numbers
        for name in by_name(number).values()
    }
    return [
        {"PropertySid": owner, "ConfigId": f"cfg-{_digest(name)}", "Name": name}
        for owner, name in sorted(named)
    ]


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def prepared_db(path: Path) -> Path:
    """The sandbox's file, its folder made where it is the usual one, and kept out of git.

    Raises SetupError.
    """
    try:
        if path == SANDBOX_DB and not path.parent.exists():
            path.parent.mkdir()
            (path.parent / ".gitignore").write_text("*\n", "utf-8")
    except OSError as error:
        raise SetupError(f"{path.parent} cannot be made: {error.strerror}.") from None
    return path


def _checked_url(connection: Connection) -> str:
    url = connection.api_url.rstrip("/")
    parts = _parts(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SetupError("--api-url must be a plain URL, without credentials, query or fragment.")
    if parts.scheme == "http" and not (
        connection.insecure_http or _is_loopback(parts.hostname or "")
    ):
        raise SetupError(
            f"--api-url {url} would send the token unencrypted; use https://, or --insecure-http "
            "where you are sure."
        )
    return url


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url or "?" in url:
        raise SetupError(f"--api-url {quoted(url)} is not an http:// or https:// URL.")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
