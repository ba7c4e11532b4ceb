"""Warnings: what is valid and still looks wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import rules
from reconciler.document import parse
from reconciler.rules import Declared
from reconciler.tree import Block


def numbers(fields: Mapping[str, Mapping[str, str | None]]) -> dict[str, Declared]:
    entry = parse("x.yaml", b"a: b").root
    assert isinstance(entry, Block)
    return {
        number: Declared(number, each, "x.yaml", line, 3, (), entry, entry)
        for line, (number, each) in enumerate(fields.items(), 1)
    }


def to(number: str) -> dict[str, str | None]:
    return {"RoutingMethod": "Endpoint", "EndpointNumber": number}


def loops(fields: Mapping[str, Mapping[str, str | None]]) -> list[str]:
    return [each.message.partition(": ")[2] for each in rules.forwarding_loops(numbers(fields))]


def test_a_number_that_forwards_to_itself_is_a_loop() -> None:
    assert loops({"+1": to("+1")}) == ["+1 -> +1"]


def test_a_loop_is_told_once_from_its_smallest_number() -> None:
    fields = {"+3": to("+1"), "+1": to("+2"), "+2": to("+3"), "+4": to("+3")}
    assert loops(fields) == ["+1 -> +2 -> +3 -> +1"]


def test_a_chain_that_leaves_the_managed_numbers_is_no_loop() -> None:
    assert loops({"+1": to("+2"), "+2": to("+9")}) == []


def test_an_endpoint_that_is_not_used_makes_no_loop() -> None:
    assert loops({"+1": {"RoutingMethod": "Flow", "EndpointNumber": "+1"}}) == []


def test_texts_and_calls_make_no_loop_together() -> None:
    assert loops({"+1": to("+2"), "+2": {"SendSmsTo": "+1"}}) == []


def test_a_long_loop_is_shortened() -> None:
    fields = {f"+{100 + index}": to(f"+{100 + (index + 1) % 50}") for index in range(50)}
    (way,) = loops(fields)
    assert way.startswith("+100 -> +101 -> ")
    assert way.endswith("-> … -> +100")
    assert len(way) < 150


def test_a_hundred_thousand_numbers_in_one_loop_end_in_seconds() -> None:
    count = 100_000
    fields = {f"+{index}": to(f"+{(index + 1) % count}") for index in range(count)}
    start = time.process_time()
    assert len(loops(fields)) == 1
    assert time.process_time() - start < 5


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")))
def test_loops_are_exactly_those_that_walking_finds(graph: dict[str, str]) -> None:
    walked = set()
    for start in graph:
        way, number = [start], graph[start]
        while number in graph and number not in way:
            way.append(number)
            number = graph[number]
        if number == start:
            first = way.index(min(way))
            walked.add(tuple(way[first:] + way[:first]))
    assert sorted(map(tuple, rules._loops(graph))) == sorted(walked)


def warned(**fields: str | None) -> list[str]:
    found = rules.no_effect(numbers({"+61255500001": fields}).values())
    return [each.message.partition(": ")[2] for each in found]


def test_a_target_that_is_not_the_chosen_one_has_no_effect() -> None:
    assert warned(RoutingMethod="Flow", Flow="a", EndpointNumber="+61255500002") == [
        'EndpointNumber has no effect while RoutingMethod is "Flow"'
    ]


def test_a_target_that_is_cleared_is_fine() -> None:
    assert warned(RoutingMethod="Flow", Flow="a", EndpointNumber=None) == []


def test_a_target_is_fine_while_its_choice_is_unmanaged() -> None:
    assert warned(EndpointNumber="+61255500002") == []


@pytest.mark.parametrize(
    ("fields", "state"),
    [({}, "is not declared"), ({"WebHookUrl": None}, "is unset")],
)
def test_a_method_without_its_url_has_no_effect(fields: dict[str, None], state: str) -> None:
    assert warned(WebHookMethod="GET", **fields) == [
        f"WebHookMethod has no effect while WebHookUrl {state}"
    ]


def impossible(number: str) -> list[str]:
    return [each.message for each in rules.impossible_numbers(numbers({number: {}}).values())]


@pytest.mark.parametrize(
    "number",
    [
        "+61255500001",
        "+61491570006",
        "+611800160401",
        "+611300975707",
        "+442079460000",
        "+390612345678",
    ],
)
def test_a_number_that_can_exist_is_not_warned_of(number: str) -> None:
    assert impossible(number) == []


@pytest.mark.parametrize("number", ["+6125550", "+12", "+99912345", "+610491570006"])
def test_a_number_that_cannot_exist_is_warned_of(number: str) -> None:
    assert len(impossible(number)) == 1


def test_a_sender_that_is_a_name_is_not_taken_for_a_number() -> None:
    found = rules.impossible_numbers(numbers({"+61255500001": {"SendSmsFrom": "Shop"}}).values())
    assert list(found) == []


@given(
    st.sampled_from(["61", "1", "44", "39", "7", "64", "65"]),
    st.from_regex(r"[0-9]{5,11}", fullmatch=True),
)
def test_the_quick_look_never_passes_what_the_library_refuses(code: str, rest: str) -> None:
    number = f"+{code}{rest}"
    if rules._valid_as_it_stands(number):
        assert phonenumbers.is_valid_number(phonenumbers.parse(number))
