"""JSON as the sandbox reads and writes it: strict in, UTF-8 out."""

from __future__ import annotations

import json
from typing import NoReturn


def encoded(value: object) -> bytes:
    """JSON in UTF-8, whatever text is in it."""
    # UTF-8 has no half surrogate, JSON has: the escape that this error handler writes is JSON's.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )


def decoded(data: bytes) -> object:
    """The value of a JSON text in UTF-8.

    Raises ValueError with a sentence; also for a key given twice, of which Python keeps the last.
    """
    try:
        return json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"It is not UTF-8 (byte {error.start}).") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"It is not JSON: {error.msg} ({where}).") from error
    except RecursionError as error:
        raise ValueError("It is nested too deeply.") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"It has the key {json.dumps(key)} twice.")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"It is not JSON: {name} is no JSON value.")
