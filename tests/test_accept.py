"""Accepting what is live: the numbers file says it afterwards, and nothing else has moved."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from harness import Account, Git, Run
from hypothesis import given
from hypothesis import strategies as st

from reconciler import desired
from reconciler.accept import accept
from reconciler.errors import InputError, SetupError
from reconciler.model import LiveNumber
from reconciler.rewrite import rewrite

ROOT = Path(__file__).resolve().parent.parent
NUMBER, OTHER, THIRD = "+61255500001", "+61255500002", "+61255500003"
HEAD = "version: 1\n"

Write = Callable[..., str]


def accepted(text: str, *names: str, number: str = NUMBER, **live: str) -> str:
    """The text after accepting a number that has just these fields live."""
    made = accept({"f": text.encode()}, [LiveNumber(number, live)], names)
    return made.files.get("f", text.encode()).decode()


def entry(*lines: str) -> str:
    """A file whose one number has these lines."""
    return f"{HEAD}numbers:\n  {NUMBER}:\n" + "".join(f"    {line}\n" for line in lines)


def refusal(text: str, *names: str, **live: str) -> str:
    with pytest.raises(InputError) as refused:
        accepted(text, *names, **live)
    return str(refused.value)


@pytest.mark.parametrize(
    ("declared", "live", "afterwards"),
    [
        ("Recording: Off", "Call", "Recording: Call"),
        ("Recording: Call", "Off", "Recording: Off"),
        ('Recording: "Call"', "Off", 'Recording: "Off"'),
        ("Recording: 'Call'  # why", "Off", "Recording: 'Off'  # why"),
        ("Friendly: ~   # none yet", "Off", 'Friendly: "Off"   # none yet'),
        ("Friendly:   # none yet", "Ann", "Friendly: Ann   # none yet"),
        ("Friendly:  ", "Ann", "Friendly: Ann"),
        ("Friendly: Ann", "a: b", 'Friendly: "a: b"'),
        ("Friendly: Ann", "null", 'Friendly: "null"'),
        ("Friendly: 'Ann'", "it's", "Friendly: 'it''s'"),
        ("Friendly: 'Ann'", "two\nlines", 'Friendly: "two\\nlines"'),
        ("Friendly: Ann", "\u202eevil", 'Friendly: "\\u202Eevil"'),
        ("Friendly: Ann", "Zoë 日本", "Friendly: Zoë 日本"),
        ("Friendly: Ann", "costs ${5}", "Friendly: costs $${5}"),
        ("Friendly: |\n      two\n      lines", "one", "Friendly: one"),
        ("Friendly: two\n      lines", "one", "Friendly: one"),
        ("SendSmsTo: +61491570156", "61491570157", "SendSmsTo: +61491570157"),
        ('SendSmsTo: "+61491570156"', "61491570157", 'SendSmsTo: "+61491570157"'),
        ("SendSmsTo: ~", "61491570157", 'SendSmsTo: "+61491570157"'),
        ("Recording : Off", "Call", "Recording : Call"),
        ("Friendly: &name Ann", "Bob", "Friendly: &name Bob"),
    ],
)
def test_a_value_is_written_as_the_one_before_it_was(
    declared: str, live: str, afterwards: str
) -> None:
    name = declared.split(":")[0].strip()
    assert accepted(entry(declared), **{name: live}) == entry(afterwards)


def test_what_is_unset_live_is_declared_unset() -> None:
    assert accepted(entry("Friendly: Ann  # hers")) == entry("Friendly: ~  # hers")


def test_only_the_line_that_changes_is_another() -> None:
    text = (
        "\ufeff# ours\r\nversion: 1 \r\n\r\nnumbers:\r\n"
        f"      '{NUMBER}':    # odd\r\n          Friendly:   Ann\r\n"
        f"          Recording:    Off  # why\r\n\r\n      # next\r\n"
        f"      {OTHER}: {{Friendly: '{'x' * 300}'}}"
    )
    wanted = text.replace("Recording:    Off", "Recording:    Call")
    assert accepted(text, Friendly="Ann", Recording="Call") == wanted


TEMPLATES = f"{HEAD}defaults: {{Recording: Off}}\ntemplates:\n  desk: {{AddressSid: 'AD1'}}\n"


def test_what_a_template_says_is_overridden_in_the_entry_and_in_the_schemas_order() -> None:
    text = (
        f"{TEMPLATES}numbers:\n  {NUMBER}:\n    use: [desk]\n    # kept\n    Flow: cfg\n\n# end\n"
    )
    wanted = text.replace("[desk]\n", "[desk]\n    AddressSid: 'AD2'\n").replace(
        "cfg\n", "cfg\n    Recording: Call\n"
    )
    assert accepted(text, AddressSid="AD2", Flow="cfg", Recording="Call") == wanted


def test_a_template_in_another_file_stays_as_it_is() -> None:
    files = {"t": TEMPLATES.encode(), "n": entry("use: [desk]").encode()}
    made = accept(files, [LiveNumber(NUMBER, {"AddressSid": "AD2"})])
    assert made.files == {"n": entry("use: [desk]", "AddressSid: 'AD2'").encode()}


@pytest.mark.parametrize(
    ("before", "afterwards"),
    [
        ("\n    use: [desk]\n    AddressSid: AD2  # ours\n", "\n    use: [desk]\n"),
        (" {use: [desk], AddressSid: AD2}\n", " {use: [desk]}\n"),
        (" {AddressSid: AD2, use: [desk]}\n", " {use: [desk]}\n"),
        ("\n    {\n    use: [desk], # a\n    AddressSid: AD2 # b\n    }\n",
         "\n    {\n    use: [desk], # a\n    AddressSid: AD1 # b\n    }\n"),
    ],
)  # fmt: skip
def test_an_own_field_that_says_what_the_template_says_goes(before: str, afterwards: str) -> None:
    text = f"{TEMPLATES}numbers:\n  {NUMBER}:"
    assert accepted(text + before, "AddressSid", AddressSid="AD1") == text + afterwards


@pytest.mark.parametrize(
    ("before", "afterwards"), [("\n    Recording: Call\n", "\n"), (" {Recording: Call}\n", " {}\n")]
)
def test_the_last_own_field_may_go_too(before: str, afterwards: str) -> None:
    text = f"{HEAD}defaults: {{Recording: Off}}\nnumbers:\n  {NUMBER}:"
    assert accepted(text + before, Recording="Off") == text + afterwards


@pytest.mark.parametrize(
    ("before", "afterwards"),
    [
        ("", "\n    Friendly: Ann\n    Recording: Call"),
        (" ~ # none", " # none\n    Friendly: Ann\n    Recording: Call"),
        (" {}", " {Friendly: Ann, Recording: Call}"),
        (" {Recording: Off}", " {Friendly: Ann, Recording: Call}"),
        (" {'Recording': 'Off'}", " {'Friendly': Ann, 'Recording': 'Call'}"),
        ("\n    Recording: Off", "\n    Friendly: Ann\n    Recording: Call"),
        ("\n    # why\n    Recording: Off", "\n    # why\n    Recording: Call\n    Friendly: Ann"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\n\n# end\n"])
def test_a_field_that_is_not_managed_comes_in_where_it_is_named(
    before: str, afterwards: str, end: str
) -> None:
    text = f"{HEAD}numbers:\n  {NUMBER}:"
    ran = accepted(text + before + end, "Friendly", "Recording", Friendly="Ann", Recording="Call")
    assert ran == text + afterwards + end


def test_a_field_that_is_neither_managed_nor_set_comes_in_as_unset() -> None:
    assert accepted(entry("tags: [a]"), "Flow") == entry("tags: [a]", "Flow: ~")


def test_a_field_that_is_not_named_is_left_alone() -> None:
    text = entry("Friendly: Ann", "Recording: Off")
    ran = accepted(text, "Recording", Friendly="Bob", Recording="Call")
    assert ran == entry("Friendly: Ann", "Recording: Call")


def test_what_the_value_needs_comes_with_it() -> None:
    text = entry("RoutingMethod: Flow", "Flow: cfg")
    live = {"RoutingMethod": "Endpoint", "EndpointNumber": "61255500100", "Flow": "cfg"}
    ran = accepted(text, **live)
    assert ran == entry("RoutingMethod: Endpoint", 'EndpointNumber: "+61255500100"', "Flow: cfg")


IGNORED = "ignore: {Recording: {reason: trial, until: 2099-01-31}}"


def test_a_field_that_is_left_alone_for_now_is_accepted_only_by_name() -> None:
    text = entry(IGNORED, "Recording: Off")
    assert accepted(text, Recording="Call") == text
    assert accepted(text, "Recording", Recording="Call") == entry(IGNORED, "Recording: Call")


SHARED = f"{HEAD}numbers:\n  {OTHER}: &base\n    Friendly: Ann\n"


def test_an_entry_that_is_an_alias_gets_a_value_of_its_own() -> None:
    ran = accepted(f"{SHARED}  {NUMBER}: *base  # same\n", Friendly="Bob")
    assert ran == f"{SHARED}  {NUMBER}:  # same\n    <<: *base\n    Friendly: Bob\n"


def test_an_alias_in_brackets_gets_a_value_of_its_own_there() -> None:
    text = f"{HEAD}numbers: {{{OTHER}: &base {{Friendly: Ann}}, {NUMBER}: *base}}\n"
    assert accepted(text, Friendly="Bob") == text.replace("*base}", "{<<: *base, Friendly: Bob}}")


def test_a_merged_field_is_overridden_and_what_it_is_merged_from_stays() -> None:
    text = f"{SHARED}  {NUMBER}:\n    <<: *base\n    Recording: Off\n"
    ran = accepted(text, Friendly="Bob", Recording="Off")
    assert ran == text.replace("*base\n", "*base\n    Friendly: Bob\n")


def test_a_value_that_is_an_alias_is_written_out() -> None:
    text = f"{HEAD}x-off: &off Off\nnumbers:\n  {NUMBER}: {{Recording: *off}}\n"
    assert accepted(text, Recording="Call") == text.replace("*off", "Call")


def test_a_value_that_others_follow_is_not_changed() -> None:
    text = f"{SHARED}  {NUMBER}: *base\n"
    told = "f:5:3: +61255500001 would change too, as an alias ties it to what changes"
    with pytest.raises(InputError, match=told.replace("+", r"\+")):
        accepted(text, number=OTHER, Friendly="Bob")


def test_an_anchor_that_the_templates_follow_is_not_moved() -> None:
    text = f"{HEAD}numbers:\n  {NUMBER}: {{Friendly: &n Ann}}\ntemplates: {{a: {{Friendly: *n}}}}\n"
    assert refusal(text, Friendly="Bob").startswith("f:4:1: templates would change too")


def test_a_number_that_a_merge_brings_in_is_not_changed() -> None:
    text = f"{HEAD}x-more: &m\n  {NUMBER}: {{Friendly: Ann}}\nnumbers: {{<<: *m}}\n"
    assert "it stands behind an alias; write it out" in refusal(text, Friendly="Bob")


def test_a_secret_is_changed_where_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "http-hidden-token")
    text = entry("WebHookUrl: https://hooks.example.com/${HOOK}")
    told = refusal(text, "WebHookUrl", WebHookUrl="https://hooks.example.com/other")
    assert "WebHookUrl: it comes from outside of the files" in told
    assert "hidden" not in told


@pytest.mark.parametrize("which", ["--all", NUMBER])
def test_a_secret_that_nobody_asked_for_is_passed_over_and_the_rest_accepted(
    which: str,
    account: Account,
    write: Write,
    reconciler: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOOK", "http-hidden-token")
    hook = "WebHookUrl: https://hooks.example.com/${HOOK}"
    path = write(entry("Friendly: Ann", hook))
    live = {"Friendly": "Bob", "WebHookUrl": "https://hooks.example.com/by-hand"}
    account.add({"Number": NUMBER, **live})
    ran = reconciler("export", "--into", path, which)
    assert (ran.code, ran.out) == (0, f'numbers.yaml:4: {NUMBER} Friendly: "Ann" -> "Bob"\n')
    assert ran.err == (
        f"numbers.yaml:5:17: warning: {NUMBER}: WebHookUrl: it comes from outside of the files; "
        "passed over\n"
    )
    assert Path(path).read_text() == entry("Friendly: Bob", hook)
    asked = reconciler("export", "--into", path, which, "--field", "WebHookUrl")
    assert (asked.code, asked.out) == (1, "")
    assert "change it there" in asked.err
    assert not re.search("hidden|by-hand", ran.out + ran.err + asked.err)


@pytest.mark.parametrize("value", ["not a URL", "http://a/\ud800"])
def test_a_live_value_that_a_numbers_file_may_not_hold_is_said(value: str) -> None:
    told = refusal(entry("Friendly: Ann", "WebHookUrl: ~"), Friendly="Bob", WebHookUrl=value)
    assert told.startswith(f"f:5:17: {NUMBER}: WebHookUrl: ")
    assert told.endswith("is not valid in a numbers file")


def test_a_field_that_another_needs_is_not_given_up() -> None:
    told = refusal(entry("RoutingMethod: Flow", "Flow: cfg"), "Flow", RoutingMethod="Flow")
    assert 'RoutingMethod "Flow" needs Flow' in told


def test_a_number_of_another_account_is_not_accepted() -> None:
    made = LiveNumber(NUMBER, {"Friendly": "Bob"}, {"AccountSid": "AC2"})
    text = entry("Friendly: Ann") + "account: AC1\n"
    with pytest.raises(InputError, match=r"f:3:3: .*AccountSid is AC2, but the file allows only"):
        accept({"f": text.encode()}, [made])


@pytest.mark.parametrize(
    ("before", "afterwards"),
    [
        (f"numbers:\n  {OTHER}:\n    Flow: a\n  # end",
         f"numbers:\n  {OTHER}:\n    Flow: a\n  {NUMBER}:\n    Friendly: Ann\n  # end"),
        (f"numbers:\n   '{OTHER}':\n     Flow: a",
         f"numbers:\n   '{OTHER}':\n     Flow: a\n   '{NUMBER}':\n     Friendly: Ann"),
        ("numbers: {}", f'numbers: {{"{NUMBER}": {{Friendly: Ann}}}}'),
        ("numbers: # none", f'numbers: # none\n  "{NUMBER}":\n    Friendly: Ann'),
        ("x-y: 1", f'x-y: 1\nnumbers:\n  "{NUMBER}":\n    Friendly: Ann'),
    ],
)  # fmt: skip
def test_a_number_that_no_file_declares_is_added(before: str, afterwards: str) -> None:
    assert accepted(HEAD + before, Friendly="Ann") == HEAD + afterwards


def test_an_added_number_is_as_it_is_live_whatever_the_defaults_say() -> None:
    text = f"{HEAD}defaults: {{Recording: Off, Flow: cfg}}\nnumbers: {{{OTHER}: }}\n"
    ran = desired.parse([("f", accepted(text, Friendly="Ann", Flow="cfg").encode())])
    assert ran.numbers[NUMBER].fields == {"Friendly": "Ann", "Flow": "cfg", "Recording": None}


# Any file, any change.

SPELLINGS = {
    "Friendly": ["Ann", "'it''s'", '"a: b"', "~", "", "two words # not one"],
    "AddressSid": ["AD1", "'AD2'", "*sid"],
    "Recording": ["Off", "Call", '"Off"'],
    "Flow": ["cfg", "~"],
    "Attribution_Source": ["null", "'~'"],
}
LIVE = st.fixed_dictionaries(
    {},
    optional={
        "Friendly": st.sampled_from(["Ann", "it's", "a, b", "Off", "~", "${X}", "x # y", "- z"])
        | st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
        "AddressSid": st.sampled_from(["AD1", "AD2", "0412", "]", "!x", "&y"]),
        "Recording": st.sampled_from(["Off", "Call"]),
        "Flow": st.sampled_from(["cfg", "cfg2"]),
        "Attribution_Source": st.sampled_from(["null", "~", "google"]),
    },
)


@st.composite
def pairs(draw: st.DrawFn, brackets: bool) -> list[str]:
    names = draw(st.permutations(list(SPELLINGS)))[: draw(st.integers(0, 4))]
    told = {name: draw(st.sampled_from(SPELLINGS[name])) for name in names}
    return [f"{name}: {text.split(' #')[0] if brackets else text}" for name, text in told.items()]


@st.composite
def entries(draw: st.DrawFn) -> str:
    """What stands after a number's colon, to the end of its lines."""
    kind = draw(st.sampled_from(["block", "block", "brackets", "", " ~", " {}", " *base"]))
    first = draw(st.sampled_from([[], ["use: [one]"], ["tags: [x]"], ["<<: *base"]]))
    if kind == "brackets":
        return f" {{{', '.join([*first, *draw(pairs(brackets=True))])}}}\n"
    lines = [*first, *draw(pairs(brackets=False))]
    if kind == "block" and lines:
        comment = draw(st.sampled_from(["", "    # why\n"]))
        return "  # about\n" + comment + "".join(f"    {line}\n" for line in lines)
    return f"{'' if kind == 'block' else kind}\n"


@st.composite
def files(draw: st.DrawFn) -> str:
    shared = ", ".join(draw(pairs(brackets=True)))
    parts = [
        "version: 1",
        "x-sid: &sid AD9",
        f"x-base: &base {{{', '.join(draw(pairs(brackets=True)))}}}",
        f"defaults: {{{shared}}}",
        f"templates:\n  one: {{{', '.join(draw(pairs(brackets=True)))}}}",
        "numbers:",
    ]
    numbers = [f"  {number}:{draw(entries())}" for number in (NUMBER, OTHER, THIRD)]
    text = "\n".join(parts) + "\n" + draw(st.sampled_from(["", "  # c\n", "\n"])).join(numbers)
    text = text.removesuffix("\n") if draw(st.booleans()) else text + "\n# end\n"
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    return draw(st.sampled_from(["", "\ufeff"])) + text


def outside(text: str, number: str) -> tuple[str, str]:
    """What is before a number's lines, and from the next number's on."""
    start = text.index(f"  {number}:")
    end = text.find("  +", start + 1)
    return text[:start], text[end:] if end >= 0 else ""


def declared(text: str) -> Mapping[str, Mapping[str, str | None]]:
    return {
        each.number: each.fields for each in desired.parse([("f", text.encode())]).numbers.values()
    }


@given(files(), LIVE, st.sampled_from([NUMBER, OTHER, THIRD]))
def test_it_says_what_is_live_and_nothing_else_has_moved(
    text: str, live: Mapping[str, str], number: str
) -> None:
    before = declared(text)
    ran = accepted(text, number=number, **live)
    after = declared(ran)
    assert after.keys() == before.keys()
    assert {each: after[each] for each in after if each != number} == {
        each: before[each] for each in before if each != number
    }
    assert after[number] == {name: live.get(name) for name in before[number]}
    head, tail = outside(text, number)
    assert ran.startswith(head)
    assert ran.endswith(tail)
    assert accepted(ran, number=number, **live) == ran


@given(files(), LIVE, st.sets(st.sampled_from(list(SPELLINGS)), min_size=1))
def test_named_fields_are_declared_and_no_others_change(
    text: str, live: Mapping[str, str], names: set[str]
) -> None:
    before, after = declared(text), declared(accepted(text, *names, **live))
    kept = {name: told for name, told in before[NUMBER].items() if name not in names}
    assert after[NUMBER] == {**kept, **{name: live.get(name) for name in names}}
    assert {**after, NUMBER: None} == {**before, NUMBER: None}


# On the command line.


def test_the_portal_was_right_is_a_diff_of_one_line(
    account: Account, reconciler: Run, git: Git
) -> None:
    shutil.copy(ROOT / "examples" / "numbers.yaml", "numbers.yaml")
    owner = {"AccountSid": "ACsandbox", "PropertySid": "PRsandbox"}
    loaded = desired.load(["numbers.yaml"])
    account.flows({"cfg-sales": "Sales"})
    account.add(*({"Number": number, **owner} for number in loaded.numbers))
    git("add", "numbers.yaml")
    git("commit", "-qm", "Declare them")
    # The board's line is protected, and has nothing set.
    reconciler("apply", "numbers.yaml", "--auto-approve", "--max-changes", "100%")
    account.edit("+61270100001", Attribution_Content="headline-c")
    ran = reconciler("export", "--into", "numbers.yaml", "61270100001")
    assert (ran.code, ran.out) == (
        0,
        'numbers.yaml:75: +61270100001 Attribution_Content: "headline-a" -> "headline-c"\n',
    )
    assert git("diff", "--numstat") == "1\t1\tnumbers.yaml\n"
    planned = reconciler(
        "plan", "numbers.yaml", "--exclude", "+611800160401", "--detailed-exitcode"
    )
    assert planned.code == 0


def test_after_everything_was_accepted_the_plan_is_clean_and_nothing_more_is_written(
    account: Account, write: Write, reconciler: Run
) -> None:
    write(f"{HEAD}templates: {{a: {{Recording: Off}}}}\n", "all/a.yaml")
    write(f"{HEAD}numbers:\n  {NUMBER}: {{use: [a]}}\n", "all/b.yaml")
    write(f"{HEAD}numbers:\n  {OTHER}: {{Friendly: Ann}}\n", "all/c.yml")
    account.add({"Number": NUMBER, "Recording": "Call"}, {"Number": OTHER})
    ran = reconciler("export", "--into", "all", "--all")
    assert (ran.code, ran.out) == (
        0,
        f'all/b.yaml:3: {NUMBER} Recording: "Off" -> "Call"\n'
        f'all/c.yml:3: {OTHER} Friendly: "Ann" -> unset\n',
    )
    assert reconciler("plan", "all", "--detailed-exitcode").code == 0
    kept = {path: path.stat() for path in Path("all").iterdir()}
    again = reconciler("export", "--into", "all", "--all")
    assert (again.code, again.out, again.err) == (0, "No changes.\n", "")
    assert {path: path.stat() for path in Path("all").iterdir()} == kept


def test_a_number_that_is_new_is_told_of(account: Account, write: Write, reconciler: Run) -> None:
    path = write(f"{HEAD}numbers:\n  {OTHER}:\n")
    account.add({"Number": NUMBER, "Friendly": "Ann"}, {"Number": OTHER})
    ran = reconciler("export", "--into", path, NUMBER)
    assert ran.out == (
        f"numbers.yaml:4: {NUMBER} is added\n"
        f'numbers.yaml:5: {NUMBER} Friendly: not declared -> "Ann"\n'
    )
    assert reconciler("plan", path, "--detailed-exitcode").code == 0


def test_an_own_value_that_went_is_told_of(account: Account, write: Write, reconciler: Run) -> None:
    text = f"{HEAD}defaults: {{Recording: Off}}\nnumbers:\n  {NUMBER}: {{Recording: Call}}\n"
    account.add({"Number": NUMBER, "Recording": "Off"})
    ran = reconciler("export", "--into", write(text), NUMBER)
    assert ran.out == (
        f'numbers.yaml:4: {NUMBER} Recording: "Call" -> "Off" (inherited; its own value is gone)\n'
    )


def test_where_one_number_cannot_be_read_nothing_is_written(
    account: Account, write: Write, reconciler: Run
) -> None:
    path = write(entry("Friendly: Ann"))
    account.add({"Number": NUMBER, "Friendly": "Bob"})
    ran = reconciler("export", "--into", path, NUMBER, OTHER)
    assert (ran.code, ran.out) == (1, "")
    assert "1 number could not be read; nothing was written." in ran.err
    assert Path(path).read_text() == entry("Friendly: Ann")


def test_where_one_number_cannot_be_accepted_nothing_is_written(
    account: Account, write: Write, reconciler: Run
) -> None:
    text = f"{SHARED}  {NUMBER}: *base\n  {THIRD}: {{Friendly: Ann}}\n"
    path = write(text)
    account.add(*({"Number": each, "Friendly": each} for each in (NUMBER, OTHER, THIRD)))
    ran = reconciler("export", "--into", path, OTHER, THIRD)
    assert (ran.code, ran.out, ran.err.splitlines()[-1]) == (1, "", "Error: Nothing was written.")
    assert Path(path).read_text() == text


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--into", "f", NUMBER, "--field", "Recordng"], 64, 'did you mean "Recording"?'),
        (["--field", "Recording", NUMBER], 64, "--into"),
        (["--into", "f", "--all", "--factor"], 64, "--factor"),
        (["--into", "f"], 64, "--all"),
        (["--into", "none.yaml", NUMBER], 1, "there is no such file or folder"),
        (["--into", "folder", OTHER], 1, "Name the file to add it to"),
        (["--into", "empty.yaml", "--all"], 1, "The files declare no number."),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_asked(
    account: Account, write: Write, reconciler: Run, arguments: list[str], code: int, told: str
) -> None:
    write(entry("Friendly: Ann"), "f")
    write(entry("Friendly: Ann"), "folder/f.yaml")
    write(HEAD, "empty.yaml")
    ran = reconciler("export", *arguments)
    assert (ran.code, ran.out, account.stats()["total"]) == (code, "", 0)
    assert told in ran.err


# The file on the disk.


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    rewrite({str(link): b"old"}, {str(link): b"new"})
    assert (real.read_bytes(), real.stat().st_mode & 0o777) == (b"new", 0o640)
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, real]


def test_a_file_that_was_changed_meanwhile_is_left_alone_and_so_are_the_others(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"old")
    second.write_bytes(b"edited")
    old = {str(first): b"old", str(second): b"old"}
    with pytest.raises(SetupError, match="changed meanwhile"):
        rewrite(old, dict.fromkeys(old, b"new"))
    assert (first.read_bytes(), second.read_bytes()) == (b"old", b"edited")
    assert sorted(tmp_path.iterdir()) == [first, second]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_file_that_is_read_only_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(SetupError, match="read-only"):
        rewrite({str(path): b"old"}, {str(path): b"new"})
