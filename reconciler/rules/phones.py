"""Numbers that their country's numbering plan does not have."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler import schema
from reconciler.declared import Declarations
from reconciler.errors import Problem
from reconciler.rules.reports import Reports
from reconciler.secret import Secret
from reconciler.words import E164


def impossible_numbers(run: Declarations) -> Iterator[Problem]:
    """Numbers that cannot exist, as keys or as values."""
    verdicts: dict[str, str] = {}
    phones = schema.phones()
    reports = Reports()
    for declared in run.numbers.values():
        if why := _impossible(declared.number, verdicts):
            at = (declared.path, declared.line, declared.column)
            yield Problem(*at, f"{declared.number} {why}")
        for name in declared.fields.keys() & phones:
            value = declared.fields[name]
            if (
                value
                and not isinstance(value, Secret)
                and E164.fullmatch(value)
                and (why := _impossible(value, verdicts))
            ):
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
