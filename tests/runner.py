"""What a CI takes for commands in the log of a step, by the rules of its own parser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# All that GitHub's runner knows; it heeds nothing else.
KNOWN = frozenset(
    (
        "add-mask",
        "add-matcher",
        "add-path",
        "debug",
        "echo",
        "endgroup",
        "error",
        "group",
        "internal-set-repo-path",
        "notice",
        "remove-matcher",
        "save-state",
        "set-env",
        "set-output",
        "stop-commands",
        "warning",
    )
)
# Azure Pipelines and TeamCity take any name, anywhere in a line.
OTHERS = re.compile(r"##(vso|teamcity)\[")


@dataclass(frozen=True)
class Command:
    name: str
    properties: dict[str, str] = field(default_factory=dict)
    data: str = ""


def commands(log: str) -> list[Command]:
    """The commands in what a step has printed, in their order."""
    found = [_command(line) or _old(line) or _other(line) for line in re.split(r"\r\n|\r|\n", log)]
    return [each for each in found if each is not None]


def _command(line: str) -> Command | None:
    """::name key=value,key=value::data, where nothing but white space is before it."""
    line = line.lstrip()
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, rest = line[2:end].partition(" ")
    pairs = (pair.split("=", 1) for pair in rest.strip().split(",") if pair)
    properties = {pair[0]: _unescaped(pair[1], ":,") for pair in pairs if len(pair) == 2}
    if name.lower() not in KNOWN:
        return None
    return Command(name.lower(), properties, _unescaped(line[end + 2 :]))


def _old(line: str) -> Command | None:
    """##[name key=value;key=value]data, wherever in the line it stands."""
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, rest = line[start + 3 : end].partition(" ")
    pairs = (pair.split("=", 1) for pair in rest.split(";") if pair)
    properties = {pair[0]: _unescaped(pair[1], ";]") for pair in pairs if len(pair) == 2}
    if name.lower() not in KNOWN:
        return None
    return Command(name.lower(), properties, _unescaped(line[end + 1 :], ";]"))


def _other(line: str) -> Command | None:
    return Command(line) if OTHERS.search(line) else None


def _unescaped(text: str, more: str = "") -> str:
    for character in f"\r\n{more}":
        text = text.replace(f"%{ord(character):02X}", character)
    return text.replace("%25", "%")
