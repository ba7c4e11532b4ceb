"""The Numbers API over HTTP: requests, retries, error mapping. The one importer of httpx.

Nothing of the HTTP libraries leaves this module: what goes wrong is an ApiError. The paths, the
credentials and the error envelope are those of the vendor's reference pages and client libraries.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient

from reconciler import __version__
from reconciler.errors import (
    ApiError,
    Outage,
    Rejected,
    ServerFailed,
    Stopping,
    Throttled,
    Transient,
    Unauthorized,
    Unreachable,
    Unreadable,
)
from reconciler.pace import Pacer, Verdict

ATTEMPTS = 6
FIRST_WAIT, LONGEST_WAIT = 0.25, 20.0
MOST_BYTES = 1 << 20
KEPT_ALIVE = 30.0
MOST_FAILURES_IN_A_ROW = 20
PAGE = 200
SERVER_FAILURES = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API is and who asks.

    timeout: in seconds, for one request as a whole.
    loopback: whether it is on this machine. name: what it is known by, if not by its URL.
    """

    url: str
    account_sid: str
    token: str
    timeout: float = 10.0
    loopback: bool = False
    name: str | None = None

    @property
    def basic(self) -> str:
        """The credentials as HTTP Basic sends them."""
        return base64.b64encode(f"{self.account_sid}:{self.token}".encode()).decode()

    def __repr__(self) -> str:
        return f"Access(url={self.url!r}, account_sid={self.account_sid!r})"


class Api:
    """One run's conversation with the API; made by `connect`.

    Every method raises ApiError: Rejected where the answer was no, Transient where it did not
    pass within ATTEMPTS tries or `retry_for` seconds, Stopping where nothing would.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        access: Access,
        pacer: Pacer,
        *,
        retry_for: float = 120.0,
        on_retry: Callable[[str], None] = lambda _: None,
        on_request: Callable[[str], None] | None = None,
    ) -> None:
        self.access = access
        self.pacer = pacer
        self._client = client
        self._retry_for = retry_for
        self._on_retry = on_retry
        self._on_request = on_request
        self._row = _Row()

    async def read_number(self, number: str) -> tuple[Any, int]:
        """GET /v2/Numbers/{digits}: the answer and how many requests it took."""
        return await self._get(_path(number))

    async def write_number(
        self, number: str, body: Mapping[str, str], sent: Callable[[], None] = lambda: None
    ) -> Any:
        """POST /v2/Numbers/{digits}, once: whether to send it again is the caller's decision.

        `sent` is called when its turn has come and it goes out.
        """
        content = json.dumps(dict(body)).encode()
        return await self._once("POST", _path(number), sent, content=content)

    async def list_numbers(self) -> AsyncIterator[Any]:
        """GET /v2/Accounts/{AccountSid}/Numbers, page by page: each number's object, once.

        How long a page may be and whether the total is told is the API's affair: it goes on until
        a page is empty or all of the total are there, and fails where the pages do not lead there.
        """
        path = f"/v2/Accounts/{self.access.account_sid}/Numbers"
        seen: set[str] = set()
        skip, longest = 0, 0
        while True:
            page, _ = await self._get(path, {"Results_Count": PAGE, "Results_Skip": skip})
            rows, total = _rows(page)
            new = [row for row in rows if str(row["Number"]) not in seen]
            seen.update(str(row["Number"]) for row in new)
            for row in new:
                yield row
            if not rows or len(seen) == total or (total is None and len(rows) < longest):
                break
            if not new:
                raise Unreadable("UnexpectedAnswer", "The list's pages repeat and do not end.")
            skip, longest = skip + len(rows), max(longest, len(rows))
        if total is not None and len(seen) < total:
            told = f"The list gives {len(seen):,} numbers of {total:,}; try again."
            raise Unreadable("UnexpectedAnswer", told)

    async def wait_before_retry(
        self, error: Transient, attempt: int, waited: float, hurry: asyncio.Event | None = None
    ) -> float:
        """Sleeps before try `attempt` + 1 and returns the seconds; raises `error` when it is over.
        The sleep ends early when `hurry` is set.

        The wait doubles each time, with jitter so that many clients do not return at once.
        """
        wait: float = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
        wait *= random.uniform(0.5, 1.0)  # noqa: S311  (jitter, not a secret)
        if error.retry_after is not None:
            wait = max(wait, error.retry_after)
        error.attempts = attempt
        if attempt >= ATTEMPTS or waited + wait > self._retry_for:
            raise error
        self._on_retry(f"{error.message} Trying again in {wait:.1f} s.")
        await _sleep(wait, hurry)
        return wait

    async def _get(
        self, path: str, query: Mapping[str, str | int] | None = None
    ) -> tuple[Any, int]:
        waited, attempt = 0.0, 1
        while True:
            try:
                return await self._once("GET", path, params=query), attempt
            except Transient as error:
                waited += await self.wait_before_retry(error, attempt, waited)
            except ApiError as error:
                error.attempts = attempt
                raise
            attempt += 1

    async def _once(
        self, method: str, path: str, sent: Callable[[], None] = lambda: None, **parts: Any
    ) -> Any:
        turn = await self.pacer.enter()
        sent()
        error: ApiError | None = None
        verdict = Verdict.NEUTRAL
        try:
            answer = await self._ask(method, path, **parts)
            verdict = Verdict.WELL
        except ApiError as failed:
            error, verdict = failed, _verdict(failed)
            raise
        finally:
            after = error.retry_after if isinstance(error, Transient) else None
            self.pacer.leave(turn, verdict, after)
            self._row.count(turn.began, error)
        return answer

    async def _ask(self, method: str, path: str, **parts: Any) -> Any:
        """One exchange, with whatever can go wrong in it as an ApiError."""
        try:
            async with asyncio.timeout(self.access.timeout):
                status, headers, body = await self._exchange(method, path, **parts)
        except TimeoutError:
            raise Unreachable("Timeout", f"No answer in {self.access.timeout:g} s.") from None
        except (httpx.TimeoutException, aiohttp.ServerTimeoutError) as error:
            raise _unreachable(error) from None
        except (aiohttp.ClientPayloadError, httpx.ReadError, httpx.DecodingError):
            raise Unreadable("CutAnswer", "The answer broke off.") from None
        except (aiohttp.ClientResponseError, httpx.RemoteProtocolError):
            raise Unreadable("NotHttp", "The answer is not valid HTTP.") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise Stopping("BadUrl", "The API's URL is not one that can be asked.") from None
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from None
        if self._on_request is not None:
            self._on_request(f"{method} {path} {status} {len(body):,} bytes")
        try:
            return _decide(status, headers, body)
        except ApiError as error:
            raise self._without_secrets(error) from None

    def _without_secrets(self, error: ApiError) -> ApiError:
        """An API may repeat what it was sent; its words are shown, the credentials are not."""
        for secret in (self.access.token, self.access.basic):
            error.message = error.message.replace(secret, "(hidden)")
            error.code = error.code.replace(secret, "(hidden)")
        error.args = (error.message,)
        return error

    async def _exchange(
        self, method: str, path: str, **parts: Any
    ) -> tuple[int, httpx.Headers, bytes]:
        async with self._client.stream(method, self.access.url + path, **parts) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise Rejected("AnswerTooLarge", "The answer is larger than 1 MiB.")
            return response.status_code, response.headers, bytes(body)


class _Row:
    """Requests in a row that have failed for the same reason.

    Those that were under way together tell no more than one of them: only a request that began
    after the last one was counted is counted.
    """

    def __init__(self) -> None:
        self._length = 0
        self._code = ""
        self._counted = 0.0

    def count(self, began: float, error: ApiError | None) -> None:
        """Raises Outage at the last one that is borne."""
        if error is None or not isinstance(error, Transient):
            self._length = 0
        elif not isinstance(error, Throttled) and began >= self._counted:
            self._length = self._length + 1 if error.code == self._code else 1
            self._code = error.code
            self._counted = asyncio.get_running_loop().time()
            if self._length >= MOST_FAILURES_IN_A_ROW:
                message = f"{MOST_FAILURES_IN_A_ROW} requests in a row have failed: {error.message}"
                raise Outage(error.code, message)


@asynccontextmanager
async def connect(
    access: Access,
    pacer: Pacer,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    **how: Any,
) -> AsyncIterator[Api]:
    """An Api with one client whose connections are kept alive. `how` goes to Api.

    Redirects are not followed, so credentials go to no other host. Proxies and certificates are
    taken from the environment, as httpx does; .netrc is not read.
    """
    headers = {
        "Authorization": f"Basic {access.basic}",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": f"reconciler/{__version__}",
    }
    limits = httpx.Limits(max_connections=pacer.most, keepalive_expiry=KEPT_ALIVE)
    async with HttpxAiohttpClient(
        headers=headers,
        transport=transport,
        limits=limits,
        follow_redirects=False,
        timeout=access.timeout,
        # What runs on this machine is never asked for through a proxy.
        trust_env=not access.loopback,
    ) as client:
        yield Api(client, access, pacer, **how)


async def _sleep(seconds: float, hurry: asyncio.Event | None) -> None:
    if hurry is None:
        await asyncio.sleep(seconds)
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await hurry.wait()


def _verdict(error: ApiError) -> Verdict:
    """What a failure says about load."""
    if isinstance(error, Throttled) or (isinstance(error, ServerFailed) and error.retry_after):
        return Verdict.REFUSED
    if isinstance(error, ServerFailed | Unreachable):
        return Verdict.TROUBLED
    return Verdict.NEUTRAL if isinstance(error, Transient | Unauthorized) else Verdict.WELL


def _path(number: str) -> str:
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise Rejected("NotANumber", "This is no phone number in E.164 form.")
    return f"/v2/Numbers/{digits}"


def _rows(page: Any) -> tuple[list[Any], int | None]:
    """The rows of a page and the total where it is told, in the shapes that the vendor's pages
    show: a bare list, one wrapped in an object, or a single number by itself."""
    rows: Any = page
    total = None
    if isinstance(page, dict):
        lists = [value for value in page.values() if isinstance(value, list)]
        named = page.get("Numbers")
        rows = [page] if "Number" in page else named or (lists[0] if len(lists) == 1 else named)
        total = page.get("TotalCount")
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and row.get("Number") for row in rows
    ):
        raise Unreadable("UnexpectedAnswer", "The list endpoint's answer is no list of numbers.")
    return rows, total if isinstance(total, int) else None


def _decide(status: int, headers: httpx.Headers, body: bytes) -> Any:
    """The decoded body of a 200, or the ApiError that any other answer amounts to."""
    if status == 200:
        try:
            return json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise Unreadable("NotJson", "The answer is not JSON, or broke off.") from None
    code, message = _envelope(status, body)
    if status in (401, 403):
        raise Unauthorized(code, f"The API refused the credentials ({status}): {message}")
    if status == 429:
        raise Throttled(code, message, retry_after=_retry_after(headers))
    if status in SERVER_FAILURES:
        raise ServerFailed(code, message, retry_after=_retry_after(headers))
    if 300 <= status < 400:
        raise Rejected("Redirected", f"The API redirects ({status}); redirects are not followed.")
    raise Rejected(code, message)


def _envelope(status: int, body: bytes) -> tuple[str, str]:
    """The API's own error code and message, or ours where the body is something else."""
    try:
        told = json.loads(body)["ResponseStatus"]
        return _short(told["ErrorCode"]), _short(told["Message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"Http{status}", f"The API answered {status}."


def _short(told: Any) -> str:
    """The API's words on one line, and not a page of them."""
    return " ".join(str(told).split())[:500]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds from either form of Retry-After (RFC 9110, 10.2.3), None where there is none."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _unreachable(error: BaseException) -> ApiError:
    """What to say of no connection; a certificate that is not trusted will not be so next time."""
    cause = error.__cause__ or error
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        why = getattr(cause.certificate_error, "verify_message", "it cannot be verified")
        message = f"The API's certificate is not trusted: {why}. See SSL_CERT_FILE."
        return Stopping("CertificateRejected", message)
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return Unreachable("Unreachable", f"The API's host {cause.host} is not known.")
    if isinstance(cause, aiohttp.ClientConnectorError):
        why = cause.os_error.strerror or type(cause).__name__
        return Unreachable("Unreachable", f"The API cannot be reached: {_short(why)}.")
    return Unreachable("Unreachable", "The API cannot be reached, or closed the connection.")
