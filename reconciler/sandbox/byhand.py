"""Answers that aiohttp would not write: late, in parts, not as they say, or not at all."""

from __future__ import annotations

import asyncio

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

# How soon it is seen that a client has gone, or that the server is to end.
_TICK_SECONDS = 0.05

# The status of a request that got no answer, in the counters.
NO_ANSWER = 0


class Sent(web.StreamResponse):
    """An answer that is written already, or never will be: nothing is left for aiohttp to do."""

    def __init__(self, status: int, *, keep_alive: bool) -> None:
        super().__init__(status=status)
        self._keeps_alive = keep_alive

    @property
    def keep_alive(self) -> bool:
        return self._keeps_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:  # noqa: ARG002
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        pass


class Patience:
    """Waits that end early where there is nobody left to wait for."""

    def __init__(self) -> None:
        self.is_over = False

    async def lasts(self, seconds: float | None, request: web.Request | None) -> bool:
        """Whether the time passes, for ever where it is None, with the server still running.

        Where a request is given, its client has to be there as well.
        """
        loop = asyncio.get_running_loop()
        ends = float("inf") if seconds is None else loop.time() + seconds
        while not self.is_over and (request is None or is_there(request)):
            left = ends - loop.time()
            if left <= 0:
                return True
            await asyncio.sleep(min(left, _TICK_SECONDS))
        return False


def is_there(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


def dropped(request: web.Request) -> Sent:
    """Closes the connection; what is not written yet is not written."""
    request.protocol.force_close()
    return Sent(NO_ANSWER, keep_alive=False)


def cut(request: web.Request, answer: web.Response) -> Sent:
    """All of the answer is announced, the first half of its body is sent."""
    whole = body_of(answer)
    _write(request, _head(answer, len(whole)) + whole[: len(whole) // 2])
    request.protocol.force_close()
    return Sent(answer.status, keep_alive=False)


def mismeasured(request: web.Request, answer: web.Response, by: int) -> Sent:
    """The answer with a Content-Length that is off by `by`.

    Too large, and the connection is closed, since the client would else wait. Too small, and it
    stays open: what is left over lies where the next answer should begin.
    """
    whole = body_of(answer)
    _write(request, _head(answer, max(0, len(whole) + by)) + whole)
    if by > 0:
        request.protocol.force_close()
    return Sent(answer.status, keep_alive=by < 0)


async def dripped(
    request: web.Request, answer: web.Response, bytes_per_second: int, patience: Patience
) -> Sent:
    """The head at once, the body at so many bytes a second."""
    whole = body_of(answer)
    _write(request, _head(answer, len(whole)))
    step = max(1, int(bytes_per_second * _TICK_SECONDS))
    for start in range(0, len(whole), step):
        if not await patience.lasts(step / bytes_per_second, request):
            return dropped(request)
        _write(request, whole[start : start + step])
    return Sent(answer.status, keep_alive=request.keep_alive)


def body_of(answer: web.Response) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b""


def _head(answer: web.Response, length: int) -> bytes:
    headers = {**answer.headers, hdrs.CONTENT_LENGTH: str(length)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} {answer.reason}\r\n{lines}\r\n".encode()


def _write(request: web.Request, data: bytes) -> None:
    if isinstance(request.transport, asyncio.WriteTransport) and is_there(request):
        request.transport.write(data)
