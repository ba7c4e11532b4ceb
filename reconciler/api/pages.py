"""A list endpoint, page by page: many pages at once where it is known that they are there.

Where the total is told, all is known. Where it is not, nobody can tell how many pages there are
without asking for one too many, so as little as possible is asked for in vain: of the pages that
must be there if all that is looked for is to be found, the last is asked for first. If it is
there, so are those before it; if it isn't, the rest is read one page after another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from contextlib import aclosing
from typing import Any, TypeVar

from reconciler.errors import Unreadable

T = TypeVar("T")
Rows = list[Any]
# Gives the rows that come after so many others, and the total where it is told.
Ask = Callable[[int], Awaitable[tuple[Rows, int | None]]]

PAGE = 200
AHEAD = 16  # pages; those that arrive before their turn are held in memory


class Pages:
    """One walk over one list.

    ahead: the most pages at once. left: how many rows the caller still looks for.
    """

    def __init__(self, ask: Ask, ahead: int, left: Callable[[], int] = lambda: 1) -> None:
        self.total: int | None = None
        self._ask = ask
        self._ahead = ahead
        self._left = left
        self._at = 0  # rows behind us
        self._known = 0  # rows that are known to be there
        self._longest = 0  # rows of the longest page: how long the API makes them
        self._leaping = True
        self._ended = False
        self._met: set[int] = set()

    @property
    def rest(self) -> int | None:
        """How many requests the rest of the list takes; None where the total is not told."""
        if self.total is None:
            return None
        return _ceil(max(0, self.total - self._at), self._longest)

    async def walk(self) -> AsyncGenerator[Rows, None]:
        """The rows in the list's order, about a page at a time; to be closed where it is left.

        Rows may repeat where the list moves meanwhile. Raises ApiError: Unreadable where a page
        comes a second time in place of another.
        """
        first = await self._page(0)
        self._at, self._ended = len(first), not first
        yield first
        while not self._ended:
            there = self._at < self._known
            async with aclosing(self._to(self._known) if there else self._beyond()) as pages:
                async for rows in pages:
                    yield rows

    async def _to(self, end: int) -> AsyncGenerator[Rows, None]:
        """The rows up to there, all of which are known to be there."""
        parts = (self._filled(start, upto) for start, upto in self._parts(end))
        async with aclosing(_in_order(parts, self._ahead)) as filled:
            async for upto, rows in filled:
                # They were there: the list has become shorter, or its total is wrong.
                self._ended = len(rows) < upto - self._at
                self._at = upto
                yield rows
                if self._ended:
                    return

    async def _beyond(self) -> AsyncGenerator[Rows, None]:
        """The next page, or all up to the last that must be there; nobody knows if they are."""
        if self.total is not None:
            self._ended = True
            return
        leap = self._leap()
        rows = await self._page(self._at + leap)
        if leap and not rows:
            self._leaping = False
            return
        async with aclosing(self._to(self._at + leap)) as pages:
            async for each in pages:
                yield each
        self._at += len(rows)
        self._ended = self._ended or len(rows) < self._longest
        yield rows

    def _leap(self) -> int:
        """How many rows to pass over, so that the page behind them is the last one needed."""
        pages = _ceil(self._left(), self._longest) if self._leaping else 1
        return max(0, pages - 1) * self._longest

    def _parts(self, end: int) -> Iterator[tuple[int, int]]:
        start = self._at
        while start < end:
            upto = min(start + self._longest, end)
            yield start, upto
            start = upto

    async def _filled(self, start: int, upto: int) -> tuple[int, Rows]:
        """All rows of that part, also where a page is shorter than the others."""
        rows = page = await self._page(start)
        while page and start + len(rows) < upto:
            page = await self._page(start + len(rows))
            rows = rows + page
        return upto, rows

    async def _page(self, skip: int) -> Rows:
        rows, total = await self._ask(skip)
        self._refuse_repeated(rows)
        self._longest = max(self._longest, len(rows))
        if total is not None and total >= len(rows):
            self.total = total
            self._known = max(self._known, total)
        return rows

    def _refuse_repeated(self, rows: Rows) -> None:
        """An API that does not know Results_Skip would have its first page read for ever."""
        page = hash(tuple(str(row["Number"]) for row in rows))
        if rows and page in self._met:
            raise Unreadable("UnexpectedAnswer", "The list's pages repeat and do not end.")
        self._met.add(page)


async def _in_order(works: Iterable[Coroutine[Any, Any, T]], most: int) -> AsyncGenerator[T, None]:
    """The results in the order of the works, of which at most so many are under way."""
    under_way: deque[asyncio.Task[T]] = deque()
    try:
        for work in works:
            under_way.append(asyncio.create_task(work))
            if len(under_way) >= most:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


def _ceil(rows: int, page: int) -> int:
    return -(-rows // max(1, page))
