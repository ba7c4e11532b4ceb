"""Results_Count and Results_Skip of a list; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.sandbox.refusal import Refusal

MOST = 200

# 18 digits are what an integer of the database holds.
_WHOLE = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Page:
    count: int
    skip: int


def page(query: Sequence[tuple[str, str]], default_count: int) -> Page:
    """The page that a query asks for.

    Raises Refusal (400) for a value that is no whole number or out of range, one given twice, and
    any other name: a filter that is left out unsaid would answer with more than was asked for.
    """
    asked = {"Results_Count": default_count, "Results_Skip": 0}
    seen: set[str] = set()
    for name, text in query:
        if name not in asked:
            raise Refusal(400, "UnknownParameter", f"This list has no {name}.")
        if name in seen or not _WHOLE.fullmatch(text):
            raise Refusal(400, "InvalidValue", f"{name} must be one whole number.")
        seen.add(name)
        asked[name] = int(text)
    if not 1 <= asked["Results_Count"] <= MOST:
        raise Refusal(400, "InvalidValue", f"Results_Count must be 1 to {MOST}.")
    return Page(asked["Results_Count"], asked["Results_Skip"])
