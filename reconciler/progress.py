"""How far a run has come, on stderr: a bar on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from reconciler.words import as_line, inert

LINE_EVERY, BAR_EVERY = 10.0, 0.1


class Progress:
    """Counts what is done and what is tried again; showing it is somebody else's, and rarer.

    note: says a line wherever anything is shown. say: where the run is to be verbose, else None.
    beat: is called whenever it comes further.
    """

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total = what, total
        self.done = self.retries = 0
        self.say: Callable[[str], None] | None = None
        self.note: Callable[[str], None] = lambda _: None
        self.beat: Callable[[], None] = lambda: None
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()

    def advance(self, by: int = 1) -> None:
        """So many are done; fewer than none where some turn out not to be."""
        self.done += by
        self.beat()

    def retry(self, why: str) -> None:
        """Another try is made, and why; said only where the run is to be verbose."""
        self.retries += 1
        if self.say is not None:
            self.say(why)

    def rate(self) -> float:
        """Items a second since the beginning."""
        return self.done / max(self._clock() - self._began, 0.001)

    def line(self) -> str:
        """Reading 600/1,000, 60/s, 7 s left, 2 retries; a whole of 0 is unknown."""
        whole = f"/{self.total:,}" if self.total else ""
        left = f", {(self.total - self.done) / self.rate():.0f} s left" if self._ends() else ""
        return f"{self.what} {self.done:,}{whole}, {self.rate():,.0f}/s{left}, {self._retried()}"

    def _ends(self) -> bool:
        return 0 < self.done < self.total

    def _retried(self) -> str:
        return f"{self.retries:,} {'retry' if self.retries == 1 else 'retries'}"


@asynccontextmanager
async def progress(
    what: str, total: int, verbosity: int, plain: bool = False
) -> AsyncIterator[Progress]:
    """A Progress for `total` items; verbosity below 0 shows nothing, above 0 tells retries;
    `plain` is without colours."""
    seen = Progress(what, total)
    if verbosity < 0 or sys.stderr is None:
        yield seen
        return
    with _bar(seen, plain) if sys.stderr.isatty() else _lines() as (say, show, every):
        seen.note = say
        if verbosity > 0:
            seen.say = say
        ticker = asyncio.create_task(_tick(seen, show, every))
        try:
            yield seen
        finally:
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker


async def _tick(seen: Progress, show: Callable[[Progress], None], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        show(seen)


Display = tuple[Callable[[str], None], Callable[[Progress], None], float]


@contextmanager
def _lines() -> Iterator[Display]:
    def say(text: str) -> None:
        print(as_line(text), file=sys.stderr, flush=True)  # noqa: T201

    yield say, lambda seen: say(seen.line()), LINE_EVERY


@contextmanager
def _bar(seen: Progress, plain: bool) -> Iterator[Display]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True, no_color=plain)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[retries]}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(seen.what, total=seen.total or None, rate="", retries="")

        def show(now: Progress) -> None:
            retries = f"{now.retries:,} retries" if now.retries else ""
            bar.update(task, completed=now.done, rate=f"{now.rate():,.0f}/s", retries=retries)

        def say(text: str) -> None:
            console.print(inert(text), markup=False, highlight=False)

        yield say, show, BAR_EVERY
