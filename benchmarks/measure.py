"""What a command costs: wall clock, CPU and peak memory of a child process, from wait4.

Linux counts the memory of the process that starts a child into the child's peak until it runs its
own program, so whoever calls `run` must stay smaller than what it measures.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import astuple, dataclass
from statistics import median
from typing import IO


class CommandFailed(Exception):
    """A command ended otherwise than it should; its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of wall clock, seconds of CPU (user and system), and megabytes at the peak."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Run:
    usage: Usage
    stdout: str


def run(
    command: Sequence[str], environment: Mapping[str, str], accepted: Container[int] = (0,)
) -> Run:
    """Runs the command to its end. Raises CommandFailed unless it exits as is accepted."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        status, usage = _measured(command, environment, out, err)
        if status not in accepted:
            told = f"exit {status}\n{_content(out)[-500:]}\n{_content(err)[-500:]}"
            raise CommandFailed(f"{' '.join(command)}: {told}")
        return Run(usage, _content(out))


def _measured(
    command: Sequence[str], environment: Mapping[str, str], out: IO[bytes], err: IO[bytes]
) -> tuple[int, Usage]:
    began = time.perf_counter()
    child = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
    )
    _, status, spent = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, Usage(wall, spent.ru_utime + spent.ru_stime, spent.ru_maxrss / 1024)


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def middle(usages: Sequence[Usage]) -> Usage:
    """The median of each figure by itself."""
    wall, cpu, peak = (median(column) for column in zip(*map(astuple, usages), strict=True))
    return Usage(wall, cpu, peak)
