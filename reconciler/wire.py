"""The API's JSON ↔ the model.

Liberal in what it accepts, as api behaviour is only partly documented: a field may be absent, null
or "" when unset, a number may come without its plus. Never liberal about whose answer it is.
Source: the response table of the vendor's page on configuring numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from reconciler import schema
from reconciler.errors import Unreadable
from reconciler.model import LiveNumber, canonical_number

IDENTITY = ("AccountSid", "PropertySid")


def live_number(body: Any, asked: str | None = None) -> LiveNumber:
    """One number's object as LiveNumber. Raises Unreadable where it is no such object, or is
    about another number than `asked` (E.164 with its plus)."""
    if not isinstance(body, Mapping):
        raise Unreadable("UnexpectedAnswer", "The answer is not a JSON object.")
    number = _text(body, "Number")
    if not number:
        raise Unreadable("UnexpectedAnswer", "The answer does not say which number it is about.")
    if asked is not None and canonical_number(number) != asked:
        raise Unreadable("OtherNumber", f"The answer is about {number}, not about {asked}.")
    return LiveNumber(
        number=canonical_number(number),
        fields=_fields(body),
        identity={name: told for name in IDENTITY if (told := _text(body, name))},
    )


def flow(row: Mapping[str, Any]) -> tuple[str, str]:
    """The ConfigId of a row of a property's flows, and its name, "" where it has none. Raises
    Unreadable."""
    return _text(row, "ConfigId") or "", _text(row, "Name") or ""


def _fields(body: Mapping[str, Any]) -> dict[str, str]:
    fields = {}
    for name, names in _spellings().items():
        value = body.get(name)
        if type(value) is not str:
            # Rarer, and looked at more closely: unset, misspelt, or not text.
            value = _text(body, *names)
        if value:
            fields[name] = value
    return fields


@cache
def _spellings() -> Mapping[str, tuple[str, ...]]:
    """Each parameter's name, and all names that it may come under."""
    return {name: (name, *each.aliases) for name, each in schema.parameters().items()}


def _text(body: Mapping[str, Any], *names: str) -> str | None:
    value = None
    for name in names:
        value = body.get(name)
        if value not in (None, ""):
            break
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Unreadable("UnexpectedAnswer", f"The answer's {names[0]} is not text.")
