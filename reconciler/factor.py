"""What many numbers share → defaults and templates. Pure.

Fields hang together: the numbers of one flow are recorded alike, those of one campaign have the
same source. So templates come in families: one field is the key, and each of its values has a
template of what most numbers with that value have. The family that saves the most lines comes
first, then the one that saves the most of what is left. What a number still says itself is worked
out from what it uses in the end, so it always amounts to what it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeVar

from reconciler import schema
from reconciler.model import Value
from reconciler.naming import names

T = TypeVar("T")
Fields = Mapping[str, str]

# What a template has to save: a line for so many numbers of the account, within these bounds.
_NUMBERS_A_LINE, _LEAST, _ENOUGH = 25, 4, 20
# One of a single field trades a line for a name, so it has to be common.
_NUMBERS_A_LINE_SINGLE, _LEAST_SINGLE = 10, 20
# How many lines have to be saved for each one more, which says that a field is unset.
_PER_UNSET = 4
# The share of the numbers that must have a value, for it to be in their template, or a default.
_MOST, _HALF = 0.7, 0.5
_HEADING = 2  # lines, with the empty one before it
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """One number: the templates it uses, in order, and the fields that it says itself; None for
    one that must be unset."""

    use: Sequence[str]
    own: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Factored:
    defaults: Fields
    templates: Mapping[str, Fields]
    entries: Mapping[str, Entry]


class _Number:
    """`said` is what the defaults and the templates in `use` make of it, `rest` what that lacks;
    of the `barred` fields nothing may be said."""

    __slots__ = ("barred", "fields", "rest", "said", "use")

    def __init__(self, fields: Fields, barred: Set[str], defaults: Fields) -> None:
        self.fields = fields
        self.barred = barred
        self.use: list[int] = []
        self._say(defaults)

    def _say(self, said: Fields) -> None:
        self.said = said
        self.rest = {name: text for name, text in self.fields.items() if said.get(name) != text}

    def take(self, block: Fields, place: int) -> None:
        self.use.append(place)
        self._say({**self.said, **block})

    def gain(self, block: Fields) -> int:
        """How many of its lines the block saves; 0 where it cannot be used, or too many would say
        that a field is unset."""
        if not self.barred.isdisjoint(block):
            return 0
        there = [item for item in block.items() if item[0] in self.fields]
        unset = len(block) - len(there)
        saved = sum(self._gain(name, text) for name, text in there)
        return saved - unset if saved > unset * _PER_UNSET else 0

    def _gain(self, name: str, text: str) -> int:
        if name in self.rest:
            return int(self.rest[name] == text)
        return 0 if self.fields[name] == text else -1

    def own(self) -> dict[str, Value]:
        unset = {name: None for name in self.said if name not in self.fields}
        return _ordered({**self.rest, **unset})


@dataclass(frozen=True, slots=True)
class _Block:
    """The fields of a template, the numbers that would use it, and the lines that saves in all."""

    key: str
    fields: dict[str, str]
    users: Sequence[_Number]
    saves: int


def factored(numbers: Mapping[str, Fields], barred: Mapping[str, Set[str]]) -> Factored:
    """The same numbers in fewer lines.

    Each amounts to the same fields, save that a field which the defaults or its templates have,
    and it has not, is managed now: it must be unset, as it is. `barred` are a number's fields of
    which that would not be true.
    """
    defaults = _defaults(numbers.values(), frozenset().union(*barred.values()))
    made = {
        number: _Number(fields, barred.get(number, _NONE), defaults)
        for number, fields in numbers.items()
    }
    blocks: list[_Block] = []
    called: list[str] = []
    while family := _best_family(list(made.values())):
        called += names([(block.key, block.fields) for block in family], called)
        for place, block in enumerate(family, len(blocks)):
            for user in block.users:
                user.take(block.fields, place)
        blocks += family
    return Factored(
        defaults,
        dict(sorted(zip(called, (block.fields for block in blocks), strict=True))),
        {
            number: Entry([called[place] for place in each.use], each.own())
            for number, each in made.items()
        },
    )


def _defaults(numbers: Collection[Fields], barred: Set[str]) -> dict[str, str]:
    """The values that most numbers have, where that pays."""
    having = Counter(name for fields in numbers for name in fields if name not in barred)
    unset = {name: len(numbers) - count for name, count in having.items()}
    counts = Counter(item for fields in numbers for item in fields.items())
    common = {
        name: (text, count - unset[name] - 1)
        for (name, text), count in counts.items()
        if name in unset and count > max(_HALF * len(numbers), _PER_UNSET * unset[name])
    }
    # One without the field that it requires would hold for numbers that name another such field.
    whole = {
        name: (text, lines)
        for name, (text, lines) in common.items()
        if schema.parameters()[name].requires.get(text, name) in common
    }
    if sum(lines for _, lines in whole.values()) <= _HEADING:
        return {}
    return _ordered({name: text for name, (text, _) in whole.items()})


def _best_family(numbers: Sequence[_Number]) -> list[_Block]:
    """The templates of the key that saves the most lines, sorted by its values; none where none
    is worth it."""
    families = [_family(key, numbers) for key in _keys()]
    return max(families, key=lambda family: sum(block.saves for block in family))


def _keys() -> list[str]:
    """All parameters; those that others require are the first, as they tell the most."""
    parameters = schema.parameters()
    targets = [name for each in parameters.values() for name in each.requires.values()]
    return list(dict.fromkeys([*targets, *parameters]))


def _family(key: str, numbers: Sequence[_Number]) -> list[_Block]:
    alike: dict[str, list[_Number]] = {}
    for number in numbers:
        if key in number.rest:
            alike.setdefault(number.rest[key], []).append(number)
    blocks = [_block(key, alike[text]) for text in sorted(alike) if len(alike[text]) > 1]
    return [block for block in blocks if block.saves >= _least(len(block.fields), len(numbers))]


def _least(fields: int, numbers: int) -> int:
    if fields == 1:
        return max(numbers // _NUMBERS_A_LINE_SINGLE, _LEAST_SINGLE)
    return min(max(numbers // _NUMBERS_A_LINE, _LEAST), _ENOUGH)


def _block(key: str, numbers: Sequence[_Number]) -> _Block:
    """What most of the numbers have, and those of them that had better use it."""
    counts = Counter(item for number in numbers for item in number.rest.items())
    common = {item: count for item, count in counts.items() if count > _MOST * len(numbers)}
    fields = {
        name: text
        for (name, text), count in common.items()
        if count > _PER_UNSET * sum(name not in number.fields for number in numbers)
    }
    gains = [(number, number.gain(fields)) for number in numbers]
    users = [(number, gain) for number, gain in gains if gain > 0]
    # A first template costs a number the line that says `use`.
    saves = sum(gain - (not number.use) for number, gain in users)
    return _Block(key, _ordered(fields), [number for number, _ in users], saves - 1 - len(fields))


def _ordered(fields: Mapping[str, T]) -> dict[str, T]:
    """The schema's order, in which plain files have them too."""
    return {name: fields[name] for name in schema.parameters() if name in fields}
