"""What each kind of fault does to a request that it strikes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aiohttp import web

from reconciler.sandbox import amend, byhand, pages
from reconciler.sandbox.byhand import Patience
from reconciler.sandbox.fault import Fault

_LARGE_BYTES = 2 * 2**20
_OF_NUMBER, _OF_ACCOUNT = "Number", "AccountSid"


@dataclass(frozen=True, slots=True)
class Strike:
    """A request that is struck; `onward` carries it out, as far as further faults let it."""

    fault: Fault
    request: web.Request
    onward: Callable[[], Awaitable[web.StreamResponse]]
    patience: Patience


Act = Callable[[Strike], Awaitable[web.StreamResponse]]
Change = Callable[[Strike, web.Response], Awaitable[web.StreamResponse]]


def _failing(code: int | None, body: str) -> Act:
    async def act(strike: Strike) -> web.StreamResponse:
        fault = strike.fault
        if fault.carried_out:
            await strike.onward()
        return pages.failure(fault.code or code or 500, fault.body or body, fault.retry_after)

    return act


async def _drop_before(strike: Strike) -> web.StreamResponse:
    return byhand.dropped(strike.request)


async def _drop_after(strike: Strike) -> web.StreamResponse:
    await strike.onward()
    return byhand.dropped(strike.request)


async def _hang(strike: Strike) -> web.StreamResponse:
    if await strike.patience.lasts(strike.fault.seconds, strike.request):
        return await strike.onward()
    return byhand.dropped(strike.request)


async def _hang_after(strike: Strike) -> web.StreamResponse:
    answer = await strike.onward()
    if await strike.patience.lasts(strike.fault.seconds, strike.request):
        return answer
    return byhand.dropped(strike.request)


async def _late(strike: Strike) -> web.StreamResponse:
    # Once the client has gone, the body can't be read any more.
    await strike.request.read()
    if await strike.patience.lasts(strike.fault.seconds, None):
        return await strike.onward()
    return byhand.dropped(strike.request)


async def _garbage(strike: Strike) -> web.StreamResponse:
    if strike.fault.carried_out is not False:
        await strike.onward()
    return pages.html(200)


async def _ignored(strike: Strike) -> web.StreamResponse:
    amend.order(amend.ignoring(strike.fault.field or ""))
    return await strike.onward()


async def _normalised(strike: Strike) -> web.StreamResponse:
    amend.order(amend.normalising(strike.fault.field or "", strike.fault.how or ""))
    return await strike.onward()


def _changing(change: Change) -> Act:
    async def act(strike: Strike) -> web.StreamResponse:
        answer = await strike.onward()
        # What another fault has sent, or has decided not to send, can't be changed any more.
        return await change(strike, answer) if isinstance(answer, web.Response) else answer

    return act


async def _cut(strike: Strike, answer: web.Response) -> web.StreamResponse:
    return byhand.cut(strike.request, answer)


async def _wrong_length(strike: Strike, answer: web.Response) -> web.StreamResponse:
    return byhand.mismeasured(strike.request, answer, strike.fault.by or 0)


async def _slow(strike: Strike, answer: web.Response) -> web.StreamResponse:
    rate = strike.fault.bytes_per_second or 1
    return await byhand.dripped(strike.request, answer, rate, strike.patience)


async def _close(_strike: Strike, answer: web.Response) -> web.StreamResponse:
    answer.force_close()
    return answer


def _other(key: str) -> Change:
    async def change(strike: Strike, answer: web.Response) -> web.StreamResponse:
        if answer.status == 200 and answer.content_type == "application/json":
            answer.body = pages.renamed(byhand.body_of(answer), key, strike.fault.to)
        return answer

    return change


async def _large(strike: Strike, answer: web.Response) -> web.StreamResponse:
    # White space: of whatever JSON it is, the value stays.
    answer.body = byhand.body_of(answer).ljust(strike.fault.size or _LARGE_BYTES)
    return answer


ACTS: Mapping[str, Act] = MappingProxyType(
    {
        "401": _failing(401, "json"),
        "403": _failing(403, "json"),
        "429": _failing(429, "json"),
        "500": _failing(500, "html"),
        "502": _failing(502, "html"),
        "503": _failing(503, "html"),
        "504": _failing(504, "html"),
        "status": _failing(None, "html"),
        "outage": _failing(503, "html"),
        "drop-before": _drop_before,
        "drop-after": _drop_after,
        "cut": _changing(_cut),
        "wrong-length": _changing(_wrong_length),
        "hang": _hang,
        "hang-after": _hang_after,
        "late": _late,
        "slow": _changing(_slow),
        "close": _changing(_close),
        "ignored": _ignored,
        "normalised": _normalised,
        "other-number": _changing(_other(_OF_NUMBER)),
        "other-account": _changing(_other(_OF_ACCOUNT)),
        "garbage": _garbage,
        "large": _changing(_large),
    }
)
