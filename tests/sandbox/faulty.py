"""What the tests of the faults share."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

NUMBER, PATH, FAULTS = "+61255500001", "/v2/Numbers/61255500001", "/_sandbox/faults"
OTHER_PATH, LIST = "/v2/Numbers/61255500002", "/v2/Accounts/ACsandbox/Numbers"
AUTHORIZATION = "Authorization: Basic QUNzYW5kYm94OnNhbmRib3g="

Start = Callable[..., httpx.Client]
Code = Callable[[httpx.Response], tuple[int, str]]
Arm = Callable[..., httpx.Client]


def stored(api: httpx.Client) -> Any:
    """The number as it is when nothing is wrong."""
    api.delete(FAULTS)
    return api.get(PATH).json()


def stats(api: httpx.Client) -> Any:
    return api.get("/_sandbox/stats").json()


def statuses(api: httpx.Client, count: int, method: str = "GET", path: str = PATH) -> list[int]:
    return [api.request(method, path, json={}).status_code for _ in range(count)]


@contextmanager
def asked(api: httpx.Client, method: str = "GET", body: bytes = b"") -> Iterator[socket.socket]:
    """A bare connection on which the number has been asked for."""
    with socket.create_connection((api.base_url.host, api.base_url.port or 0), timeout=5) as raw:
        head = f"{method} {PATH} HTTP/1.1\r\nHost: localhost\r\n{AUTHORIZATION}\r\n"
        raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        yield raw


def until_closed(raw: socket.socket) -> bytes:
    return b"".join(iter(lambda: raw.recv(65536), b""))


def until(true: Callable[[], object]) -> None:
    ends = time.monotonic() + 5
    while not true():
        assert time.monotonic() < ends
