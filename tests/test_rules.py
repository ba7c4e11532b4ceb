"""Warnings: what is valid and still looks wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date

import phonenumbers
import pytest
from harness import Run
from hypothesis import given
from hypothesis import strategies as st

from reconciler import desired
from reconciler.declared import Declarations, Declared
from reconciler.rules import companions, phones
from reconciler.rules.loops import forwarding_loops
from reconciler.rules.loops import loops as loops_of
from reconciler.tree import Block

Fields = Mapping[str, Mapping[str, str | None]]


def run(fields: Fields) -> Declarations:
    """What a run declares whose one file has each number on a line of its own."""
    numbers = {
        number: Declared(number, each, "x.yaml", line, 3, (), Block(), Block())
        for line, (number, each) in enumerate(fields.items(), 1)
    }
    return Declarations(numbers, {}, frozenset(), date(2026, 11, 23))


def to(number: str) -> dict[str, str | None]:
    return {"RoutingMethod": "Endpoint", "EndpointNumber": number}


def loops(fields: Fields) -> list[str]:
    return [each.message.partition(": ")[2] for each in forwarding_loops(run(fields))]


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
    assert sorted(map(tuple, loops_of(graph))) == sorted(walked)


def warned(**fields: str | None) -> list[str]:
    found = companions.no_effect(run({"+61255500001": fields}))
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
    return [each.message for each in phones.impossible_numbers(run({number: {}}))]


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
    found = phones.impossible_numbers(run({"+61255500001": {"SendSmsFrom": "Shop"}}))
    assert list(found) == []


@given(
    st.sampled_from(["61", "1", "44", "39", "7", "64", "65"]),
    st.from_regex(r"[0-9]{5,11}", fullmatch=True),
)
def test_the_quick_look_never_passes_what_the_library_refuses(code: str, rest: str) -> None:
    number = f"+{code}{rest}"
    if phones._valid_as_it_stands(number):
        assert phonenumbers.is_valid_number(phonenumbers.parse(number))


def warned_of(*texts: str) -> list[str]:
    """What is said of files 0.yaml, 1.yaml …, without the rule that says it."""
    files = [(f"{index}.yaml", f"version: 1\n{text}".encode()) for index, text in enumerate(texts)]
    return [str(each).rpartition(" [")[0] for each in desired.parse(files).warnings]


def test_a_name_that_two_files_give_is_told_with_the_other_place() -> None:
    one, two = "numbers: {+61255500001: {Friendly: a}}", "numbers: {+61255500002: {Friendly: a}}"
    assert warned_of(one, two) == [
        "1.yaml:2:36: +61255500002: Friendly is the same as that of +61255500001 (0.yaml:2)"
    ]


def test_a_name_that_the_defaults_give_to_many_is_told_once() -> None:
    numbers = "".join(f"  +612555{index:05d}:\n" for index in range(500))
    (told,) = warned_of(f"defaults: {{Friendly: a}}\nnumbers:\n{numbers}")
    assert told.startswith("0.yaml:2:22: +61255500001 and 498 more: Friendly is the same as that")


def test_a_template_that_another_file_uses_is_used() -> None:
    assert warned_of("templates: {a: }", "numbers: {+61255500001: {use: [a]}}") == []


def test_a_warning_is_silenced_in_the_file_that_it_points_into() -> None:
    template = "templates:\n  a: {WebHookUrl: 'http://a.example'}"
    numbers = "numbers:\n  +61255500001: {use: [a]}"
    comment = "  # reconciler: ignore[plain-http]"
    assert warned_of(template + comment, numbers) == []
    assert len(warned_of(template, numbers + comment)) == 2


def test_a_comment_silences_its_rule_and_no_other() -> None:
    text = "numbers:\n  +61255500001: {WebHookMethod: GET, DeliveryReceiptWebHookUrl: 'http://a.b'}"
    assert len(warned_of(text)) == 2
    assert len(warned_of(f"{text}  # reconciler: ignore[plain-http]")) == 1


def test_strict_names_the_rule_that_refuses(reconciler: Run, write: Callable[..., str]) -> None:
    path = write("version: 1\ntemplates: {a: }\n")
    ran = reconciler("validate", path, "--strict")
    assert ran.code == 1
    assert 'numbers.yaml:2:13: no number uses the template "a" [unused-template]' in ran.err
