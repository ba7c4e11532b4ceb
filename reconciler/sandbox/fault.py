"""What can be wrong with the server: the kinds of fault, and which keys each of them has; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the server, and which requests it strikes.

    kind: one of KINDS.
    method: GET, POST or any. number: digits or a glob of them, of the number in the path; with one,
    lists are never struck.
    after: how many matching requests pass first. times: the most that are struck, None for no end.
    share: 0 to 1, the part of the matching requests that is struck, drawn from `seed`.

    All that follows is of some kinds only, and None where the kind decides:

    code: the HTTP status. body: html, json or empty. carried_out: whether the request is first.
    retry_after: whole seconds, or "date:N" for the HTTP date that is N seconds ahead.
    rate: requests a second that pass. burst: the most that pass at once. window: seconds.
    seconds: how long it lasts; None for ever. by: bytes too many (too few, where below 0).
    bytes_per_second, size: bytes. field, how: the parameter, and what becomes of its value.
    to: what stands in place of the number or the account.
    """

    kind: str
    method: str = "any"
    number: str | None = None
    times: int | None = None
    after: int = 0
    share: float = 1.0
    seed: int = 0
    code: int | None = None
    body: str | None = None
    carried_out: bool | None = None
    retry_after: str | None = None
    rate: float | None = None
    burst: int | None = None
    window: float | None = None
    seconds: float | None = None
    by: int | None = None
    bytes_per_second: int | None = None
    size: int | None = None
    field: str | None = None
    how: str | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to be wrong.

    says: for a person. has: the keys besides COMMON. needs: those of them that must be given.
    """

    says: str
    has: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    posts_only: bool = False


COMMON = ("method", "number", "times", "after", "share", "seed")

_ANSWER = ("body", "retry-after")
_FAILURE = (*_ANSWER, "carried-out")

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "401": Kind("the credentials are no longer good", ("body",)),
        "403": Kind("the account may not do that", ("body",)),
        "429": Kind(
            "too many requests: over `rate` a second, or each where there is no rate",
            ("rate", "burst", "window", *_ANSWER),
        ),
        "500": Kind("an error page of the web server", _FAILURE),
        "502": Kind("an error page of a gateway", _FAILURE),
        "503": Kind("an error page: unavailable", _FAILURE),
        "504": Kind("an error page: the gateway's own request took too long", _FAILURE),
        "status": Kind("any other status", ("code", *_FAILURE), ("code",)),
        "outage": Kind(
            "503 to all, for `seconds` from the first request on",
            ("seconds", *_ANSWER),
            ("seconds",),
        ),
        "drop-before": Kind("not carried out, closed without an answer"),
        "drop-after": Kind("carried out, closed without an answer"),
        "cut": Kind("carried out, closed after half the answer"),
        "wrong-length": Kind("Content-Length is not that of the answer", ("by",), ("by",)),
        "hang": Kind(
            "no answer, for `seconds`; not carried out where the client goes", ("seconds",)
        ),
        "hang-after": Kind("carried out, then no answer for `seconds`", ("seconds",)),
        "late": Kind(
            "carried out after `seconds`, though the client be gone", ("seconds",), ("seconds",)
        ),
        "slow": Kind("the answer drips", ("bytes-per-second",), ("bytes-per-second",)),
        "close": Kind("the connection is closed after the answer, which says so"),
        "ignored": Kind("a POST's `field` is not stored", ("field",), ("field",), posts_only=True),
        "normalised": Kind(
            "a POST's `field` is stored as the server would have it",
            ("field", "how"),
            ("field", "how"),
            posts_only=True,
        ),
        "other-number": Kind("the answer is about another number", ("to",)),
        "other-account": Kind("the answer is of another account", ("to",)),
        "garbage": Kind("200 with an HTML page", ("carried-out",)),
        "large": Kind("the answer is padded to `bytes`", ("bytes",)),
    }
)
