"""What a person reads, and that nothing in the data can act on the terminal or in a CI log."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import (
    Change,
    Failure,
    FieldChange,
    Outcome,
    Plan,
    Result,
    Source,
    SourceFile,
    Status,
)
from reconciler.render import json, text

NUMBER = "+61255500001"


def change(before: str | None = "Off", after: str | None = "Call", **more: object) -> Change:
    fields = {"Recording": FieldChange(before, after)}
    return Change(NUMBER, fields, {"Recording": after or ""}, Source("n.yaml", 3), **more)  # type: ignore[arg-type]


def plan(*changes: Change, errors: tuple[Failure, ...] = (), numbers: int = 3) -> Plan:
    return Plan(
        "2026-01-01T00:00:00Z",
        "https://api.example.com",
        "AC1",
        (SourceFile("n.yaml", "0" * 64),),
        numbers,
        numbers,
        5,
        changes,
        errors,
    )


def result(*outcomes: Outcome, stopped: str | None = None) -> Result:
    return Result("2026-01-01T00:00:00Z", "https://api.example.com", "AC1", outcomes, stopped)


def test_a_change_is_shown_with_its_name_and_its_place() -> None:
    assert text.plan(plan(change(friendly="Sydney"))) == (
        '~ +61255500001  Sydney  (n.yaml:3)\n    Recording: "Off" -> "Call"\n\n'
        "Plan: 1 to change, 2 unchanged.\n"
    )


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [(None, "Call", 'unset -> "Call"'), ("Off", None, '"Off" -> unset')],
)
def test_an_unset_value_is_a_bare_word(before: str | None, after: str | None, shown: str) -> None:
    assert shown in text.plan(plan(change(before, after)))


def test_no_changes_never_reads_so_while_a_number_could_not_be_read() -> None:
    shown = text.plan(plan(errors=(Failure(NUMBER, "Timeout", "No answer in 10 s."),)))
    assert "No changes" not in shown
    assert "! +61255500001  Timeout: No answer in 10 s." in shown


def test_a_result_groups_numbers_and_says_what_to_do_next() -> None:
    shown = text.result(
        result(
            Outcome("+611", Status.APPLIED, {"Recording": "Call"}, 1),
            Outcome("+612", Status.CONFLICT, None, 0, "Conflict", "Changed since it was read."),
            Outcome("+613", Status.NOT_ATTEMPTED),
            stopped="Interrupted.",
        )
    )
    assert shown == (
        "applied (1)\n    +611  Recording\n\n"
        "conflict (1): changed since they were read; plan again to see how\n"
        "    +612  Conflict: Changed since it was read.\n\n"
        "not attempted (1): run the same command again to go on\n    +613\n\n"
        "Stopped: Interrupted.\nApply incomplete: 1 applied, 1 conflict, 1 not attempted.\n"
    )


def test_colours_add_nothing_but_colours() -> None:
    import re

    colored = text.plan(plan(change()), color=True)
    assert colored != text.plan(plan(change()))
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == text.plan(plan(change()))


HOSTILE = st.text(
    st.characters() | st.sampled_from("\x1b\n\r\x07\x9b\u202e\u2066\u2028\x00\ud800:%[]|`<>@"),
    min_size=1,
)


def acting(shown: str) -> set[str]:
    kinds = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return {each for each in shown if unicodedata.category(each) in kinds} - {"\n"}


@given(HOSTILE)
def test_hostile_values_are_inert_as_text(value: str) -> None:
    made = plan(change(value, "x", friendly=value), errors=(Failure(NUMBER, value, value),))
    shown = text.plan(made)
    assert acting(shown) == set()
    assert shown.count("\n") == text.plan(
        plan(change(), errors=(Failure(NUMBER, "c", "m"),))
    ).count("\n")
    assert not any(line.startswith(("::", "##[")) for line in shown.splitlines())


@given(HOSTILE)
def test_hostile_values_are_inert_in_a_result(value: str) -> None:
    shown = text.result(result(Outcome(NUMBER, Status.FAILED, {value: value}, 1, value, value)))
    assert acting(shown) == set()
    assert not any(line.startswith("::") for line in shown.splitlines())


@given(HOSTILE)
def test_json_is_ascii_whatever_the_values_are(value: str) -> None:
    shown = json.plan(plan(change(value, "x", friendly=value)))
    assert shown.isascii()
    assert acting(shown) == set()
