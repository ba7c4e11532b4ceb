"""The live configuration of many numbers; a number that cannot be read is data, never "empty"."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reconciler import wire
from reconciler.api import Api
from reconciler.errors import ApiError, Stopping
from reconciler.model import Failure, Reading
from reconciler.workers import spread


async def fetch(api: Api, numbers: Iterable[str], take: Callable[[Reading], None]) -> None:
    """Reads each number and hands its Reading to `take` as it arrives, in no particular order.

    Raises Stopping where every other number would end the same way.
    """

    async def read(number: str) -> None:
        take(await read_one(api, number))

    await spread(numbers, read, api.pacer.most)


async def read_one(api: Api, number: str) -> Reading:
    """One number's live configuration, or why there is none. Raises Stopping."""
    try:
        return await api.read_number(number, lambda body: wire.live_number(body, number))
    except Stopping:
        raise
    except ApiError as error:
        return Failure(number, error.code, error.message, error.attempts)
