"""Call flows by name, against a real account over HTTP: looked up, checked and shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import virtual
from harness import Account, Git, Ran, Run
from hypothesis import given
from hypothesis import strategies as st
from test_baseline import origins

from reconciler import desired, planfile, sandbox
from reconciler.api import Access, connect
from reconciler.errors import InputError, Unreadable
from reconciler.flows import Directory, Flows
from reconciler.model import DesiredNumber, Source
from reconciler.named import Named
from reconciler.pace import Pacer

Write = Callable[..., str]
ONE, TWO, THREE = (f"+6125550000{digit}" for digit in range(1, 4))
NAMES = {"cfg-old": "Old IVR", "cfg-sales": "Sales IVR", "cfg-support": "Support"}
FILE = f"""\
version: 1
property: PRsandbox
templates:
  ivr: {{RoutingMethod: Flow, Flow: {{name: Sales IVR}}}}
numbers:
  {ONE}: {{use: [ivr]}}
  {TWO}: {{use: [ivr]}}
  {THREE}: {{Recording: Off}}
"""
BY_ID = FILE.replace("{name: Sales IVR}", "cfg-sales")


def fill(account: Account) -> None:
    """Three numbers that go to the old flow, and record calls."""
    account.flows(NAMES)
    common = {"RoutingMethod": "Flow", "Flow": "cfg-old", "Recording": "Call"}
    account.add(*({"Number": number, **common} for number in (ONE, TWO, THREE)))


@pytest.fixture
def live(account: Account) -> Account:
    fill(account)
    return account


@pytest.fixture(params=[False, True], ids=["bare", "wrapped"])
def either(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reconciler: Run,
) -> Iterator[Account]:
    """The same numbers, where lists are bare or wrapped."""
    settings = sandbox.Settings(db=tmp_path / "either.sqlite", wrapped_lists=request.param)
    with sandbox.running(settings) as url:
        monkeypatch.setenv("RECONCILER_API_URL", url)
        monkeypatch.setenv("RECONCILER_ACCOUNT_SID", sandbox.ACCOUNT_SID)
        monkeypatch.setenv("RECONCILER_TOKEN", sandbox.TOKEN)
        account = Account(url)
        fill(account)
        yield account


def asked(account: Account) -> tuple[int, int, int]:
    """How many pages of flows, numbers and writes were asked for."""
    stats = account.stats()
    return stats["flows"], stats["get"], stats["post"]


def failures(ran: Ran) -> dict[str, str]:
    return {error["number"]: error["code"] for error in ran.json["errors"]}


# Names.


def test_a_name_is_looked_up_once_a_run_and_shown_beside_the_config_id(
    either: Account, write: Write, reconciler: Run
) -> None:
    ran = reconciler("plan", write(FILE))
    assert ran.code == 0
    assert ran.out.count('    Flow: "cfg-old" (Old IVR) -> "cfg-sales" (Sales IVR)\n') == 2
    assert asked(either) == (1, 3, 0)


def test_the_config_id_is_what_is_written_and_the_second_run_sends_nothing(
    live: Account, write: Write, reconciler: Run
) -> None:
    path = write(FILE)
    assert reconciler("apply", path, "--auto-approve").code == 0
    assert asked(live) == (1, 3, 3)
    assert live.live(ONE)["Flow"] == "cfg-sales"
    assert reconciler("apply", path, "--auto-approve").out.startswith("No changes.")
    assert asked(live)[2] == 3


def test_all_pages_of_flows_are_read(either: Account, write: Write, reconciler: Run) -> None:
    either.flows({f"cfg-{place:03}": f"Flow {place}" for place in range(120)})
    ran = reconciler("plan", write(FILE.replace("Sales IVR", "Flow 119")), "--format", "json")
    assert {change["post"].get("Flow") for change in ran.json["changes"]} == {"cfg-119", None}
    assert asked(either)[0] == 3


@pytest.mark.parametrize("command", [["plan"], ["drift"], ["apply", "--auto-approve"]])
def test_an_unknown_name_is_an_error_at_its_place_before_any_number_is_read(
    live: Account, write: Write, reconciler: Run, command: list[str]
) -> None:
    ran = reconciler(*command, write(FILE.replace("Sales IVR", "Sale IVR")))
    told = 'the property PRsandbox has no flow "Sale IVR"; did you mean "Sales IVR"?'
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"numbers.yaml:4:43: {told}\n"
    assert asked(live) == (1, 0, 0)


def test_a_name_of_several_flows_is_an_error_that_tells_their_config_ids(
    live: Account, write: Write, reconciler: Run
) -> None:
    live.flows({"cfg-support": "Sales IVR"})
    ran = reconciler("plan", write(FILE))
    assert (ran.code, asked(live)) == (1, (1, 0, 0))
    assert ran.err == (
        'numbers.yaml:4:43: the property PRsandbox has several flows "Sales IVR"; '
        'write the ConfigId of the one that is meant: "cfg-sales" or "cfg-support"\n'
    )


def test_every_wrong_name_is_told_once_each_at_its_place(
    live: Account, write: Write, reconciler: Run
) -> None:
    text = FILE.replace("Sales IVR", "No such") + (
        "  +61255500004: {RoutingMethod: Flow, Flow: {name: cfg-sales}}\n"
        "  +61255500005: {RoutingMethod: Flow, Flow: {name: sales-ivr}}\n"
    )
    ran = reconciler("plan", write(text))
    assert ran.err.splitlines() == [
        'numbers.yaml:4:43: the property PRsandbox has no flow "No such"',
        'numbers.yaml:9:52: "cfg-sales" is a ConfigId, and no name; write it without name:',
        'numbers.yaml:10:52: the property PRsandbox has no flow "sales-ivr"; '
        'did you mean "Sales IVR"?',
    ]


def test_only_the_names_of_the_numbers_that_are_chosen_are_looked_up(
    live: Account, write: Write, reconciler: Run
) -> None:
    path = write(FILE.replace("Sales IVR", "No such"))
    assert reconciler("plan", path, "--target", THREE).code == 0
    assert asked(live) == (0, 1, 0)


def test_a_field_that_is_ignored_for_now_is_not_looked_up(
    live: Account, write: Write, reconciler: Run
) -> None:
    ignored = "ignore: {Flow: {reason: trial, until: 2999-12-31}}"
    text = FILE.replace("Sales IVR", "No such").replace("use: [ivr]", f"use: [ivr], {ignored}")
    assert reconciler("plan", write(text)).code == 0
    assert asked(live)[0] == 0


def test_each_property_is_asked_once_and_has_its_own_names(
    live: Account, write: Write, reconciler: Run
) -> None:
    live.flows({"cfg-elsewhere": "Sales IVR"}, owner="PRother")
    live.add({"Number": "+61255500009", "PropertySid": "PRother"})
    write(FILE, "numbers/a.yaml")
    write(
        "version: 1\nproperty: PRother\nnumbers:\n  +61255500009: {use: [ivr]}\n", "numbers/b.yaml"
    )
    ran = reconciler("plan", "numbers", "--format", "json")
    posts = {change["number"]: change["post"].get("Flow") for change in ran.json["changes"]}
    assert posts == {
        ONE: "cfg-sales",
        TWO: "cfg-sales",
        THREE: None,
        "+61255500009": "cfg-elsewhere",
    }
    assert asked(live)[0] == 2


def test_validating_needs_no_api(write: Write, reconciler: Run) -> None:
    ran = reconciler("validate", write(FILE))
    assert (ran.code, ran.err) == (0, "")


def test_a_name_may_come_from_the_environment_where_it_is_public(
    live: Account, write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM", "Sales")
    text = FILE.replace("Sales IVR", "'${TEAM} IVR'")
    assert "list the variable under public_env" in reconciler("plan", write(text)).err
    ran = reconciler("plan", write(text.replace("templates:", "public_env: [TEAM]\ntemplates:")))
    assert ran.out.count("(Sales IVR)") == 2


def test_shards_look_names_up_each_for_itself(live: Account, write: Write, reconciler: Run) -> None:
    path = write(FILE)
    for index in (1, 2):
        reconciler("plan", path, "--shard", f"{index}/2", "--out", f"{index}.json")
    whole = reconciler("plan", path, "--out", "whole.json")
    ran = reconciler("merge", "1.json", "2.json", "--out", "merged.json")
    assert (whole.code, ran.out) == (0, whole.out)


def test_the_embedded_api_has_the_flows_that_the_files_name(write: Write, reconciler: Run) -> None:
    path = write(f"{FILE}  +61255500004: {{RoutingMethod: Flow, Flow: cfg-by-id}}\n")
    assert "(Sales IVR)" in reconciler("plan", path, "--sandbox").out
    assert reconciler("apply", path, "--sandbox", "--auto-approve").code == 0
    assert reconciler("drift", path, "--sandbox").code == 0


# The check of ConfigIds.


def test_a_config_id_that_the_property_lacks_is_an_error_and_the_others_are_planned(
    live: Account, write: Write, reconciler: Run
) -> None:
    ran = reconciler("plan", write(BY_ID.replace("cfg-sales", "cfg-slaes")))
    assert ran.code == 1
    told = 'no flow with the ConfigId "cfg-slaes"; did you mean "cfg-sales"? (numbers.yaml:6)'
    assert f"! {ONE}  UnknownFlow: Flow: the property PRsandbox has {told}\n" in ran.out
    assert ran.out.endswith("Plan: 1 to change, 0 unchanged, 2 could not be planned.\n")
    assert asked(live) == (1, 3, 0)


def test_it_is_not_written_and_the_others_are(live: Account, write: Write, reconciler: Run) -> None:
    reconciler("apply", write(BY_ID.replace("cfg-sales", "cfg-slaes")), "--auto-approve")
    assert [live.live(each)["Flow"] for each in (ONE, TWO)] == ["cfg-old", "cfg-old"]
    assert live.live(THREE)["Recording"] == "Off"
    assert asked(live)[2] == 1


def test_a_name_in_the_place_of_a_config_id_is_told_to_be_one(
    live: Account, write: Write, reconciler: Run
) -> None:
    ran = reconciler("plan", write(BY_ID.replace("cfg-sales", "Sales IVR")))
    assert 'that is a name: write {name: "Sales IVR"}' in ran.out


def test_a_number_that_goes_to_a_missing_flow_already_is_a_warning_and_no_other_is(
    live: Account, write: Write, reconciler: Run
) -> None:
    live.edit(ONE, Flow="cfg-gone")
    ran = reconciler("drift", write(BY_ID.replace("cfg-sales", "cfg-gone")), "--format", "json")
    assert (ran.code, failures(ran)) == (1, {TWO: "UnknownFlow"})
    assert ran.err.splitlines()[0] == (
        "warning: 1 number has a flow that its property does not list: "
        f'{ONE} "cfg-gone" (numbers.yaml:6)'
    )


def test_numbers_with_missing_flows_are_one_warning_and_plan_clean(
    live: Account, write: Write, reconciler: Run
) -> None:
    for number in (ONE, TWO):
        live.edit(number, Flow="cfg-gone")
    live.edit(THREE, Recording="Off")
    path = write(BY_ID.replace("cfg-sales", "cfg-gone"))
    ran = reconciler("plan", path, "--detailed-exitcode")
    assert (ran.code, ran.out) == (0, "No changes. All 3 numbers are as declared.\n")
    assert ran.err == (
        "warning: 2 numbers have a flow that their property does not list, "
        f'e.g. {ONE} "cfg-gone" (numbers.yaml:6)\n'
    )
    assert reconciler("plan", path, "--no-check-flows").err == ""


def test_what_else_differs_on_such_a_number_is_written(
    live: Account, write: Write, reconciler: Run
) -> None:
    live.edit(ONE, Flow="cfg-gone")
    text = BY_ID.replace("cfg-sales", "cfg-gone").replace("use: [ivr]", "use: [ivr], Friendly: A")
    ran = reconciler("apply", write(text), "--target", ONE, "--auto-approve")
    assert (ran.code, live.live(ONE)["Friendly"]) == (0, "A")
    assert ran.err.count("warning: 1 number has a flow") == 1


def test_a_missing_flow_that_live_has_is_an_error_where_it_would_be_sent_along(
    live: Account, write: Write, reconciler: Run
) -> None:
    live.edit(ONE, RoutingMethod="Endpoint", EndpointNumber="+61255500100", Flow="cfg-gone")
    path = write(BY_ID.replace("cfg-sales", "cfg-gone"))
    ran = reconciler("plan", path, "--target", ONE, "--format", "json")
    assert (ran.code, failures(ran)) == (1, {ONE: "UnknownFlow"})
    assert "warning" not in ran.err


def test_a_number_that_cannot_be_read_fails_by_that_alone(
    live: Account, write: Write, reconciler: Run
) -> None:
    live.edit(ONE, PropertySid="PRother", Flow="cfg-gone")
    path = write(BY_ID.replace("cfg-sales", "cfg-gone"))
    ran = reconciler("plan", path, "--target", ONE, "--format", "json")
    assert failures(ran) == {ONE: "OtherProperty"}
    assert "warning" not in ran.err


def test_a_sensitive_config_id_that_live_has_is_not_in_the_warning(
    live: Account, write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOW", "cfg-gone")
    live.edit(ONE, Flow="cfg-gone")
    ran = reconciler("plan", write(BY_ID.replace("cfg-sales", "'${FLOW}'")), "--target", ONE)
    assert (ran.code, ran.out) == (0, "No changes. 1 number is as declared.\n")
    assert f"{ONE} (sensitive) (numbers.yaml:6)" in ran.err
    assert "cfg-gone" not in ran.err


def test_config_ids_are_shown_with_their_names(
    live: Account, write: Write, reconciler: Run
) -> None:
    ran = reconciler("plan", write(BY_ID), "--target", ONE)
    assert '    Flow: "cfg-old" (Old IVR) -> "cfg-sales" (Sales IVR)\n' in ran.out


def test_the_check_can_be_turned_off(
    live: Account, write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(BY_ID.replace("cfg-sales", "cfg-new"))
    assert 'Flow: "cfg-old" -> "cfg-new"\n' in reconciler("plan", path, "--no-check-flows").out
    monkeypatch.setenv("RECONCILER_NO_CHECK_FLOWS", "1")
    assert reconciler("drift", path).code == 2
    assert reconciler("apply", path, "--auto-approve").code == 0
    assert (live.live(ONE)["Flow"], asked(live)[0]) == ("cfg-new", 0)


def test_without_the_check_names_are_looked_up_and_config_ids_are_not(
    live: Account, write: Write, reconciler: Run
) -> None:
    text = f"{FILE}  +61255500004: {{RoutingMethod: Flow, Flow: cfg-new}}\n"
    live.add({"Number": "+61255500004"})
    ran = reconciler("plan", write(text), "--no-check-flows", "--format", "json")
    assert (ran.code, failures(ran)) == (0, {})
    assert asked(live)[0] == 1


@pytest.mark.parametrize(
    "text",
    [BY_ID.replace("property: PRsandbox\n", ""), BY_ID.replace("Flow: cfg-sales", "Flow: ~")],
    ids=["no property", "no flow"],
)
def test_what_needs_no_flows_asks_for_none(
    live: Account, write: Write, reconciler: Run, text: str
) -> None:
    reconciler("plan", write(text.replace("RoutingMethod: Flow", "RoutingMethod: ~")))
    assert asked(live) == (0, 3, 0)


def test_a_sensitive_config_id_is_checked_and_neither_it_nor_its_name_is_shown(
    live: Account, write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(BY_ID.replace("cfg-sales", "'${FLOW}'"))
    monkeypatch.setenv("FLOW", "cfg-sales")
    for form in ("text", "json", "markdown", "html", "github", "sarif"):
        ran = reconciler("plan", path, "--format", form)
        assert ran.code == 0
        for word in ("cfg-sales", "Sales IVR", "cfg-old", "Old IVR"):
            assert word not in ran.out + ran.err
    monkeypatch.setenv("FLOW", "cfg-slaes")
    ran = reconciler("plan", path)
    assert "no flow with the ConfigId (sensitive) (numbers.yaml:6)" in ran.out
    assert "cfg-s" not in ran.out + ran.err


# Flows that cannot be read.

REFUSED = ["403", "status:code=400", "status:code=404", "garbage"]


@pytest.mark.parametrize("fault", REFUSED)
def test_config_ids_go_unchecked_with_a_warning_where_flows_cannot_be_read(
    live: Account, write: Write, reconciler: Run, fault: str
) -> None:
    live.faults(f"{fault}{',' if ':' in fault else ':'}times=1")
    ran = reconciler("plan", write(BY_ID), "--retry-for", "0", "-q")
    assert (ran.code, asked(live)[:2]) == (0, (1, 3))
    assert ran.out.endswith("Plan: 3 to change, 0 unchanged.\n")
    told = "warning: The flows of the property PRsandbox cannot be read, so the ConfigIds in the"
    assert ran.err.startswith(told)


@pytest.mark.parametrize("fault", REFUSED)
def test_names_are_an_error_where_flows_cannot_be_read(
    live: Account, write: Write, reconciler: Run, fault: str
) -> None:
    live.faults(f"{fault}{',' if ':' in fault else ':'}times=1")
    ran = reconciler("apply", write(FILE), "--auto-approve", "--retry-for", "0")
    told = "Error: The files name flows of the property PRsandbox, which cannot be read."
    assert (ran.code, ran.out, asked(live)) == (1, "", (1, 0, 0))
    assert ran.err.startswith(told)


def test_flows_are_asked_for_again_where_that_may_help(
    live: Account, write: Write, reconciler: Run
) -> None:
    live.faults("503:times=1")
    assert reconciler("plan", write(FILE)).code == 0
    assert asked(live)[0] == 2


def test_wrong_credentials_stop_the_run_at_the_flows(
    live: Account, write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_TOKEN", "wrong")
    assert reconciler("plan", write(BY_ID)).code == 1
    assert live.stats()["total"] == 1


def test_a_property_that_cannot_be_part_of_a_url_is_not_asked_for(
    live: Account, write: Write, reconciler: Run
) -> None:
    text = FILE.replace("property: PRsandbox", "property: ../Accounts/ACsandbox")
    ran = reconciler("plan", write(text))
    assert (ran.code, live.stats()["total"]) == (1, 0)
    assert '"../Accounts/ACsandbox" is no PropertySid' in ran.err


def test_a_property_without_flows_has_none(live: Account, write: Write, reconciler: Run) -> None:
    live.add({"Number": ONE, "PropertySid": "PRbare"})
    text = BY_ID.replace("PRsandbox", "PRbare")
    ran = reconciler("plan", write(text), "--target", ONE, "--format", "json")
    assert failures(ran) == {ONE: "UnknownFlow"}


# What is kept and shown.


def test_a_saved_plan_keeps_names_to_show_and_config_ids_to_send(
    live: Account, write: Write, reconciler: Run
) -> None:
    shown = reconciler("plan", write(FILE), "--out", "plan.json").out
    assert reconciler("show", "plan.json").out == shown
    change = planfile.load_plan(Path("plan.json")).changes[0]
    each = change.fields["Flow"]
    assert (each.before, each.before_name) == ("cfg-old", "Old IVR")
    assert (each.after, each.after_name) == ("cfg-sales", "Sales IVR")
    assert change.post == {"Flow": "cfg-sales"}
    live.flows({"cfg-sales": "Renamed since"})
    live.forget_stats()
    assert reconciler("apply", "plan.json", "--auto-approve").code == 0
    assert (live.live(ONE)["Flow"], asked(live)[0]) == ("cfg-sales", 0)


def test_names_are_in_every_format_that_tells_values(
    live: Account, write: Write, reconciler: Run
) -> None:
    path = write(FILE)
    for form, told in {
        "text": '"cfg-old" (Old IVR) -> "cfg-sales" (Sales IVR)',
        "json": '"before_name": "Old IVR"',
        "markdown": '- Flow: "cfg-old" (Old IVR)\n+ Flow: "cfg-sales" (Sales IVR)\n',
        "html": " (Old IVR)</td>",
        "github": 'Flow: "cfg-old" (Old IVR) -> "cfg-sales" (Sales IVR)',
        "sarif": r"Flow is \"cfg-old\" (Old IVR), and declared as \"cfg-sales\" (Sales IVR).",
    }.items():
        assert told in reconciler("plan", path, "--format", form).out


@pytest.mark.parametrize(
    ("name", "acting"),
    [
        ('x) -> "cfg-evil" (y', '-> "cfg-evil"'),
        ("\x1b[31mEVIL", "\x1b"),
        ("a\n::error::EVIL", "\n::error::EVIL"),
        ("##[error]EVIL", "##[error]"),
    ],
)
def test_a_name_is_data_in_every_format(
    live: Account, write: Write, reconciler: Run, name: str, acting: str
) -> None:
    live.flows({"cfg-sales": name, "cfg-old": f"{name}!"})
    path = write(BY_ID)
    for form in ("text", "json", "markdown", "html", "github", "sarif"):
        assert acting not in reconciler("plan", path, "--format", form).out


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_a_name_is_no_markup(live: Account, write: Write, reconciler: Run, form: str) -> None:
    name = "</code></td><script>EVIL"
    live.flows({"cfg-sales": name})
    ran = reconciler("plan", write(BY_ID), "--format", form, "--target", THREE, "--target", ONE)
    assert "EVIL" in ran.out
    # What is left of Markdown's fences reads no markup.
    assert name not in re.sub("```.*?```", "", ran.out, flags=re.DOTALL)


def test_long_values_that_stand_one_below_the_other_have_their_names_too(
    live: Account, write: Write, reconciler: Run
) -> None:
    live.flows({"x" * 70 + "1": "One", "x" * 70 + "2": "Two"})
    live.edit(ONE, Flow="x" * 70 + "1")
    ran = reconciler("plan", write(BY_ID.replace("cfg-sales", "x" * 70 + "2")), "--target", ONE)
    told = " ".join(ran.out.split())
    assert 'x1" (One) -> "x' in told
    assert 'x2" (Two)' in told


# Baselines.


@pytest.fixture
def agreed(live: Account, git: Git, write: Write) -> Git:
    """The file committed and tagged, and the account as it says."""
    git("add", write(FILE))
    git("commit", "-qm", "Declare the numbers")
    git("tag", "applied")
    for number in (ONE, TWO):
        live.edit(number, Flow="cfg-sales")
    live.edit(THREE, Recording="Off")
    return git


def told(reconciler: Run, *flags: str) -> dict[tuple[str, str], str]:
    ran = reconciler("plan", "numbers.yaml", "--baseline", "applied", "--format", "json", *flags)
    return origins(ran.json)


def test_a_flow_that_was_moved_by_hand_is_drift_though_it_is_declared_by_name(
    agreed: Git, live: Account, reconciler: Run
) -> None:
    live.edit(ONE, Flow="cfg-old")
    assert told(reconciler) == {(ONE, "Flow"): "drift"}


@pytest.mark.parametrize("flags", [[], ["--no-check-flows"]])
def test_a_config_id_in_the_place_of_its_name_is_no_declared_change(
    agreed: Git, live: Account, write: Write, reconciler: Run, flags: list[str]
) -> None:
    live.edit(ONE, Flow="cfg-old")
    write(BY_ID)
    assert told(reconciler, *flags) == {(ONE, "Flow"): "drift"}


def test_another_name_is_a_declared_change(
    agreed: Git, live: Account, write: Write, reconciler: Run
) -> None:
    live.edit(ONE, Flow="cfg-old")
    write(FILE.replace("Sales IVR", "Support"))
    assert told(reconciler) == {(ONE, "Flow"): "both", (TWO, "Flow"): "declared"}


def test_a_name_at_the_baseline_that_is_no_longer_one_is_no_agreement(
    agreed: Git, live: Account, write: Write, reconciler: Run
) -> None:
    live.flows({"cfg-sales": "Sales, renamed"})
    write(FILE.replace("Sales IVR", "Support"))
    assert told(reconciler) == {(ONE, "Flow"): "declared", (TWO, "Flow"): "declared"}


def test_only_what_is_declared_otherwise_is_read_since_a_commit(
    agreed: Git, live: Account, write: Write, reconciler: Run
) -> None:
    flags = ("--changed-since", "applied")
    assert reconciler("plan", "numbers.yaml", *flags).out.startswith("No changes.")
    assert asked(live) == (0, 0, 0)
    write(FILE.replace(f"{ONE}: {{use: [ivr]}}", f"{ONE}: {{use: [ivr], Flow: Sales IVR}}"))
    ran = reconciler("plan", "numbers.yaml", *flags, "--no-check-flows", "--format", "json")
    assert origins(ran.json) == {(ONE, "Flow"): "declared"}


# export --into.


@pytest.mark.parametrize("moved", ["cfg-support", "cfg-sales"])
def test_a_flow_that_was_moved_by_hand_is_accepted_by_name(
    live: Account, write: Write, reconciler: Run, moved: str
) -> None:
    own = FILE.replace("{use: [ivr]}", "{RoutingMethod: Flow, Flow: {name: Sales IVR}}")
    path = write(own)
    live.edit(ONE, Flow=moved)
    live.edit(TWO, Flow="cfg-sales")
    ran = reconciler("export", "--into", path, ONE, TWO)
    assert ran.code == 0
    one = f"{ONE}: {{RoutingMethod: Flow, Flow: {{name: %s}}}}"
    text = Path(path).read_text("utf-8")
    assert text == own.replace(one % "Sales IVR", one % NAMES[moved])
    assert reconciler("plan", path, "--exclude", THREE, "--detailed-exitcode").code == 0


@pytest.mark.parametrize("names", [{"cfg-new": ""}, {"cfg-new": "Twin", "cfg-twin": "Twin"}, {}])
def test_it_is_accepted_by_config_id_where_it_has_no_name_of_its_own(
    live: Account, write: Write, reconciler: Run, names: dict[str, str]
) -> None:
    live.flows(names)
    path = write(FILE)
    live.edit(ONE, Flow="cfg-new")
    ran = reconciler("export", "--into", path, ONE)
    assert ran.out == f'numbers.yaml:6: {ONE} Flow: {{name: "Sales IVR"}} -> "cfg-new"\n'
    assert "use: [ivr], Flow: cfg-new}" in Path(path).read_text("utf-8")


def test_names_are_not_touched_where_flows_cannot_be_read(
    live: Account, write: Write, reconciler: Run
) -> None:
    path = write(FILE)
    live.faults("403:after=1,times=1")
    ran = reconciler("export", "--into", path, ONE)
    assert (ran.code, Path(path).read_text("utf-8")) == (1, FILE)


# The parts.


class Server(httpx.AsyncBaseTransport):
    """`page` gives the answer from how many rows are to be skipped."""

    def __init__(self, page: Callable[[int], Any]) -> None:
        self.page = page
        self.skips: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        found = re.search("Results_Skip=([0-9]+)", str(request.url))
        assert found
        self.skips.append(int(found[1]))
        return httpx.Response(200, json=self.page(self.skips[-1]))


def listed(page: Callable[[int], Any]) -> tuple[list[str], list[int]]:
    """The ConfigIds that come of these pages, and the rows skipped for each request."""
    server = Server(page)

    async def work() -> list[str]:
        access = Access("http://127.0.0.1:1", "AC1", "t0ken")
        async with connect(access, Pacer(64), transport=server) as api:
            return [row["ConfigId"] for row in await api.list_flows("PR1")]

    return virtual.run(work())[0], server.skips


ROWS = [{"ConfigId": f"cfg-{place:03}", "Name": f"Flow {place}"} for place in range(120)]
IDS = [row["ConfigId"] for row in ROWS]


def test_a_list_of_flows_may_know_no_pages_or_repeat_the_first_one() -> None:
    assert listed(lambda _: ROWS) == (IDS, [0, 120])
    assert listed(lambda _: ROWS[:50]) == (IDS[:50], [0, 50])
    assert listed(lambda _: ROWS[:7]) == (IDS[:7], [0])


def test_a_list_of_flows_may_come_in_any_shape() -> None:
    assert listed(lambda _: ROWS[0]) == (IDS[:1], [0])
    assert listed(lambda _: []) == ([], [0])
    assert listed(lambda _: {"Flows": [], "TotalCount": 0}) == ([], [0])
    assert listed(lambda skip: {"Items": ROWS[skip : skip + 50]}) == (IDS, [0, 50, 100])


def test_a_list_with_a_total_is_read_to_its_end_however_long_its_pages_are() -> None:
    def page(skip: int) -> Any:
        return {"Flows": ROWS[skip : skip + 20], "TotalCount": 120}

    assert listed(page) == (IDS, [0, 20, 40, 60, 80, 100])


def test_a_list_that_gives_fewer_flows_than_it_tells_is_not_believed() -> None:
    with pytest.raises(Unreadable, match="gives 50 flows of 120"):
        listed(lambda _: {"Flows": ROWS[:50], "TotalCount": 120})


def test_a_name_equals_no_text_and_is_the_same_wherever_it_stands() -> None:
    one, other = Named("Sales", ("a.yaml", 1, 2)), Named("Sales", ("b.yaml", 3, 4))
    assert one == other
    assert len({one, other, "Sales"}) == 2
    assert one != "Sales"
    assert "Sales" != one  # noqa: SIM300  the other way round is another method
    assert not one == "Sales"  # noqa: SIM201


def test_names_come_through_the_layers_as_whole_values() -> None:
    text = f"""\
version: 1
property: PR1
defaults: {{RoutingMethod: Flow, Flow: {{name: A}}}}
templates:
  b: {{Flow: {{name: B}}}}
  unset: {{Flow: ~, RoutingMethod: ~}}
numbers:
  {ONE}:
  {TWO}: {{use: [b]}}
  {THREE}: {{use: [b, unset]}}
  +61255500004: {{use: [b], Flow: cfg}}
"""
    numbers = desired.parse([("n.yaml", text.encode())]).numbers.values()
    flows = [number.fields["Flow"] for number in numbers]
    assert flows == [Named("A", ("", 0, 0)), Named("B", ("", 0, 0)), None, "cfg"]
    assert [each.place for each in flows if isinstance(each, Named)] == [
        ("n.yaml", 3, 46),
        ("n.yaml", 5, 20),
    ]


@given(
    names=st.dictionaries(st.text("ab", min_size=1), st.text("xy", max_size=2)), name=st.text("xy")
)
def test_a_name_leads_to_the_one_flow_that_has_it_or_is_refused(
    names: dict[str, str], name: str
) -> None:
    number = DesiredNumber(
        number=ONE,
        fields={"Flow": Named(name, ("n.yaml", 1, 1))},
        source=Source("n.yaml", 1),
        companions={},
        guards={"PropertySid": "PR1"},
    )
    flows = Flows({"PR1": Directory(names)})
    having = [config for config, each in names.items() if each == name and name]
    if len(having) == 1:
        flows.settle([number])
        assert flows.resolved(number).fields == {"Flow": having[0]}
        assert flows.agreed(number).fields == {"Flow": having[0]}
    else:
        with pytest.raises(InputError):
            flows.settle([number])
        with pytest.raises(LookupError):
            flows.resolved(number)
        assert flows.agreed(number).fields == {}
