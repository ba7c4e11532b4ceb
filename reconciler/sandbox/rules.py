"""What the API accepts, read from the raw number.schema.json; pure.

The schema is interpreted here once more, on purpose: what the client's own reading of it gets
wrong, this one refuses. No parameter is named; what a parameter may be stands in the schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reconciler.sandbox.refusal import Refusal

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a number.

    choices: the values it may have, None where it is free.
    hint: what `pattern` asks for, in words that follow the parameter's name.
    requires: for a value of this one, the parameter that must come with it.
    """

    name: str
    writable: bool
    choices: tuple[str, ...] | None
    pattern: re.Pattern[str] | None
    hint: str
    requires: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All parameters by name, in the schema's order."""

    parameters: Mapping[str, Parameter]

    def configured(self, current: Fields, body: object) -> dict[str, object]:
        """The fields after a POST of `body`, only those that are set; null and "" clear.

        Raises Refusal (400): InvalidBody, UnknownParameter, InvalidValue, MissingParameter.
        """
        if not isinstance(body, dict):
            raise Refusal(400, "InvalidBody", "The body must be a JSON object of parameters.")
        self.refuse_unknown(body, writable=True)
        for name, value in body.items():
            self.refuse_value(name, value)
        self._refuse_lonely(body)
        after = {name: value for name, value in {**current, **body}.items() if _is_set(value)}
        self._refuse_lonely(after)
        return after

    def refuse_unknown(self, fields: Fields, *, writable: bool = False) -> None:
        """Raises Refusal for a name that is no parameter, or none that may be written."""
        for name in fields:
            known = self.parameters.get(name)
            if known is None:
                raise Refusal(400, "UnknownParameter", f"There is no parameter {_quoted(name)}.")
            if writable and not known.writable:
                raise Refusal(400, "UnknownParameter", f"{name} cannot be written.")

    def refuse_value(self, name: str, value: object) -> None:
        """Raises Refusal for a value that the parameter cannot have."""
        if not _is_set(value):
            return
        parameter = self.parameters[name]
        if not isinstance(value, str):
            raise Refusal(400, "InvalidValue", f"{name} must be text or null.")
        if parameter.choices is not None and value not in parameter.choices:
            wanted = "must be " + " or ".join(choice for choice in parameter.choices if choice)
            raise Refusal(400, "InvalidValue", f"{name} {wanted}; it was {_quoted(value)}.")
        if parameter.pattern is not None and parameter.pattern.search(value) is None:
            raise Refusal(400, "InvalidValue", f"{name} {parameter.hint}; it was {_quoted(value)}.")

    def _refuse_lonely(self, fields: Fields) -> None:
        """Of a body as of a state: a value that requires another parameter has it beside it."""
        for name, value in fields.items():
            requires = self.parameters[name].requires if name in self.parameters else {}
            needed = requires.get(value) if isinstance(value, str) else None
            if needed is not None and not _is_set(fields.get(needed)):
                raise Refusal(
                    400, "MissingParameter", f"{name} {_quoted(str(value))} needs {needed} with it."
                )


def rulebook(document: Mapping[str, Any]) -> Rulebook:
    """The rules that a schema of numbers lays down."""
    described = _properties(document, document)
    return Rulebook(
        MappingProxyType(
            {name: _parameter(name, _resolved(raw, document)) for name, raw in described.items()}
        )
    )


def _properties(node: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    whole = _resolved(node, document)
    found: dict[str, Any] = dict(whole.get("properties", {}))
    for part in whole.get("allOf", ()):
        found |= _properties(part, document)
    return found


def _resolved(node: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    own = dict(node)
    reference = own.pop("$ref", None)
    if reference is None:
        return own
    target: Any = document
    for step in reference.removeprefix("#/").split("/"):
        target = target[step]
    return {**_resolved(target, document), **own}


def _parameter(name: str, raw: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=name,
        writable=not raw.get("readOnly", False),
        choices=tuple(choice for choice in raw["enum"] if choice) if "enum" in raw else None,
        pattern=re.compile(raw["pattern"]) if "pattern" in raw else None,
        hint=raw.get("patternErrorMessage", f"must match {raw.get('pattern')}"),
        requires=MappingProxyType(raw.get("x-requires", {})),
    )


def _is_set(value: object) -> bool:
    return value is not None and value != ""


def _quoted(text: str) -> str:
    return json.dumps(text if len(text) <= 80 else f"{text[:80]}…", ensure_ascii=False)
