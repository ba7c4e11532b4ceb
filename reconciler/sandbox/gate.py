"""What every request passes before a handler has it: counting, then refusing.

Both are aiohttp middlewares. The faults are a further one between them: what they strike is
counted, and they see refusals as responses.
"""

from __future__ import annotations

import asyncio
import hmac
import sqlite3
from base64 import b64encode
from collections.abc import Mapping

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from reconciler.sandbox import TOKEN, jsontext, loopback
from reconciler.sandbox.refusal import Refusal
from reconciler.sandbox.stats import Stats

CONTROL = "/_sandbox"
Kinds = Mapping[Handler, str]

_CODES = {404: "NotFound", 405: "MethodNotAllowed", 413: "BodyTooLarge"}


def counted(stats: Stats, kinds: Kinds) -> Middleware:
    """Counts every request that is not under /_sandbox; `kinds` says what a handler counts as."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        kind = kinds.get(request.match_info.handler)
        if kind is None and request.path.startswith(CONTROL):
            return await handler(request)
        stats.begin(kind)
        status = 500
        try:
            response = await handler(request)
            status = response.status
        finally:
            stats.end(status)
        return response

    return middleware


def guarded(kinds: Kinds, account: str, latency: float) -> Middleware:
    """Refuses strangers, holds the API's answers back by `latency` seconds, envelopes errors."""

    credentials = b64encode(f"{account}:{TOKEN}".encode())

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _refuse_foreign_host(request)
            # By handler first: however a path is spelled, the API's handlers want credentials.
            if request.match_info.handler in kinds or request.path.startswith("/v2"):
                if latency:
                    await asyncio.sleep(latency)
                _refuse_stranger(request, credentials)
            elif hdrs.ORIGIN in request.headers:
                raise Refusal(403, "Forbidden", "Web pages may not drive the sandbox.")
            return await handler(request)
        except Refusal as refusal:
            return _refused(refusal)
        except web.HTTPException as error:
            return _refused(_of_http(request, error))
        except sqlite3.Error as error:
            return _refused(Refusal(503, "Unavailable", f"The database failed: {error}."))

    return middleware


def answered(body: bytes) -> web.Response:
    """200 with a JSON body."""
    return web.Response(body=body, content_type="application/json", charset="utf-8")


async def posted(request: web.Request) -> object:
    """The JSON value of a request's body. Raises Refusal (400 InvalidBody) where it is none."""
    try:
        return jsontext.decoded(await request.read())
    except ValueError as error:
        raise Refusal(400, "InvalidBody", f"The body cannot be used. {error}") from error


def _refuse_foreign_host(request: web.Request) -> None:
    host = request.headers.get(hdrs.HOST)
    if host is not None and not loopback.is_loopback_header(host):
        raise Refusal(403, "Forbidden", "The sandbox answers to loopback names only.")


def _refuse_stranger(request: web.Request, credentials: bytes) -> None:
    scheme, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    given = text.strip().encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(given, credentials) or scheme.lower() != "basic":
        raise Refusal(
            401,
            "Unauthorized",
            "The account or its token is wrong or missing.",
            {"WWW-Authenticate": 'Basic realm="Numbers API"'},
        )


def _of_http(request: web.Request, error: web.HTTPException) -> Refusal:
    kept = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    code = _CODES.get(error.status, "BadRequest")
    return Refusal(error.status, code, f"{request.method} {request.path}: {error.reason}.", kept)


def _refused(refusal: Refusal) -> web.Response:
    response = answered(refusal.body())
    response.set_status(refusal.status)
    response.headers.update(refusal.headers)
    return response
