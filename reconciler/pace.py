"""How many requests are under way at once, for the whole run: reads and writes share one Pacer."""

from __future__ import annotations

import asyncio


class Pacer:
    """Lets at most `most` requests run at once; a pause that the API asks for holds all of them.

    Times are seconds of the running event loop's clock.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._places = asyncio.Semaphore(most)
        self._paused_until = 0.0

    async def enter(self) -> None:
        """Waits for a place; every enter() must be followed by one leave()."""
        await self._places.acquire()
        while (wait := self._paused_until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(wait)

    def leave(self) -> None:
        self._places.release()

    def pause(self, seconds: float) -> None:
        """Holds every request that has not begun for this many seconds."""
        until = asyncio.get_running_loop().time() + seconds
        self._paused_until = max(self._paused_until, until)
