"""What is valid and still looks wrong, within and across numbers.

Pure functions of the resolved numbers, linear in them. A rule that many numbers break in one place
(a template, the defaults) is said once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler import schema
from reconciler.errors import Problem
from reconciler.model import Value
from reconciler.tree import Block
from reconciler.words import E164, quoted

_LONGEST_LOOP_SHOWN = 12

# The API's page gives these their meaning: what passes a call, or a text, on to another number.
_CALLS = ("RoutingMethod", "Endpoint", "EndpointNumber")
_TEXTS = "SendSmsTo"


@dataclass(slots=True)
class Declared:
    """One number after defaults and templates, with the blocks that its fields come from.

    layers: path and block of the defaults, each template, and the entry itself; later wins.
    entry, file: the number's own block, and the top level of its file.
    ignored: the declared fields that are left alone today.
    """

    number: str
    fields: Mapping[str, Value]
    path: str
    line: int
    column: int
    layers: tuple[tuple[str, Block], ...]
    entry: Block
    file: Block
    ignored: frozenset[str] = frozenset()

    def place(self, name: str) -> tuple[str, int, int]:
        """Path, line and column of the value that a field has in the end."""
        for path, block in reversed(self.layers):
            if name in block:
                return (path, *block.value_at(name))
        return self.path, self.line, self.column


class _Reports:
    """Problems by place and sentence, each naming the first number and counting the others."""

    def __init__(self, rule: str = "") -> None:
        self._rule = rule
        self._found: dict[tuple[str, int, int, str], tuple[str, int]] = {}

    def add(self, declared: Declared, name: str, sentence: str) -> None:
        key = (*declared.place(name), sentence)
        first, others = self._found.get(key, (declared.number, -1))
        self._found[key] = (first, others + 1)

    def problems(self) -> Iterator[Problem]:
        for (path, line, column, sentence), (first, others) in self._found.items():
            who = f"{first} and {others} more" if others else first
            yield Problem(path, line, column, f"{who}: {sentence}", self._rule)


def missing_targets(numbers: Iterable[Declared]) -> Iterator[Problem]:
    """An error: a field whose value needs another field, which is not declared or is empty."""
    reports = _Reports()
    needing = [each for each in schema.parameters().values() if each.requires]
    for declared in numbers:
        for parameter in needing:
            value = declared.fields.get(parameter.name)
            target = parameter.requires.get(value) if isinstance(value, str) else None
            if target and not declared.fields.get(target):
                reports.add(
                    declared,
                    parameter.name,
                    f"{parameter.name} {quoted(str(value))} needs {target}; declare it too",
                )
    return reports.problems()


def warnings(numbers: Mapping[str, Declared]) -> tuple[Problem, ...]:
    """All that the rules find, sorted by place."""
    found = [
        *impossible_numbers(numbers.values()),
        *no_effect(numbers.values()),
        *forwarding_loops(numbers),
    ]
    return tuple(sorted(found))


def impossible_numbers(numbers: Iterable[Declared]) -> Iterator[Problem]:
    """Numbers that their country's numbering plan does not have, as keys or as values."""
    verdicts: dict[str, str] = {}
    phones = schema.phones()
    reports = _Reports("impossible-number")
    for declared in numbers:
        if why := _impossible(declared.number, verdicts):
            at = (declared.path, declared.line, declared.column)
            yield Problem(*at, f"{declared.number} {why}", "impossible-number")
        for name in declared.fields.keys() & phones:
            value = declared.fields[name]
            if value and E164.fullmatch(value) and (why := _impossible(value, verdicts)):
                reports.add(declared, name, f"{name} {value} {why}")
    yield from reports.problems()


def _impossible(number: str, verdicts: dict[str, str]) -> str:
    """Why a number cannot exist, "" where it can."""
    if number not in verdicts:
        verdicts[number] = _judged(number)
    return verdicts[number]


def _judged(number: str) -> str:
    import phonenumbers

    if _valid_as_it_stands(number):
        return ""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "has no country calling code that is in use"
    if not phonenumbers.is_valid_number(parsed):
        return "cannot exist in its country's numbering plan"
    proper = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return "" if proper == number else f"is not dialled so; did you mean {proper}?"


def _valid_as_it_stands(number: str) -> bool:
    """Whether the digits are valid in the main country of their calling code.

    Most are, and this costs a fifth of parsing them and looking through the other countries.
    """
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, is_valid_number_for_region

    for end in (2, 3, 4):
        code, national = int(number[1:end]), number[end:]
        if code in COUNTRY_CODE_TO_REGION_CODE:
            if not national or national[0] == "0":
                return False
            parsed = PhoneNumber(country_code=code, national_number=int(national))
            return is_valid_number_for_region(parsed, COUNTRY_CODE_TO_REGION_CODE[code][0])
    return False


def no_effect(numbers: Iterable[Declared]) -> Iterator[Problem]:
    """Fields that are declared and do nothing while another is as it is declared, or is not."""
    reports = _Reports("no-effect")
    choosing = [each for each in schema.parameters().values() if each.requires]
    idle = [(p.name, p.idle_without) for p in schema.parameters().values() if p.idle_without]
    for declared in numbers:
        fields = declared.fields
        for parameter in choosing:
            if parameter.name in fields:
                _report_unused_targets(reports, declared, parameter)
        for name, needed in idle:
            if fields.get(name) and not fields.get(needed):
                state = "is unset" if needed in fields else "is not declared"
                reports.add(declared, name, f"{name} has no effect while {needed} {state}")
    return reports.problems()


def _report_unused_targets(
    reports: _Reports, declared: Declared, parameter: schema.Parameter
) -> None:
    chosen = declared.fields[parameter.name]
    used = parameter.requires.get(chosen or "")
    state = f"is {quoted(chosen)}" if chosen else "is unset"
    for target in parameter.requires.values():
        if target != used and declared.fields.get(target):
            sentence = f"{target} has no effect while {parameter.name} {state}"
            reports.add(declared, target, sentence)


def forwarding_loops(numbers: Mapping[str, Declared]) -> Iterator[Problem]:
    """Managed numbers that pass calls, or texts, on to one another without end; each loop once."""
    method, endpoint, target = _CALLS
    calls = {
        number: declared.fields.get(target)
        for number, declared in numbers.items()
        if declared.fields.get(method) == endpoint
    }
    texts = {number: declared.fields.get(_TEXTS) for number, declared in numbers.items()}
    for what, name, passed_on in (("calls", target, calls), ("texts", _TEXTS, texts)):
        for loop in _loops(passed_on):
            shown = loop if len(loop) <= _LONGEST_LOOP_SHOWN else [*loop[:_LONGEST_LOOP_SHOWN], "…"]
            way = " -> ".join([*shown, loop[0]])
            at = numbers[loop[0]].place(name)
            yield Problem(*at, f"{what} go round in a loop: {way}", "forwarding-loop")


def _loops(passed_on: Mapping[str, Value]) -> Iterator[list[str]]:
    """The loops where each number leads to one at most, each from its smallest number."""
    done: set[str] = set()
    for start in passed_on:
        way: dict[str, None] = {}
        number: Value = start
        while number is not None and number in passed_on and number not in done:
            done.add(number)
            way[number] = None
            number = passed_on[number]
        if number is not None and number in way:
            steps = list(way)
            loop = steps[steps.index(number) :]
            first = loop.index(min(loop))
            yield loop[first:] + loop[:first]
