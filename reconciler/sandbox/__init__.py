"""The embedded API: a real HTTP server on loopback, for trying things without an account.

It reads the schema and shares nothing else with the client, so that one mistake cannot be made on
both sides and cancel out. The web server and the database are imported when a server is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.sandbox.fault import Fault

ACCOUNT_SID = "ACsandbox"
PROPERTY_SID = "PRsandbox"
TOKEN = "sandbox"  # noqa: S105  no secret: the server answers nobody but this machine


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server is to be run.

    db: the file that keeps the numbers; None keeps them in memory.
    seed: a JSON file of numbers and flows, for those that the database doesn't have yet.
    host, port: where to listen, loopback only; port 0 takes a free one.
    latency: seconds that each answer of the API is held back.
    account_sid: the one account that may ask, and whose numbers are served.
    wrapped_lists: lists as {"Numbers": [...], "TotalCount": n} and not bare; both are in the wild.
    faults: those that are armed from the start, each a Fault or the SPEC of one, as "429:rate=50".
    """

    db: Path | None = None
    seed: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    latency: float = 0.0
    account_sid: str = ACCOUNT_SID
    wrapped_lists: bool = False
    faults: tuple[Fault | str, ...] = ()


def serve(settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; `on_ready` is called once with the server's URL.

    Raises SetupError where a setting, the faults, seed, database or port cannot be used.
    """
    from reconciler.sandbox import server

    server.serve(settings, on_ready)


@contextmanager
def running(
    settings: Settings,
    numbers: Iterable[Mapping[str, object]] = (),
    flows: Iterable[Mapping[str, object]] = (),
) -> Iterator[str]:
    """The same server in a thread, for as long as the block lasts; yields its URL.

    `numbers`, shaped as the API gives them, are added where the database lacks them, and belong
    to the account and property that they name where it does not. `flows`, shaped likewise, are
    added where their property has none of their ConfigId or name.
    Raises SetupError as `serve` does, and for a number or flow that isn't one.
    """
    from reconciler.sandbox import server

    with server.running(settings, numbers, flows) as url:
        yield url
