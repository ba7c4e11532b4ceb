"""--overlay: one more file, merged over the others; it adds a number only where it says so."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import test_fuzz_load
import yaml
from harness import Account, Git, Run
from hypothesis import given
from hypothesis import strategies as st

from reconciler import desired
from reconciler.errors import InputError
from reconciler.model import Desired, Limit
from reconciler.secret import Secret

ONE, TWO, THREE = (f"+6125550000{digit}" for digit in range(1, 4))
HEAD = "version: 1\n"
Write = Callable[..., str]


def declared(*files: str, over: str | tuple[str, ...] = "") -> Desired:
    """What the files declare with these overlays; each begins below its version."""
    overs = (over,) if isinstance(over, str) else over
    return desired.parse(
        [(f"{place}.yaml", f"{HEAD}{text}".encode()) for place, text in enumerate(files)],
        overlays=[(f"o{place}.yaml", f"{HEAD}{text}".encode()) for place, text in enumerate(overs)],
    )


def fields(*files: str, over: str | tuple[str, ...] = "", number: str = ONE) -> Mapping[str, Any]:
    return declared(*files, over=over).numbers[number].fields


def refusal(*files: str, over: str | tuple[str, ...]) -> str:
    with pytest.raises(InputError) as refused:
        declared(*files, over=over)
    return str(refused.value)


BASE = f"""\
defaults: {{Recording: Off, AddressSid: AD1}}
templates: {{ivr: {{Flow: cfg-1, Attribution_Source: radio}}}}
numbers:
  {ONE}: {{use: [ivr], Friendly: One, tags: [sales]}}
"""


@pytest.mark.parametrize(
    ("over", "name", "becomes"),
    [
        ("defaults: {Recording: Call}", "Recording", "Call"),
        ("defaults: {Recording: ~}", "Recording", None),
        ("defaults: {SendSmsFrom: Us}", "SendSmsFrom", "Us"),
        ("defaults: {Flow: cfg-2}", "Flow", "cfg-1"),
        ("defaults: {Friendly: Uno}", "Friendly", "One"),
        ("templates: {ivr: {Flow: cfg-2}}", "Flow", "cfg-2"),
        ("templates: {ivr: {Flow: ~}}", "Flow", None),
        ("templates: {ivr: {Recording: Call}}", "Recording", "Call"),
        ("templates: {ivr: {Friendly: Uno}}", "Friendly", "One"),
        (f"numbers: {{{ONE}: {{Friendly: Uno}}}}", "Friendly", "Uno"),
        (f"numbers: {{{ONE}: {{Friendly: ''}}}}", "Friendly", None),
        (f"numbers: {{{ONE}: {{use: []}}}}", "Recording", "Off"),
    ],
)
def test_an_overlay_wins_key_by_key_within_what_it_is_merged_over(
    over: str, name: str, becomes: str | None
) -> None:
    assert fields(BASE, over=over)[name] == becomes


def test_use_tags_protect_and_ignore_are_replaced_as_a_whole() -> None:
    base = BASE.replace(
        "tags:", "protect: true, ignore: {Flow: {reason: a, until: 2999-01-31}}, tags:"
    )
    over = (
        "templates: {desk: {AddressSid: AD2}}\n"
        f"numbers: {{{ONE}: {{use: [desk], tags: [staging], protect: false, "
        "ignore: {Recording: {reason: a, until: 2999-01-31}}}}\n"
    )
    number = declared(base, over=over).numbers[ONE]
    assert (number.tags, number.protect) == (("staging",), False)
    assert number.fields == {"Friendly": "One", "AddressSid": "AD2"}


def test_guards_limits_and_public_names_are_those_of_the_overlay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STAGE", "test")
    one = f"account: AC1\nproperty: PR1\nlimits: {{max_changes: 3}}\nnumbers: {{{ONE}: {{}}}}"
    two = (
        f"account: AC1\nlimits: {{max_changes: 4}}\nnumbers: {{{TWO}: {{Friendly: '${{STAGE}}'}}}}"
    )
    over = "property: PR2\nlimits: {max_changes: 5%}\npublic_env: [STAGE]\n"
    made = declared(one, two, over=over)
    assert {number.guards["PropertySid"] for number in made.numbers.values()} == {"PR2"}
    assert {number.guards["AccountSid"] for number in made.numbers.values()} == {"AC1"}
    assert made.limits == (Limit(5, percent=True),)
    assert not isinstance(made.numbers[TWO].fields["Friendly"], Secret)
    hidden = declared(one, f"public_env: [STAGE]\n{two}", over="public_env: []")
    assert isinstance(hidden.numbers[TWO].fields["Friendly"], Secret)


def test_a_later_overlay_wins() -> None:
    overs = tuple(f"numbers: {{{ONE}: {{Friendly: {name}}}}}" for name in ("Uno", "Eins"))
    assert fields(BASE, over=overs)["Friendly"] == "Eins"
    assert fields(BASE, over=overs[::-1])["Friendly"] == "Uno"


def test_a_number_is_added_only_where_that_is_said() -> None:
    entry = f"numbers: {{{TWO}: {{Friendly: Two}}}}"
    assert refusal(BASE, over=entry) == (
        f"o0.yaml:2:11: no file declares {TWO}, and its entry has no add: true; "
        f'did you mean "{ONE}"?'
    )
    added = entry.replace("{Friendly", "{add: true, Friendly")
    assert fields(BASE, over=added, number=TWO) == {"Friendly": "Two"}
    # Another overlay may say more of it then, but none that comes before.
    more = f"defaults: {{Recording: Call}}\nnumbers: {{{TWO}: {{Friendly: Deux}}}}"
    assert fields(BASE, over=(added, more), number=TWO) == {"Friendly": "Deux", "Recording": "Call"}
    assert "no file declares" in refusal(BASE, over=(more, added))


def test_an_added_number_is_one_of_the_overlays_file() -> None:
    over = "account: AC2\ndefaults: {SendSmsFrom: Us}\n"
    over += f"numbers: {{{TWO}: {{add: true, use: [ivr]}}}}"
    number = declared(BASE, over=over).numbers[TWO]
    assert number.fields == {"SendSmsFrom": "Us", "Flow": "cfg-1", "Attribution_Source": "radio"}
    assert (number.source.path, number.source.line) == ("o0.yaml", 4)
    assert number.guards == {"AccountSid": "AC2"}


ADDED = f"numbers: {{{TWO}: {{add: true}}}}"
GUARDED = f"account: AC1\nproperty: PR1\nnumbers: {{{ONE}: {{}}}}"


@pytest.mark.parametrize(
    ("files", "over", "guards"),
    [
        ([GUARDED], "", {"AccountSid": "AC1", "PropertySid": "PR1"}),
        ([GUARDED], "property: PR2\n", {"AccountSid": "AC1", "PropertySid": "PR2"}),
        (
            [GUARDED, f"account: AC1\nproperty: PR2\nnumbers: {{{THREE}: {{}}}}"],
            "",
            {"AccountSid": "AC1"},
        ),
        ([GUARDED, f"account: AC1\nnumbers: {{{THREE}: {{}}}}"], "", {"AccountSid": "AC1"}),
        ([GUARDED, "templates: {}"], "", {"AccountSid": "AC1", "PropertySid": "PR1"}),
        (["property: PR1"], "", {"PropertySid": "PR1"}),
        ([f"numbers: {{{ONE}: {{}}}}"], "", {}),
    ],
    ids=["one file", "its own", "another", "none in one", "templates", "no numbers", "no guard"],
)
def test_an_added_number_has_the_guards_that_all_files_agree_on_save_where_overlays_state_their_own(
    files: list[str], over: str, guards: dict[str, str]
) -> None:
    assert declared(*files, over=over + ADDED).numbers[TWO].guards == guards
    # In whichever overlay.
    assert declared(*files, over=(ADDED, f"{over}defaults: {{}}")).numbers[TWO].guards == guards


def test_a_flow_of_an_added_number_is_by_name_among_those_of_the_agreed_property() -> None:
    over = f"numbers: {{{TWO}: {{add: true, RoutingMethod: Flow, Flow: {{name: Sales}}}}}}"
    assert declared(GUARDED, over=over).numbers[TWO].guards["PropertySid"] == "PR1"
    assert "needs " in refusal(GUARDED.replace("property: PR1\n", ""), over=over)


def test_a_number_of_another_property_is_not_written_because_an_overlay_adds_it(
    account: Account, write: Write, reconciler: Run
) -> None:
    account.add({"Number": ONE}, {"Number": TWO, "PropertySid": "PRother", "Recording": "Call"})
    write(f"version: 1\nproperty: PRsandbox\nnumbers: {{{ONE}: {{}}}}\n")
    write(f"version: 1\nnumbers: {{{TWO}: {{add: true, Recording: Off}}}}\n", "staging.yaml")
    ran = reconciler("apply", *OVER, "--auto-approve")
    assert (ran.code, account.stats()["post"]) == (1, 0)
    assert f"! {TWO}  OtherProperty: " in ran.out


def test_a_number_is_left_out_and_brought_back() -> None:
    base = f"{BASE}  {TWO}: {{}}\n"
    removed = f"numbers: {{{TWO}: {{remove: true}}}}"
    assert list(declared(base, over=removed).numbers) == [ONE]
    assert list(
        declared(base, over=(removed, f"numbers: {{{TWO}: {{Recording: Call}}}}")).numbers
    ) == [ONE]
    back = f"numbers: {{{TWO}: {{remove: false}}}}"
    assert list(declared(base, over=(removed, back)).numbers) == [ONE, TWO]


def test_what_is_wrong_is_told_at_its_place_in_the_overlay() -> None:
    over = f"numbers:\n  {ONE}: {{Recordng: Off, use: [Ivr]}}\n"
    over += "templates: {ivr: {RoutingMethod: Fow}}"
    assert refusal(BASE, over=over).splitlines() == [
        'o0.yaml:3:18: unknown key "Recordng"; did you mean "Recording"?',
        'o0.yaml:3:39: there is no template "Ivr"; did you mean "ivr"?',
        'o0.yaml:4:34: RoutingMethod must be "Endpoint" or "Flow", not "Fow"; did you mean "Flow"?',
    ]


def test_what_an_overlay_breaks_is_told_at_its_place_too() -> None:
    told = refusal(BASE, over=f"numbers: {{{ONE}: {{RoutingMethod: Endpoint}}}}")
    assert told.startswith(f"o0.yaml:2:41: {ONE}: RoutingMethod ")
    made = declared(BASE, over=f"numbers: {{{ONE}: {{WebHookUrl: 'http://x.example/'}}}}")
    assert [str(each).partition(": ")[0] for each in made.warnings] == ["o0.yaml:2:38"]


def test_a_template_is_useless_only_where_neither_the_files_nor_the_overlays_use_it() -> None:
    over = f"templates: {{ivr: {{Flow: cfg-2}}, new: {{Flow: a}}}}\nnumbers: {{{ONE}: {{use: []}}}}"
    made = declared(BASE, over=over)
    assert [str(each) for each in made.warnings] == [
        'o0.yaml:2:33: no number uses the template "new" [unused-template]'
    ]
    gone = declared(f"{BASE}  {TWO}: {{}}", over=f"numbers: {{{ONE}: {{remove: true}}}}")
    assert gone.warnings == ()
    idle = declared(BASE.replace("[ivr]", "[]"), over="templates: {ivr: {Flow: cfg-2}}")
    assert [each.path for each in idle.warnings] == ["0.yaml"]


def test_a_comment_beneath_an_overlay_need_not_silence_anything() -> None:
    silence = "  # reconciler: ignore[plain-http]"
    base = f"numbers:\n  {ONE}: {{WebHookUrl: 'http://a.example/'}}{silence}"
    over = f"numbers: {{{ONE}: {{WebHookUrl: 'https://a.example/'}}}}"
    assert declared(base, over=over).warnings == ()
    warnings = declared(base, over=f"{over}{silence}").warnings
    assert [each.rule for each in warnings] == ["unused-ignore"]


def test_an_expired_exception_is_told_where_it_stands() -> None:
    over = f"numbers:\n  {ONE}: {{ignore: {{Flow: {{reason: a, until: 2020-01-31}}}}}}"
    [warning] = declared(BASE, over=over).warnings
    assert (warning.path, warning.line, warning.rule) == ("o0.yaml", 3, "ignore-expired")


VALUES = st.sampled_from(["a", "b", "", None])
LAYERS = st.dictionaries(st.sampled_from(["Friendly", "AddressSid", "Flow"]), VALUES)
ENTRIES = st.builds(
    lambda layer, own: {**layer, **own},
    LAYERS,
    st.fixed_dictionaries(
        {},
        optional={
            "use": st.lists(st.sampled_from(["s", "t"]), max_size=2),
            "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2),
            "protect": st.booleans(),
        },
    ),
)
TREES = st.fixed_dictionaries(
    {"numbers": st.fixed_dictionaries({ONE: ENTRIES, TWO: ENTRIES})},
    optional={
        "defaults": LAYERS,
        "account": st.sampled_from(["AC1", "AC2"]),
        "limits": st.sampled_from([{"max_changes": "1"}, {"max_changes": "2%"}]),
    },
)
BASES = st.builds(
    lambda tree, templates: {**tree, "templates": templates},
    TREES,
    st.fixed_dictionaries({"s": LAYERS, "t": LAYERS}),
)
OVERS = st.fixed_dictionaries(
    {},
    optional={
        "defaults": LAYERS,
        "templates": st.dictionaries(st.sampled_from(["s", "t"]), LAYERS),
        "numbers": st.dictionaries(st.sampled_from([ONE, TWO]), ENTRIES),
        "account": st.sampled_from(["AC1", "AC2"]),
        "limits": st.just({"max_changes": "7"}),
    },
)


def by_hand(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """The one file that a person would write for both."""
    made = {**base, **{key: over[key] for key in ("account", "limits") if key in over}}
    made["defaults"] = base.get("defaults", {}) | over.get("defaults", {})
    for section in ("templates", "numbers"):
        given, more = base[section], over.get(section, {})
        made[section] = {name: given[name] | more.get(name, {}) for name in given}
    return made


def loaded(*trees: dict[str, Any]) -> Any:
    """All that is declared, save for where."""
    first, *more = [
        (str(place), yaml.safe_dump({"version": 1, **tree}).encode())
        for place, tree in enumerate(trees)
    ]
    made = desired.parse([first], overlays=more)
    numbers = {
        number.number: (dict(number.fields), number.tags, number.protect, number.guards)
        for number in made.numbers.values()
    }
    return numbers, made.limits


@given(BASES, OVERS, OVERS)
def test_overlays_are_what_editing_the_file_by_hand_would_be(
    base: dict[str, Any], over: dict[str, Any], more: dict[str, Any]
) -> None:
    assert loaded(base, over, more) == loaded(by_hand(by_hand(base, over), more))


@given(BASES)
def test_an_overlay_that_says_nothing_changes_nothing(base: dict[str, Any]) -> None:
    assert loaded(base, {}, {"x-nothing": "here"}) == loaded(base)


PIECES = st.one_of(
    test_fuzz_load.PIECES,
    st.sampled_from(["    add: true\n", "    remove: true\n", "    add: x\n"]),
)
TEXTS = st.lists(PIECES, max_size=20).map("".join)


@given(TEXTS, TEXTS, TEXTS)
def test_whatever_an_overlay_holds_there_is_a_desired_state_or_there_are_problems(
    text: str, over: str, more: str
) -> None:
    overlays = [("b", f"{HEAD}{over}".encode()), ("c", f"{HEAD}{more}".encode())]
    with contextlib.suppress(InputError):
        desired.parse([("a", f"{HEAD}{text}".encode())], overlays=overlays)


NUMBERS = f"""\
version: 1
defaults: {{Recording: Off}}
numbers:
  {ONE}: {{Friendly: One}}
  {TWO}: {{Friendly: Two}}
"""
STAGING = f"""\
version: 1
numbers:
  {ONE}: {{Friendly: Uno}}
  {TWO}: {{remove: true}}
"""
OVER = ("numbers.yaml", "--overlay", "staging.yaml")


@pytest.fixture
def staging(account: Account, write: Write) -> Account:
    """Two files, and an account that is as the first one says."""
    write(NUMBERS)
    write(STAGING, "staging.yaml")
    for number, name in ((ONE, "One"), (TWO, "Two")):
        account.add({"Number": number, "Friendly": name, "Recording": "Off"})
    return account


def test_a_plan_is_made_with_the_overlay_and_lists_it(staging: Account, reconciler: Run) -> None:
    ran = reconciler("plan", *OVER, "--format", "json")
    assert {each["number"]: each["post"] for each in ran.json["changes"]} == {
        ONE: {"Friendly": "Uno"}
    }
    assert ran.json["summary"]["numbers"] == 1
    assert [(each["path"], each.get("overlay")) for each in ran.json["sources"]] == [
        ("numbers.yaml", None),
        ("staging.yaml", True),
    ]


def test_validate_counts_both(staging: Account, reconciler: Run) -> None:
    ran = reconciler("validate", *OVER)
    assert (ran.code, ran.out) == (0, "Valid: 1 number in 2 files.\n")


def test_an_overlay_that_lies_in_the_folder_is_only_an_overlay(
    staging: Account, reconciler: Run
) -> None:
    ran = reconciler("plan", ".", "--overlay", "./staging.yaml", "--format", "json")
    assert len(ran.json["changes"]) == 1
    assert reconciler("plan", ".").code == 1


def test_apply_and_drift_take_it_too_and_the_environment_gives_it(
    staging: Account, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reconciler("drift", "numbers.yaml").code == 0
    assert reconciler("drift", *OVER).code == 2
    assert reconciler("apply", *OVER, "--auto-approve").code == 0
    assert staging.live(ONE)["Friendly"] == "Uno"
    monkeypatch.setenv("RECONCILER_OVERLAY", "staging.yaml")
    assert reconciler("drift", "numbers.yaml").code == 0


def test_a_saved_plan_is_applied_with_the_values_of_its_overlays(
    staging: Account, write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "tok-81c2")
    write(
        f"version: 1\nnumbers: {{{ONE}: {{WebHookUrl: 'https://x.example/${{HOOK}}'}}}}",
        "staging.yaml",
    )
    write(f"version: 1\nnumbers: {{{ONE}: {{Friendly: 'To ${{HOOK}}'}}}}", "more.yaml")
    made = reconciler("plan", *OVER, "--overlay", "more.yaml", "--out", "plan.json")
    assert "tok-81c2" not in made.out
    monkeypatch.setenv("RECONCILER_OVERLAY", "another.yaml")
    ran = reconciler("apply", "plan.json", "--auto-approve")
    assert ran.code == 0, ran
    live = staging.live(ONE)
    assert (live["WebHookUrl"], live["Friendly"]) == ("https://x.example/tok-81c2", "To tok-81c2")


def test_a_saved_plan_takes_no_other_overlay(staging: Account, reconciler: Run) -> None:
    reconciler("plan", *OVER, "--out", "plan.json")
    ran = reconciler("apply", "plan.json", "--overlay", "staging.yaml", "--auto-approve")
    assert (ran.code, staging.stats()["post"]) == (64, 0)


def test_a_report_does_not_overwrite_an_overlay(staging: Account, reconciler: Run) -> None:
    for command in ("validate", "plan"):
        assert reconciler(command, *OVER, "--report", "json=staging.yaml").code == 64


@pytest.mark.parametrize("name", ["none.yaml", "folder"])
def test_an_overlay_that_is_no_file_is_refused(
    staging: Account, reconciler: Run, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    ran = reconciler("plan", "numbers.yaml", "--overlay", name)
    assert ran.code in (1, 64)
    assert name in ran.err


def origins(ran: Any) -> dict[str, str]:
    return {
        name: each["origin"]
        for change in ran.json["changes"]
        for name, each in change["fields"].items()
    }


def test_at_the_baseline_the_overlay_is_what_it_was(
    staging: Account, git: Git, write: Write, reconciler: Run
) -> None:
    git("add", "numbers.yaml")
    git("commit", "-qm", "Declare")
    ran = reconciler("plan", *OVER, "--baseline", "HEAD", "--format", "json")
    assert origins(ran) == {"Friendly": "declared"}
    assert [gone["number"] for gone in ran.json["no_longer_managed"]] == [TWO]
    git("add", ".")
    git("commit", "-qm", "Overlay")
    assert origins(reconciler("plan", *OVER, "--baseline", "HEAD", "--format", "json")) == {
        "Friendly": "drift"
    }
    write(STAGING.replace("Uno", "Eins"), "staging.yaml")
    ran = reconciler("plan", ".", *OVER[1:], "--baseline", "HEAD", "--format", "json")
    assert origins(ran) == {"Friendly": "both"}


def test_only_what_the_overlay_declares_otherwise_is_read(
    staging: Account, git: Git, write: Write, reconciler: Run
) -> None:
    git("add", ".")
    git("commit", "-qm", "Both")
    staging.forget_stats()
    assert reconciler("plan", *OVER, "--changed-since", "HEAD").code == 0
    assert staging.stats()["get"] == 0
    write(STAGING.replace("Uno", "Eins"), "staging.yaml")
    assert reconciler("plan", *OVER, "--changed-since", "HEAD").code == 0
    assert staging.stats()["get"] == 1


def test_what_is_live_goes_into_the_last_overlay_and_the_files_stay(
    staging: Account, reconciler: Run, tmp_path: Path
) -> None:
    staging.edit(ONE, Friendly="By hand", Recording="Call")
    ran = reconciler("export", "--into", *OVER, ONE)
    assert (ran.code, ran.out.splitlines()) == (
        0,
        [
            f'staging.yaml:3: {ONE} Friendly: "Uno" -> "By hand"',
            f'staging.yaml:3: {ONE} Recording: "Off" -> "Call"',
        ],
    )
    assert (tmp_path / "numbers.yaml").read_text() == NUMBERS
    assert (tmp_path / "staging.yaml").read_text() == STAGING.replace(
        "Friendly: Uno", "Friendly: By hand, Recording: Call"
    )
    assert reconciler("drift", *OVER).code == 0


def test_an_entry_of_the_overlay_that_says_what_the_file_says_goes(
    staging: Account, reconciler: Run, tmp_path: Path
) -> None:
    ran = reconciler("export", "--into", *OVER, ONE)
    assert (
        ran.out
        == f'staging.yaml:4: {ONE} Friendly: "Uno" -> "One" (inherited; its own value is gone)\n'
    )
    assert reconciler("drift", *OVER).code == 0


def test_a_number_gets_an_entry_in_the_overlay_where_it_has_none(
    staging: Account, write: Write, reconciler: Run, tmp_path: Path
) -> None:
    write("version: 1\n", "empty.yaml")
    staging.edit(TWO, Friendly="By hand")
    staging.add({"Number": THREE, "Friendly": "Three"})
    ran = reconciler("export", "--into", "numbers.yaml", "--overlay", "empty.yaml", TWO, THREE)
    assert ran.code == 0, ran
    made = yaml.safe_load((tmp_path / "empty.yaml").read_text())
    assert made["numbers"] == {
        TWO: {"Friendly": "By hand"},
        THREE: {"add": "true", "Friendly": "Three"},
    }
    assert reconciler("drift", "numbers.yaml", "--overlay", "empty.yaml").code == 0


def test_a_number_that_the_overlay_leaves_out_is_not_written(
    staging: Account, reconciler: Run, tmp_path: Path
) -> None:
    ran = reconciler("export", "--into", *OVER, TWO)
    assert ran.code == 1
    assert f"staging.yaml:4:18: {TWO} is left out of the run here" in ran.err
    assert (tmp_path / "staging.yaml").read_text() == STAGING


def test_an_export_to_stdout_has_nothing_to_lay_over(staging: Account, reconciler: Run) -> None:
    assert reconciler("export", ONE, "--overlay", "staging.yaml").code == 64
