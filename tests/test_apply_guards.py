"""What keeps an apply from doing harm: ignores, canaries, locks, and the journal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from harness import Account, Run

from reconciler import journal, lock
from reconciler.cli import applying

Write = Callable[..., str]
NUMBERS = [f"+6125550000{index}" for index in range(5)]


@pytest.fixture
def five(account: Account, write: Write) -> str:
    """A file that sets Recording to Off on five numbers that record calls."""
    account.add(*({"Number": number, "Recording": "Call", "Flow": "kept"} for number in NUMBERS))
    keys = "".join(f"  {number}:\n" for number in NUMBERS)
    return write(f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n{keys}")


def ignoring(until: str, declared: str = "Recording: Off", field: str = "Recording") -> str:
    return (
        f"version: 1\nnumbers:\n  {NUMBERS[0]}:\n    {declared}\n"
        f"    ignore: {{{field}: {{reason: a trial, until: {until}}}}}\n"
    )


def day(offset: int) -> str:
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


@pytest.mark.parametrize("offset", [1, 400])
def test_an_ignored_field_is_no_difference_until_its_day(
    account: Account, write: Write, reconciler: Run, offset: int
) -> None:
    account.add({"Number": NUMBERS[0], "Recording": "Call"})
    ran = reconciler("plan", write(ignoring(day(offset))), "--detailed-exitcode")
    assert (ran.code, ran.err) == (0, "")


def test_an_ignored_field_is_a_difference_again_after_its_day_and_says_so(
    account: Account, write: Write, reconciler: Run
) -> None:
    account.add({"Number": NUMBERS[0], "Recording": "Call"})
    ran = reconciler("plan", write(ignoring(day(-2))), "--detailed-exitcode")
    assert ran.code == 2
    assert "it counts again [ignore-expired]" in ran.err


def test_an_ignored_target_is_sent_as_it_is(
    account: Account, write: Write, reconciler: Run
) -> None:
    account.add(
        {
            "Number": NUMBERS[0],
            "RoutingMethod": "Endpoint",
            "EndpointNumber": "+61255500100",
            "Flow": "live",
        }
    )
    path = write(ignoring(day(9), "RoutingMethod: Flow\n    Flow: declared", "Flow"))
    change = reconciler("plan", path, "--format", "json").json["changes"][0]
    assert change["post"] == {"RoutingMethod": "Flow", "Flow": "live"}


def test_a_canary_that_stands_lets_the_others_follow(
    account: Account, five: str, reconciler: Run
) -> None:
    ran = reconciler("apply", five, "--auto-approve", "--canary", "2")
    assert (ran.code, account.stats()["post"]) == (0, 5)
    # Five to plan, and the two canaries once more.
    assert account.stats()["get"] == 7


def test_a_journal_has_an_intent_before_and_an_outcome_after_each_write(
    account: Account, five: str, reconciler: Run, tmp_path: Path
) -> None:
    reconciler("apply", five, "--auto-approve", "--journal", "j.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "j.jsonl").read_text().splitlines()]
    begin, *rest = lines
    assert (begin["event"], begin["account_sid"]) == ("begin", "ACsandbox")
    assert {"user", "host", "commit", "plan", "at", "run"} <= set(begin)
    assert begin["plan"].startswith("sha256:")
    for number in NUMBERS:
        intent, outcome = (line for line in rest if line["number"] == number)
        assert (intent["event"], intent["before"]) == ("intent", {"Recording": "Call"})
        assert (outcome["event"], outcome["status"]) == ("outcome", "applied")


def test_a_journal_is_for_its_owner_alone_and_never_rewritten(
    account: Account, five: str, reconciler: Run, tmp_path: Path
) -> None:
    path = tmp_path / "j.jsonl"
    reconciler("apply", five, "--auto-approve", "--journal", "j.jsonl")
    first = path.read_bytes()
    path.write_bytes(first[:-9])
    account.edit(NUMBERS[0], Recording="Call")
    reconciler("apply", five, "--auto-approve", "--journal", "j.jsonl")
    assert path.read_bytes().startswith(first[:-9] + b"\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [change.number for change in journal.read(path).changes] == [NUMBERS[0]]


def test_a_journal_names_the_commit_of_the_checkout(
    account: Account, five: str, reconciler: Run, tmp_path: Path
) -> None:
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "m"], cwd=tmp_path, check=True)
    reconciler("apply", five, "--auto-approve", "--journal", "j.jsonl")
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    begin = json.loads((tmp_path / "j.jsonl").read_text().splitlines()[0])
    assert begin["commit"] == head.stdout.strip()


def test_without_its_journal_nothing_is_written(
    account: Account, five: str, reconciler: Run
) -> None:
    ran = reconciler("apply", five, "--auto-approve", "--journal", "missing/j.jsonl")
    assert (ran.code, account.stats()["post"]) == (1, 0)
    assert "journal" in ran.err


def test_a_journal_whose_disk_is_full_stops_the_writing(
    account: Account, five: str, reconciler: Run
) -> None:
    ran = reconciler("apply", five, "--auto-approve", "--journal", "/dev/full")
    assert (ran.code, account.stats()["post"]) == (1, 0)
    assert "/dev/full cannot be written" in ran.err


@pytest.mark.parametrize("undo", ["plan.json", "j.jsonl"])
def test_a_revert_puts_back_what_was_there(
    account: Account, five: str, reconciler: Run, undo: str
) -> None:
    reconciler("plan", five, "--out", "plan.json")
    reconciler("apply", "plan.json", "--auto-approve", "--journal", "j.jsonl")
    assert reconciler("revert", undo, "--out", "back.json").code == 0
    assert reconciler("apply", "back.json", "--auto-approve").code == 0
    assert all(account.live(number)["Recording"] == "Call" for number in NUMBERS)


def test_a_revert_leaves_alone_what_has_moved_on_since(
    account: Account, five: str, reconciler: Run
) -> None:
    reconciler("apply", five, "--auto-approve", "--journal", "j.jsonl")
    account.edit(NUMBERS[0], Recording=None)
    account.edit(NUMBERS[1], Recording="Call")
    ran = reconciler("revert", "j.jsonl", "--format", "json")
    assert ran.code == 1
    assert [each["number"] for each in ran.json["changes"]] == NUMBERS[2:]
    assert [(each["number"], each["code"]) for each in ran.json["errors"]] == [
        (NUMBERS[0], "Conflict")
    ]


def test_a_revert_of_a_routing_method_sends_the_target_it_had(
    account: Account, write: Write, reconciler: Run
) -> None:
    live = {"RoutingMethod": "Endpoint", "EndpointNumber": "+61255500100"}
    account.add({"Number": NUMBERS[0], **live})
    fields = "{RoutingMethod: Flow, Flow: cfg}"
    path = write(f"version: 1\nnumbers:\n  {NUMBERS[0]}: {fields}\n")
    reconciler("apply", path, "--auto-approve", "--journal", "j.jsonl")
    reconciler("revert", "j.jsonl", "--out", "back.json")
    assert reconciler("apply", "back.json", "--auto-approve").code == 0
    assert live.items() <= account.live(NUMBERS[0]).items()
    assert "Flow" not in account.live(NUMBERS[0])


@pytest.mark.parametrize(
    "content", ["", "{}", '{"format_version": 1, "event": "end", "run": "r"}\n']
)
def test_a_file_that_nothing_was_written_by_cannot_be_reverted(
    account: Account, write: Write, reconciler: Run, content: str
) -> None:
    ran = reconciler("revert", write(content, "j.jsonl"))
    assert (ran.code, account.stats()["total"]) == (1, 0)
    assert ran.err.startswith("j.jsonl:1:1: ")


def test_a_second_apply_over_the_same_files_is_refused(
    account: Account, five: str, reconciler: Run, tmp_path: Path
) -> None:
    with lock.held([tmp_path], 0, print):
        ran = reconciler("apply", five, "--auto-approve")
    assert (ran.code, account.stats()["total"]) == (3, 0)
    assert "Another apply is under way" in ran.err


HOLD = """
import sys
from pathlib import Path
from reconciler import lock
with lock.held([Path(sys.argv[1])], 0, print):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Any:
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process


def test_a_second_apply_waits_as_long_as_it_is_told(
    account: Account, five: str, holder: Any, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "reconciler", "apply", five, "--auto-approve"]
    with subprocess.Popen(
        [*command, "--lock-timeout", "60"], cwd=tmp_path, env=os.environ, stdout=subprocess.PIPE
    ) as waiting:
        holder.stdin.close()
        assert b"Apply complete: 5 applied." in waiting.communicate(timeout=60)[0]


def test_a_dead_process_leaves_no_lock_behind(
    account: Account, five: str, holder: Any, reconciler: Run
) -> None:
    holder.kill()
    holder.wait()
    assert reconciler("apply", five, "--auto-approve").code == 0


def test_numbers_just_read_are_not_read_again_before_they_are_written(
    account: Account, five: str, reconciler: Run
) -> None:
    assert reconciler("apply", five, "--auto-approve").code == 0
    assert (account.stats()["get"], account.stats()["post"]) == (5, 5)


def test_numbers_read_too_long_ago_are_read_again_before_they_are_written(
    account: Account, five: str, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert applying.FRESH_SECONDS == 60
    # As if a person had thought about the prompt for longer than that.
    monkeypatch.setattr(applying, "FRESH_SECONDS", -1.0)
    assert reconciler("apply", five, "--auto-approve").code == 0
    assert (account.stats()["get"], account.stats()["post"]) == (10, 5)


def test_a_saved_plan_reads_again_only_what_it_would_write(
    account: Account, five: str, reconciler: Run
) -> None:
    account.edit(NUMBERS[0], Recording="Off")
    reconciler("plan", five, "--out", "plan.json")
    account.forget_stats()
    assert reconciler("apply", "plan.json", "--auto-approve").code == 0
    assert (account.stats()["get"], account.stats()["post"]) == (4, 4)
