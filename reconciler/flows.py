"""Call flows: names → ConfigIds and back, and whether a property has what is declared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from reconciler import schema
from reconciler.errors import InputError, Problem, ReconcilerError
from reconciler.model import Change, DesiredNumber, Failure, FieldChange, LiveNumber
from reconciler.named import Named
from reconciler.secret import Secret
from reconciler.words import NearMisses, counted, either, quoted

UNKNOWN = "UnknownFlow"
_OWNER = "PropertySid"


@dataclass(frozen=True)
class Directory:
    """The flows of one property: what each ConfigId is called, "" where it has no name.

    refused: why they could not be read, "" where they could.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""

    @cached_property
    def ids(self) -> Mapping[str, list[str]]:
        """The ConfigIds by name; several where flows have the same one."""
        found: dict[str, list[str]] = {}
        for config, name in self.names.items():
            if name:
                found.setdefault(name, []).append(config)
        return found

    def id(self, name: str) -> str | None:
        """The ConfigId of the one flow of that name, None where there is none, or more."""
        ids = self.ids.get(str(name), ())
        return ids[0] if len(ids) == 1 else None


@dataclass(frozen=True, slots=True)
class Dangling:
    """A ConfigId that a number is declared with and that its property does not have."""

    number: DesiredNumber
    field: str
    config: str

    @property
    def place(self) -> str:
        """FILE:LINE of the number."""
        return f"{self.number.source.path}:{self.number.source.line}"


def warning(kept: Sequence[Dangling]) -> str:
    """One line on ConfigIds that live has, so that nothing would be sent."""
    each = kept[0]
    example = f"{each.number.number} {quoted(each.config)} ({each.place})"
    if len(kept) == 1:
        return f"1 number has a flow that its property does not list: {example}"
    told = f"{counted(len(kept), 'number')} have a flow that their property does not list"
    return f"{told}, e.g. {example}"


def needed(numbers: Iterable[DesiredNumber], *, ids: bool) -> set[str]:
    """The properties whose flows the numbers are declared with by name; with `ids`, also those
    whose flows they are declared with by ConfigId."""
    kind = str if ids else Named
    return {
        number.guards[_OWNER]
        for number in numbers
        if _OWNER in number.guards
        and any(isinstance(number.fields.get(name), kind) for name in schema.flows())
    }


def by_name(number: DesiredNumber) -> dict[str, Named]:
    """The fields that are given by name."""
    return {
        name: value
        for name in schema.flows()
        if isinstance(value := number.fields.get(name), Named)
    }


class Flows:
    """What is known of the flows of some properties, each by its PropertySid."""

    def __init__(self, directories: Mapping[str, Directory]) -> None:
        self._directories = directories
        self._misses = NearMisses()
        self._unknown: dict[tuple[str, str], str] = {}

    def settle(self, numbers: Iterable[DesiredNumber]) -> None:
        """Raises InputError where a name is not that of one flow, and ReconcilerError where that
        cannot be known."""
        wanted = {
            (name.place, number.guards[_OWNER]): name
            for number in numbers
            for name in by_name(number).values()
        }
        self.demand(owner for _place, owner in wanted)
        problems = [
            Problem(*place, problem)
            for (place, owner), name in wanted.items()
            if (problem := self._problem(owner, str(name)))
        ]
        if problems:
            raise InputError(problems)

    def demand(self, owners: Iterable[str]) -> None:
        """Raises ReconcilerError where the flows of one of these properties could not be read."""
        for owner in sorted(set(owners)):
            if refused := self._directories[owner].refused:
                raise ReconcilerError(
                    f"The files name flows of the property {owner}, which cannot be read. {refused}"
                )

    def _problem(self, owner: str, name: str) -> str | None:
        known = self._directories[owner]
        ids = known.ids.get(name, ())
        if len(ids) == 1:
            return None
        if ids:
            told = f"the property {owner} has several flows {quoted(name)}"
            return f"{told}; write the ConfigId of the one that is meant: {either(sorted(ids))}"
        if name in known.names:
            return f"{quoted(name)} is a ConfigId, and no name; write it without name:"
        hint = self._misses.hint(name, known.ids)
        return f"the property {owner} has no flow {quoted(name)}{hint}"

    def resolved(self, number: DesiredNumber) -> DesiredNumber:
        """The number with ConfigIds for names, which `settle` has passed."""
        made, lost = self._translated(number)
        if lost:
            raise LookupError(f"{number.number}: a name that was not looked up")
        return made

    def agreed(self, number: DesiredNumber) -> DesiredNumber:
        """A number as it was declared once, without what was given by a name that no longer is
        that of one flow."""
        made, lost = self._translated(number)
        kept = {name: value for name, value in made.fields.items() if name not in lost}
        return replace(made, fields=kept) if lost else made

    def _translated(self, number: DesiredNumber) -> tuple[DesiredNumber, set[str]]:
        """The number with ConfigIds for names, and the fields where there is none to be had."""
        names = by_name(number)
        if not names:
            return number, set()
        known = self._directories.get(number.guards.get(_OWNER, ""), Directory())
        ids = {name: known.id(value) for name, value in names.items()}
        found = {name: config for name, config in ids.items() if config is not None}
        return replace(number, fields={**number.fields, **found}), ids.keys() - found.keys()

    def checked(
        self,
        numbers: Iterable[DesiredNumber],
        changes: Iterable[Change],
        errors: Iterable[Failure],
    ) -> tuple[list[Failure], list[Dangling]]:
        """Of what was planned for the numbers: failures of those that would be sent a ConfigId
        which their property does not have, and what is declared so where live has it already."""
        posts = {change.number: change.post for change in changes}
        unread = {failure.number for failure in errors}
        sent: list[Failure] = []
        kept: list[Dangling] = []
        for each in self._dangling(numbers):
            number = each.number.number
            if posts.get(number, {}).get(each.field) == each.config:
                message = f"{each.field}: {self._stranger(each)} ({each.place})"
                sent.append(Failure(number, UNKNOWN, message))
            elif number not in unread:
                kept.append(each)
        return sent, kept

    def _dangling(self, numbers: Iterable[DesiredNumber]) -> Iterator[Dangling]:
        for number in numbers:
            known = self._directories.get(number.guards.get(_OWNER, ""))
            if known is None or known.refused:
                continue
            for name in schema.flows():
                value = number.fields.get(name)
                if value and not isinstance(value, Named) and value not in known.names:
                    yield Dangling(number, name, value)

    def _stranger(self, dangling: Dangling) -> str:
        owner, config = dangling.number.guards[_OWNER], dangling.config
        told = f"the property {owner} has no flow with the ConfigId {quoted(config)}"
        if isinstance(config, Secret):
            return told
        if (owner, config) not in self._unknown:
            known = self._directories[owner]
            if config in known.ids:
                hint = f"; that is a name: write {{name: {quoted(config)}}}"
            else:
                hint = self._misses.hint(config, known.names)
            self._unknown[owner, config] = told + hint
        return self._unknown[owner, config]

    def labelled(self, change: Change) -> Change:
        """The change with what people call the flows in it, save where they are sensitive."""
        known = self._directories.get(change.guards.get(_OWNER, ""))
        names = change.fields.keys() & set(schema.flows()) - change.sensitive.keys()
        if known is None or not names:
            return change
        named = {name: _labelled(change.fields[name], known) for name in names}
        return replace(change, fields={**change.fields, **named})

    def spoken(self, live: LiveNumber, declared: DesiredNumber) -> LiveNumber:
        """The live number with names for ConfigIds, where it is declared by name and no other flow
        is called what the live one is."""
        known = self._directories.get(declared.guards.get(_OWNER, ""), Directory())
        called = {
            name: Named(told, old.place)
            for name, old in by_name(declared).items()
            if (told := known.names.get(live.fields.get(name, ""))) and known.id(told)
        }
        return replace(live, fields={**live.fields, **called}) if called else live


def _labelled(each: FieldChange, known: Directory) -> FieldChange:
    before, after = (known.names.get(value or "") or None for value in (each.before, each.after))
    return replace(each, before_name=before, after_name=after)
