"""What a run says of itself while it goes on, and that it says it on stderr alone."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import virtual
from harness import Account

from reconciler.progress import progress


def told_after(seconds: float, verbosity: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines on stderr of a run of 1,000 items, ten a second, off a terminal."""

    async def run() -> None:
        async with progress("Reading", 1000, verbosity) as seen:
            for _ in range(int(seconds * 10)):
                await asyncio.sleep(0.1)
                seen.advance()
            seen.retry("The API answered 503.")

    virtual.run(run())
    return capsys.readouterr().err.splitlines()


def test_off_a_terminal_there_is_a_line_every_ten_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert len(told_after(35, 0, capsys)) == 3


def test_a_line_has_count_rate_time_left_and_retries(capsys: pytest.CaptureFixture[str]) -> None:
    line = told_after(10.25, 0, capsys)[0]
    assert line.startswith("Reading ")
    assert line.endswith("/1,000, 10/s, 90 s left, 0 retries")


def test_a_short_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert told_after(5, 0, capsys) == []


def test_a_quiet_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert told_after(35, -1, capsys) == []


def test_a_verbose_run_tells_each_retry(capsys: pytest.CaptureFixture[str]) -> None:
    assert told_after(5, 1, capsys) == ["The API answered 503."]


@pytest.mark.parametrize(("flags", "bar"), [([], True), (["-q"], False)])
def test_on_a_terminal_there_is_a_bar_on_stderr_unless_quiet(
    account: Account, write: Callable[..., str], tmp_path: Path, flags: list[str], bar: bool
) -> None:
    account.add({"Number": "+61255500001"})
    path = write("version: 1\nnumbers: {+61255500001: {Recording: Off}}\n")
    reader, terminal = pty.openpty()
    ran = subprocess.run(
        [sys.executable, "-m", "reconciler", "plan", path, *flags],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
        check=True,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(terminal)
    shown = b""
    try:
        while chunk := os.read(reader, 4096):
            shown += chunk
    except OSError:
        pass
    os.close(reader)
    assert (b"Reading" in shown) == bar
    assert "Reading" not in ran.stdout
