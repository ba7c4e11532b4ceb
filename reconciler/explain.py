"""Findings of the schema → Problems: the most precise place, and what to do in one sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from reconciler import schema
from reconciler.errors import Problem
from reconciler.secret import Secret
from reconciler.tree import Block, Items, Node, Place
from reconciler.words import NearMisses, either, guessed_e164, national_digits, quoted

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

    from reconciler.check import Finding, Path

# Those that are not here are how editors read a text without quotes.
_TYPES = {
    "string": "text",
    "object": "a mapping",
    "array": "a list",
    "integer": "a whole number",
}


class Explainer:
    """Words for the findings of one run.

    declared: where each number of the run is declared first, as "FILE:LINE".
    """

    def __init__(self, declared: Mapping[str, str], misses: NearMisses) -> None:
        self._declared = declared
        self._misses = misses
        self._nationals: dict[str, str] | None = None

    def problem(self, file: str, root: Node, finding: Finding) -> Problem:
        line, column = place(root, finding.path, about_key=finding.about_key)
        if not finding.about_key:
            message = self._of_value(finding.path, finding.error)
        elif finding.error.validator in ("additionalProperties", "unevaluatedProperties"):
            message = self._of_unknown_key(finding)
        elif finding.error.validator == "maxProperties":
            message = f"{quoted(str(finding.path[-1]))} stands alone; take out what is beside it"
        else:
            message = self._of_name(finding)
        return Problem(file, line, column, message)

    def _of_unknown_key(self, finding: Finding) -> str:
        *above, last = finding.path
        key = str(last)
        settings, own = schema.parameters().keys(), entry_keys().keys()
        if not above:
            return self._of_unknown_top_key(key, settings)
        # Within a value: of the limits, of an entry (as in `ignore`), or of the defaults.
        if above[0] == "limits" or len(above) > (1 if above[0] == "defaults" else 2):
            known: Collection[str] = _properties(finding.error)
        elif key in read_only():
            return f"{key} is read-only: the API sets it, so it cannot be configured; remove it"
        elif above[0] == "numbers":
            known = [*settings, *own]
        elif key in own:
            where = "a template" if above[0] == "templates" else "the defaults"
            return f'"{key}" belongs to a number, not to {where}; move it there'
        else:
            known = settings
        return f"unknown key {quoted(key)}{self._misses.hint(key, known)}"

    def _of_unknown_top_key(self, key: str, settings: Collection[str]) -> str:
        if guessed_e164(key):
            return f'{quoted(key)} belongs under "numbers:"; move it there'
        if key in settings:
            return f"{key} belongs to a number, a template or the defaults; move it there"
        known = schema.load("numbers")["properties"]
        return f"unknown key {quoted(key)}{self._misses.hint(key, known)}"

    def _of_name(self, finding: Finding) -> str:
        name, error = str(finding.path[-1]), finding.error
        if finding.path[0] != "numbers":
            return f"a name in {finding.path[0]} {_constraint(error)}"
        return f"{quoted(name)} {_constraint(error)}{self._same_number(name)}"

    def _same_number(self, name: str) -> str:
        number = guessed_e164(name) or self._by_national_digits(name)
        if number is None:
            return ""
        if number in self._declared:
            return f"; it is {number}, which is declared already at {self._declared[number]}"
        return f"; write it as {number}"

    def _by_national_digits(self, name: str) -> str | None:
        if self._nationals is None:
            # A country calling code has one to three digits.
            self._nationals = {
                number[cut:]: number for number in self._declared for cut in (2, 3, 4)
            }
        return self._nationals.get(national_digits(name))

    def _of_value(self, path: Path, error: ValidationError) -> str:
        if path == ("version",):
            return _of_version(error.instance)
        if error.validator == "required":
            return _of_missing(path, error)
        if error.validator == "enum":
            return self._of_choice(path, error)
        if error.validator == "type":
            return _of_type(path, error)
        sentence = f"{_subject(path)} {_constraint(error)}"
        if isinstance(error.instance, Secret):
            return f"{sentence}, which its value from outside of the file is not"
        if error.validator != "minLength":
            sentence += f", not {_shown(error.instance)}"
        schemas = error.schema if isinstance(error.schema, Mapping) else {}
        guess = guessed_e164(str(error.instance)) if schemas.get("x-compare") == "e164" else None
        return f"{sentence}; did you mean {quoted(guess)}?" if guess else sentence

    def _of_choice(self, path: Path, error: ValidationError) -> str:
        values: list[Any] = error.validator_value  # type: ignore[assignment]
        choices = [each for each in values if isinstance(each, str) and each]
        value = error.instance
        hint = self._misses.hint(value, choices) if isinstance(value, str) else ""
        wanted = "true or false" if True in values else either(choices)
        return f"{_subject(path)} must be {wanted}, not {_shown(value)}{hint}"


def place(root: Node, path: Path, *, about_key: bool) -> Place:
    """The line and column, from 1, of the key or of the value that a path leads to."""
    at, node = (1, 1), root
    for index, step in enumerate(path):
        if isinstance(node, Block) and isinstance(step, str) and step in node:
            is_last = index == len(path) - 1
            at = node.key_at(step) if about_key and is_last else node.value_at(step)
            node = node[step]
        elif isinstance(node, Items) and isinstance(step, int):
            at, node = node.item_at(step), node[step]
    return at


def read_only() -> Mapping[str, Any]:
    """The parameters that the API gives and does not take."""
    identity: Mapping[str, Any] = schema.load("number")["$defs"]["identity"]["properties"]
    return identity


def entry_keys() -> Mapping[str, Any]:
    """The keys of a number's entry that are ours."""
    own: Mapping[str, Any] = schema.load("numbers")["$defs"]["entry"]["properties"]
    return own


def _properties(error: ValidationError) -> Collection[str]:
    """The keys that the mapping may have which an error is about."""
    known: Collection[str] = error.schema.get("properties", ())  # type: ignore[union-attr]
    return known


def _subject(path: Path) -> str:
    if not path:
        return "the file"
    if isinstance(path[-1], int):
        return f"each item of {path[-2]}"
    last = str(path[-1])
    if path[0] == "templates" and len(path) > 1 and last == path[1]:
        return f"the template {quoted(last)}"
    return last if last.isidentifier() else quoted(last)


def _of_version(value: Any) -> str:
    known = schema.load("numbers")["properties"]["version"]["enum"][0]
    if value is None:
        return f'version is empty; write "version: {known}"'
    return f"version {_shown(value)} is not known; this release reads version {known}"


def _of_missing(path: Path, error: ValidationError) -> str:
    if not path:
        return 'the file has no version; begin it with "version: 1"'
    wanted: list[str] = error.validator_value  # type: ignore[assignment]
    keys: Collection[str] = error.instance  # type: ignore[assignment]
    return f"{_subject(path)} lacks {' and '.join(key for key in wanted if key not in keys)}"


def _of_type(path: Path, error: ValidationError) -> str:
    wanted: str | list[str] = error.validator_value  # type: ignore[assignment]
    names = [each for each in ([wanted] if isinstance(wanted, str) else wanted) if each in _TYPES]
    said = " or ".join(_TYPES[each] for each in names)
    sentence = f"{_subject(path)} must be {said}, not {_shown(error.instance)}"
    if names == ["array"] and isinstance(error.instance, str):
        return f"{sentence}; write {path[-1]}: [{quoted(error.instance)[1:-1]}]"
    if "string" in names and isinstance(error.instance, list | dict):
        return f"{sentence}; put it in quotes if it is meant as text"
    return sentence


def _constraint(error: ValidationError) -> str:
    """ "must be …": the schema's own words where it has them."""
    said = error.schema.get("patternErrorMessage") if isinstance(error.schema, Mapping) else None
    if error.validator == "pattern" and said:
        return str(said)
    if error.validator == "minLength":
        return "must not be empty"
    return f"must pass {error.validator} {quoted(str(error.validator_value))} of the schema"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else "a mapping"
