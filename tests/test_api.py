"""The client: what it tries again, what it gives up on, and what it makes of every answer."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
import virtual

from reconciler.api import ATTEMPTS, Access, Api, connect
from reconciler.errors import (
    ApiError,
    Outage,
    Rejected,
    ServerFailed,
    Throttled,
    Unauthorized,
    Unreachable,
    Unreadable,
)
from reconciler.pace import Pacer

Answer = httpx.Response | Exception
NUMBER = "+61255500001"
GOOD = {"Number": NUMBER, "Recording": "Off"}


def taken(body: Any) -> Any:
    """The answer as it is."""
    return body


class Script(httpx.AsyncBaseTransport):
    """Answers in the order given, the last one again and again; remembers the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.requests = list(answers), list[httpx.Request]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def asked(
    transport: httpx.AsyncBaseTransport | None, work: Callable[[Api], Any], **access: Any
) -> Any:
    where = {"url": "http://127.0.0.1:1", "account_sid": "AC1", "token": "t0ken", **access}
    async with connect(Access(**where), Pacer(4), transport=transport) as api:
        return await work(api)


def ask(transport: httpx.AsyncBaseTransport, work: Callable[[Api], Any]) -> Any:
    """What comes of it, on a clock of its own: no test waits."""
    return virtual.run(asked(transport, work))[0]


def read(transport: httpx.AsyncBaseTransport) -> Any:
    return ask(transport, lambda api: api.read_number(NUMBER, taken))


def waited(transport: httpx.AsyncBaseTransport) -> float:
    """The seconds that reading a number takes with these answers."""
    return virtual.run(asked(transport, lambda api: api.read_number(NUMBER, taken)))[1]


def read_really(url: str, timeout: float = 10.0) -> Any:
    """Over a real socket, and without patience for a second try."""

    async def run() -> Any:
        access = Access(url, "AC1", "t0ken", timeout)
        async with connect(access, Pacer(4), retry_for=0) as api:
            return await api.read_number(NUMBER, taken)

    return asyncio.run(run())


def test_a_number_is_asked_for_without_its_plus_and_with_credentials() -> None:
    script = Script(httpx.Response(200, json=GOOD))
    assert read(script) == GOOD
    request = script.requests[0]
    assert (request.method, request.url.path) == ("GET", "/v2/Numbers/61255500001")
    assert request.headers["Authorization"] == httpx.BasicAuth("AC1", "t0ken")._auth_header


@pytest.mark.parametrize(
    "passing",
    [
        *(httpx.Response(status, text="<html>oops</html>") for status in (429, 500, 502, 503, 504)),
        httpx.Response(200, text='{"Number": "+612555'),
        httpx.Response(200, text="<html>hello</html>"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
    ],
)
def test_what_can_pass_is_tried_again(passing: Answer) -> None:
    script = Script(passing, httpx.Response(200, json=GOOD))
    assert (read(script), len(script.requests)) == (GOOD, 2)


@pytest.mark.parametrize(
    ("lasting", "kind", "code"),
    [
        (httpx.Response(429), Throttled, "Http429"),
        (httpx.Response(500, text="<html>"), ServerFailed, "Http500"),
        (httpx.Response(200, text="{"), Unreadable, "NotJson"),
        (httpx.ConnectError("refused"), Unreachable, "Unreachable"),
    ],
)
def test_what_does_not_pass_fails_after_the_last_attempt(
    lasting: Answer, kind: type[ApiError], code: str
) -> None:
    script = Script(lasting)
    with pytest.raises(kind) as failed:
        read(script)
    assert (failed.value.code, failed.value.attempts, len(script.requests)) == (
        code,
        ATTEMPTS,
        ATTEMPTS,
    )


@pytest.mark.parametrize("status", [400, 404, 405, 409, 422])
def test_a_no_is_not_asked_again(status: int) -> None:
    body = {"ResponseStatus": {"ErrorCode": "NumberNotFound", "Message": "No such number."}}
    script = Script(httpx.Response(status, json=body))
    with pytest.raises(Rejected) as failed:
        read(script)
    assert (failed.value.code, failed.value.message) == ("NumberNotFound", "No such number.")
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_not_tried_again(status: int) -> None:
    script = Script(httpx.Response(status))
    with pytest.raises(Unauthorized):
        read(script)
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    script = Script(httpx.Response(status, headers={"Location": "https://elsewhere.example.com/"}))
    with pytest.raises(Rejected, match="redirects"):
        read(script)
    assert len(script.requests) == 1


def test_waits_double_with_jitter() -> None:
    async def run() -> None:
        with pytest.raises(ServerFailed):
            await asked(Script(httpx.Response(500)), lambda api: api.read_number(NUMBER, taken))

    doubling = sum(0.25 * 2**index for index in range(ATTEMPTS - 1))
    assert doubling / 2 <= virtual.run(run())[1] <= doubling


def test_retry_after_in_seconds_is_waited_for() -> None:
    busy = httpx.Response(503, headers={"Retry-After": "7"})
    assert waited(Script(busy, httpx.Response(200, json=GOOD))) == pytest.approx(7)


def test_retry_after_as_a_date_is_waited_for() -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    busy = httpx.Response(429, headers={"Retry-After": when})
    assert 27 < waited(Script(busy, httpx.Response(200, json=GOOD))) <= 30


@pytest.mark.parametrize("nonsense", ["soon", "-5", "1e9", "Mon, 99 Foo 2026"])
def test_a_retry_after_that_says_nothing_is_not_believed(nonsense: str) -> None:
    failing = httpx.Response(503, headers={"Retry-After": nonsense})
    assert waited(Script(failing, httpx.Response(200, json=GOOD))) < 1


def test_a_retry_after_beyond_the_budget_fails_at_once() -> None:
    script = Script(httpx.Response(429, headers={"Retry-After": "3600"}))
    with pytest.raises(Outage, match="3,600 s, which is longer than --retry-for"):
        read(script)
    assert len(script.requests) == 1


def test_an_api_that_only_ever_says_too_many_is_given_up() -> None:
    script = Script(httpx.Response(429))

    async def many(api: Api) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(300):
                group.create_task(api.read_number(NUMBER, taken))

    with pytest.raises(ExceptionGroup) as failed:
        ask(script, many)
    assert failed.group_contains(Outage, match=r"Nothing has been accepted for 12\d s")
    assert len(script.requests) < 200


def test_a_write_is_sent_once_whatever_comes_back() -> None:
    script = Script(httpx.Response(503))
    with pytest.raises(ServerFailed):
        ask(script, lambda api: api.write_number(NUMBER, {"Recording": "Off"}))
    assert [request.content for request in script.requests] == [b'{"Recording": "Off"}']


@pytest.mark.parametrize(
    "wrap", [lambda rows: rows, lambda rows: {"Numbers": rows, "TotalCount": 201}]
)
def test_a_list_is_read_page_by_page_in_either_shape(wrap: Callable[[Any], Any]) -> None:
    rows = [{"Number": f"+6125550{index:04}"} for index in range(201)]
    script = Script(*(httpx.Response(200, json=wrap(page)) for page in (rows[:200], rows[200:])))

    async def all_rows(api: Api) -> list[Any]:
        return [row async for row in api.list_numbers()]

    assert ask(script, all_rows) == rows
    assert [request.url.params["Results_Skip"] for request in script.requests] == ["0", "200"]


def test_the_credentials_are_not_in_what_can_be_printed() -> None:
    assert "t0ken" not in repr(Access("https://api.example.com", "AC1", "t0ken"))


@contextmanager
def raw_server(answer: bytes, *, keep_open: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """A socket that answers every connection with these bytes, and then closes or hangs."""
    listener = socket.create_server(("127.0.0.1", 0))
    held, seen = list[socket.socket](), list[bytes]()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            seen.append(connection.recv(65536))
            connection.sendall(answer)
            if keep_open:
                held.append(connection)
            else:
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", Unreachable),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"Number":', Unreadable),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"Num', Unreadable),
        (b"\x00\x01 not http at all\r\n\r\n", Unreadable),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", Unreadable),
    ],
)
def test_what_a_real_socket_can_do_wrong_is_mapped(answer: bytes, kind: type[ApiError]) -> None:
    with raw_server(answer) as (url, seen), pytest.raises(kind):
        read_really(url)
    assert seen[0].startswith(b"GET /v2/Numbers/61255500001 HTTP/1.1")


def test_a_server_that_hangs_is_left_after_the_timeout() -> None:
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
    with (
        raw_server(begun, keep_open=True) as (url, _),
        pytest.raises(Unreachable, match="No answer in"),
    ):
        read_really(url, 0.05)


def test_an_answer_of_more_than_a_mebibyte_is_refused() -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b" " * 2_000_000
    with raw_server(body) as (url, _), pytest.raises(Rejected, match="larger than 1 MiB"):
        read_really(url)


def test_nobody_listening_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(Unreachable, match="cannot be reached"):
        read_really(f"http://127.0.0.1:{port}")
