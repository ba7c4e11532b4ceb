"""Values from outside of the files: what they become, and that no output ever holds them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Account, Git, Run

from reconciler import desired
from reconciler.errors import InputError
from reconciler.secret import Secret

ONE, TWO = "+61255500001", "+61255500002"
TOKEN, OLD = "tok-5c1f9a7e", "old-77d0e2b3"
FILE = f"""\
version: 1
numbers:
  {ONE}:
    Friendly: Sydney
    WebHookUrl: https://hooks.example.com/${{HOOK_TOKEN}}
    Recording: Off
"""


def value(text: str, field: str = "Friendly", **environment: str) -> str | None:
    """What a field declared so comes to, with these variables set."""
    saved = dict(os.environ)
    os.environ.update(environment)
    try:
        file = f"version: 1\nnumbers: {{{ONE}: {{{field}: {text}}}}}\n"
        return desired.parse([("n.yaml", file.encode())]).numbers[ONE].fields[field]
    finally:
        os.environ.clear()
        os.environ.update(saved)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("'${A}'", "1"),
        ("'x${A}y${B}z'", "x1y2z"),
        ("'${C:-3}'", "3"),
        ("'${A:-3}'", "1"),
        ("'$${A}'", "${A}"),
        ("'$$${A}'", "$${A}"),
        ("'$A $ {A}'", "$A $ {A}"),
        ("'${C:-}x'", "x"),
    ],
)
def test_a_reference_becomes_what_it_refers_to(text: str, becomes: str) -> None:
    assert value(text, A="1", B="2") == becomes


@pytest.mark.parametrize(
    ("text", "secret"),
    [("'${A}'", True), ("'x${A}'", True), ("'${C:-3}'", False), ("'$${A}'", False)],
)
def test_only_what_came_from_outside_is_secret(text: str, secret: bool) -> None:
    assert isinstance(value(text, A="1"), Secret) is secret


def test_a_name_that_the_file_lists_as_public_is_not_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setenv("OTHER", "else")
    file = f"version: 1\npublic_env: [STAGE]\nnumbers:\n  {ONE}: {{Friendly: '${{STAGE}}'}}\n"
    file += f"  {TWO}: {{Friendly: '${{STAGE}} ${{OTHER}}'}}\n"
    numbers = desired.parse([("n.yaml", file.encode())]).numbers
    assert not isinstance(numbers[ONE].fields["Friendly"], Secret)
    assert isinstance(numbers[TWO].fields["Friendly"], Secret)


def test_a_file_is_read_beside_the_numbers_file_and_loses_its_last_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "name").write_bytes(b"by file\r\n")
    numbers = tmp_path / "sub" / "n.yaml"
    numbers.write_text(f"version: 1\nnumbers: {{{ONE}: {{Friendly: '${{file:name}}'}}}}\n")
    monkeypatch.chdir("/")
    found = desired.load([str(numbers)]).numbers[ONE].fields["Friendly"]
    assert found == "by file"
    assert isinstance(found, Secret)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("'${NOT_SET}'", "the environment variable NOT_SET is not set"),
        ("'${EMPTY}'", "the environment variable EMPTY is empty"),
        ("'${not closed'", 'a "${" is not closed'),
        ("'${1}'", "is no reference"),
        ("'${}'", "is no reference"),
        ("'${file:/no/such/file}'", "No such file or directory"),
    ],
)
def test_what_leads_to_nothing_is_said_at_its_place(text: str, told: str) -> None:
    with pytest.raises(InputError) as raised:
        value(text, EMPTY="")
    [problem] = raised.value.problems
    assert told in problem.message
    assert (problem.line, problem.column) == (2, 36)


def test_an_aliased_block_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    file = f"version: 1\nx-a: &a {{Friendly: '$${{A}}'}}\nnumbers: {{{ONE}: *a, {TWO}: *a}}\n"
    numbers = desired.parse([("n.yaml", file.encode())]).numbers
    assert [number.fields["Friendly"] for number in numbers.values()] == ["${A}", "${A}"]


def test_what_is_wrong_with_a_secret_is_said_without_it() -> None:
    with pytest.raises(InputError) as raised:
        value("'${A}'", "Recording", A=TOKEN)
    assert "Recording must be" in str(raised.value)
    assert TOKEN not in str(raised.value)
    with pytest.raises(InputError) as raised:
        value("'${A}'", "EndpointNumber", A="0255500001")
    assert "0255500001" not in str(raised.value)
    assert "+61" not in str(raised.value).partition("as in")[0]


@pytest.fixture
def secretive(
    account: Account, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch, git: Git
) -> Account:
    """A file with a token in it, and a number that has another one."""
    monkeypatch.setenv("HOOK_TOKEN", TOKEN)
    write(FILE)
    git("add", ".")
    git("commit", "-qm", "Declare")
    account.add(
        {
            "Number": ONE,
            "Friendly": "Sydney",
            "WebHookUrl": f"https://hooks.example.com/{OLD}",
            "Recording": "Call",
        }
    )
    return account


COMMANDS = [
    ["validate", "numbers.yaml", "--format", "json"],
    ["validate", "numbers.yaml", "--strict", "-v"],
    *(
        ["plan", "numbers.yaml", "--format", form, "-vv", "--baseline", "HEAD"]
        for form in ("text", "json", "markdown", "html", "gitlab", "github", "sarif")
    ),
    ["plan", "numbers.yaml", "--expand", "--out", "plan.json", "--report", "html=plan.html"],
    ["show", "plan.json"],
    ["show", "plan.json", "--format", "json"],
    ["drift", "numbers.yaml", "-vv"],
    ["apply", "plan.json", "--auto-approve", "-vv", "--journal", "journal.jsonl"],
    ["apply", "plan.json", "--auto-approve", "--format", "json", "--report", "markdown=done.md"],
    ["revert", "journal.jsonl", "-vv"],
    ["revert", "plan.json", "--format", "json"],
    ["plan", "numbers.yaml"],
]


def test_a_token_is_in_no_output_and_no_file_of_any_command(
    secretive: Account, reconciler: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    for command in COMMANDS:
        ran = reconciler(*command)
        assert TOKEN not in ran.out + ran.err, command
        assert OLD not in ran.out + ran.err, command
    assert secretive.live(ONE)["WebHookUrl"] == f"https://hooks.example.com/{TOKEN}"
    (tmp_path / "account.sqlite").unlink()
    for file in tmp_path.rglob("*"):
        if file.is_file() and ".git" not in file.parts and "account.sqlite" not in file.name:
            assert TOKEN.encode() not in file.read_bytes(), file
            assert OLD.encode() not in file.read_bytes(), file


def test_a_sensitive_field_reads_sensitive_before_and_after(
    secretive: Account, reconciler: Run
) -> None:
    ran = reconciler("plan", "numbers.yaml")
    assert "    WebHookUrl: (sensitive) -> (sensitive)\n" in ran.out
    assert '    Recording:  "Call" -> "Off"\n' in ran.out


def test_a_saved_plan_is_applied_with_the_values_of_now(
    secretive: Account, reconciler: Run
) -> None:
    reconciler("plan", "numbers.yaml", "--out", "plan.json")
    assert reconciler("apply", "plan.json", "--auto-approve").code == 0
    assert secretive.live(ONE)["WebHookUrl"] == f"https://hooks.example.com/{TOKEN}"
    assert reconciler("apply", "plan.json", "--auto-approve").code == 0
    assert secretive.stats()["post"] == 1


def test_a_saved_plan_is_refused_where_the_value_is_another_now(
    secretive: Account, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconciler("plan", "numbers.yaml", "--out", "plan.json")
    monkeypatch.setenv("HOOK_TOKEN", "another")
    ran = reconciler("apply", "plan.json", "--auto-approve")
    assert ran.code == 1
    assert "WebHookUrl is sensitive, and not what the plan was made with" in ran.err
    assert secretive.stats()["post"] == 0


def test_a_live_secret_that_moved_since_the_plan_is_a_conflict(
    secretive: Account, reconciler: Run
) -> None:
    reconciler("plan", "numbers.yaml", "--out", "plan.json")
    secretive.edit(ONE, WebHookUrl="https://hooks.example.com/by-hand")
    ran = reconciler("apply", "plan.json", "--auto-approve")
    assert ran.code == 3
    assert "by-hand" not in ran.out + ran.err
    assert "WebHookUrl (sensitive)" in ran.out


def test_a_plan_with_secrets_is_the_same_each_time(secretive: Account, reconciler: Run) -> None:
    one, two = (reconciler("plan", "numbers.yaml", "--format", "json").json for _ in range(2))
    assert one["digest"] == two["digest"]


def test_what_was_a_secret_at_the_baseline_is_not_shown_when_it_is_replaced(
    secretive: Account, reconciler: Run, write: Callable[..., str]
) -> None:
    secretive.edit(ONE, WebHookUrl=f"https://hooks.example.com/{TOKEN}")
    write(FILE.replace("${HOOK_TOKEN}", "plain"))
    ran = reconciler("plan", "numbers.yaml", "--baseline", "HEAD")
    assert TOKEN not in ran.out
    assert "WebHookUrl: (sensitive)" in ran.out


def test_what_the_api_says_of_a_secret_is_not_passed_on(
    secretive: Account, reconciler: Run
) -> None:
    secretive.faults("status:code=400,body=json,method=POST")
    ran = reconciler("apply", "numbers.yaml", "--auto-approve")
    assert TOKEN not in ran.out + ran.err
    assert "a sensitive value was sent" in ran.out


LOST = "WebHookUrl was sensitive, and its value before is not kept; put back what the files said."


@pytest.mark.parametrize("done", ["journal.jsonl", "plan.json"])
def test_what_is_known_is_undone_and_what_is_not_is_told_of(
    done: str, secretive: Account, reconciler: Run
) -> None:
    reconciler("plan", "numbers.yaml", "--out", "plan.json")
    reconciler("apply", "plan.json", "--auto-approve", "--journal", "journal.jsonl")
    ran = reconciler("revert", done, "--out", "back.json", "--quiet")
    assert ran.code == 0
    assert f"warning: {ONE}: {LOST}\n" in ran.err
    assert reconciler("apply", "back.json", "--auto-approve").code == 0
    assert secretive.live(ONE)["Recording"] == "Call"
    assert secretive.live(ONE)["WebHookUrl"] == f"https://hooks.example.com/{TOKEN}"


@pytest.mark.parametrize("done", ["journal.jsonl", "plan.json"])
def test_a_secret_that_was_unset_before_is_unset_again_and_never_shown(
    done: str, secretive: Account, reconciler: Run, tmp_path: Path
) -> None:
    secretive.edit(ONE, WebHookUrl="")
    reconciler("plan", "numbers.yaml", "--out", "plan.json")
    reconciler("apply", "plan.json", "--auto-approve", "--journal", "journal.jsonl")
    told = [reconciler("revert", done, "--format", each, "-vv") for each in ("json", "markdown")]
    told.append(reconciler("revert", done, "--out", "back.json", "-vv"))
    assert "WebHookUrl: (sensitive) -> unset" in told[-1].out
    told.append(reconciler("apply", "back.json", "--auto-approve", "-vv"))
    assert [ran.code for ran in told] == [0, 0, 0, 0]
    assert not secretive.live(ONE).get("WebHookUrl")
    assert TOKEN not in "".join(ran.out + ran.err for ran in told)
    assert TOKEN not in (tmp_path / "back.json").read_text()


def test_a_secret_that_somebody_has_replaced_since_a_plan_is_left_alone(
    secretive: Account, reconciler: Run
) -> None:
    secretive.edit(ONE, WebHookUrl="")
    reconciler("plan", "numbers.yaml", "--out", "plan.json")
    reconciler("apply", "plan.json", "--auto-approve")
    secretive.edit(ONE, WebHookUrl="https://hooks.example.com/by-hand")
    ran = reconciler("revert", "plan.json")
    assert ran.code == 1
    assert "It has been changed again since" in ran.out
    assert "by-hand" not in ran.out + ran.err


def test_a_secret_name_is_in_no_undone_change(
    secretive: Account, reconciler: Run, write: Callable[..., str]
) -> None:
    write(FILE.replace("Sydney", "${HOOK_TOKEN}"))
    reconciler("apply", "numbers.yaml", "--auto-approve", "--journal", "journal.jsonl")
    ran = reconciler("revert", "journal.jsonl", "--format", "json")
    assert "were sensitive, and their values before are not kept" in ran.err
    assert TOKEN not in ran.out + ran.err


def test_where_nothing_else_was_changed_there_is_nothing_to_undo(
    secretive: Account, reconciler: Run
) -> None:
    secretive.edit(ONE, Recording="Off")
    reconciler("apply", "numbers.yaml", "--auto-approve", "--journal", "journal.jsonl")
    ran = reconciler("revert", "journal.jsonl")
    assert ran.code == 1
    assert LOST in ran.out


LAYERS = {
    "a number's own field": "templates: {hook: {WebHookUrl: 'https://a.example/${HOOK_TOKEN}'}}\n"
    f"numbers: {{{ONE}: {{use: [hook], WebHookUrl: https://b.example/x}}}}\n",
    "nothing": "defaults: {WebHookUrl: 'https://a.example/${HOOK_TOKEN}'}\n"
    f"numbers: {{{ONE}: {{WebHookUrl: ~}}}}\n",
    "a template": "defaults: {WebHookUrl: 'https://a.example/${HOOK_TOKEN}'}\n"
    "templates: {plain: {WebHookUrl: https://b.example/x}}\n"
    f"numbers: {{{ONE}: {{use: [plain]}}}}\n",
}


@pytest.mark.parametrize("above", LAYERS)
def test_what_stands_over_a_secret_does_not_show_it(
    above: str, secretive: Account, reconciler: Run, write: Callable[..., str], tmp_path: Path
) -> None:
    secretive.edit(ONE, WebHookUrl=f"https://a.example/{TOKEN}")
    write(f"version: 1\n{LAYERS[above]}")
    ran = reconciler("plan", "numbers.yaml", "--out", "plan.json", "--format", "json")
    assert ran.json["changes"][0]["fields"]["WebHookUrl"]["before"] == "(sensitive)"
    assert reconciler("apply", "plan.json", "--auto-approve", "--journal", "j").code == 0
    assert TOKEN not in (tmp_path / "plan.json").read_text() + (tmp_path / "j").read_text()


def test_what_an_overlay_puts_over_a_secret_does_not_show_it(
    secretive: Account, reconciler: Run, write: Callable[..., str]
) -> None:
    secretive.edit(ONE, WebHookUrl=f"https://hooks.example.com/{TOKEN}")
    write(f"version: 1\nnumbers: {{{ONE}: {{WebHookUrl: https://b.example/x}}}}\n", "staging.yaml")
    ran = reconciler("plan", "numbers.yaml", "--overlay", "staging.yaml")
    assert "WebHookUrl: (sensitive) -> (sensitive)" in ran.out
    assert TOKEN not in ran.out


def test_a_file_is_never_public(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "name").write_text("by file")
    text = f"version: 1\npublic_env: [file]\nnumbers: {{{ONE}: {{Friendly: '${{file:name}}'}}}}\n"
    numbers = desired.parse([(str(tmp_path / "n.yaml"), text.encode())]).numbers
    assert isinstance(numbers[ONE].fields["Friendly"], Secret)


def test_a_name_with_a_default_may_be_public_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "test")
    text = f"version: 1\npublic_env: [STAGE]\nnumbers: {{{ONE}: {{Friendly: '${{STAGE:-x}}'}}}}\n"
    found = desired.parse([("n.yaml", text.encode())]).numbers[ONE].fields["Friendly"]
    assert (found, isinstance(found, Secret)) == ("test", False)


@pytest.mark.parametrize("name", ["RECONCILER_TOKEN", "RECONCILER_PLAN_KEY"])
def test_our_own_credentials_are_no_value_of_a_number(name: str) -> None:
    with pytest.raises(InputError, match="reconciler's own secret"):
        value(f"'${{{name}}}'", **{name: "x"})


def test_only_phone_numbers_are_the_same_without_their_plus(
    secretive: Account, reconciler: Run, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"version: 1\nnumbers: {{{ONE}: {{Friendly: '${{V}}'}}}}\n")
    monkeypatch.setenv("V", "+abc")
    reconciler("plan", "numbers.yaml", "--out", "plan.json")
    monkeypatch.setenv("V", "abc")
    assert reconciler("apply", "plan.json", "--auto-approve").code == 1
    assert secretive.stats()["post"] == 0


def test_what_is_missing_is_said_once() -> None:
    text = f"version: 1\nnumbers: {{{ONE}: {{RoutingMethod: Flow, Flow: '${{NOT_SET}}'}}}}\n"
    with pytest.raises(InputError) as raised:
        desired.parse([("n.yaml", text.encode())])
    [problem] = raised.value.problems
    assert "NOT_SET is not set" in problem.message


def test_a_pipe_that_nobody_writes_to_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is a pipe"):
        value(f"'${{file:{tmp_path / 'pipe'}}}'")
