"""Live configuration → a numbers file that plans clean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler import schema
from reconciler.model import LiveNumber
from reconciler.words import E164, inert, quoted, value


def numbers_file(live: Iterable[LiveNumber]) -> tuple[str, list[str]]:
    """The file's text, and a sentence for each field that had to be left out because a numbers
    file may not hold its live value (an API that accepts more than it documents)."""
    left_out: list[str] = []
    numbers = sorted(
        (each for each in live if _named(each, left_out)), key=lambda each: each.number
    )
    document: dict[str, Any] = {"version": 1}
    for key, sids in (
        ("account", {each.identity.get("AccountSid") for each in numbers}),
        ("property", {each.identity.get("PropertySid") for each in numbers}),
    ):
        if len(sids) == 1 and (sid := next(iter(sids))):
            document[key] = sid
    document["numbers"] = {each.number: _entry(each, left_out) for each in numbers}
    return _yaml(document), left_out


def _entry(live: LiveNumber, left_out: list[str]) -> dict[str, str]:
    """Its set fields; phone numbers with the plus that the file format asks for."""
    entry = {name: _spelled(name, text) for name, text in live.fields.items()}
    valid = {name: text for name, text in entry.items() if _valid(name, text)}
    kept = {name: text for name, text in valid.items() if _has_target(name, text, valid)}
    left_out += [
        f"{live.number}: {name} {value(text)} is not valid in a numbers file."
        for name, text in entry.items()
        if name not in kept
    ]
    return kept


def _named(live: LiveNumber, left_out: list[str]) -> bool:
    if E164.fullmatch(live.number):
        return True
    left_out.append(f"{quoted(live.number)} is no phone number in E.164 form.")
    return False


def _has_target(name: str, text: str, entry: Mapping[str, str]) -> bool:
    target = schema.parameters()[name].requires.get(text)
    return target is None or target in entry


def _spelled(name: str, text: str) -> str:
    if name in schema.phones() and not _valid(name, text) and _valid(name, f"+{text}"):
        return f"+{text}"
    return text


def _valid(name: str, text: str) -> bool:
    block: Any = {"version": "1", "defaults": {name: text}}
    return _is_text(text) and schema.validator("numbers").is_valid(block)


def _is_text(text: str) -> bool:
    """JSON may hold half of a surrogate pair; UTF-8, and so YAML, may not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _yaml(document: dict[str, Any]) -> str:
    """As YAML that 1.1 and 1.2 readers take alike: what either would misread is quoted."""
    import yaml

    dumped = yaml.dump(
        document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=10_000
    )
    if all(inert(line) == line for line in dumped.splitlines()):
        return dumped
    return yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, width=10_000)
