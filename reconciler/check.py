"""What jsonschema says of a numbers file, entry by entry, with each value judged once.

jsonschema alone decides. Its `unevaluatedProperties` over a whole file costs a millisecond a
number, so the frame of the file is judged with its blocks taken out, and each field of a block by
the sub-schema of its key; a (key, value) that has passed is not asked about again.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler import schema
from reconciler.tree import Block, Items, Node, Unknown

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

Path = tuple[str | int, ...]

_MOST_REMEMBERED = 50_000
_FILE = "numbers.schema.json"
_ANNOTATIONS = frozenset(("title", "description", "$comment"))
_NEVER: Hashable = object()


class Finding(NamedTuple):
    """One thing wrong: the keys and indices that lead to it; is it the last key, or its value."""

    path: Path
    about_key: bool
    error: ValidationError


class Checker:
    """Judges trees; the values that passed are remembered from one file to the next."""

    def findings(self, root: Node) -> Iterator[Finding]:
        """Each thing wrong in a tree without references, whose scalars are all text.

        It is what the validator of "numbers" says, but sooner, and of fields what "number" says.
        """
        frame = dict(root) if isinstance(root, Block) else root
        parts = dict(self._take_out(frame)) if isinstance(frame, dict) else {}
        for error in schema.validator("numbers").iter_errors(frame):
            yield from _by_key(error)
        for section, part in parts.items():
            yield from self._section(section, part)

    def _take_out(self, frame: dict[str, Node]) -> Iterator[tuple[str, Block]]:
        for section in ("defaults", "templates", "numbers"):
            part = frame.get(section)
            if isinstance(part, Block):
                frame[section] = Block()
                yield section, part

    def _section(self, section: str, part: Block) -> Iterator[Finding]:
        if section == "defaults":
            yield from self._blocks.findings((section,), part)
            return
        names, members = self._names(section), self._members(section)
        for name, member in part.items():
            for error in names.iter_errors(name):
                yield Finding((section, name), True, error)
            yield from members.findings((section, name), member)

    def _names(self, section: str) -> Validator:
        raw = schema.load("numbers")["properties"][section].get("propertyNames", True)
        return schema.validator("numbers").evolve(schema=raw)

    def _members(self, section: str) -> _Shape:
        return self._entries if section == "numbers" else self._blocks

    @cached_property
    def _blocks(self) -> _Shape:
        return _Shape(f"{_FILE}#/$defs/block", {}, {})

    @cached_property
    def _entries(self) -> _Shape:
        entry = schema.load("numbers")["$defs"]["entry"]
        return _Shape(f"{_FILE}#/$defs/entry", entry["properties"], entry["dependentSchemas"])


class _Shape:
    """One kind of block: the API's parameters, and keys of ours; `whole` has what a key asks of
    the whole block that it stands in."""

    def __init__(self, reference: str, own: Mapping[str, Any], whole: Mapping[str, Any]) -> None:
        numbers, number = schema.validator("numbers"), schema.validator("number")
        definitions = schema.load("number")["$defs"]
        settings = definitions["settings"]["properties"]
        self._whole = numbers.evolve(schema={"$ref": reference})
        self._parts = {
            **{key: number.evolve(schema=flat(raw, definitions)) for key, raw in settings.items()},
            **{key: numbers.evolve(schema=raw) for key, raw in own.items()},
        }
        self._wholes = {key: numbers.evolve(schema=raw) for key, raw in whole.items()}
        self._passed: dict[str, set[Hashable]] = {key: set() for key in self._parts}

    def findings(self, path: Path, member: Node) -> Iterator[Finding]:
        if not isinstance(member, Block):
            if member is not None or not self._null_passes:
                yield from _at(path, self._whole, member)
            return
        for key, value in member.items():
            passed = self._passed.get(key)
            if passed is None:
                for error in self._whole.iter_errors({key: value}):
                    yield Finding((*path, key), True, error)
            elif isinstance(value, list | dict | Unknown) or value not in passed:
                yield from self._judge(path, key, value)
        for key, whole in self._wholes.items():
            if key in member:
                for error in whole.iter_errors(member):
                    yield Finding((*path, key), True, error)

    @cached_property
    def _null_passes(self) -> bool:
        return self._whole.is_valid(None)

    def _judge(self, path: Path, key: str, value: Node) -> Iterator[Finding]:
        token = _token(value)
        passed = self._passed[key]
        if isinstance(value, Unknown) or token in passed:
            return
        clean = True
        for finding in _at((*path, key), self._parts[key], value):
            clean = False
            yield finding
        if clean and token is not _NEVER:
            if len(passed) >= _MOST_REMEMBERED:
                passed.clear()
            passed.add(token)


def _at(path: Path, validator: Validator, value: Node) -> Iterator[Finding]:
    for error in validator.iter_errors(value):
        for finding in _by_key(error):
            yield finding._replace(path=(*path, *finding.path))


def _by_key(error: ValidationError) -> Iterator[Finding]:
    """One finding for each key that has no place here, where jsonschema gives one for all."""
    path = tuple(error.absolute_path)
    if error.validator != "additionalProperties" or not isinstance(error.schema, Mapping):
        yield Finding(path, False, error)
        return
    known = error.schema.get("properties", {})
    patterns = error.schema.get("patternProperties", {})
    keys: Iterable[str] = error.instance  # type: ignore[assignment]
    for key in keys:
        if key not in known and not any(re.search(pattern, key) for pattern in patterns):
            yield Finding((*path, key), True, error)


def _token(value: Node) -> Hashable:
    """What a value is remembered by; _NEVER for what holds more than scalars."""
    if isinstance(value, Items):
        return tuple(value) if _are_scalars(value) else _NEVER
    if isinstance(value, Block):
        return (Block, *value.items()) if _are_scalars(value.values()) else _NEVER
    return value


def _are_scalars(nodes: Iterable[Node]) -> bool:
    return all(node is None or isinstance(node, str) for node in nodes)


def flat(raw: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with its `$ref` to `definitions` written out: judges the same, ten times as fast."""
    reference = raw.get("$ref", "")
    name = reference.removeprefix("#/$defs/")
    if name == reference or name not in definitions:
        return dict(raw)
    rest = {key: value for key, value in raw.items() if key != "$ref"}
    referred = flat(definitions[name], definitions)
    clashes = (rest.keys() & referred.keys()) - _ANNOTATIONS
    if any(not key.startswith("x-") for key in clashes):
        return {**rest, "allOf": [*rest.get("allOf", ()), referred]}
    return {**referred, **rest}
