"""A number's live values → the edits that make its entry declare them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler import desired, named, schema
from reconciler.declared import Declarations, Declared
from reconciler.diff import same
from reconciler.emit import MERGE, Alias, New, Scalar
from reconciler.errors import Problem
from reconciler.explain import entry_keys
from reconciler.export import is_valid, spelled
from reconciler.model import LiveNumber, Value
from reconciler.named import Named
from reconciler.plan import stranger
from reconciler.references import escaped
from reconciler.roundtrip import Draft
from reconciler.secret import Secret
from reconciler.tree import Node
from reconciler.words import value

_NUMBERS = "numbers"
_BOM = "\ufeff"
_OUTSIDE = "it comes from outside of the files"

Fields = Mapping[str, Value]


def with_numbers(
    files: Mapping[str, bytes], numbers: Sequence[str], overlay: str | None = None
) -> Mapping[str, bytes]:
    """The files; where there are numbers, the overlay, or the one file there is, with these added,
    as yet with nothing."""
    if not numbers:
        return files
    [path] = [overlay] if overlay else files
    file = _File(files[path])
    bare: New = {"add": Scalar("true")} if overlay else Scalar(None)
    file.entries |= dict.fromkeys(numbers, bare)
    return {**files, path: file.data()}


class _File:
    """A file in work. entries: the numbers that get a value as a whole."""

    def __init__(self, data: bytes) -> None:
        text = data.decode()
        self._bom = _BOM * text.startswith(_BOM)
        self.draft = Draft(text.removeprefix(_BOM))
        pair = self.draft.root.pair(_NUMBERS)
        self._numbers = pair[1] if pair and pair[1].kind == "mapping" else None
        pairs = self._numbers.pairs if self._numbers else []
        self.spans = {key.text: entry for key, entry in pairs}
        self.entries: dict[str, New] = {}

    def data(self) -> bytes:
        """The file as it is to be."""
        if self.entries and self._numbers:
            self.draft.update(self._numbers, self.entries)
        elif self.entries:
            self.draft.update(self.draft.root, {_NUMBERS: self.entries})
        return (self._bom + self.draft.changed()).encode()


class Takeover:
    """The files of a run with what is taken over from live, in the entries of the numbers' own
    files, or in the overlay `into` where there is one.

    taken: the fields that were, by number. problems: what cannot be. passed: the fields that were
    passed over, as nobody asked for them by name.
    """

    def __init__(
        self, files: Mapping[str, bytes], declarations: Declarations, into: str | None = None
    ) -> None:
        self.taken: dict[str, Fields] = {}
        self.problems: list[Problem] = []
        self.passed: list[Problem] = []
        self._given = files
        self._into = into
        self._numbers = declarations.numbers
        self._open: dict[str, _File] = {}

    def take(self, live: LiveNumber, names: Collection[str], added: bool) -> None:
        """Writes into a number's entry what it lacks to be as it is live. Without names, that is
        what is managed, save for what comes from outside, and where the number was added whatever
        is set."""
        declared = self._numbers[live.number]
        managed = declared.fields.keys() - declared.ignored
        wanted = names or (managed | live.fields.keys() if added else managed)
        values = _differing(declared.fields, live, wanted)
        if not names:
            outside = [name for name in values if isinstance(declared.fields.get(name), Secret)]
            self.passed += [
                _problem(declared, f"{_OUTSIDE}; passed over", name) for name in outside
            ]
            values = {name: values[name] for name in values if name not in outside}
        problems = list(_objections(declared, live, values))
        self.problems += problems
        if values and not problems:
            self.taken[live.number] = values
            self._write(declared, values)

    def files(self) -> Mapping[str, bytes]:
        """All files, as they are to be."""
        return {**self._given, **{path: file.data() for path, file in self._open.items()}}

    def _write(self, declared: Declared, values: Fields) -> None:
        path = self._into or declared.path
        entry = dict(declared.entries).get(path)
        file = self._file(path)
        span = file.spans.get(declared.number)
        news: dict[str, New] = {name: self._new(declared, name, values[name]) for name in values}
        if span is None and entry is not None:
            self.problems.append(_problem(declared, "it stands behind an alias; write it out"))
        elif span is not None and span.kind == "mapping":
            inherited = _inherited(declared, path, values)
            gone = dict.fromkeys(name for name in inherited if file.draft.can_lose(span, name))
            order = (MERGE, *entry_keys(), *schema.parameters())
            file.draft.update(span, {**news, **gone}, order)
        elif span is not None and span.kind == "alias" and entry:
            file.entries[declared.number] = {MERGE: Alias(span.text), **news}
        else:
            file.entries[declared.number] = news

    def _new(self, declared: Declared, name: str, told: Value) -> New:
        """A value, quoted as the one that it takes the place of."""
        if told is None:
            return Scalar(None)
        text = escaped(spelled(name, told))
        if isinstance(told, Named):
            return {"name": Scalar(text)}
        old = declared.fields.get(name)
        if not old or isinstance(old, Named):
            return Scalar(text)
        path, line, column = declared.place(name)
        return Scalar(text, self._file(path).draft.style(line, column))

    def _file(self, path: str) -> _File:
        if path not in self._open:
            self._open[path] = _File(self._given[path])
        return self._open[path]


def _differing(declared: Fields, live: LiveNumber, names: Collection[str]) -> Fields:
    """The live values that are not as declared, and what the API wants together with them."""
    values: dict[str, Value] = {}
    for name in schema.parameters():
        told = live.fields.get(name)
        unlike = name not in declared or not same(name, declared[name], told, schema.phones())
        if name in names and unlike:
            values[name] = told
    for name, told in tuple(values.items()):
        target = schema.parameters()[name].requires.get(told or "")
        if target and target in live.fields and not values.get(target, declared.get(target)):
            values[target] = live.fields[target]
    return {name: values[name] for name in schema.parameters() if name in values}


def _objections(declared: Declared, live: LiveNumber, values: Fields) -> Iterator[Problem]:
    if foreign := stranger(dict(desired.guards(declared.file)), live):
        yield _problem(declared, foreign.message)
    for name, told in values.items():
        if isinstance(declared.fields.get(name), Secret):
            yield _problem(declared, f"{_OUTSIDE}; change it there", name)
        elif told is not None and not is_valid(name, spelled(name, told)):
            yield _problem(declared, f"{value(told)} is not valid in a numbers file", name)


def _inherited(declared: Declared, path: str, values: Fields) -> Iterator[str]:
    """The names of the values that a number would have without its entry in this file."""
    beneath: dict[str, Node] = {}
    for layer in declared.beneath:
        beneath |= layer.block
    for each, entry in declared.entries:
        if each == path:
            break
        beneath |= entry
    for name, told in values.items():
        inherited = named.value(declared.path, beneath.get(name))
        if name in beneath and same(name, inherited, told, schema.phones()):
            yield name


def _problem(declared: Declared, message: str, name: str = "") -> Problem:
    if not name:
        place = (declared.path, declared.line, declared.column)
        return Problem(*place, f"{declared.number}: {message}")
    return Problem(*declared.place(name), f"{declared.number}: {name}: {message}")
