"""The pure core: what differs, what is sent, and what a plan is still true of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import planfile, schema
from reconciler.diff import diff
from reconciler.errors import SetupError, Unreadable
from reconciler.model import (
    Change,
    Desired,
    DesiredNumber,
    Failure,
    FieldChange,
    Limit,
    LiveNumber,
    Plan,
    Source,
    SourceFile,
)
from reconciler.plan import Position, assess, max_changes, position
from reconciler.render import json as as_json
from reconciler.selection import select
from reconciler.wire import live_number

NUMBER = "+61255500001"
PHONES = frozenset({"EndpointNumber"})
NAMES = st.sampled_from(["Friendly", "Flow", "EndpointNumber", "Recording"])
SET = st.dictionaries(NAMES, st.text(min_size=1))
WANTED = st.dictionaries(NAMES, st.none() | st.text(min_size=1))


def desired(fields: dict[str, str | None], **more: Any) -> DesiredNumber:
    return DesiredNumber(NUMBER, fields, Source("n.yaml", 1), **{"companions": {}, **more})


def live(fields: dict[str, str], **more: Any) -> LiveNumber:
    return LiveNumber(NUMBER, fields, **more)


@given(SET, WANTED)
def test_posting_a_diff_leaves_nothing_that_differs(
    before: dict[str, str], after: dict[str, str | None]
) -> None:
    posted = {name: change.after for name, change in diff(before, after, PHONES).items()}
    now = {name: value for name, value in {**before, **posted}.items() if value}
    assert diff(now, after, PHONES) == {}


@given(SET, WANTED)
def test_a_diff_names_only_declared_fields_and_only_what_differs(
    before: dict[str, str], after: dict[str, str | None]
) -> None:
    for name, change in diff(before, after, PHONES).items():
        assert name in after
        assert change == FieldChange(before.get(name), after[name])
        assert change.before != change.after


@given(SET, WANTED)
def test_a_plan_changes_just_what_its_body_says(
    before: dict[str, str], after: dict[str, str | None]
) -> None:
    found = assess(desired(after), live(before), PHONES)
    if isinstance(found, Change):
        assert found.post == {name: change.after or "" for name, change in found.fields.items()}
    else:
        assert found is None


@given(SET, WANTED)
def test_a_change_stands_before_itself_until_it_is_done_and_after_it_then(
    before: dict[str, str], after: dict[str, str | None]
) -> None:
    found = assess(desired(after), live(before), PHONES)
    if isinstance(found, Change):
        assert position(found, live(before), PHONES) is Position.BEFORE
        done = {name: value for name, value in {**before, **found.post}.items() if value}
        assert position(found, live(done), PHONES) is Position.AFTER


def test_a_companion_that_moved_makes_a_conflict() -> None:
    number = desired({"RoutingMethod": "Flow", "Flow": "a"}, companions={"RoutingMethod": "Flow"})
    found = assess(number, live({"RoutingMethod": "Endpoint", "Flow": "a"}), PHONES)
    assert isinstance(found, Change)
    moved = live({"RoutingMethod": "Endpoint", "Flow": "b"})
    assert position(found, moved, PHONES) is Position.ELSEWHERE


def test_a_failure_stays_a_failure() -> None:
    failure = Failure(NUMBER, "Timeout", "No answer.")
    assert assess(desired({"Friendly": None}), failure, PHONES) is failure


@pytest.mark.parametrize("identity", [{"AccountSid": "AC2"}, {}])
def test_a_number_that_is_not_of_the_guarded_account_is_a_failure(identity: dict[str, str]) -> None:
    found = assess(desired({}, guards={"AccountSid": "AC1"}), live({}, identity=identity), PHONES)
    assert isinstance(found, Failure)
    assert found.code == "OtherAccount"


@pytest.mark.parametrize(
    ("managed", "limits", "override", "allowed"),
    [
        (0, [], None, 5),
        (16, [], None, 5),
        (20, [], None, 6),
        (1000, [], None, 300),
        (1000, [Limit(7)], None, 7),
        (1000, [Limit(7), Limit(1, percent=True), Limit(3)], None, 3),
        (1000, [Limit(7)], Limit(50, percent=True), 500),
        (1000, [Limit(0)], None, 0),
    ],
)
def test_how_many_numbers_a_run_may_write(
    managed: int, limits: list[Limit], override: Limit | None, allowed: int
) -> None:
    numbers = {str(index): desired({}) for index in range(managed)}
    assert max_changes(Desired(numbers, (), tuple(limits)), override) == allowed


@given(SET.filter(bool))
def test_a_plan_comes_back_from_its_file_as_it_was(values: dict[str, str]) -> None:
    import tempfile
    from pathlib import Path

    made = Plan(
        "2026-01-01T00:00:00Z",
        "https://api.example.com",
        "AC1",
        (SourceFile("n.yaml", "0" * 64),),
        2,
        2,
        5,
        (
            Change(
                NUMBER,
                {name: FieldChange(None, value) for name, value in values.items()},
                values,
                Source("n.yaml", 3),
                friendly="x",
                protected=True,
            ),
        ),
        (Failure("+612", "Timeout", "No answer.", 6),),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        planfile.save_plan(path, made)
        assert planfile.load_plan(path) == made


def test_a_plan_is_valid_by_its_schema() -> None:
    made = Plan("2026-01-01T00:00:00Z", "u", "AC1", (), 0, 0, 5, (), ())
    schema.validator("plan").validate(json.loads(as_json.plan(made)))


NUMBERS = [
    DesiredNumber(f"+6125550000{index}", {}, Source("n.yaml", 1), {}, tags=tags)
    for index, tags in enumerate([("a",), ("a", "b"), ("b",), ()])
]


@pytest.mark.parametrize(
    ("how", "chosen"),
    [
        ({}, "0123"),
        ({"targets": ["+61255500001"]}, "1"),
        ({"targets": ["61255500001", "*3"]}, "13"),
        ({"targets": ["+6125550000[01]"], "excludes": ["*1"]}, "0"),
        ({"tags": ["a"]}, "01"),
        ({"tags": ["a", "b"]}, "012"),
        ({"tags": ["b"], "targets": ["*[012]"], "excludes": ["*2"]}, "1"),
    ],
)
def test_numbers_are_selected(how: dict[str, list[str]], chosen: str) -> None:
    assert [number.number[-1] for number in select(NUMBERS, **how)] == list(chosen)


@pytest.mark.parametrize("how", [{"targets": ["+7*"]}, {"excludes": ["+7*"]}, {"tags": ["c"]}])
def test_a_selector_that_matches_nothing_is_an_error(how: dict[str, list[str]]) -> None:
    with pytest.raises(SetupError, match="matches none"):
        select(NUMBERS, **how)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        5,
        {},
        {"Number": None},
        {"Number": ""},
        {"Number": "+61255500002"},
        {"Number": NUMBER, "Recording": {}},
        {"Number": NUMBER, "Recording": True},
    ],
)
def test_an_answer_that_is_not_about_the_number_is_not_believed(body: Any) -> None:
    with pytest.raises(Unreadable):
        live_number(body, NUMBER)


@pytest.mark.parametrize("unset", [{}, {"Recording": None}, {"Recording": ""}])
def test_absent_null_and_empty_are_one(unset: dict[str, Any]) -> None:
    assert live_number({"Number": "61255500001", **unset}, NUMBER).fields == {}


def test_the_misspelt_name_of_the_vendors_page_is_understood() -> None:
    body = {"Number": NUMBER, "Routing Method": "Flow"}
    assert live_number(body, NUMBER).fields == {"RoutingMethod": "Flow"}
