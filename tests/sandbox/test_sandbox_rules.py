"""What a POST may say, as pure rules read from the schema."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import schema
from reconciler.sandbox.refusal import Refusal
from reconciler.sandbox.rules import rulebook

RULES = rulebook(schema.load("number"))


def refused(body: object, current: dict[str, object] | None = None) -> str:
    with pytest.raises(Refusal) as caught:
        RULES.configured(current or {}, body)
    assert caught.value.status == 400
    return caught.value.code


@pytest.mark.parametrize("body", [None, [], "text", 1, True])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    assert refused(body) == "InvalidBody"


@pytest.mark.parametrize("name", ["friendly", "Routing Method", "", "x-group"])
def test_a_name_that_is_no_parameter_is_refused(name: str) -> None:
    assert refused({name: "x"}) == "UnknownParameter"


@pytest.mark.parametrize("name", ["Number", "AccountSid", "PropertySid"])
def test_whose_number_it_is_cannot_be_posted(name: str) -> None:
    assert refused({name: "x"}) == "UnknownParameter"


@pytest.mark.parametrize("value", [1, 0, True, False, 1.5, [], {}, ["Off"]])
def test_a_value_that_is_no_text_is_refused(value: object) -> None:
    assert refused({"Friendly": value}) == "InvalidValue"


@pytest.mark.parametrize("value", ["off", "OFF", " Off", "Off\n", "None", "Endpoint"])
def test_an_enum_is_compared_exactly(value: str) -> None:
    assert refused({"Recording": value}) == "InvalidValue"


@pytest.mark.parametrize("value", ["61255500001", "+0255500001", "+61 2 5550", "+61255500001\n"])
def test_a_pattern_holds(value: str) -> None:
    assert refused({"SendSmsTo": value}) == "InvalidValue"


@pytest.mark.parametrize(("method", "target"), [("Endpoint", "EndpointNumber"), ("Flow", "Flow")])
def test_a_routing_method_comes_with_its_target_in_the_same_body(method: str, target: str) -> None:
    assert refused({"RoutingMethod": method}, {target: "+61255500002"}) == "MissingParameter"
    after = RULES.configured({}, {"RoutingMethod": method, target: "+61255500002"})
    assert after == {"RoutingMethod": method, target: "+61255500002"}


@pytest.mark.parametrize("empty", ["", None])
def test_the_target_of_the_present_routing_method_cannot_be_cleared(empty: object) -> None:
    current: dict[str, object] = {"RoutingMethod": "Flow", "Flow": "cfg"}
    assert refused({"Flow": empty}, current) == "MissingParameter"
    assert RULES.configured(current, {"Flow": empty, "RoutingMethod": empty}) == {}


@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.parametrize("name", [n for n, p in RULES.parameters.items() if p.writable])
def test_every_parameter_is_cleared_by_null_and_by_empty_text(name: str, empty: object) -> None:
    assert RULES.configured({name: "something"}, {name: empty}) == {}


def test_what_is_not_in_the_body_stays() -> None:
    assert RULES.configured({"Friendly": "a"}, {"Recording": "Off"}) == {
        "Friendly": "a",
        "Recording": "Off",
    }


def test_the_refusal_names_the_parameter() -> None:
    with pytest.raises(Refusal, match='"Nope"'):
        RULES.configured({}, {"Nope": "x"})


def test_the_rules_know_the_parameters_that_the_client_knows() -> None:
    writable = [name for name, rule in RULES.parameters.items() if rule.writable]
    assert writable == list(schema.parameters())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(body=st.dictionaries(st.sampled_from(list(RULES.parameters)), JSON) | JSON)
def test_any_json_is_either_refused_or_gives_fields_that_are_text(body: object) -> None:
    with suppress(Refusal):
        after = RULES.configured({}, body)
        assert all(isinstance(value, str) and value for value in after.values())
