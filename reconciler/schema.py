"""The JSON Schemas, and what they say of the API's parameters.

`schemas/number.schema.json` is the only place where a parameter is described: nothing in Python
names one, save where the API's own page gives it a meaning of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reconciler.errors import SetupError

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

NAMES = ("number", "numbers", "plan", "result")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One API parameter, as `number.schema.json` describes it.

    requires: for a value of this one, the parameter that must come with it.
    idle_without: the parameter without which this one has no effect.
    phone: compared as a phone number, that is without the plus.
    url: a URL that the API requests.
    named: what its values are ids of ("flow"), where a numbers file may give them by name.
    """

    name: str
    title: str
    description: str
    group: str
    choices: tuple[str, ...]
    phone: bool
    url: bool
    named: str | None
    requires: Mapping[str, str]
    idle_without: str | None
    aliases: tuple[str, ...]


@cache
def text(name: str) -> str:
    """The text of a schema, from the installed package, else from the checkout around it.

    Raises SetupError where neither has it.
    """
    file = f"{name}.schema.json"
    checkout = Path(__file__).resolve().parent.parent
    packaged = resources.files("reconciler") / "schemas" / file
    if packaged.is_file():
        return packaged.read_text("utf-8")
    if (checkout / "pyproject.toml").is_file() and (checkout / "schemas" / file).is_file():
        return (checkout / "schemas" / file).read_text("utf-8")
    raise SetupError(f"This installation is broken: {file} is missing. Install reconciler again.")


@cache
def load(name: str) -> Mapping[str, Any]:
    """A schema as data; not to be changed by the caller."""
    loaded: dict[str, Any] = json.loads(text(name))
    return MappingProxyType(loaded)


@cache
def parameters() -> Mapping[str, Parameter]:
    """The writable API parameters by name, in the schema's order."""
    definitions = load("number")["$defs"]
    described = definitions["settings"]["properties"]
    return MappingProxyType(
        {name: _parameter(name, _resolved(raw, definitions)) for name, raw in described.items()}
    )


@cache
def phones() -> frozenset[str]:
    """The names of the parameters that are compared as phone numbers."""
    return frozenset(name for name, parameter in parameters().items() if parameter.phone)


@cache
def flows() -> tuple[str, ...]:
    """The names of the parameters whose values are ConfigIds of call flows."""
    return tuple(name for name, each in parameters().items() if each.named == "flow")


def _resolved(raw: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    reference = raw.get("$ref", "").removeprefix("#/$defs/")
    return {**definitions.get(reference, {}), **raw}


def _parameter(name: str, raw: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=name,
        title=raw.get("title", name),
        description=raw.get("description", ""),
        group=raw.get("x-group", "number"),
        choices=tuple(choice for choice in raw.get("enum", ()) if choice),
        phone=raw.get("x-compare") == "e164",
        url=raw.get("x-kind") == "url",
        named=raw.get("x-named"),
        requires=MappingProxyType(raw.get("x-requires", {})),
        idle_without=raw.get("x-idle-without"),
        aliases=tuple(raw.get("x-aliases", ())),
    )


@cache
def validator(name: str) -> Validator:
    """A validator for one schema, its references to the others resolved; made once."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    pairs = [(f"{each}.schema.json", Resource.from_contents(dict(load(each)))) for each in NAMES]
    registry: Registry[Any] = Registry().with_resources(pairs)
    return Draft202012Validator(dict(load(name)), registry=registry)
