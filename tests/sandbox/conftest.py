"""Real servers over real sockets, and clients of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from reconciler import sandbox

NUMBER = "+61255500001"

_SERVE = """
import sys
from pathlib import Path
from reconciler import sandbox
sandbox.serve(sandbox.Settings(db=Path(sys.argv[1])), lambda url: print(url, flush=True))
"""

Start = Callable[..., httpx.Client]
Arm = Callable[..., httpx.Client]


@pytest.fixture
def start() -> Iterator[Start]:
    """start(*bare_numbers, db=…, seed=…, …) starts a server and gives a client with credentials."""
    with ExitStack() as stack:

        def started(*bare_numbers: str, **settings: object) -> httpx.Client:
            made = sandbox.Settings(**settings)  # type: ignore[arg-type]
            url = stack.enter_context(
                sandbox.running(made, [{"Number": number} for number in bare_numbers])
            )
            return stack.enter_context(client_of(url))

        yield started


@pytest.fixture
def api(start: Start) -> httpx.Client:
    """A client of a sandbox with one unconfigured number."""
    return start(NUMBER)


@pytest.fixture
def arm(start: Start) -> Arm:
    """arm(*specs) gives a client of a sandbox of two numbers with these faults."""

    def armed(*specs: str) -> httpx.Client:
        return start(NUMBER, "+61255500002", faults=specs)

    return armed


def client_of(url: str) -> httpx.Client:
    credentials = (sandbox.ACCOUNT_SID, sandbox.TOKEN)
    return httpx.Client(base_url=url, auth=credentials, trust_env=False)


@contextmanager
def _process(db: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-W", "error", "-c", _SERVE, str(db)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture
def process() -> Callable[[Path], object]:
    """process(db) is a context: `serve` in a process of its own, and its URL."""
    return _process


@pytest.fixture
def connect() -> Callable[[str], httpx.Client]:
    return client_of


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["ResponseStatus"]["ErrorCode"]


@pytest.fixture
def code() -> Callable[[httpx.Response], tuple[int, str]]:
    """The status and the API's error code of a refusal."""
    return code_of
