"""What a POST stores other than what it says, and nobody is told; no request is, by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType

from reconciler.sandbox.rules import Fields

# From a number's fields before a POST, and those it is to have after, to those that are stored.
Amendment = Callable[[Fields, Fields], Fields]

# Each request runs in a context of its own, so that one's amendments are not another's.
_AMENDMENTS: ContextVar[tuple[Amendment, ...]] = ContextVar("amendments", default=())

_WAYS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "upper": str.upper,
        "lower": str.lower,
        "trim": str.strip,
        "strip-plus": lambda text: text.removeprefix("+"),
    }
)


def order(amendment: Amendment) -> None:
    """The request that is being handled is to be stored so."""
    _AMENDMENTS.set((*_AMENDMENTS.get(), amendment))


def amended(before: Fields, after: Fields) -> Fields:
    """The fields that are stored of the request that is being handled."""
    for amendment in _AMENDMENTS.get():
        after = amendment(before, after)
    return after


def ignoring(field: str) -> Amendment:
    """`field` stays as it was."""

    def amendment(before: Fields, after: Fields) -> Fields:
        kept = {name: value for name, value in after.items() if name != field}
        return {**kept, field: before[field]} if field in before else kept

    return amendment


def normalising(field: str, how: str) -> Amendment:
    """What the POST sets `field` to is stored in upper or lower case, trimmed, or without a +."""

    def amendment(before: Fields, after: Fields) -> Fields:
        value = after.get(field)
        if not isinstance(value, str) or value == before.get(field):
            return after
        return {**after, field: _WAYS[how](value)}

    return amendment
