"""Answers that no handler gave: error pages, and bodies that are not the number's own."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import hdrs, web

from reconciler.sandbox import jsontext
from reconciler.sandbox.refusal import Refusal

_PAGE = """<html>
<head><title>{title}</title></head>
<body>
<center><h1>{title}</h1></center>
<hr><center>web server</center>
</body>
</html>
"""


def failure(status: int, body: str, retry_after: str | None = None) -> web.Response:
    """An answer of this status; `body` is html, json or empty, `retry_after` as in a Fault."""
    answer = web.Response(status=status)
    if body == "html":
        answer = html(status)
    elif body == "json":
        refusal = Refusal(status, _phrase(status).title().replace(" ", ""), "A fault struck.")
        answer = web.Response(
            status=status, body=refusal.body(), content_type="application/json", charset="utf-8"
        )
    if retry_after is not None:
        answer.headers[hdrs.RETRY_AFTER] = _retry_after(retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers[hdrs.WWW_AUTHENTICATE] = 'Basic realm="Numbers API"'
    return answer


def html(status: int) -> web.Response:
    """The page of a web server that knows nothing of the API."""
    page = _PAGE.format(title=f"{status} {_phrase(status)}")
    return web.Response(
        status=status, body=page.encode(), content_type="text/html", charset="utf-8"
    )


def renamed(body: bytes, key: str, to: str | None) -> bytes:
    """The JSON body with another value wherever an object has `key`, by default one like it."""
    return jsontext.encoded(_renamed(jsontext.decoded(body), key, to))


def _renamed(value: object, key: str, to: str | None) -> object:
    if isinstance(value, list):
        return [_renamed(each, key, to) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: (_another(each) if to is None else to) if name == key else _renamed(each, key, to)
        for name, each in value.items()
    }


def _another(value: object) -> str:
    """Of the same form and length: the last digit is the next one, of a text the last letter."""
    text = str(value)
    if text[-1:].isdigit():
        return f"{text[:-1]}{(int(text[-1]) + 1) % 10}"
    return f"{text[:-1]}{'y' if text.endswith('x') else 'x'}"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown Status"


def _retry_after(text: str) -> str:
    if not text.startswith("date:"):
        return text
    # A date has whole seconds: rounded up, so that it is never sooner than was asked for.
    moment = math.ceil(time.time()) + int(text.removeprefix("date:"))
    return formatdate(moment, usegmt=True)
