"""The least that reading N numbers can cost in Python: GETs over raw sockets, nothing else.

    bare.py FIRST COUNT [CONNECTIONS]

One request at a time on each kept-alive connection; the environment is the one that `reconciler
sandbox` prints. Answers are counted and checked for their status; nobody looks into them.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit


class Connection(asyncio.Protocol):
    """Sends the next request when the whole answer to the last one is here."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._done = done
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if _is_whole(self._received):
            self._check()
            self._received = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("The server closed the connection."))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self._done.done():
            self._done.set_result(None)

    def _check(self) -> None:
        if not self._received.startswith(b"HTTP/1.1 200 ") and not self._done.done():
            self._done.set_exception(ValueError(self._received[:200]))


def _is_whole(received: bytes) -> bool:
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return False
    _, _, after = head.lower().partition(b"content-length:")
    return len(body) >= int(after.split(b"\r\n", 1)[0])


def _requests(first: int, count: int) -> Iterator[bytes]:
    account, token = os.environ["RECONCILER_ACCOUNT_SID"], os.environ["RECONCILER_TOKEN"]
    secret = base64.b64encode(f"{account}:{token}".encode()).decode()
    host = urlsplit(os.environ["RECONCILER_API_URL"]).netloc
    rest = f" HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {secret}\r\n\r\n"
    for number in range(first, first + count):
        yield f"GET /v2/Numbers/{number}{rest}".encode()


async def _read_all(requests: Iterator[bytes], connections: int) -> None:
    loop = asyncio.get_running_loop()
    url = urlsplit(os.environ["RECONCILER_API_URL"])
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    for end in ends:
        made = partial(Connection, requests, end)
        await loop.create_connection(made, url.hostname or "", url.port or 80)
    await asyncio.gather(*ends)


def main() -> None:
    first, count, *more = map(int, sys.argv[1:])
    connections = more[0] if more else 64
    asyncio.run(_read_all(_requests(first, count), min(connections, count)))


if __name__ == "__main__":
    main()
