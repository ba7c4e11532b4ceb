"""A fault as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from reconciler import schema
from reconciler.errors import SetupError
from reconciler.sandbox import faultspec
from reconciler.sandbox.fault import COMMON, KINDS, Fault
from reconciler.sandbox.faultkeys import KEYS

VALUES: dict[str, st.SearchStrategy[object]] = {
    "method": st.sampled_from(["GET", "POST", "any"]),
    "number": st.from_regex(r"[0-9*?\[\]!-]{1,15}", fullmatch=True),
    "share": st.floats(0, 1),
    "code": st.integers(200, 599),
    "body": st.sampled_from(["html", "json", "empty"]),
    "carried-out": st.booleans(),
    "retry-after": st.from_regex("(date:)?[0-9]{1,6}", fullmatch=True),
    "rate": st.floats(1e-9, 1e9),
    "window": st.floats(1e-9, 1e9),
    "seconds": st.floats(0, 1e9),
    "by": st.integers(-999, 999).filter(bool),
    "bytes": st.integers(1, 10**6),
    "field": st.sampled_from(list(schema.parameters())),
    "how": st.sampled_from(["upper", "lower", "trim", "strip-plus"]),
    "to": st.text(min_size=1).filter(lambda text: "," not in text and text.isprintable()),
}


@st.composite
def good(draw: st.DrawFn) -> dict[str, object]:
    """A fault as JSON."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    has = {*KINDS[kind].has, *COMMON}
    keys = draw(st.sets(st.sampled_from(sorted(has)))) | set(KINDS[kind].needs)
    if "rate" not in keys or "window" in keys:
        keys -= {"burst", *([] if "rate" in keys else ["window"])}
    if KINDS[kind].posts_only:
        keys -= {"method"}
    values = {key: draw(VALUES.get(key, st.integers(1, 10**6))) for key in sorted(keys)}
    return {"kind": kind, **values}


@given(good())
def test_a_fault_is_the_same_as_text_and_as_json(value: dict[str, object]) -> None:
    fault = faultspec.decoded(value)
    assert faultspec.parsed(faultspec.spec(fault)) == fault
    assert faultspec.decoded(json.loads(json.dumps(faultspec.shown(fault)))) == fault
    assert faultspec.checked(fault) == fault


def outcome(made: Callable[[], Fault]) -> Fault | str:
    """The fault, or what a person is told."""
    try:
        return made()
    except SetupError as error:
        return str(error)


_PIECES = st.sampled_from(
    [*KINDS, *KEYS, ":", "=", ",", "-1", "1e5", "date:5", "", "٣", "\x00", " "]
)


@given(st.one_of(st.text(), st.lists(_PIECES, max_size=8).map("".join)))
def test_any_text_is_a_fault_or_a_setup_error_in_one_printable_line(text: str) -> None:
    found = outcome(lambda: faultspec.parsed(text))
    if isinstance(found, Fault):
        assert faultspec.parsed(faultspec.spec(found)) == found
    else:
        assert found.isprintable()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
_OBJECTS = st.dictionaries(st.sampled_from(["kind", *KEYS, "x"]), _JSON | st.sampled_from([*KINDS]))


@given(st.one_of(_JSON, _OBJECTS))
def test_any_json_is_a_fault_or_a_setup_error(value: object) -> None:
    found = outcome(lambda: faultspec.decoded(value))
    assert isinstance(found, Fault) or found.isprintable()
