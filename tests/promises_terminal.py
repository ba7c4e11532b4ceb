"""The command line at a real terminal: what it asks, and what a person types."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Ctrl-C is a signal to those whose terminal it is, so it has to be the command's own.
_LAUNCH = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "reconciler", *sys.argv[1:]])
"""
CTRL_C, CTRL_D = "\x03", "\x04"


class Terminal:
    """A command under way; `shown` is all that it has written so far."""

    def __init__(self, process: subprocess.Popen[bytes], handle: int) -> None:
        self._process = process
        self._handle = handle
        self.shown = ""

    def read_until(self, text: str) -> None:
        while text not in self.shown:
            more = self._read()
            assert more, f"{text!r} never came: {self.shown}"

    def type(self, keys: str) -> None:
        os.write(self._handle, keys.encode())

    def ended(self) -> int:
        """The exit code, once all is read."""
        while self._read():
            pass
        return self._process.wait(timeout=30)

    def _read(self) -> str:
        try:
            text = os.read(self._handle, 65536).decode()
        except OSError:  # Linux's way to say that the other side is closed
            return ""
        self.shown += text
        return text


@contextmanager
def terminal(folder: Path, *arguments: str) -> Iterator[Terminal]:
    """Runs the command line with all of its streams at a terminal of its own."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *arguments],
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        ) as process:
            os.close(theirs)
            try:
                yield Terminal(process, ours)
            finally:
                process.kill()
    finally:
        os.close(ours)
