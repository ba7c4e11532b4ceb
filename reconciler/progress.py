"""How far a run has come, on stderr: a bar on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

EVERY = 10.0


class Progress(Protocol):
    """What a run tells: an item is done, a request is tried again (and why)."""

    def advance(self) -> None: ...

    def retry(self, why: str) -> None: ...


class Lines:
    """Counts, and says how it stands when asked; also all that `-q` leaves."""

    def __init__(self, what: str, total: int, verbose: bool) -> None:
        self._what, self._total, self._verbose = what, total, verbose
        self._done = self._retries = 0
        self._began = time.monotonic()

    def advance(self) -> None:
        self._done += 1

    def retry(self, why: str) -> None:
        self._retries += 1
        if self._verbose:
            print(why, file=sys.stderr, flush=True)  # noqa: T201

    def line(self) -> str:
        rate = self._done / max(time.monotonic() - self._began, 0.001)
        left = f"{(self._total - self._done) / rate:.0f} s left" if rate else "waiting"
        return (
            f"{self._what} {self._done:,}/{self._total:,}, {rate:,.0f}/s, "
            f"{left}, {self._retries:,} retries"
        )


class Bar:
    """A progress bar with count, rate, time left and retries."""

    def __init__(self, what: str, total: int, verbose: bool) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self.console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[retries]}"),
            console=self.console,
            transient=True,
        )
        self._task = self.bar.add_task(what, total=total, rate="", retries="")
        self._retries = 0
        self._verbose = verbose

    def advance(self) -> None:
        speed = self.bar.tasks[0].speed
        self.bar.update(self._task, advance=1, rate=f"{speed:,.0f}/s" if speed else "")

    def retry(self, why: str) -> None:
        self._retries += 1
        self.bar.update(self._task, retries=f"{self._retries:,} retries")
        if self._verbose:
            self.console.print(why, markup=False, highlight=False)


@asynccontextmanager
async def progress(what: str, total: int, verbosity: int) -> AsyncIterator[Progress]:
    """A Progress for `total` items; verbosity below 0 shows nothing, above 0 tells retries."""
    if verbosity >= 0 and sys.stderr.isatty():
        bar = Bar(what, total, verbosity > 0)
        with bar.bar:
            yield bar
        return
    lines = Lines(what, total, verbosity > 0)
    ticker = asyncio.create_task(_tick(lines)) if verbosity >= 0 else None
    try:
        yield lines
    finally:
        if ticker is not None:
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker


async def _tick(lines: Lines) -> None:
    while True:
        await asyncio.sleep(EVERY)
        print(lines.line(), file=sys.stderr, flush=True)  # noqa: T201
