"""Prints schemas/numbers.schema.json, with its fields as schemas/number.schema.json has them.

number.schema.json says what the API takes. In a file, the same may be a reference such as ${NAME};
and what is not in quotes, an editor reads as a number or as true, where reconciler reads text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from reconciler import schema
from reconciler.check import flat

Schema = dict[str, Any]

MADE = {"$comment": "Made from number.schema.json by `make docs`."}
FOR_PEOPLE = ("title", "description", "examples")
NOT_NULL = ["string", "number", "boolean", "object", "array"]
REFERENCE = {"$ref": "#/$defs/reference"}


def main() -> None:
    json.dump(numbers(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def numbers() -> Schema:
    definitions = schema.load("number")["$defs"]
    described = definitions["settings"]["properties"]
    fields = {name: flat(raw, definitions) for name, raw in described.items()}
    file = schema.load("numbers")
    generated = {"settings": settings(fields), "consistent": consistent(fields)}
    return {**file, "$defs": {**file["$defs"], **generated}}


def settings(fields: Mapping[str, Schema]) -> Schema:
    return {**MADE, "properties": {name: written(taken) for name, taken in fields.items()}}


def written(raw: Schema) -> Schema:
    """A value as a file may have it, where `raw` says what it may be in the end."""
    told = {key: raw[key] for key in FOR_PEOPLE if key in raw}
    taken = {
        key: value
        for key, value in raw.items()
        if key not in told and key != "$comment" and not key.startswith("x-")
    }
    if "properties" in taken:
        taken["properties"] = {key: written(each) for key, each in taken["properties"].items()}
    ways = [taken | {"not": REFERENCE}, REFERENCE]
    if raw.get("x-compare") == "e164" and "pattern" in raw:
        ways.append({"$ref": "#/$defs/digits"})
        told["type"] = [*raw["type"], "integer"]
    elif "pattern" in raw or "enum" in raw:
        told["type"] = raw["type"]
    else:
        ways.append({"$ref": "#/$defs/no-text"})
    # Not anyOf: hovering, an editor would tell of each way instead of the field.
    return {**told, "oneOf": ways, "allOf": [{"$ref": "#/$defs/well-formed"}]}


def consistent(fields: Mapping[str, Schema]) -> Schema:
    """What the keys of one entry say of each other."""
    needs = [
        needed(name, value, other)
        for name, raw in fields.items()
        for value, other in raw.get("x-requires", {}).items()
    ]
    ignore = {"type": "object", "propertyNames": {"enum": [*fields]}}
    return {**MADE, "properties": {"ignore": ignore}, "allOf": needs}


def needed(name: str, value: str, other: str) -> Schema:
    told = f'{name} "{value}" needs {other}, so it cannot be empty'
    something = {"type": NOT_NULL, "pattern": ".", "errorMessage": told}
    return {
        "if": {"required": [name], "properties": {name: {"const": value}}},
        "then": {"properties": {other: something}},
    }


if __name__ == "__main__":
    main()
