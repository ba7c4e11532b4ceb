"""The server's beginning and end, and what it is made of."""

from __future__ import annotations

import ast
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from subprocess import Popen

import httpx
import pytest

import reconciler.sandbox
from reconciler import sandbox
from reconciler.errors import SetupError
from reconciler.sandbox import Settings

NUMBER, PATH = "+61255500001", "/v2/Numbers/61255500001"
PACKAGE = Path(reconciler.sandbox.__file__).parent
CHECKOUT = PACKAGE.parent.parent
Connect = Callable[[str], httpx.Client]
Process = Callable[[Path], AbstractContextManager[tuple[Popen[str], str]]]


def test_a_port_in_use_is_a_setup_error() -> None:
    with sandbox.running(Settings()) as url:
        port = int(url.rpartition(":")[2])
        with (
            pytest.raises(SetupError, match=f"Port {port} on 127.0.0.1 is in use"),
            sandbox.running(Settings(port=port)),
        ):
            pass


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_a_host_that_is_not_loopback_is_a_setup_error(host: str) -> None:
    with (
        pytest.raises(SetupError, match="loopback only"),
        sandbox.running(Settings(host=host)),
    ):
        pass


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_a_setup_error(port: int) -> None:
    with pytest.raises(SetupError, match="A port is"), sandbox.running(Settings(port=port)):
        pass


@pytest.mark.parametrize("latency", [-1.0, float("nan"), float("inf")])
def test_a_latency_that_is_none_is_a_setup_error(latency: float) -> None:
    with (
        pytest.raises(SetupError, match="latency"),
        sandbox.running(Settings(latency=latency)),
    ):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_the_url_is_of_the_loopback_address(host: str, connect: Connect) -> None:
    with sandbox.running(Settings(host=host), [{"Number": NUMBER}]) as url, connect(url) as api:
        assert url.startswith("http://127.0.0.1:")
        assert api.get(PATH).is_success


def test_the_port_is_free_again_and_no_thread_is_left() -> None:
    before = threading.active_count()
    with sandbox.running(Settings()) as url:
        port = int(url.rpartition(":")[2])
    with sandbox.running(Settings(port=port)):
        pass
    assert threading.active_count() == before


def test_an_error_in_the_block_is_raised_and_stops_the_server() -> None:
    with pytest.raises(KeyError), sandbox.running(Settings()) as url:
        raise KeyError
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_it_ends_in_time_with_a_request_under_way_and_a_connection_that_is_silent() -> None:
    with (
        ExitStack() as sockets,
        sandbox.running(Settings(latency=600.0), [{"Number": NUMBER}]) as url,
    ):
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        sockets.enter_context(socket.create_connection(address))
        waiting = sockets.enter_context(socket.create_connection(address))
        waiting.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        while not httpx.get(f"{url}/_sandbox/stats", trust_env=False).json()["total"]:
            pass
        began = time.monotonic()
    assert time.monotonic() - began < 10.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly_on_a_signal(
    tmp_path: Path, process: Process, number: signal.Signals, connect: Connect
) -> None:
    with process(tmp_path / "s.db") as (server, url), connect(url) as api:
        api.put("/_sandbox/numbers", json=[{"Number": NUMBER}])
        server.send_signal(number)
        assert server.wait(10) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["s.db"]


def test_importing_the_sandbox_imports_neither_server_nor_database() -> None:
    code = (
        "import sys, reconciler.sandbox; print('aiohttp' in sys.modules, 'sqlite3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_sandbox_imports_nothing_of_the_client() -> None:
    allowed = ("reconciler.sandbox", "reconciler.errors", "reconciler.schema")
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module or ""]
                if node.module == "reconciler":
                    names = [f"reconciler.{each.name}" for each in node.names]
            for name in names:
                assert name.split(".")[0] != "reconciler" or name.startswith(allowed), file.name


_NEW_PARAMETER = """
import json, urllib.request, base64
from reconciler import sandbox
credentials = base64.b64encode(b"ACsandbox:sandbox").decode()
with sandbox.running(sandbox.Settings(), [{"Number": "+61255500001"}]) as url:
    def asked(body=None):
        request = urllib.request.Request(url + "/v2/Numbers/61255500001", data=body)
        request.add_header("Authorization", "Basic " + credentials)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    print(json.dumps([asked(), asked(b'{"Voicemail": "On"}'), asked()]))
"""


def test_a_new_parameter_is_one_edit_of_the_schema(tmp_path: Path) -> None:
    for name in ("reconciler", "schemas"):
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=skipped)
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    path = tmp_path / "schemas" / "number.schema.json"
    document = json.loads(path.read_text("utf-8"))
    document["$defs"]["settings"]["properties"]["Voicemail"] = {"type": "string", "enum": ["On"]}
    path.write_text(json.dumps(document), "utf-8")
    command = [sys.executable, "-c", _NEW_PARAMETER]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [each["Voicemail"] for each in json.loads(done.stdout)] == [None, "On", "On"]
