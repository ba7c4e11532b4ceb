"""explain: where each value of a number comes from, what it overrides, and what live has."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import Account, Ran, Run

from reconciler.cli import screen

ONE, TWO, THREE = (f"+6125550000{digit}" for digit in range(1, 4))
TOKEN = "tok-91ab44"
Write = Callable[..., str]

FILE = f"""\
version: 1
defaults:
  Recording: Off
templates:
  ivr:
    RoutingMethod: Flow
    Flow: cfg-1
    Recording: Call
numbers:
  {ONE}:
    use: [ivr]
    Friendly: Sydney
    WebHookUrl: https://hooks.example.com/${{HOOK}}
    ignore: {{Flow: {{reason: trial, until: 2999-01-31}}}}
  {TWO}: {{}}
"""
OVER = f"""\
version: 1
defaults: {{SendSmsFrom: Us}}
templates:
  ivr: {{Flow: cfg-2}}
numbers:
  {ONE}:
    Friendly: ~
    protect: true
"""
OFFLINE = ("--files", "numbers.yaml", "--offline")


@pytest.fixture
def files(write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", TOKEN)
    write(FILE)
    write(OVER, "over/staging.yaml")


@pytest.fixture
def live(files: None, account: Account) -> Account:
    account.add(
        {
            "Number": ONE,
            "RoutingMethod": "Flow",
            "Flow": "cfg-9",
            "Recording": "Off",
            "Friendly": "Sydney",
            "WebHookUrl": "https://hooks.example.com/old-77d0",
            "AddressSid": "AD1",
        }
    )
    return account


def told(ran: Ran) -> dict[str, dict[str, Any]]:
    """The fields by name, as JSON has them."""
    return {each["name"]: each for each in ran.json["fields"]}


def test_each_value_has_its_place_and_what_it_overrides(files: None, reconciler: Run) -> None:
    ran = reconciler("explain", ONE, *OFFLINE)
    assert ran.code == 0
    assert (
        ran.out
        == f"""\
{ONE}  Sydney  (numbers.yaml:10)
  Friendly       "Sydney"     numbers.yaml:12  own field
  RoutingMethod  "Flow"       numbers.yaml:6   template ivr
  Flow           "cfg-1"      numbers.yaml:7   template ivr
    ignored      until 2999-01-31: trial
  Recording      "Call"       numbers.yaml:8   template ivr
    over         "Off"        numbers.yaml:3   default
  WebHookUrl     (sensitive)  numbers.yaml:13  own field, environment HOOK
"""
    )


def test_an_overlay_is_named_where_it_has_the_last_word(files: None, reconciler: Run) -> None:
    ran = reconciler("explain", ONE, *OFFLINE, "--overlay", "over/staging.yaml")
    assert (
        ran.out
        == f"""\
{ONE}  (numbers.yaml:10)
protected: planned, and never written (over/staging.yaml:8)
  Friendly       unset        over/staging.yaml:7  own field, overlay
    over         "Sydney"     numbers.yaml:12      own field
  RoutingMethod  "Flow"       numbers.yaml:6       template ivr
  Flow           "cfg-2"      over/staging.yaml:4  template ivr, overlay
    over         "cfg-1"      numbers.yaml:7       template ivr
    ignored      until 2999-01-31: trial
  Recording      "Call"       numbers.yaml:8       template ivr
    over         "Off"        numbers.yaml:3       default
  SendSmsFrom    "Us"         over/staging.yaml:2  default, overlay
  WebHookUrl     (sensitive)  numbers.yaml:13      own field, environment HOOK
"""
    )


def test_live_is_told_where_it_differs_and_what_is_not_declared_at_the_end(
    live: Account, reconciler: Run
) -> None:
    ran = reconciler("explain", ONE, "--files", "numbers.yaml")
    assert ran.code == 0
    assert (
        ran.out
        == f"""\
{ONE}  Sydney  (numbers.yaml:10)
  Friendly       "Sydney"     numbers.yaml:12  own field
  RoutingMethod  "Flow"       numbers.yaml:6   template ivr
  Flow           "cfg-1"      numbers.yaml:7   template ivr
    ignored      until 2999-01-31: trial
    live         "cfg-9"
~ Recording      "Call"       numbers.yaml:8   template ivr
    over         "Off"        numbers.yaml:3   default
    live         "Off"
~ WebHookUrl     (sensitive)  numbers.yaml:13  own field, environment HOOK
    live         (sensitive)
Live and not declared, so left alone:
  AddressSid  "AD1"
Live differs in 2 of 5 declared fields.
"""
    )
    assert live.stats()["post"] == 0


def test_a_number_that_is_as_declared_says_so(live: Account, write: Write, reconciler: Run) -> None:
    write(f"version: 1\nnumbers: {{{ONE}: {{Recording: Off, SendSmsTo: ~}}}}\n", "own.yaml")
    ran = reconciler("explain", ONE, "--files", "own.yaml")
    assert ran.out.endswith("Live is as declared.\n")
    assert "~" not in ran.out


def test_json_has_all_of_it(live: Account, reconciler: Run) -> None:
    ran = reconciler(
        "explain", ONE, "--files", "numbers.yaml", "--overlay", "over/staging.yaml",
        "--format", "json",
    )  # fmt: skip
    assert ran.json["number"] == ONE
    assert ran.json["source"] == {"path": "numbers.yaml", "line": 10}
    assert ran.json["protected"] == {"path": "over/staging.yaml", "line": 8}
    assert ran.json["not_declared"] == {"AddressSid": "AD1"}
    fields = told(ran)
    over = {
        "value": "Off",
        "source": {"path": "numbers.yaml", "line": 3},
        "kind": "default",
        "overlay": False,
        "origins": [],
    }
    assert fields["Recording"]["over"] == [over]
    assert (fields["Recording"]["live"], fields["Recording"]["as_declared"]) == ("Off", False)
    assert fields["Flow"]["ignored"] == {"reason": "trial", "until": "2999-01-31"}
    assert (fields["Flow"]["kind"], fields["Flow"]["overlay"]) == ("template ivr", True)
    assert fields["Friendly"]["value"] is None
    assert fields["WebHookUrl"]["origins"] == [{"kind": "environment", "name": "HOOK"}]
    assert fields["WebHookUrl"]["value"] == fields["WebHookUrl"]["live"] == "(sensitive)"


@pytest.mark.parametrize("flags", [(), ("--format", "json"), ("-vv",), ("--offline",)])
def test_a_secret_is_in_no_output(live: Account, reconciler: Run, flags: tuple[str, ...]) -> None:
    ran = reconciler("explain", ONE, "WebHookUrl", "--files", "numbers.yaml", *flags)
    assert ran.code == 0
    assert "(sensitive)" in ran.out
    assert TOKEN not in ran.out + ran.err
    assert "old-77d0" not in ran.out + ran.err


def test_what_a_hidden_value_was_replaced_by_does_not_show_what_is_live(
    live: Account, write: Write, reconciler: Run
) -> None:
    write(f"version: 1\nnumbers: {{{ONE}: {{WebHookUrl: 'https://x.example/'}}}}\n", "plain.yaml")
    ran = reconciler("explain", ONE, "--files", "numbers.yaml", "--overlay", "plain.yaml")
    assert '"https://x.example/"' in ran.out
    assert "old-77d0" not in ran.out


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("${HOOK}", ["environment HOOK"]),
        ("${NONE:-x}", ["default of NONE"]),
        ("${file:token}", ["file token"]),
        ("${HOOK} ${file:token} ${HOOK}", ["environment HOOK", "file token"]),
        ("$${HOOK}", []),
    ],
)
def test_what_is_from_outside_says_from_where(
    files: None, write: Write, reconciler: Run, text: str, origins: list[str]
) -> None:
    write("secret\n", "token")
    write(f"version: 1\nnumbers: {{{ONE}: {{Friendly: '{text}'}}}}\n")
    ran = reconciler("explain", ONE, *OFFLINE)
    assert ran.out.splitlines()[1].endswith(", ".join(["own field", *origins]))


def test_one_field_by_itself(live: Account, reconciler: Run) -> None:
    ran = reconciler("explain", ONE.removeprefix("+"), "Recording", "--files", "numbers.yaml")
    assert ran.out.splitlines() == [
        f"{ONE}  Sydney  (numbers.yaml:10)",
        '~ Recording  "Call"  numbers.yaml:8  template ivr',
        '    over     "Off"   numbers.yaml:3  default',
        '    live     "Off"',
        "Live differs in 1 of 1 declared field.",
    ]


def test_a_field_that_is_not_declared_says_so_and_what_live_has(
    live: Account, reconciler: Run
) -> None:
    ran = reconciler("explain", ONE, "AddressSid", "--files", "numbers.yaml")
    assert ran.out.splitlines()[1:] == [
        "AddressSid is not declared.",
        "Live and not declared, so left alone:",
        '  AddressSid  "AD1"',
    ]
    unset = reconciler("explain", ONE, "SendSmsTo", "--files", "numbers.yaml")
    assert unset.out.splitlines()[1:] == ["SendSmsTo is not declared.", "Live it is unset."]
    offline = reconciler("explain", ONE, "SendSmsTo", *OFFLINE)
    assert offline.out.splitlines()[1:] == ["SendSmsTo is not declared."]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([ONE, "recording"], 64, 'There is no field "recording"; did you mean "Recording"?'),
        ([ONE, "Nonsense"], 64, 'There is no field "Nonsense".'),
        (["sales"], 64, '"sales" is no phone number'),
        (["+61255500011"], 1, f'No file declares +61255500011; did you mean "{ONE}"?'),
        (["+442071838750"], 1, "No file declares +442071838750."),
    ],
)
def test_what_cannot_be_explained_is_said(
    files: None, reconciler: Run, arguments: list[str], code: int, said: str
) -> None:
    ran = reconciler("explain", *arguments, *OFFLINE)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_a_number_that_an_overlay_leaves_out_says_where(
    files: None, write: Write, reconciler: Run
) -> None:
    write(f"version: 1\nnumbers:\n  {ONE}: {{remove: true}}\n", "o.yaml")
    ran = reconciler("explain", ONE, *OFFLINE, "--overlay", "o.yaml")
    assert (ran.code, ran.err) == (1, f"Error: o.yaml:3 leaves {ONE} out of the run.\n")


def test_the_files_are_those_of_the_folder_or_of_the_environment(
    files: None, write: Write, reconciler: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reconciler("explain", ONE, "--offline").code == 1  # the overlay is a file among others
    (tmp_path / "over" / "staging.yaml").unlink()
    assert reconciler("explain", ONE, "--offline").code == 0
    write(FILE, "elsewhere/x.yaml")
    monkeypatch.setenv("RECONCILER_FILES", "elsewhere")
    assert "(elsewhere/x.yaml:10)" in reconciler("explain", ONE, "--offline").out


def test_a_number_that_cannot_be_read_is_explained_all_the_same(
    live: Account, reconciler: Run
) -> None:
    ran = reconciler("explain", TWO, "--files", "numbers.yaml")
    assert ran.code == 1
    assert '  Recording  "Off"  numbers.yaml:3  default\n! live: ' in ran.out
    assert "Live" not in ran.out
    assert reconciler("explain", TWO, "--files", "numbers.yaml", "--format", "json").json["error"]


def test_a_number_of_somebody_else_says_so(live: Account, write: Write, reconciler: Run) -> None:
    write(FILE.replace("defaults", "property: PRother\ndefaults", 1))
    ran = reconciler("explain", ONE, "Recording", "--files", "numbers.yaml")
    assert ran.code == 1
    assert "! live: OtherProperty: " in ran.out


def test_a_flow_by_name_is_compared_by_its_name(
    live: Account, write: Write, reconciler: Run
) -> None:
    live.flows({"cfg-9": "Sales", "cfg-8": "Support"})
    live.add({"Number": THREE, "PropertySid": "PRsandbox", "Flow": "cfg-9"})
    file = f"version: 1\nproperty: PRsandbox\nnumbers: {{{THREE}: {{Flow: {{name: Sales}}}}}}\n"
    ran = reconciler("explain", THREE, "--files", write(file))
    assert ran.out.endswith("Live is as declared.\n")
    assert '{name: "Sales"}' in ran.out
    write(file.replace("Sales", "Support"))
    ran = reconciler("explain", THREE, "--files", "numbers.yaml", "--format", "json")
    flow = told(ran)["Flow"]
    assert (flow["value"], flow["as_declared"]) == ({"name": "Support"}, False)


def test_offline_asks_nobody_and_needs_no_credentials(
    live: Account, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECONCILER_TOKEN")
    live.forget_stats()
    assert reconciler("explain", ONE, *OFFLINE).code == 0
    assert live.stats()["get"] == 0
    assert reconciler("explain", ONE, "--files", "numbers.yaml").code == 1


def test_a_long_value_has_its_place_below_it(files: None, write: Write, reconciler: Run) -> None:
    url = f"https://hooks.example.com/{'x' * 60}"
    write(f"version: 1\nnumbers:\n  {ONE}:\n    Friendly: Ann\n    WebHookUrl: {url}\n")
    ran = reconciler("explain", ONE, *OFFLINE)
    assert ran.out.splitlines()[1:] == [
        '  Friendly    "Ann"  numbers.yaml:4  own field',
        f'  WebHookUrl  "{url[:65]}',
        f'              {url[65:]}"',
        "                     numbers.yaml:5  own field",
    ]


def test_what_comes_from_an_anchor_has_the_place_of_the_anchor(
    files: None, write: Write, reconciler: Run
) -> None:
    write(f"version: 1\nx-base: &base\n  Recording: Off\nnumbers:\n  {ONE}:\n    <<: *base\n")
    assert '"Off"  numbers.yaml:3  own field' in reconciler("explain", ONE, *OFFLINE).out


def test_nothing_in_a_file_acts(files: None, write: Write, reconciler: Run) -> None:
    evil = '"\\e[31m##[error]\\n::error::"'
    write(
        f"version: 1\ntemplates: {{{evil}: {{Friendly: {evil}}}}}\nnumbers:\n  {ONE}:\n"
        f"    use: [{evil}]\n    ignore: {{Friendly: {{reason: {evil}, until: 2999-01-31}}}}\n"
    )
    for form in ("text", "json"):
        out = reconciler("explain", ONE, *OFFLINE, "--format", form).out
        assert "\x1b" not in out
        assert "##[" not in out
        assert not any(line.lstrip().startswith("::") for line in out.splitlines())


def test_colours_change_nothing_but_colours(
    live: Account, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = reconciler("explain", ONE, "--files", "numbers.yaml").out
    monkeypatch.setattr(screen, "colored", lambda _: True)
    colored = reconciler("explain", ONE, "--files", "numbers.yaml").out
    assert colored != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain
