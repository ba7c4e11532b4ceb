"""Live values → the numbers files that declare them: "the portal was right". Pure.

Comments, order, quotes and templates stay. What comes out is read again as any command would read
it: it must declare just what was accepted, and all else as before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from reconciler import desired, intact, schema
from reconciler.declared import Declarations, Declared
from reconciler.diff import same
from reconciler.errors import InputError, Problem
from reconciler.model import LiveNumber, Value
from reconciler.takeover import Fields, Takeover, with_numbers
from reconciler.tree import Block
from reconciler.words import value

Files = Mapping[str, bytes]
_NONE: Files = {}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A field that is now declared as it is live.

    line: where it stands in the new file. inherited: its own field was taken away, because
    templates or defaults say the same; the line is the number's then. declared: whether it was
    before, as `before`.
    """

    path: str
    line: int
    number: str
    name: str
    inherited: bool
    declared: bool
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The files that change, with what is to be in them; the numbers that are new in them, and
    the fields, both sorted by number; and the fields from outside that were passed over."""

    files: Files
    added: Sequence[Declared]
    fields: Sequence[Accepted]
    passed: Sequence[Problem]


def accept(
    files: Files,
    live: Iterable[LiveNumber],
    names: Collection[str] = (),
    today: date | None = None,
    overlays: Files = _NONE,
) -> Acceptance:
    """The files of one run, by path, as they are to be for these numbers.

    names: the fields to accept, declared or not; without them, all that are managed, and for a
    number that no file declares all that are set, but none whose value comes from outside. Such a
    number is added to the one file there is.
    overlays: what is merged over the files, in this order. The last one takes all that is new, and
    the files stay as they are.

    Raises InputError where a file cannot say what is live, or not without saying more than that.
    """
    today = today or datetime.now(UTC).date()
    given, into = {**files, **overlays}, next(reversed(list(overlays)), None)

    def read(now: Files) -> Declarations:
        below, above = ([(path, now[path]) for path in each] for each in (files, overlays))
        return desired.declarations(below, today, above)

    readings = sorted(live, key=lambda each: each.number)
    before = read(given)
    _refuse(_left_out(readings, before))
    added = [each.number for each in readings if each.number not in before.numbers]
    begun = with_numbers(given, added, into)
    takeover = Takeover(begun, read(begun) if added else before, into)
    for reading in readings:
        takeover.take(reading, names, reading.number in added)
    _refuse(takeover.problems)
    changed = {path: data for path, data in takeover.files().items() if data != given[path]}
    _refuse(_tied(given, changed, {**dict.fromkeys(added, ()), **takeover.taken}))
    after = read({**given, **changed}).numbers
    _refuse(_unlike(after, takeover.taken))
    fields = [
        _accepted(after[number], into or after[number].path, name, before.numbers.get(number))
        for number, taken in takeover.taken.items()
        for name in taken
    ]
    return Acceptance(changed, [after[number] for number in added], fields, takeover.passed)


def _left_out(readings: Iterable[LiveNumber], before: Declarations) -> Iterator[Problem]:
    for each in readings:
        if each.number in before.removed:
            place = before.removed[each.number]
            yield Problem(*place, f"{each.number} is left out of the run here; take this out first")


def _refuse(problems: Iterable[Problem]) -> None:
    if found := list(dict.fromkeys(problems)):
        raise InputError(found)


def _tied(files: Files, changed: Files, meant: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """What else than the fields that are meant would change."""
    for path, data in changed.items():
        yield from intact.problems(path, files[path], data, meant)


def _unlike(numbers: Mapping[str, Declared], taken: Mapping[str, Fields]) -> Iterator[Problem]:
    """The fields that the new files still do not declare as they are live."""
    for number, values in taken.items():
        declared = numbers[number]
        for name, live in values.items():
            told = declared.fields.get(name)
            if name not in declared.fields or not same(name, told, live, schema.phones()):
                message = f"{number}: {name}: {value(live)} cannot be written here; do it by hand"
                yield Problem(*declared.place(name), message)


def _accepted(now: Declared, path: str, name: str, before: Declared | None) -> Accepted:
    """What became of a field whose value was written into the file at this path."""
    fields = before.fields if before else {}
    entry = dict(now.entries).get(path, Block())
    return Accepted(
        path=path,
        line=entry.key_at(name)[0] if name in entry else now.line,
        number=now.number,
        name=name,
        inherited=name not in entry,
        declared=name in fields,
        before=fields.get(name),
        after=now.fields[name],
    )
