"""A number as the API gives it, to and from a row of the store; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reconciler.sandbox import ACCOUNT_SID, PROPERTY_SID, jsontext
from reconciler.sandbox.refusal import Refusal
from reconciler.sandbox.rules import Fields, Rulebook
from reconciler.sandbox.store import Flow, Row

_FLOW_KEYS: Mapping[str, type] = {
    "PropertySid": str,
    "ConfigId": str,
    "Revision": int,
    "Name": str,
    "Type": str,
    "LastUpdated": int,
}


def body(row: Row, rules: Rulebook) -> bytes:
    """The JSON object of one number: every parameter, null where it is unset."""
    fields = json.loads(row.fields)
    identity = {"Number": row.number, "AccountSid": row.account, "PropertySid": row.property}
    known = {**fields, **identity}
    return jsontext.encoded({name: known.get(name) for name in rules.parameters})


def stored(fields: Fields) -> str:
    """Fields as a row keeps them: without those that are null."""
    # ASCII, since SQLite takes no text with half surrogates in it.
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def row(entry: object, rules: Rulebook) -> Row:
    """The row of an API-shaped object; a missing AccountSid or PropertySid is the sandbox's own.

    Raises Refusal where it is no object, has no Number, or has a name that is no parameter.
    """
    if not isinstance(entry, dict):
        raise Refusal(400, "InvalidBody", "A number must be a JSON object.")
    number = entry.get("Number")
    if not number:
        raise Refusal(400, "MissingParameter", "Number is missing.")
    rules.refuse_value("Number", number)
    bare = Row(number, ACCOUNT_SID, PROPERTY_SID, "{}")
    return edited(bare, {name: value for name, value in entry.items() if name != "Number"}, rules)


def edited(before: Row, changes: object, rules: Rulebook) -> Row:
    """The row with some fields set, to any value at all: what a portal allows, rules may not.

    Raises Refusal for a name that is no parameter, Number among them, and for an owner that is
    neither text nor null.
    """
    if not isinstance(changes, dict):
        raise Refusal(400, "InvalidBody", "The body must be a JSON object of parameters.")
    rules.refuse_unknown(changes)
    if "Number" in changes:
        raise Refusal(400, "UnknownParameter", "Number cannot be written.")
    fields = {**json.loads(before.fields), **changes}
    return Row(
        before.number,
        _owner("AccountSid", fields.pop("AccountSid", before.account)),
        _owner("PropertySid", fields.pop("PropertySid", before.property)),
        stored(fields),
    )


def flow(entry: object) -> Flow:
    """The flow of an API-shaped object; a missing PropertySid is the sandbox's own.

    Raises Refusal where it is no object, has no ConfigId, or has what flows don't have.
    """
    if not isinstance(entry, dict):
        raise Refusal(400, "InvalidBody", "A flow must be a JSON object.")
    for key, value in entry.items():
        if key not in _FLOW_KEYS:
            raise Refusal(400, "UnknownParameter", f"A flow has no {json.dumps(key)}.")
        if value is not None and type(value) is not _FLOW_KEYS[key]:
            kind = "text" if _FLOW_KEYS[key] is str else "a whole number"
            raise Refusal(400, "InvalidValue", f"{key} must be {kind}.")
    whole = {**dict.fromkeys(_FLOW_KEYS), "PropertySid": PROPERTY_SID, **entry}
    owner, config = (_owner(key, whole[key]) for key in ("PropertySid", "ConfigId"))
    if not owner or not config:
        raise Refusal(400, "MissingParameter", "ConfigId or PropertySid is missing.")
    return Flow(owner, config, json.dumps(whole))


def _owner(name: str, value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and value.isprintable()):
        raise Refusal(400, "InvalidValue", f"{name} must be printable text.")
    return value
