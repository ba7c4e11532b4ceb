"""The Numbers API: its endpoints, and what is tried again.

The paths, the credentials and the error envelope are those of the vendor's reference pages and
client libraries.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from reconciler.api import exchange
from reconciler.api.access import Access
from reconciler.api.answers import decoded, rows_of
from reconciler.api.exchange import Exchange
from reconciler.errors import (
    ApiError,
    Outage,
    Rejected,
    ServerFailed,
    Throttled,
    Transient,
    Unauthorized,
    Unreachable,
    Unreadable,
)
from reconciler.pace import Pacer, Verdict

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 6
FIRST_WAIT, LONGEST_WAIT = 0.25, 20.0
MOST_FAILURES_IN_A_ROW = 20
PAGE = 200


class Api:
    """One run's conversation with the API; made by `connect`.

    Every method raises ApiError: Rejected where the answer was no, Transient where it did not
    pass within ATTEMPTS tries or `retry_for` seconds, Stopping where nothing would.
    """

    def __init__(
        self,
        exchange: Exchange,
        access: Access,
        pacer: Pacer,
        *,
        retry_for: float = 120.0,
        on_retry: Callable[[str], None] = lambda _: None,
        on_request: Callable[[str], None] | None = None,
    ) -> None:
        self.access = access
        self.pacer = pacer
        self._exchange = exchange
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
        return await self._once("POST", _path(number), content, sent)

    async def list_numbers(self) -> AsyncIterator[Any]:
        """GET /v2/Accounts/{AccountSid}/Numbers, page by page: each number's object, once.

        How long a page may be and whether the total is told is the API's affair: it goes on until
        a page is empty or all of the total are there, and fails where the pages do not lead there.
        """
        path = f"/v2/Accounts/{self.access.account_sid}/Numbers"
        seen: set[str] = set()
        skip, longest = 0, 0
        while True:
            page, _ = await self._get(f"{path}?Results_Count={PAGE}&Results_Skip={skip}")
            rows, total = rows_of(page)
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

    async def _get(self, path: str) -> tuple[Any, int]:
        waited, attempt = 0.0, 1
        while True:
            try:
                return await self._once("GET", path), attempt
            except Transient as error:
                waited += await self.wait_before_retry(error, attempt, waited)
            except ApiError as error:
                error.attempts = attempt
                raise
            attempt += 1

    async def _once(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        sent: Callable[[], None] = lambda: None,
    ) -> Any:
        turn = await self.pacer.enter()
        error: ApiError | None = None
        verdict = Verdict.NEUTRAL
        try:
            sent()
            answer = await self._ask(method, path, content)
            verdict = Verdict.WELL
        except ApiError as failed:
            error, verdict = failed, _verdict(failed)
            raise
        finally:
            after = error.retry_after if isinstance(error, Transient) else None
            self.pacer.leave(turn, verdict, after)
            if verdict is not Verdict.NEUTRAL or error is not None:
                self._row.count(turn.began, error)
        return answer

    async def _ask(self, method: str, path: str, content: bytes | None) -> Any:
        answer = await self._exchange.ask(method, path, content)
        if self._on_request is not None:
            self._on_request(f"{method} {path} {answer.status} {len(answer.body):,} bytes")
        try:
            return decoded(answer)
        except ApiError as error:
            raise self._without_secrets(error) from None

    def _without_secrets(self, error: ApiError) -> ApiError:
        """An API may repeat what it was sent; its words are shown, the credentials are not."""
        for secret in (self.access.token, self.access.basic):
            error.message = error.message.replace(secret, "(hidden)")
            error.code = error.code.replace(secret, "(hidden)")
        error.args = (error.message,)
        return error


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
    """An Api over one transport, the usual one unless given. `how` goes to Api.

    Raises SetupError where certificates or proxies cannot be used.
    """
    carried = transport or exchange.transport(access, pacer.most)
    talking = exchange.Exchange(access, carried)
    try:
        yield Api(talking, access, pacer, **how)
    finally:
        await talking.aclose()


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
