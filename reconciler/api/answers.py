"""What the API's answers mean: a JSON value, or the ApiError that they amount to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from reconciler.errors import Forbidden, Rejected, ServerFailed, Throttled, Unauthorized, Unreadable

SERVER_FAILURES = frozenset({500, 502, 503, 504})


class Answer(NamedTuple):
    """One whole answer; `headers` finds names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def decoded(answer: Answer) -> Any:
    """The decoded body of a 200, or the ApiError that any other answer amounts to."""
    status, headers, body = answer
    if status == 200:
        try:
            return json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise Unreadable("NotJson", "The answer is not JSON, or broke off.") from None
    code, message = _envelope(status, body)
    if status == 401:
        raise Unauthorized(code, f"The API refused the credentials (401): {message}")
    if status == 403:
        raise Forbidden(code, f"The API refused access (403): {message}")
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


def _retry_after(headers: Mapping[str, str]) -> float | None:
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


class Listed(NamedTuple):
    """What a list is of: its name where it is wrapped, and the key that each of its rows has."""

    name: str
    key: str

    def rows(self, page: Any) -> tuple[list[Any], int | None]:
        """The rows of a page and the total where it is told, in the shapes that the vendor's pages
        show: a bare list, one wrapped in an object, or a single row by itself."""
        rows: Any = page
        total = None
        if isinstance(page, dict):
            lists = [value for value in page.values() if isinstance(value, list)]
            named = page.get(self.name)
            rows = [page] if self.key in page else named or (lists[0] if len(lists) == 1 else named)
            total = page.get("TotalCount")
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and row.get(self.key) for row in rows
        ):
            message = f"The list endpoint's answer is no list of {self.name.lower()}."
            raise Unreadable("UnexpectedAnswer", message)
        return rows, total if type(total) is int else None


NUMBERS = Listed("Numbers", "Number")
FLOWS = Listed("Flows", "ConfigId")
