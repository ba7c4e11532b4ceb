"""Faults as they are written: KIND[:key=value,...] on a command line, an object in JSON; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields

from reconciler.errors import SetupError
from reconciler.sandbox.fault import COMMON, KINDS, Fault
from reconciler.sandbox.faultkeys import KEYS, written

_DEFAULTS = {each.name: each.default for each in fields(Fault)}


def parsed(spec: str) -> Fault:
    """The fault of a SPEC, as drop-after:method=POST,times=1.

    Raises SetupError with a sentence that lists what is known.
    """
    kind, colon, rest = spec.partition(":")
    values: dict[str, object] = {}
    for pair in rest.split(",") if colon else ():
        key, equals, value = pair.partition("=")
        if not equals:
            raise SetupError(
                f"The fault {_quoted(spec)} has {_quoted(pair)}: it is KIND:key=value,key=value."
            )
        if key in values:
            raise SetupError(f"The fault {_quoted(spec)} has {_quoted(key)} twice.")
        values[key] = value
    return _made(kind, values)


def decoded(value: object) -> Fault:
    """The fault of a JSON value: a SPEC, or {"kind": "429", "rate": 50}. Raises SetupError."""
    if isinstance(value, str):
        return parsed(value)
    if not isinstance(value, dict) or "kind" not in value:
        raise SetupError('A fault is text, as "429:rate=50", or {"kind": "429", "rate": 50}.')
    return _made(value["kind"], {key: value[key] for key in value if key != "kind"})


def checked(fault: Fault | str) -> Fault:
    """The fault of a SPEC, or one made in Python with all that a SPEC's would have been refused.

    Raises SetupError.
    """
    return parsed(fault) if isinstance(fault, str) else decoded(shown(fault))


def shown(fault: Fault) -> dict[str, object]:
    """The JSON object that stands for it; only what is not by default. `decoded` reverses it."""
    return {"kind": fault.kind, **_given(fault)}


def spec(fault: Fault) -> str:
    """The SPEC that stands for it; only what is not by default. `parsed` reverses it."""
    pairs = ",".join(f"{key}={written(value)}" for key, value in _given(fault).items())
    return f"{fault.kind}:{pairs}" if pairs else fault.kind


def _given(fault: Fault) -> dict[str, object]:
    values = {key: getattr(fault, KEYS[key].attribute) for key in KEYS}
    return {key: value for key, value in values.items() if value != _DEFAULTS[KEYS[key].attribute]}


def _made(kind: object, values: Mapping[str, object]) -> Fault:
    name = str(kind)
    if name not in KINDS:
        raise SetupError(f"There is no fault {_quoted(name)}; there are {', '.join(KINDS)}.")
    known = (*KINDS[name].has, *COMMON)
    for key in values:
        if key not in known:
            raise SetupError(
                f"The fault {name} has no key {_quoted(key)}; it has {', '.join(known)}."
            )
    for key in KINDS[name].needs:
        if key not in values:
            raise SetupError(f"The fault {name} needs {key}; it has {', '.join(known)}.")
    made: dict[str, object] = {KEYS[key].attribute: _read(name, key, values[key]) for key in values}
    return _consistent(Fault(name, **made))  # type: ignore[arg-type]


def _read(kind: str, key: str, value: object) -> object:
    try:
        if not isinstance(value, str | int | float):
            raise ValueError("text or a number")  # noqa: TRY004  one way out for every bad value
        return KEYS[key].read(written(value))
    except ValueError as error:
        raise SetupError(
            f"{key} of the fault {kind} must be {error}; it was {_quoted(value)}."
        ) from error


def _consistent(fault: Fault) -> Fault:
    """What no key says alone; as it was, so that a fault that does nothing isn't armed unsaid."""
    if fault.rate is None and (fault.burst or fault.window):
        raise SetupError("burst and window of the fault 429 need its rate.")
    if fault.burst and fault.window:
        raise SetupError("The fault 429 has a burst or a window, not both.")
    if fault.method == "GET" and KINDS[fault.kind].posts_only:
        raise SetupError(f"The fault {fault.kind} is of POSTs only; its method cannot be GET.")
    return fault


def _quoted(value: object) -> str:
    """In ASCII, so that nothing in it acts on a terminal."""
    text = value if isinstance(value, str) else repr(value)
    return json.dumps(text if len(text) <= 80 else f"{text[:80]}...")
