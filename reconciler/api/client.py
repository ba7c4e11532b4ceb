"""The Numbers API: its endpoints, and what is tried again.

The paths, the credentials and the error envelope are those of the vendor's reference pages and
client libraries.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.api import exchange
from reconciler.api.access import Access
from reconciler.api.answers import FLOWS, NUMBERS, decoded
from reconciler.api.exchange import Exchange
from reconciler.api.pages import AHEAD, PAGE, Pages
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

T = TypeVar("T")
ATTEMPTS = 6
FLOWS_A_PAGE = 50  # what the API's page has for the usual one
FIRST_WAIT, LONGEST_WAIT = 0.25, 20.0
MOST_FAILURES_IN_A_ROW = 20
SHORTEST_PATIENCE = 60.0


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
        # Apart, as the reads that tell whether a write was carried out may all pass.
        self._rows = {"GET": _Row(), "POST": _Row()}
        self._accepted_at = asyncio.get_running_loop().time()
        self._patience = max(SHORTEST_PATIENCE, retry_for)

    async def read_number(self, number: str, understand: Callable[[Any], T]) -> T:
        """GET /v2/Numbers/{digits}: what `understand` makes of the answer.

        An answer that it raises Unreadable for is asked for again, as any that may pass.
        """
        return await self._get(_path(number), understand)

    async def write_number(
        self,
        number: str,
        body: Mapping[str, str],
        sent: Callable[[], None] = lambda: None,
        *,
        sensitive: bool = False,
    ) -> Any:
        """POST /v2/Numbers/{digits}, once: whether to send it again is the caller's decision.

        `sent` is called when its turn has come and it goes out. What the API says of a body that
        is `sensitive` is not passed on, as it may repeat it.
        """
        content = json.dumps(dict(body)).encode()
        return await self._once("POST", _path(number), content, sent, sensitive=sensitive)

    def pages(self, owner: str | None = None, left: Callable[[], int] = lambda: 1) -> Pages:
        """GET /v2/Accounts/{AccountSid}/Numbers, or /v2/Properties/{PropertySid}/Numbers where
        `owner` is a property. For `left` see Pages."""
        of = f"Accounts/{self.access.account_sid}" if owner is None else f"Properties/{owner}"

        async def ask(skip: int) -> tuple[list[Any], int | None]:
            path = f"/v2/{of}/Numbers?Results_Count={PAGE}&Results_Skip={skip}"
            return await self._get(path, NUMBERS.rows)

        return Pages(ask, min(AHEAD, self.pacer.most), left)

    async def list_numbers(self) -> AsyncIterator[Any]:
        """Each number of the account, once: its object.

        How long a page may be and whether the total is told is the API's affair. Raises Unreadable
        where the pages do not lead to the end, or to fewer numbers than the total.
        """
        seen: set[str] = set()
        stuck = False
        pages = self.pages()
        async with aclosing(pages.walk()) as walk:
            async for rows in walk:
                if stuck:
                    raise Unreadable("UnexpectedAnswer", "The list's pages repeat and do not end.")
                new = {number: row for row in rows if (number := str(row["Number"])) not in seen}
                stuck = not new
                seen |= new.keys()
                for row in new.values():
                    yield row
        if pages.total is not None and len(seen) < pages.total:
            told = f"The list gives {len(seen):,} numbers of {pages.total:,}; try again."
            raise Unreadable("UnexpectedAnswer", told)

    async def list_flows(self, owner: str) -> list[Any]:
        """GET /v2/Properties/{PropertySid}/Flows: the object of each flow of a property, once.

        Raises Unreadable where there are fewer than the total that is told.
        """
        found: dict[str, Any] = {}
        skip, total = 0, 0
        while True:
            path = f"/v2/Properties/{owner}/Flows?Results_Count={FLOWS_A_PAGE}&Results_Skip={skip}"
            rows, told = await self._get(path, FLOWS.rows)
            new = {key: row for row in rows if (key := str(row["ConfigId"])) not in found}
            found |= new
            skip, total = skip + len(rows), told or total
            # What knows of no pages gives the same one again.
            if not new or (len(rows) < FLOWS_A_PAGE and len(found) >= total):
                break
        if len(found) < total:
            told_of = f"The list gives {len(found):,} flows of {total:,}; try again."
            raise Unreadable("UnexpectedAnswer", told_of)
        return list(found.values())

    async def wait_before_retry(
        self, error: Transient, attempt: int, waited: float, hurry: asyncio.Event | None = None
    ) -> float:
        """Sleeps before try `attempt` + 1 and returns the seconds; raises `error` when it is over.
        The sleep ends early when `hurry` is set.

        The wait doubles each time, with jitter so that many clients do not return at once.
        """
        wait: float = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
        wait *= random.uniform(0.5, 1.0)  # noqa: S311  (jitter, not a secret)
        error.attempts = attempt
        if error.retry_after is not None:
            # The pause holds every request of the run, so that there is nothing else to go on with.
            if error.retry_after > self._retry_for:
                raise _too_long(error, error.retry_after)
            wait = max(wait, error.retry_after)
        if attempt >= ATTEMPTS or waited + wait > self._retry_for:
            raise error
        self._on_retry(f"{error.message} Trying again in {wait:.1f} s.")
        await _sleep(wait, hurry)
        return wait

    async def _get(self, path: str, understand: Callable[[Any], T]) -> T:
        waited, attempt = 0.0, 1
        while True:
            try:
                return understand(await self._once("GET", path))
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
        *,
        sensitive: bool = False,
    ) -> Any:
        turn = await self.pacer.enter()
        error: ApiError | None = None
        verdict = Verdict.NEUTRAL
        try:
            sent()
            answer = await self._ask(method, path, content, sensitive)
            verdict = Verdict.WELL
        except ApiError as failed:
            error, verdict = failed, _verdict(failed)
            raise
        finally:
            after = error.retry_after if isinstance(error, Transient) else None
            self.pacer.leave(turn, verdict, after)
            if verdict is not Verdict.NEUTRAL or error is not None:
                self._rows[method].count(turn.began, error)
                self._lose_patience(error)
        return answer

    def _lose_patience(self, error: ApiError | None) -> None:
        """Raises Outage where the API has been asking for patience, and nothing else, for long."""
        now = asyncio.get_running_loop().time()
        if not isinstance(error, Transient):
            self._accepted_at = now
        elif now - self._accepted_at > self._patience:
            message = f"Nothing has been accepted for {now - self._accepted_at:.0f} s."
            raise Outage(error.code, f"{message} {error.message}")

    async def _ask(self, method: str, path: str, content: bytes | None, sensitive: bool) -> Any:
        answer = await self._exchange.ask(method, path, content)
        if self._on_request is not None:
            self._on_request(f"{method} {path} {answer.status} {len(answer.body):,} bytes")
        try:
            return decoded(answer)
        except ApiError as error:
            if sensitive:
                error.code = f"Http{answer.status}"
                error.message = f"The API answered {answer.status}; {_WORDLESS}"
            raise self._without_secrets(error) from None

    def _without_secrets(self, error: ApiError) -> ApiError:
        """An API may repeat what it was sent; its words are shown, the credentials are not."""
        for secret in (self.access.token, self.access.basic):
            error.message = error.message.replace(secret, "(hidden)")
            error.code = error.code.replace(secret, "(hidden)")
        error.args = (error.message,)
        return error


_WORDLESS = "its words are not shown, for a sensitive value was sent."


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


def _too_long(error: Transient, seconds: float) -> Outage:
    message = f"The API asks for a pause of {seconds:,.0f} s, which is longer than --retry-for."
    return Outage(error.code, message, attempts=error.attempts)


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
