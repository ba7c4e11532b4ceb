"""The live configuration of many numbers by the list endpoint, up to 200 a request.

What the list does not give, or gives in a way that cannot be relied on, is read by itself. Where
the list is only to be used if it takes fewer requests, that is judged after each page: if the total
is told, by how many pages are still to come; else it is given up once a tenth as many pages as
there are numbers left to read have brought no more than one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from reconciler import wire
from reconciler.api import Api
from reconciler.errors import ApiError, Forbidden, Rejected, Stopping, Unreadable
from reconciler.fetch import fetch
from reconciler.model import LiveNumber, Reading, canonical_number

IDLE_SHARE = 10  # a page that is asked for in vain, for so many numbers that it might have brought


@dataclass(slots=True)
class Listing:
    """One reading of many numbers.

    take: is handed each Reading as it arrives. forget: is handed a number whose Reading no longer
    counts, because the list gave it a second time and differently; another one follows.
    owner: the PropertySid whose list it is, None for the account's.
    refused: None where there is nothing but the list; else it is told in a sentence why the list
    cannot be used, and the list is used only as far as it takes fewer requests.
    """

    api: Api
    take: Callable[[Reading], None]
    forget: Callable[[str], None]
    owner: str | None = None
    refused: Callable[[str], None] | None = None
    _seen: dict[str, int | None] = field(default_factory=dict)
    _doubtful: set[str] = field(default_factory=set)
    _left: int = 0
    _idle: int = 0

    async def read(self, numbers: Iterable[str]) -> None:
        """Reads each of the numbers. Raises Stopping as `fetch` does, and Rejected where there is
        nothing but the list and it cannot be used."""
        self._seen = dict.fromkeys(numbers)
        self._left = len(self._seen)
        # One number takes one request, and no list takes fewer.
        if self._left > 1 or self.refused is None:
            await self._by_list()
        await fetch(self.api, self._unread(), self.take)

    async def _by_list(self) -> None:
        try:
            await self._by_pages()
        except ApiError as error:
            # Who may not list the numbers may still read them.
            if isinstance(error, Stopping) and not isinstance(error, Forbidden):
                raise
            why = f"The numbers cannot be listed. {error.code}: {error.message.rstrip('.')}."
            if self.refused is None:
                message = f"{why} Read them one by one, with --fetch each."
                raise Rejected(error.code, message, attempts=error.attempts) from None
            self.refused(f"{why} They are read one by one.")

    async def _by_pages(self) -> None:
        pages = self.api.pages(self.owner, lambda: self._left)
        async with aclosing(pages.walk()) as walk:
            async for rows in walk:
                before = self._left
                for row in rows:
                    self._sort(row)
                if not self._left or not self._is_worth_it(pages.rest, before - self._left):
                    return

    def _is_worth_it(self, rest: int | None, found: int) -> bool:
        """Whether the rest of the list takes fewer requests than the numbers that are left."""
        if self.refused is None:
            return True
        if rest is not None:
            return rest < self._left
        self._idle += found < 2
        return self._left > 1 and self._idle * IDLE_SHARE < self._left

    def _sort(self, row: Any) -> None:
        """A row of the list; all that is kept of it is a digest, of the numbers that are wanted."""
        number = canonical_number(str(row["Number"]))
        if number not in self._seen or number in self._doubtful:
            return
        live = _understood(row)
        content = None if live is None else _digest(live)
        if self._seen[number] is None:
            self._first(number, live, content)
        elif self._seen[number] != content:
            self._doubtful.add(number)
            self.forget(number)

    def _first(self, number: str, live: LiveNumber | None, content: int | None) -> None:
        self._left -= 1
        if live is None:
            self._doubtful.add(number)
        else:
            self._seen[number] = content
            self.take(live)

    def _unread(self) -> Iterator[str]:
        return (
            number
            for number, content in self._seen.items()
            if content is None or number in self._doubtful
        )


def _understood(row: Any) -> LiveNumber | None:
    try:
        return wire.live_number(row)
    except Unreadable:
        return None


def _digest(live: LiveNumber) -> int:
    return hash((frozenset(live.fields.items()), frozenset(live.identity.items())))
