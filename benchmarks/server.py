"""The sandbox in a process of its own, as `reconciler sandbox` runs it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

EXPORTS = 3


class ServerFailed(Exception):
    """The sandbox did not say where it is."""


@contextmanager
def sandbox(
    db: Path, latency: float = 0.0, seed: Path | None = None, faults: Sequence[str] = ()
) -> Iterator[dict[str, str]]:
    """Yields the environment that points a client at it. `latency` is in seconds."""
    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--db", str(db)]
    command += ["--latency", str(latency)]
    command += ["--seed", str(seed)] if seed is not None else []
    command += [f"--fault={fault}" for fault in faults]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield _exports(process.stdout)
        finally:
            process.terminate()


def stats(server: Mapping[str, str]) -> dict[str, Any]:
    """What the sandbox has counted so far. By a bare socket: this process has to stay small."""
    url = urlsplit(server["RECONCILER_API_URL"])
    request = f"GET /_sandbox/stats HTTP/1.0\r\nHost: {url.netloc}\r\n\r\n"
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(request.encode())
        with connection.makefile("rb") as answer:
            _, _, body = answer.read().partition(b"\r\n\r\n")
    counted: dict[str, Any] = json.loads(body)
    return counted


def _exports(stdout: IO[str]) -> dict[str, str]:
    lines = [stdout.readline() for _ in range(EXPORTS)]
    if not all(line.startswith("export ") for line in lines):
        raise ServerFailed(f"The sandbox said {lines!r} in place of where it is.")
    pairs = (line.removeprefix("export ").strip().partition("=") for line in lines)
    return {name: value for name, _, value in pairs}
