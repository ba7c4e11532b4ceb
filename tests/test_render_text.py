"""What a person reads, and that nothing in the data can act on the terminal or in a CI log."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import (
    Change,
    Failure,
    FieldChange,
    Origin,
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
    colored = text.plan(plan(change()), color=True)
    assert colored != text.plan(plan(change()))
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == text.plan(plan(change()))


LONG = "https://hooks.example.com/accounts/ac-0001/numbers/{}/incoming?format=json&retries=3"


def long(before: str = "v1", after: str = "v2") -> Change:
    fields = {
        "Flow": FieldChange("a", "b"),
        "WebHookUrl": FieldChange(LONG.format(before), LONG.format(after)),
    }
    return Change(NUMBER, fields, {"Flow": "b"}, Source("n.yaml", 3))


def test_fields_stand_in_columns_and_long_values_one_below_the_other() -> None:
    assert text.plan(plan(long()), width=120).splitlines()[1:5] == [
        '    Flow:       "a" -> "b"',
        f'    WebHookUrl:    "{LONG.format("v1")}"',
        f'                -> "{LONG.format("v2")}"',
        "                " + " " * (4 + LONG.index("{}") + 1) + "^",
    ]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_long_values_are_shortened_where_they_are_alike(width: int) -> None:
    shown = text.plan(plan(long("first-version", "second-one")), width=width)
    assert max(map(len, shown.splitlines())) <= width
    assert "first-version" in shown
    assert "second-one" in shown
    assert "…" in shown


@given(st.text("ab/?=", max_size=300), st.text("ab/?=", max_size=300))
def test_what_is_left_out_of_a_long_value_is_the_same_before_and_after(a: str, b: str) -> None:
    before, after = f"{a}B{b}", f"{a}A{b[::-1]}"
    shown = unfolded(text.plan(plan(change(before, after)), width=60))
    old, new = re.search(r'"(.*)"\n? +-> "(.*)"', shown).groups()  # type: ignore[union-attr]
    assert hidden(old, before) == hidden(new, after)


def unfolded(shown: str) -> str:
    """Each value in a line again: what goes on does so further in than anything else begins."""
    return re.sub(r"\n {18,}(?! *\^)", "", shown)


def hidden(shown: str, value: str) -> tuple[int, str | None]:
    """How much of a value is not shown, and what it is where it is in one place."""
    first, *middle, last = shown.split("…") if "…" in shown else (shown, "")
    assert value.startswith(first)
    assert value.endswith(last)
    left_out = len(value) - len(shown.replace("…", ""))
    return left_out, None if middle else value[len(first) : len(value) - len(last)]


def test_all_of_a_long_value_is_shown_where_that_is_asked_for() -> None:
    shown = text.plan(plan(long()), width=50, expand=True)
    assert max(map(len, shown.splitlines())) <= 50
    assert f'"{LONG.format("v2")}"' in unfolded(shown)


@pytest.mark.parametrize(
    ("before", "after"), [(None, "x" * 150), ("x" * 150, None), ("a" * 150, "b" * 150)]
)
def test_long_values_with_little_in_common_are_told_over_lines(
    before: str | None, after: str | None
) -> None:
    shown = text.plan(plan(change(before, after)))
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    assert "^" not in shown
    assert all(f'"{value}"' in unfolded(shown) for value in (before, after) if value)


def test_what_differs_is_all_there_however_long_it_is() -> None:
    one, other = "b" * 150, "c" * 150
    shown = text.plan(plan(change(LONG.format(one), LONG.format(other))))
    assert max(map(len, shown.splitlines())) <= 80
    assert one in unfolded(shown)
    assert other in unfolded(shown)
    assert "…" in shown
    assert "^" not in shown


def test_a_long_name_is_shortened_and_a_long_place_has_a_line_of_its_own() -> None:
    made = change(friendly="S" * 100, protected=True)
    assert text.plan(plan(made)).splitlines()[:2] == [
        f"~ {NUMBER}  {'S' * 27}…  (n.yaml:3)  protected: not written",
        '    Recording: "Off" -> "Call"',
    ]
    far = replace(made, source=Source("d/" * 50, 3))
    assert text.plan(plan(far)).splitlines()[:3] == [
        f"~ {NUMBER}  {'S' * 39}…  protected: not written",
        "    (" + ("d/" * 50)[:75],
        "    " + ("d/" * 50)[75:] + ":3)",
    ]


def test_a_long_change_of_many_numbers_stands_below_their_count() -> None:
    alike = [replace(change(None, "x" * 60), number=f"+6125550{at:04d}") for at in range(13)]
    shown = text.plan(plan(*alike, numbers=13))
    assert shown.startswith("~ 13 numbers\n    Recording:    unset\n")
    assert max(map(len, shown.splitlines())) <= 80


def test_numbers_that_change_alike_are_told_together_each_by_its_number() -> None:
    numbers = [f"+6125550{index:04d}" for index in range(48)]
    alike = [replace(change(), number=number) for number in numbers]
    shown = text.plan(plan(*alike, replace(change("Call", "Off"), number="+6199"), numbers=60))
    assert '~ 48 numbers: Recording "Off" -> "Call"\n' in shown
    assert re.findall(r"\+6125550[0-9]{4}", shown) == numbers
    assert shown.count("Recording") == 3
    assert max(map(len, shown.splitlines())) <= 80


def test_few_numbers_that_change_alike_are_each_told_by_themselves() -> None:
    alike = [replace(change(), number=f"+6125550{index:04d}") for index in range(9)]
    assert text.plan(plan(*alike, numbers=9)).count("~ +61") == 9


def test_each_number_is_told_by_itself_where_that_is_asked_for() -> None:
    alike = [replace(change(), number=f"+6125550{index:04d}") for index in range(48)]
    assert text.plan(plan(*alike, numbers=48), expand=True).count("~ +61") == 48


def test_what_is_protected_is_not_told_together_with_what_is_not() -> None:
    alike = [
        replace(change(), number=f"+6125550{index:04d}", protected=index % 2 == 0)
        for index in range(40)
    ]
    shown = text.plan(plan(*alike, numbers=40))
    assert '~ 20 numbers: Recording "Off" -> "Call"  protected: not written\n' in shown
    assert '~ 20 numbers: Recording "Off" -> "Call"\n' in shown


def test_many_changes_are_counted_by_field() -> None:
    many = [replace(long(str(index), "x"), number=f"+6125550{index:04d}") for index in range(21)]
    many += [replace(change(), number=f"+6135550{index:04d}") for index in range(3)]
    assert text.plan(plan(*many, numbers=1_000)).endswith(
        "Numbers that change, by field\n"
        "    Flow             21\n    WebHookUrl       21\n    Recording         3\n\n"
        "An apply would write 24 numbers, and 5 are allowed. --max-changes allows more.\n\n"
        "Plan: 24 to change, 976 unchanged.\n"
    )


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
    # Wide enough for each change to take one line, so that lines of the data's own would show.
    shown = text.plan(made, width=10_000)
    assert acting(shown) == set()
    assert shown.count("\n") == text.plan(
        plan(change(), errors=(Failure(NUMBER, "c", "m"),))
    ).count("\n")
    assert not any(line.startswith(("::", "##[")) for line in shown.splitlines())


VALUES = st.none() | st.text(min_size=1, max_size=200) | st.text(":# a", min_size=1, max_size=200)
CHANGES = st.builds(
    FieldChange,
    VALUES,
    VALUES,
    st.sampled_from([None, *Origin]),
    before_name=VALUES,
    after_name=VALUES,
)
NAMES = st.text("ABCdef_", min_size=1, max_size=100)


@given(
    st.dictionaries(NAMES, CHANGES, min_size=1),
    VALUES,
    st.text("abc/.", min_size=1, max_size=200),
    st.booleans(),
    st.sampled_from([1, 12]),
    st.booleans(),
)
def test_a_plan_holds_its_width_and_no_line_of_it_acts(
    fields: dict[str, FieldChange],
    friendly: str | None,
    path: str,
    protected: bool,
    count: int,
    expand: bool,
) -> None:
    made = Change(NUMBER, fields, {}, Source(path, 3), friendly=friendly or "", protected=protected)
    alike = [replace(made, number=f"+6125550{at:04d}") for at in range(count)]
    shown = text.plan(plan(*alike, numbers=5), width=80, expand=expand).splitlines()
    # What is not about a number is a sentence, for a terminal to wrap.
    assert max(len(line) for line in shown if line.startswith(("~", " "))) <= 80
    assert not any(line.lstrip().startswith("::") for line in shown)


@given(VALUES, VALUES)
def test_a_wrapped_value_is_no_command_in_colour_either(before: str | None, after: str) -> None:
    shown = text.plan(plan(change(before, after)), color=True)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert not any(line.lstrip().startswith("::") for line in plain.splitlines())


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
