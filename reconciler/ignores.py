"""Declared fields that a number's entry leaves alone, each for a reason and until a date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from reconciler import schema
from reconciler.declared import Declarations
from reconciler.errors import Problem
from reconciler.tree import Block, Node
from reconciler.words import NearMisses, quoted


def in_force(entry: Block, today: date) -> frozenset[str]:
    """The names of the fields that are left alone today; `today` is in UTC."""
    return frozenset(name for name, until in _dates(entry) if until is not None and until >= today)


def expired(run: Declarations) -> Iterator[Problem]:
    """A warning for each field that counts again since its date has passed."""
    for number, declared in run.numbers.items():
        path, entry = declared.saying("ignore")
        if "ignore" not in entry:
            continue
        ignore = _block(entry)
        for name, until in _dates(entry):
            if until is not None and until < run.today:
                message = f"{number}: {name} was left alone until {until}; it counts again"
                yield Problem(path, *ignore.key_at(name), message)


def problems(path: str, entry: Block, misses: NearMisses) -> Iterator[Problem]:
    """What the schema cannot say: fields that there are not, and days that there are not."""
    ignore = _block(entry)
    for name, until in _dates(entry):
        if name not in schema.parameters():
            hint = misses.hint(name, schema.parameters())
            message = f"there is no field {quoted(name)} to ignore{hint}"
            yield Problem(path, *ignore.key_at(name), message)
        text = _block(ignore, name).get("until")
        if until is None and isinstance(text, str) and len(text) == len("2027-01-31"):
            place = _block(ignore, name).value_at("until")
            yield Problem(path, *place, f"{quoted(text)} is no day of the calendar")


def _dates(entry: Block) -> Iterator[tuple[str, date | None]]:
    """Each field with its last day, None where that is none."""
    ignore = _block(entry)
    for name in ignore:
        yield name, _date(_block(ignore, name).get("until"))


def _date(node: Node) -> date | None:
    try:
        return date.fromisoformat(node) if isinstance(node, str) else None
    except ValueError:
        return None


def _block(node: Block, key: str = "ignore") -> Block:
    found = node.get(key)
    return found if isinstance(found, Block) else Block()
