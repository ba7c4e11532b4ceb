"""The keys of a fault: what stands for each in text, and what it is in a Fault; pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_WHOLE = re.compile("[0-9]{1,9}")
_SIGNED = re.compile("[+-]?[0-9]{1,9}")
_DECIMAL = re.compile(r"[0-9]{1,10}(\.[0-9]{1,20})?(e-?[0-9]{1,3})?")
_RETRY_AFTER = re.compile("(date:)?[0-9]{1,9}")
_GLOB = re.compile(r"[0-9*?\[\]!-]+")

_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Key:
    """`read` takes the text of a value, and raises ValueError with what it should have been."""

    attribute: str
    read: Callable[[str], object]


def _choice(*words: str) -> Callable[[str], object]:
    def read(text: str) -> object:
        if text not in words:
            raise ValueError(f"{', '.join(words[:-1])} or {words[-1]}")
        return text

    return read


def _whole(least: int, most: int = 10**9) -> Callable[[str], object]:
    def read(text: str) -> object:
        if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number, {least} to {most}")
        return int(text)

    return read


def _decimal(most: float, *, zero: bool = True) -> Callable[[str], object]:
    def read(text: str) -> object:
        value = float(text) if _DECIMAL.fullmatch(text) else math.inf
        if value > most or (value == 0 and not zero):
            raise ValueError(f"a number, {'0' if zero else 'more than 0'} to {most:.0f}")
        return value

    return read


def _difference(text: str) -> object:
    if not _SIGNED.fullmatch(text) or int(text) == 0:
        raise ValueError("a whole number below or above 0, as -5 or +5")
    return int(text)


def _retry_after(text: str) -> object:
    if not _RETRY_AFTER.fullmatch(text):
        raise ValueError("whole seconds, as 5, or as date:5 for an HTTP date")
    return text


def _glob(text: str) -> object:
    bare = text.removeprefix("+")
    if not _GLOB.fullmatch(bare):
        raise ValueError("a number's digits, or a glob of them as 6125550*")
    return bare


def _yes(text: str) -> object:
    return _choice("yes", "no")(text) == "yes"


def _plain(text: str) -> object:
    # A comma would end it in a SPEC, and so could not be shown again.
    if not text or "," in text or not text.isprintable():
        raise ValueError("printable text without a comma")
    return text


KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "method": Key("method", _choice("GET", "POST", "any")),
        "number": Key("number", _glob),
        "times": Key("times", _whole(0)),
        "after": Key("after", _whole(0)),
        "share": Key("share", _decimal(1)),
        "seed": Key("seed", _whole(0)),
        "code": Key("code", _whole(200, 599)),
        "body": Key("body", _choice("html", "json", "empty")),
        "carried-out": Key("carried_out", _yes),
        "retry-after": Key("retry_after", _retry_after),
        "rate": Key("rate", _decimal(10**9, zero=False)),
        "burst": Key("burst", _whole(1)),
        "window": Key("window", _decimal(10**9, zero=False)),
        "seconds": Key("seconds", _decimal(10**9)),
        "by": Key("by", _difference),
        "bytes-per-second": Key("bytes_per_second", _whole(1)),
        "bytes": Key("size", _whole(1, _MOST_BYTES)),
        "field": Key("field", _plain),
        "how": Key("how", _choice("upper", "lower", "trim", "strip-plus")),
        "to": Key("to", _plain),
    }
)


def written(value: object) -> str:
    """The text that is read as this value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
