"""Ctrl-C, SIGTERM, kill -9: what is under way is finished; the next run goes on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Account

from reconciler import journal, sandbox

NUMBERS = [f"+612555000{index:02}" for index in range(30)]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account whose API takes a while over everything, and thirty numbers that record calls."""
    settings = sandbox.Settings(db=tmp_path / "account.sqlite", latency=0.05)
    with sandbox.running(settings) as url:
        monkeypatch.setenv("RECONCILER_API_URL", url)
        monkeypatch.setenv("RECONCILER_ACCOUNT_SID", sandbox.ACCOUNT_SID)
        monkeypatch.setenv("RECONCILER_TOKEN", sandbox.TOKEN)
        account = Account(url)
        account.add(*({"Number": number, "Recording": "Call"} for number in NUMBERS))
        keys = "".join(f"  {number}:\n" for number in NUMBERS)
        text = f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n{keys}"
        (tmp_path / "numbers.yaml").write_text(text, "utf-8")
        yield account


@pytest.fixture
def start(slow: Account, tmp_path: Path) -> Start:
    """Starts an apply that writes four numbers at a time."""

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "reconciler",
                "apply",
                "numbers.yaml",
                "-q",
                "--auto-approve",
                "--max-changes",
                "100%",
                "--parallelism",
                "4",
                "--format",
                "json",
                "--journal",
                "j.jsonl",
            ],
            cwd=tmp_path,
            env=os.environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


def until_posts(account: Account, count: int, process: subprocess.Popen[str]) -> None:
    while account.stats()["post"] < count:
        assert process.poll() is None, process.communicate()


def written(account: Account) -> list[str]:
    return [number for number in NUMBERS if account.live(number)["Recording"] == "Off"]


def by_status(out: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for result in json.loads(out)["results"]:
        found.setdefault(result["status"], []).append(result["number"])
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_apply_finishes_what_is_under_way_and_says_what_it_did(
    slow: Account, start: Start, number: signal.Signals
) -> None:
    with start() as process:
        until_posts(slow, 6, process)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    told = by_status(out)
    assert (process.returncode, set(told)) == (130, {"applied", "not_attempted"})
    assert told["applied"] == written(slow)
    assert slow.stats()["post"] == len(told["applied"]) < 30
    assert err.endswith("Interrupted.\n")


def test_a_second_interrupt_aborts_and_says_what_is_not_known(slow: Account, start: Start) -> None:
    with start() as process:
        until_posts(slow, 6, process)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    told = by_status(out)
    assert process.returncode == 130
    assert set(written(slow)) <= {*told["applied"], *told.get("failed", [])}


def test_an_interrupted_plan_ends_at_once(slow: Account, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reconciler", "plan", "numbers.yaml", "--parallelism", "1"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=os.environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        while slow.stats()["get"] < 2:
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "Interrupted.\n")


@pytest.mark.parametrize("posts", [1, 5, 12])
def test_after_a_kill_the_same_command_converges_and_repeats_only_what_was_in_flight(
    slow: Account, start: Start, tmp_path: Path, posts: int
) -> None:
    with start() as process:
        until_posts(slow, posts, process)
        process.kill()
        process.communicate(timeout=60)
    with start() as again:
        out, _ = again.communicate(timeout=60)
    assert (again.returncode, written(slow)) == (0, NUMBERS)
    assert len(NUMBERS) <= slow.stats()["post"] <= len(NUMBERS) + 4
    assert set(by_status(out)) == {"applied"}


def test_what_a_killed_run_wrote_can_be_reverted(
    slow: Account, start: Start, tmp_path: Path
) -> None:
    with start() as process:
        until_posts(slow, 5, process)
        process.kill()
        process.communicate(timeout=60)
    done = written(slow)
    planned = {change.number for change in journal.read(tmp_path / "j.jsonl").changes}
    assert set(done) <= planned
    ran: Any = subprocess.run(
        [sys.executable, "-m", "reconciler", "revert", "j.jsonl", "--format", "json"],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [change["number"] for change in json.loads(ran.stdout)["changes"]] == done
