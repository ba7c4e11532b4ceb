"""The whole path: the command line, a real server, and what both say afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Account, Ran, Run

Write = Callable[..., str]
NUMBER = "+61255500001"


def sixty(account: Account, write: Write) -> str:
    """Sixty numbers, five of which differ from the file; some fields are set and not declared."""
    numbers = [f"+612555000{index:02}" for index in range(60)]
    account.add(
        *(
            {
                "Number": number,
                "Recording": "Call" if index % 12 == 0 else "Off",
                "Friendly": f"Line {index}",
                "Flow": "cfg-kept",
            }
            for index, number in enumerate(numbers)
        )
    )
    lines = [
        f"  {number}:\n    Friendly: Line {i}\n    Recording: Off\n"
        for i, number in enumerate(numbers)
    ]
    return write("version: 1\nnumbers:\n" + "".join(lines))


def one(account: Account, write: Write, declared: str, **live: str) -> str:
    account.add({"Number": NUMBER, **live})
    return write(f"version: 1\nnumbers:\n  {NUMBER}:\n{declared}")


def test_a_plan_of_sixty_numbers_reads_each_once_and_writes_nothing(
    account: Account, write: Write, reconciler: Run
) -> None:
    ran = reconciler("plan", sixty(account, write))
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Plan: 5 to change, 55 unchanged.")
    assert (account.stats()["get"], account.stats()["post"]) == (60, 0)


def test_an_apply_posts_only_the_five_that_differ_and_only_what_differs(
    account: Account, write: Write, reconciler: Run
) -> None:
    ran = reconciler("apply", sixty(account, write), "--auto-approve", "--format", "json")
    posted = [result["posted"] for result in ran.json["results"]]
    assert (ran.code, account.stats()["post"]) == (0, 5)
    assert posted == [{"Recording": "Off"}] * 5


def test_a_plan_after_an_apply_finds_nothing(
    account: Account, write: Write, reconciler: Run
) -> None:
    path = sixty(account, write)
    reconciler("apply", path, "--auto-approve")
    ran = reconciler("plan", path, "--detailed-exitcode")
    assert (ran.code, ran.out) == (0, "No changes. All 60 numbers are as declared.\n")


def test_a_second_apply_sends_nothing(account: Account, write: Write, reconciler: Run) -> None:
    path = sixty(account, write)
    reconciler("apply", path, "--auto-approve")
    account.forget_stats()
    assert reconciler("apply", path, "--auto-approve").code == 0
    assert account.stats()["post"] == 0


def test_what_is_not_declared_is_not_touched(
    account: Account, write: Write, reconciler: Run
) -> None:
    reconciler("apply", sixty(account, write), "--auto-approve")
    assert account.live("+61255500012")["Flow"] == "cfg-kept"


def test_unquoted_scalars_mean_what_they_say(
    account: Account, write: Write, reconciler: Run
) -> None:
    path = one(
        account, write, "    Recording: Off\n    Friendly: 0412\n    SendSmsTo: +61491570006\n"
    )
    assert reconciler("apply", path, "--auto-approve").code == 0
    live = account.live(NUMBER)
    assert (live["Recording"], live["Friendly"], live["SendSmsTo"]) == (
        "Off",
        "0412",
        "+61491570006",
    )


def test_a_null_clears_a_field(account: Account, write: Write, reconciler: Run) -> None:
    path = one(account, write, "    Friendly: ~\n", Friendly="Old")
    assert reconciler("apply", path, "--auto-approve").code == 0
    assert "Friendly" not in account.live(NUMBER)


def test_a_routing_method_is_sent_with_its_target_even_when_that_is_the_same(
    account: Account, write: Write, reconciler: Run
) -> None:
    declared = "    RoutingMethod: Flow\n    Flow: cfg-sales\n"
    path = one(
        account,
        write,
        declared,
        RoutingMethod="Endpoint",
        EndpointNumber="+61255500100",
        Flow="cfg-sales",
    )
    change = reconciler("plan", path, "--format", "json").json["changes"][0]
    assert list(change["fields"]) == ["RoutingMethod"]
    assert change["post"] == {"RoutingMethod": "Flow", "Flow": "cfg-sales"}


def test_only_the_target_is_sent_when_only_the_target_differs(
    account: Account, write: Write, reconciler: Run
) -> None:
    declared = "    RoutingMethod: Flow\n    Flow: cfg-sales\n"
    path = one(account, write, declared, RoutingMethod="Flow", Flow="cfg-old")
    change = reconciler("plan", path, "--format", "json").json["changes"][0]
    assert change["post"] == {"Flow": "cfg-sales"}


def test_phone_numbers_compare_without_their_plus(
    account: Account, write: Write, reconciler: Run
) -> None:
    declared = "    RoutingMethod: Endpoint\n    EndpointNumber: +61255500100\n"
    path = one(account, write, declared, RoutingMethod="Endpoint", EndpointNumber="61255500100")
    assert reconciler("plan", path, "--detailed-exitcode").code == 0


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_differences_end_with_exit_2_where_that_is_asked(
    account: Account, write: Write, reconciler: Run, command: str
) -> None:
    path = one(account, write, "    Recording: Off\n", Recording="Call")
    flags = ["--detailed-exitcode"] if command == "plan" else []
    assert reconciler(command, path, *flags).code == 2


def test_a_number_that_cannot_be_read_is_told_and_the_others_are_still_planned(
    account: Account, write: Write, reconciler: Run
) -> None:
    account.add({"Number": NUMBER, "Recording": "Call"})
    path = write(
        f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n  {NUMBER}:\n  +61255509999:\n"
    )
    ran = reconciler("plan", path)
    assert ran.code == 1
    assert "! +61255509999  NumberNotFound" in ran.out
    assert "Plan: 1 to change, 0 unchanged, 1 could not be planned." in ran.out


def test_an_apply_writes_what_it_can_and_exits_with_4_where_a_number_was_not_read(
    account: Account, write: Write, reconciler: Run
) -> None:
    account.add({"Number": NUMBER, "Recording": "Call"})
    path = write(
        f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n  {NUMBER}:\n  +61255509999:\n"
    )
    assert reconciler("apply", path, "--auto-approve").code == 4
    assert account.live(NUMBER)["Recording"] == "Off"


def test_a_number_of_another_account_is_an_error_and_not_written(
    account: Account, write: Write, reconciler: Run
) -> None:
    account.add({"Number": NUMBER, "Recording": "Call"})
    path = write(f"version: 1\nproperty: PRother\nnumbers:\n  {NUMBER}: {{Recording: Off}}\n")
    ran = reconciler("apply", path, "--auto-approve")
    assert (ran.code, account.stats()["post"]) == (1, 0)
    assert "OtherProperty" in ran.out


def test_wrong_credentials_stop_the_run_at_once(
    account: Account, write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_TOKEN", "wrong")
    ran = reconciler("plan", sixty(account, write), "--parallelism", "1")
    assert (ran.code, account.stats()["total"]) == (1, 1)
    assert "401" in ran.err
    assert "wrong" not in ran.err.replace("wrong or missing", "")


def test_a_protected_number_is_planned_and_never_written(
    account: Account, write: Write, reconciler: Run
) -> None:
    path = one(account, write, "    protect: true\n    Recording: Off\n", Recording="Call")
    ran = reconciler("apply", path, "--auto-approve")
    assert (ran.code, account.stats()["post"]) == (3, 0)
    assert "protected" in ran.out


def test_an_apply_without_a_terminal_needs_auto_approve(
    account: Account, write: Write, reconciler: Run
) -> None:
    path = one(account, write, "    Recording: Off\n", Recording="Call")
    ran = reconciler("apply", path)
    assert (ran.code, account.stats()["post"]) == (3, 0)
    assert "--auto-approve" in ran.err


def many(account: Account, write: Write, count: int, extra: str = "") -> str:
    numbers = [f"+612555000{index:02}" for index in range(count)]
    account.add(*({"Number": number, "Recording": "Call"} for number in numbers))
    keys = "".join(f"  {number}:\n" for number in numbers)
    return write(f"version: 1\n{extra}defaults: {{Recording: Off}}\nnumbers:\n{keys}")


@pytest.mark.parametrize(
    ("count", "extra", "flags", "code"),
    [
        (5, "", [], 0),
        (6, "", [], 3),
        (6, "", ["--max-changes", "6"], 0),
        (6, "", ["--max-changes", "100%"], 0),
        (6, "", ["--max-changes", "99%"], 3),
        (6, "limits: {max_changes: 6}\n", [], 0),
        (3, "limits: {max_changes: 2}\n", [], 3),
        (3, "limits: {max_changes: 2}\n", ["--max-changes", "3"], 0),
        (2, "limits: {max_changes: 50%}\n", [], 3),
    ],
)
def test_more_changes_than_allowed_are_refused_before_anything_is_written(
    account: Account,
    write: Write,
    reconciler: Run,
    count: int,
    extra: str,
    flags: list[str],
    code: int,
) -> None:
    ran = reconciler("apply", many(account, write, count, extra), "--auto-approve", *flags)
    assert (ran.code, account.stats()["post"]) == (code, 0 if code else count)


def test_a_target_plans_that_number_alone(account: Account, write: Write, reconciler: Run) -> None:
    ran = reconciler("plan", many(account, write, 3), "--target", "61255500001")
    assert (ran.code, account.stats()["get"]) == (0, 1)


def test_a_target_that_matches_nothing_is_an_error(
    account: Account, write: Write, reconciler: Run
) -> None:
    ran = reconciler("plan", many(account, write, 3), "--target", "+613*")
    assert (ran.code, account.stats()["total"]) == (1, 0)


def test_a_saved_plan_shows_the_same_and_applies_the_same(
    account: Account, write: Write, reconciler: Run
) -> None:
    planned = reconciler("plan", sixty(account, write), "--out", "plan.json")
    assert reconciler("show", "plan.json").out == planned.out
    assert reconciler("apply", "plan.json", "--auto-approve").code == 0
    assert account.stats()["post"] == 5


def test_a_saved_plan_is_for_its_owner_alone(
    account: Account, write: Write, reconciler: Run, tmp_path: Path
) -> None:
    reconciler("plan", sixty(account, write), "--out", "plan.json")
    assert (tmp_path / "plan.json").stat().st_mode & 0o777 == 0o600


def test_a_number_that_moved_since_a_plan_was_saved_is_a_conflict(
    account: Account, write: Write, reconciler: Run
) -> None:
    reconciler("plan", sixty(account, write), "--out", "plan.json")
    account.edit("+61255500000", Recording=None)
    account.edit("+61255500012", Recording="Off")
    ran = reconciler("apply", "plan.json", "--auto-approve", "--format", "json")
    assert ran.code == 4
    assert ran.json["summary"] == {
        "applied": 3,
        "already_in_place": 1,
        "conflict": 1,
        "failed": 0,
        "not_converged": 0,
        "protected": 0,
        "not_attempted": 0,
    }
    assert account.stats()["post"] == 3


def test_a_saved_plan_of_another_account_is_refused(
    account: Account, write: Write, reconciler: Run
) -> None:
    reconciler("plan", sixty(account, write), "--out", "plan.json")
    ran = reconciler("apply", "plan.json", "--auto-approve", "--account-sid", "ACother")
    assert (ran.code, account.stats()["post"]) == (3, 0)


def test_a_plan_and_a_result_are_valid_by_their_schemas(
    account: Account, write: Write, reconciler: Run
) -> None:
    from reconciler import schema

    path = sixty(account, write)
    schema.validator("plan").validate(reconciler("plan", path, "--format", "json").json)
    result = reconciler("apply", path, "--auto-approve", "--format", "json").json
    schema.validator("result").validate(result)


def test_a_result_can_be_shown_again(account: Account, write: Write, reconciler: Run) -> None:
    result = reconciler("apply", sixty(account, write), "--auto-approve", "--format", "json")
    write(result.out, "result.json")
    assert "Apply complete: 5 applied." in reconciler("show", "result.json").out


def test_the_same_plan_comes_out_under_any_hash_seed(
    account: Account, write: Write, reconciler: Run, tmp_path: Path
) -> None:
    path = sixty(account, write)
    plans = set()
    for seed in ("0", "1", "4242"):
        ran = subprocess.run(
            [sys.executable, "-m", "reconciler", "plan", path, "--format", "json"],
            cwd=tmp_path,
            capture_output=True,
            check=True,
            text=True,
            env={**_environment(account), "PYTHONHASHSEED": seed},
        )
        plan = json.loads(ran.stdout)
        created = plan["created_at"]
        plans.add(ran.stdout.replace(created, ""))
    assert len(plans) == 1


def _environment(account: Account) -> dict[str, str]:
    import os

    return {**os.environ, "RECONCILER_API_URL": account.url}


def test_the_export_of_an_account_plans_clean(
    account: Account, write: Write, reconciler: Run
) -> None:
    sixty(account, write)
    account.flows({"null": "", "cfg-kept": ""})
    account.edit(NUMBER, Friendly="Off", SendSmsTo="61491570006", Flow="null", AddressSid="0x1F")
    write(reconciler("export", "--all").out, "exported.yaml")
    ran = reconciler("plan", "exported.yaml", "--detailed-exitcode")
    assert (ran.code, ran.out) == (0, "No changes. All 60 numbers are as declared.\n")


def test_an_export_of_named_numbers_holds_just_those(
    account: Account, write: Write, reconciler: Run
) -> None:
    sixty(account, write)
    ran = reconciler("export", NUMBER, "61255500002")
    assert ran.out.count("Friendly:") == 2


def test_a_run_in_the_sandbox_needs_no_account_and_keeps_its_state(
    write: Write, reconciler: Run
) -> None:
    path = write(f"version: 1\nnumbers:\n  {NUMBER}: {{Recording: Off}}\n")
    assert reconciler("plan", path, "--sandbox", "--detailed-exitcode").code == 2
    assert reconciler("apply", path, "--sandbox", "--auto-approve").code == 0
    assert reconciler("drift", path, "--sandbox").code == 0


def told(ran: Ran) -> str:
    return ran.out + ran.err


@pytest.mark.parametrize(
    "arguments",
    [["plan"], ["plan", "x", "--format", "xml"], ["nonsense"], ["plan", "x", "--token", "t"]],
)
def test_a_wrong_command_line_ends_with_64(reconciler: Run, arguments: list[str]) -> None:
    assert reconciler(*arguments).code == 64


def test_without_credentials_nothing_is_asked_of_the_api(
    account: Account, write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECONCILER_TOKEN")
    ran = reconciler("plan", sixty(account, write))
    assert (ran.code, account.stats()["total"]) == (1, 0)
    assert "RECONCILER_TOKEN" in ran.err


def test_plain_http_goes_to_loopback_alone(
    write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_TOKEN", "t")
    path = write(f"version: 1\nnumbers:\n  {NUMBER}: {{Recording: Off}}\n")
    ran = reconciler("plan", path, "--api-url", "http://api.example.com", "--account-sid", "AC1")
    assert ran.code == 1
    assert "--insecure-http" in ran.err


def test_a_sandbox_follows_the_account_that_the_file_comes_to_name(
    write: Write, reconciler: Run
) -> None:
    path = write(f"version: 1\nnumbers:\n  {NUMBER}: {{Recording: Off}}\n")
    assert reconciler("apply", path, "--sandbox", "--auto-approve").code == 0
    write(f"version: 1\naccount: ACmine\nnumbers:\n  {NUMBER}: {{Recording: Off}}\n")
    assert reconciler("drift", path, "--sandbox").code == 0


def test_a_saved_sandbox_plan_can_be_applied(write: Write, reconciler: Run) -> None:
    path = write(f"version: 1\nnumbers:\n  {NUMBER}: {{Recording: Off}}\n")
    assert reconciler("plan", path, "--sandbox", "--out", "plan.json").code == 0
    assert reconciler("apply", "plan.json", "--sandbox", "--auto-approve").code == 0


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("version: 1\nnumbers:\n", []),
        (f"version: 1\nnumbers: {{{NUMBER}: }}\n", ["--target", NUMBER, "--exclude", "*"]),
    ],
)
def test_no_number_at_all_never_reads_as_no_changes(
    account: Account, write: Write, reconciler: Run, text: str, flags: list[str]
) -> None:
    ran = reconciler("plan", write(text), *flags)
    assert (ran.code, ran.out) == (1, "")


def test_a_plan_is_never_saved_over_what_it_is_made_from(
    account: Account, write: Write, reconciler: Run, tmp_path: Path
) -> None:
    text = f"version: 1\nnumbers: {{{NUMBER}: }}\n"
    path = write(text)
    assert reconciler("plan", path, "--out", path).code == 64
    assert (tmp_path / path).read_text() == text


def test_a_link_stays_a_link_when_a_plan_is_saved_through_it(
    account: Account, write: Write, reconciler: Run, tmp_path: Path
) -> None:
    path = one(account, write, "    Recording: Off\n", Recording="Call")
    (tmp_path / "link.json").symlink_to("target.json")
    assert reconciler("plan", path, "--out", "link.json").code == 0
    assert (tmp_path / "link.json").is_symlink()
    assert reconciler("show", "target.json").code == 0


def test_a_refused_apply_is_one_document_too(
    account: Account, write: Write, reconciler: Run
) -> None:
    path = one(account, write, "    Recording: Off\n", Recording="Call")
    ran = reconciler("apply", path, "--format", "json")
    assert ran.code == 3
    assert ran.json["summary"]["not_attempted"] == 1
    assert "--auto-approve" in ran.json["stopped"]


def test_a_full_disk_on_stdout_loses_no_report(
    account: Account, write: Write, tmp_path: Path
) -> None:
    path = one(account, write, "    Recording: Off\n", Recording="Call")
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [
                sys.executable,
                "-m",
                "reconciler",
                "apply",
                path,
                "--auto-approve",
                "--format",
                "json",
            ],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 1
    assert '"applied": 1' in ran.stderr
    assert "stdout cannot be written" in ran.stderr
    assert "Traceback" not in ran.stderr
