"""Many items, a bounded number of coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


async def spread(
    items: Iterable[Item], handle: Callable[[Item], Awaitable[None]], workers: int
) -> None:
    """Handles every item, at most `workers` at once, taking the next only when one is free.

    The first exception cancels the rest and is raised as it is, not in a group.
    """
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await handle(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
