"""Live configuration → a numbers file that plans clean. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler import schema
from reconciler.model import LiveNumber
from reconciler.words import inert, value

HEADER = "# yaml-language-server: $schema=../schemas/numbers.schema.json\n"


def numbers_file(live: Iterable[LiveNumber]) -> tuple[str, list[str]]:
    """The file's text, and a sentence for each field that had to be left out because a numbers
    file may not hold its live value (an API that accepts more than it documents)."""
    left_out: list[str] = []
    numbers = sorted(live, key=lambda each: each.number)
    document: dict[str, Any] = {"version": 1}
    for key, sids in (
        ("account", {each.identity.get("AccountSid") for each in numbers}),
        ("property", {each.identity.get("PropertySid") for each in numbers}),
    ):
        if len(sids) == 1 and (sid := next(iter(sids))):
            document[key] = sid
    document["numbers"] = {each.number: _entry(each, left_out) for each in numbers}
    return HEADER + _yaml(document), left_out


def _entry(live: LiveNumber, left_out: list[str]) -> dict[str, str]:
    """Its set fields; phone numbers with the plus that the file format asks for."""
    entry = {name: _spelled(name, text) for name, text in live.fields.items()}
    for name, text in list(entry.items()):
        needed = schema.parameters()[name].requires.get(text)
        if not _valid(name, text) or (needed and not entry.get(needed)):
            left_out.append(f"{live.number}: {name} {value(text)} is not valid in a numbers file.")
            del entry[name]
    return entry


def _spelled(name: str, text: str) -> str:
    if name in schema.phones() and not _valid(name, text) and _valid(name, f"+{text}"):
        return f"+{text}"
    return text


def _valid(name: str, text: str) -> bool:
    block: Any = {"version": "1", "defaults": {name: text}}
    return schema.validator("numbers").is_valid(block)


def _yaml(document: dict[str, Any]) -> str:
    """As YAML that 1.1 and 1.2 readers take alike: what either would misread is quoted."""
    import yaml

    dumped = yaml.dump(
        document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=10_000
    )
    if all(inert(line) == line for line in dumped.splitlines()):
        return dumped
    return yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, width=10_000)
