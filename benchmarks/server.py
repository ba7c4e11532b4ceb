"""The sandbox in a process of its own, as `reconciler sandbox` runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

EXPORTS = 3


class ServerFailed(Exception):
    """The sandbox did not say where it is."""


@contextmanager
def sandbox(db: Path, latency: float = 0.0, seed: Path | None = None) -> Iterator[dict[str, str]]:
    """Yields the environment that points a client at it. `latency` is in seconds."""
    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--db", str(db)]
    command += ["--latency", str(latency)]
    command += ["--seed", str(seed)] if seed is not None else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield _exports(process.stdout)
        finally:
            process.terminate()


def _exports(stdout: IO[str]) -> dict[str, str]:
    lines = [stdout.readline() for _ in range(EXPORTS)]
    if not all(line.startswith("export ") for line in lines):
        raise ServerFailed(f"The sandbox said {lines!r} in place of where it is.")
    pairs = (line.removeprefix("export ").strip().partition("=") for line in lines)
    return {name: value for name, _, value in pairs}
