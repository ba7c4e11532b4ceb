"""Live configuration → a numbers file that plans clean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from reconciler import factor as factoring
from reconciler import schema
from reconciler.model import LiveNumber
from reconciler.references import escaped
from reconciler.words import E164, inert, quoted, value, without_commands

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_MOST_REMEMBERED = 50_000
_WIDEST = 1_000_000  # columns, so that no value is folded


def numbers_file(live: Iterable[LiveNumber], *, factor: bool = False) -> tuple[str, list[str]]:
    """The file's text, and a sentence for each field that had to be left out because a numbers
    file may not hold its live value (an API that accepts more than it documents).

    `factor` moves what many numbers share into defaults and templates.
    """
    left_out: list[str] = []
    kept = sorted((each for each in live if _named(each, left_out)), key=lambda each: each.number)
    numbers = {each.number: _entry(each, left_out) for each in kept}
    left = {each.number: each.fields.keys() - numbers[each.number].keys() for each in kept}
    sections = _factored(numbers, left) if factor else {"numbers": numbers}
    parts = [_head(kept), *({name: content} for name, content in sections.items())]
    return "\n".join(map(_yaml, parts)), left_out


def _head(live: Sequence[LiveNumber]) -> dict[str, Any]:
    """The version, and whom the numbers belong to where that is one for all."""
    owners = {
        key: {each.identity.get(name) for each in live}
        for key, name in (("account", "AccountSid"), ("property", "PropertySid"))
    }
    only = {key: sid for key, sids in owners.items() if len(sids) == 1 for sid in sids}
    return {"version": 1, **{key: sid for key, sid in only.items() if sid and _is_text(sid)}}


def _factored(
    numbers: Mapping[str, Mapping[str, str]], left: Mapping[str, Set[str]]
) -> dict[str, Any]:
    made = factoring.factored(numbers, left)
    entries = {
        number: {**({"use": list(entry.use)} if entry.use else {}), **entry.own}
        for number, entry in made.entries.items()
    }
    shared = {"defaults": made.defaults, "templates": made.templates}
    return {**{name: part for name, part in shared.items() if part}, "numbers": entries}


def _entry(live: LiveNumber, left_out: list[str]) -> dict[str, str]:
    """Its set fields; phone numbers with the plus that the file format asks for."""
    entry = {name: spelled(name, text) for name, text in live.fields.items()}
    valid = {name: text for name, text in entry.items() if is_valid(name, text)}
    kept = {name: text for name, text in valid.items() if _has_target(name, text, valid)}
    left_out += [
        f"{live.number}: {name} {value(text)} is not valid in a numbers file."
        for name, text in entry.items()
        if name not in kept
    ]
    return {name: escaped(text) for name, text in kept.items()}


def _named(live: LiveNumber, left_out: list[str]) -> bool:
    if E164.fullmatch(live.number):
        return True
    left_out.append(f"{quoted(live.number)} is no phone number in E.164 form.")
    return False


def _has_target(name: str, text: str, entry: Mapping[str, str]) -> bool:
    target = schema.parameters()[name].requires.get(text)
    return target is None or target in entry


def spelled(name: str, text: str) -> str:
    """A live value as a numbers file has it: a phone number with its plus."""
    if name in schema.phones() and not is_valid(name, text) and is_valid(name, f"+{text}"):
        return f"+{text}"
    return text


@lru_cache(_MOST_REMEMBERED)
def is_valid(name: str, text: str) -> bool:
    """Whether a numbers file may hold the value, as it is spelled there."""
    return _is_text(text) and _judge(name).is_valid(text)


@cache
def _judge(name: str) -> Validator:
    reference = f"number.schema.json#/$defs/settings/properties/{name}"
    return schema.validator("numbers").evolve(schema={"$ref": reference})


def _is_text(text: str) -> bool:
    """JSON may hold half of a surrogate pair; UTF-8, and so YAML, may not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _yaml(section: dict[str, Any]) -> str:
    """As YAML that 1.1 and 1.2 readers take alike: what either would misread is quoted. Nothing in
    it acts on a terminal or in a CI log."""
    text = _dumped(section, allow_unicode=True)
    if not all(line.isprintable() for line in text.split("\n")):
        text = _dumped(section, allow_unicode=False)
    # Within double quotes, where alone it stands, the escape means the same.
    return without_commands(text)


def _dumped(section: dict[str, Any], *, allow_unicode: bool) -> str:
    import yaml

    dumper = _dumper()
    return yaml.dump(
        section, Dumper=dumper, sort_keys=False, allow_unicode=allow_unicode, width=_WIDEST
    )


@cache
def _dumper() -> Any:
    """A safe dumper that writes lists and texts each on one line, unset as ~, and no anchors."""
    import yaml

    class Dumper(yaml.CSafeDumper):
        def ignore_aliases(self, _: object) -> bool:
            return True

    def text(to: Dumper, each: str) -> yaml.ScalarNode:
        style = None if inert(each) == each else '"'
        return to.represent_scalar("tag:yaml.org,2002:str", each, style)

    def unset(to: Dumper, _: None) -> yaml.ScalarNode:
        return to.represent_scalar("tag:yaml.org,2002:null", "~")

    def names(to: Dumper, each: list[str]) -> yaml.SequenceNode:
        return to.represent_sequence("tag:yaml.org,2002:seq", each, flow_style=True)

    Dumper.add_representer(str, text)
    Dumper.add_representer(type(None), unset)
    Dumper.add_representer(list, names)
    return Dumper
