"""Values that are never shown: what they are, how they are told of, and how two are compared.

Which values those are is carried by their type and by the names of fields; no output is searched
for text that looks like one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hmac import compare_digest
from typing import TypeVar

V = TypeVar("V", str, str | None)

# A digest must not be a quick way to try out all phone numbers, nor cost a large plan minutes.
_ROUNDS = 20_000


class Secret(str):
    """A value that came from outside of the files."""

    __slots__ = ()

    def __repr__(self) -> str:
        return HIDDEN_TEXT


HIDDEN_TEXT = "(sensitive)"
HIDDEN = Secret(HIDDEN_TEXT)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a saved plan knows of a hidden value, as salted digests; None where it was unset."""

    before: str | None
    after: str | None


def digest(value: str | None, salt: str) -> str | None:
    """A value's salted digest, None for none."""
    return _digest(value, salt) if value else None


@lru_cache(maxsize=4_096)
def _digest(text: str, salt: str) -> str:
    made = hashlib.pbkdf2_hmac("sha256", text.encode("utf-8", "replace"), salt.encode(), _ROUNDS)
    return f"{salt}:{made.hex()}"


def plain(value: str | None, *, phone: bool) -> str | None:
    """A value as it is compared: phone numbers without their plus."""
    return value.removeprefix("+") if value and phone else value


def matches(value: str | None, sealed: str | None) -> bool:
    """Whether a value is the one that was sealed."""
    if not value or sealed is None:
        return not value and sealed is None
    salt = sealed.partition(":")[0]
    return compare_digest(digest(value, salt) or "", sealed)


def hidden(values: Mapping[str, V], names: Collection[str]) -> dict[str, V | Secret]:
    """The values by field, as they may be shown: hidden where the field is one of the `names`.
    That a value is unset is no secret."""
    return {name: HIDDEN if value and name in names else value for name, value in values.items()}
