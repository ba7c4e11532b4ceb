"""A seed file: the numbers and flows that a sandbox begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from reconciler.errors import SetupError
from reconciler.sandbox import jsontext, shapes
from reconciler.sandbox.refusal import Refusal
from reconciler.sandbox.rules import Rulebook
from reconciler.sandbox.store import Flow, Row, Store

T = TypeVar("T", Row, Flow)


@dataclass(frozen=True, slots=True)
class Seed:
    """`owned` says whether numbers that are there already come to belong to who is named here.
    `named` are flows of which each property needs only one of each name."""

    numbers: tuple[Row, ...] = ()
    flows: tuple[Flow, ...] = ()
    owned: bool = False
    named: tuple[Flow, ...] = ()

    def sow(self, store: Store) -> None:
        """Adds what the store doesn't have; what it has keeps its state."""
        with store.writing():
            for row in self.numbers:
                store.add(row)
                if self.owned:
                    store.own(row)
            for flow in self.flows:
                store.add_flow(flow)
            for flow in self.named:
                if not store.has_namesake(flow):
                    store.add_flow(flow)


def read(path: Path, rules: Rulebook) -> Seed:
    """The seed in a JSON file: a list of numbers, or {"Numbers": [...], "Flows": [...]}.

    Raises SetupError, naming the file and the entry, for anything else.
    """
    try:
        content = jsontext.decoded(path.read_bytes())
    except OSError as error:
        raise SetupError(f"The seed {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SetupError(f"The seed {path} cannot be used. {error}") from error
    parts = content if isinstance(content, dict) else {"Numbers": content}
    for name in parts:
        if name not in ("Numbers", "Flows"):
            raise SetupError(f'The seed {path} has "{name}"; it may have "Numbers" and "Flows".')

    def number(entry: object) -> Row:
        return _checked(entry, rules)

    return Seed(
        numbers=_unique(f"The seed {path}, Numbers", parts.get("Numbers", []), number, 1),
        flows=_unique(f"The seed {path}, Flows", parts.get("Flows", []), shapes.flow, 2),
    )


def of(
    numbers: Iterable[Mapping[str, object]],
    flows: Iterable[Mapping[str, object]],
    rules: Rulebook,
) -> Seed:
    """A seed of what is shaped as the API gives it. Raises SetupError for what isn't."""
    try:
        rows = tuple(shapes.row(number, rules) for number in numbers)
        return Seed(rows, owned=True, named=tuple(map(shapes.flow, flows)))
    except Refusal as refusal:
        raise SetupError(refusal.message) from refusal


def _checked(entry: object, rules: Rulebook) -> Row:
    row = shapes.row(entry, rules)
    assert isinstance(entry, dict)
    for name, value in entry.items():
        if value is not None and not isinstance(value, str):
            raise Refusal(400, "InvalidValue", f"{name} must be text or null.")
    return row


def _unique(where: str, entries: object, made: Callable[[object], T], key: int) -> tuple[T, ...]:
    """The entries of one list; the first `key` columns are what may stand there only once."""
    if not isinstance(entries, list):
        raise SetupError(f"{where}: it must be a list.")
    found: dict[tuple[object, ...], T] = {}
    for place, entry in enumerate(entries, start=1):
        try:
            one = made(entry)
        except Refusal as refusal:
            raise SetupError(f"{where}, entry {place}: {refusal.message}") from refusal
        if one[:key] in found:
            raise SetupError(f"{where}, entry {place}: {one[key - 1]} is there twice.")
        found[one[:key]] = one
    return tuple(found.values())
