"""drift --every: a real process, real signals, a real account that somebody changes meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import virtual
from harness import Account, Git, Run
from hypothesis import given
from hypothesis import strategies as st
from inbox import Inbox, opened
from prometheus_client.parser import text_string_to_metric_families

from reconciler import desired, journal, lock, sandbox
from reconciler.cli import run
from reconciler.cli.options import Connection, Output
from reconciler.cli.service import repeat
from reconciler.metrics import Metrics, Pulse, served

NUMBERS = [f"+6125550000{digit}" for digit in range(1, 9)]
ONE, TWO, THREE, FOUR = NUMBERS[:4]
# Rounds follow one another as fast as they go, or only the first one is ever made.
QUICK, ONCE = "0.01", "1d"
Write = Callable[..., str]
Line = dict[str, Any]


class Watching:
    """A `drift --every` that is up."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process = process
        self.shown: list[Line] = []
        self._errors = errors

    def text(self) -> str:
        """The next line, when it comes."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"It ended with {self.process.wait()}: {self.err}"
        return line

    def line(self) -> Line:
        """The next round's; what it was about to heal is in `shown`."""
        while (told := self._told())["outcome"] == "healing":
            self.shown.append(told)
        return told

    def _told(self) -> Line:
        told: Line = json.loads(self.text())
        return told

    def until(self, **wanted: object) -> Line:
        """The next line that has these values."""
        while True:
            line = self.line()
            if wanted.items() <= line.items():
                return line

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, list[str]]:
        """Sends the signal; the exit code, and the lines that were still to come."""
        self.process.send_signal(number)
        assert self.process.stdout is not None
        lines = self.process.stdout.readlines()
        return self.process.wait(), lines

    @property
    def err(self) -> str:
        return self._errors.read_text("utf-8")

    @property
    def port(self) -> int:
        """Where its metrics are; it says so before the first line."""
        (line,) = (line for line in self.err.splitlines() if "/metrics" in line)
        return int(line.rstrip(".").rpartition(" ")[2])


@contextmanager
def up(errors: Path, *command: str) -> Iterator[Watching]:
    with (
        errors.open("w") as err,
        subprocess.Popen(
            [sys.executable, *command],
            cwd=errors.parent,
            env=os.environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=err,
        ) as process,
    ):
        # Whoever waits for a line that never comes is not to wait for ever.
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            yield Watching(process, errors)
        finally:
            watchdog.cancel()
            process.kill()


Watch = Callable[..., Any]


@pytest.fixture
def drift(tmp_path: Path, account: Account) -> Watch:
    """Watches numbers.yaml; a context."""

    def watch(*flags: str) -> Any:
        command = ("-m", "reconciler", "drift", "numbers.yaml", "--format", "json", "-q")
        return up(tmp_path / "stderr.log", *command, *flags)

    return watch


@pytest.fixture
def two(account: Account, write: Write) -> str:
    """Two numbers that are as declared."""
    account.add({"Number": ONE, "Recording": "Off"}, {"Number": TWO, "Recording": "Off"})
    return write(f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n  {ONE}:\n  {TWO}:\n")


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    with opened() as inbox:
        monkeypatch.setenv("RECONCILER_NOTIFY", inbox.url)
        yield inbox


def scraped(port: int) -> dict[str, float]:
    """The metrics of ours, as {"reconciler_rounds_total clean": 2}."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


def health(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


# What a round says


def test_each_round_says_on_one_line_what_it_found(
    account: Account, two: str, tmp_path: Path
) -> None:
    command = ("-m", "reconciler", "drift", two, "--every", QUICK)
    with up(tmp_path / "stderr.log", *command) as watching:
        assert "  no drift in 2 numbers, " in watching.text()
        account.edit(ONE, Recording="Call")
        while "no drift" in (line := watching.text()):
            pass
        assert "Z  1 of 2 numbers drifted (Recording 1), " in line


def test_each_round_is_a_line_of_json_for_a_log_pipeline(
    account: Account, two: str, drift: Watch
) -> None:
    account.edit(TWO, Recording="Call", Friendly="Zoë")
    with drift("--every", QUICK) as watching:
        text = watching.text()
        assert text.isascii()
        told = json.loads(text)
        assert told.pop("at").endswith("Z")
        assert 0 < told.pop("seconds") < 60
        assert told == {
            "outcome": "drift",
            "numbers": 2,
            "drifted": 1,
            "waiting": 0,
            "unreadable": 0,
            "fields": {"Recording": 1},
            "changes": [
                {
                    "number": TWO,
                    "friendly": "Zoë",
                    "fields": {"Recording": {"before": "Call", "after": "Off"}},
                }
            ],
            "errors": [],
        }
        account.edit(TWO, Recording="Off")
        assert watching.until(drifted=0)["outcome"] == "clean"


def test_a_watch_that_may_not_heal_never_posts(
    account: Account, two: str, drift: Watch, inbox: Inbox
) -> None:
    account.edit(ONE, Recording="Call")
    flags = ("--metrics-port", "0", "--report", "json=report.json", "--fetch", "auto")
    with drift("--every", QUICK, *flags) as watching:
        for _ in range(5):
            assert watching.line()["drifted"] == 1
    assert account.stats()["post"] == 0
    assert account.live(ONE)["Recording"] == "Call"


def test_an_overlay_is_read_anew_each_round(two: str, drift: Watch, write: Write) -> None:
    write("version: 1\n", "staging.yaml")
    with drift("--every", QUICK, "--overlay", "staging.yaml") as watching:
        watching.until(drifted=0)
        write("version: 1\ndefaults: {Recording: Call}\n", "staging.yaml")
        watching.until(drifted=2)


def test_a_report_is_written_anew_each_round(
    account: Account, two: str, drift: Watch, tmp_path: Path
) -> None:
    with drift("--every", QUICK, "--report", "json=report.json") as watching:
        watching.until(drifted=0)
        assert json.loads((tmp_path / "report.json").read_text())["changes"] == []
        account.edit(ONE, Recording="Call")
        watching.until(drifted=1)
        (change,) = json.loads((tmp_path / "report.json").read_text())["changes"]
        assert change["number"] == ONE


def test_a_report_that_can_no_longer_be_written_is_a_warning_and_the_round_goes_on(
    account: Account, two: str, drift: Watch, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    flags = ("--report", "json=out/report.json", "--report", "markdown=report.md")
    with drift("--every", QUICK, *flags) as watching:
        watching.until(drifted=0)
        shutil.rmtree(tmp_path / "out")
        account.edit(ONE, Recording="Call")
        watching.until(drifted=1)
        # The other one is written all the same.
        assert ONE in (tmp_path / "report.md").read_text("utf-8")
        (tmp_path / "out").mkdir()
        watching.line()
        watching.line()
        assert ONE in (tmp_path / "out" / "report.json").read_text("utf-8")
    (warning,) = watching.err.splitlines()
    assert warning.startswith("warning: ")
    assert warning.endswith("out/report.json cannot be written: No such file or directory.")


def test_the_sandbox_can_be_watched(two: str, drift: Watch) -> None:
    with drift("--every", QUICK, "--sandbox", "--heal") as watching:
        assert watching.line()["healed_count"] == 2
        assert watching.line()["drifted"] == 0


# What changes between the rounds


def test_a_declared_change_that_waits_is_told_apart_from_drift_and_the_baseline_read_anew(
    account: Account, git: Git, two: str, drift: Watch, write: Write
) -> None:
    git("add", two)
    git("commit", "-qm", "Declare them")
    git("tag", "applied")
    write(f"version: 1\nnumbers:\n  {ONE}: {{Recording: Call}}\n  {TWO}: {{Recording: Off}}\n")
    with drift("--every", QUICK, "--baseline", "applied") as watching:
        line = watching.line()
        assert (line["outcome"], line["drifted"], line["waiting"]) == ("clean", 0, 1)
        git("commit", "-qam", "Record the first one")
        git("tag", "-f", "applied")
        line = watching.until(drifted=1)
        assert line["changes"][0]["fields"]["Recording"]["origin"] == "drift"


def test_a_round_that_fails_is_said_and_the_next_one_is_made(
    account: Account, two: str, drift: Watch, write: Write, inbox: Inbox, tmp_path: Path
) -> None:
    good = (tmp_path / two).read_text("utf-8")
    with drift("--every", QUICK, "--metrics-port", "0") as watching:
        watching.until(outcome="clean")
        write("version: 1\nnumbers: {}\nnumber: {}\n")
        assert "unknown key" in watching.until(outcome="failed")["failed"]
        (tmp_path / two).unlink()
        assert "no such file" in watching.until(outcome="failed")["failed"]
        write(good)
        watching.until(outcome="clean")
        account.faults("401")
        assert "credentials" in watching.until(outcome="failed")["failed"].lower()
        account.faults("403:number=61255500001")
        watching.until(outcome="failed")
        # An API that says no is no reason to restart the watch.
        assert health(watching.port) == 200
        account.no_faults()
        watching.until(outcome="clean")
        assert scraped(watching.port)["reconciler_rounds_total failed"] > 2
    assert inbox.titles() == []


def test_an_api_that_is_down_is_a_failed_round_and_no_clear(
    account: Account, two: str, drift: Watch, inbox: Inbox
) -> None:
    account.edit(ONE, Recording="Call")
    with drift("--every", QUICK, "--retry-for", "0.05") as watching:
        watching.until(drifted=1)
        account.faults("503")
        watching.until(outcome="failed")
        account.no_faults()
        watching.until(outcome="drift")
        watching.line()
    assert len(inbox.titles()) == 1


def test_a_number_that_cannot_be_read_fails_the_round_and_is_not_taken_for_clear(
    account: Account, two: str, drift: Watch, inbox: Inbox
) -> None:
    account.edit(ONE, Recording="Call")
    with drift("--every", QUICK) as watching:
        watching.until(drifted=1)
        account.faults("status:code=404,number=61255500001")
        line = watching.until(drifted=0)
        assert (line["outcome"], line["unreadable"]) == ("failed", 1)
        assert line["errors"][0]["number"] == ONE
        watching.line()
    assert inbox.titles() == ["1 of 2 numbers drifted"]


def test_a_token_that_was_rotated_is_read_again(
    account: Account, two: str, drift: Watch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("wr0ng-token")
    with drift("--every", QUICK, "--token-file", "token") as watching:
        watching.until(outcome="failed")
        (tmp_path / "token").write_text(sandbox.TOKEN)
        watching.until(outcome="clean")
    assert "wr0ng" not in watching.err


def test_a_bug_is_reported_and_does_not_end_the_watch(
    account: Account, two: str, tmp_path: Path
) -> None:
    account.edit(ONE, Recording="Call")
    code = (
        "import sys; sys.modules['deepdiff'] = None\n"
        f"sys.argv = ['reconciler', 'drift', {two!r}, '--every', {QUICK!r}, '--format', 'json']\n"
        "from reconciler.cli import main\nmain()\n"
    )
    with up(tmp_path / "stderr.log", "-c", code) as watching:
        assert watching.line()["failed"].endswith("Error, which is a bug; stderr has more")
        assert watching.line()["outcome"] == "failed"
        code_, _ = watching.end()
    assert code_ == 0
    assert "Traceback" in watching.err
    assert "Please report it" in watching.err


def test_a_warning_is_said_when_it_comes_up_and_not_each_round(
    account: Account, two: str, drift: Watch, write: Write
) -> None:
    quiet = f"version: 1\nnumbers:\n  {ONE}: {{Recording: Off}}\n"
    loud = quiet + f"  {TWO}: {{WebHookMethod: POST}}\n"
    with drift("--every", QUICK) as watching:
        for text, numbers in ((loud, 2), (quiet, 1), (loud, 2)):
            write(text)
            watching.until(numbers=numbers)
            watching.line()
            watching.line()
    assert watching.err.count("WebHookMethod") == 2


# How it ends


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_at_once_while_it_waits(
    two: str, drift: Watch, number: signal.Signals, code: int
) -> None:
    with drift("--every", ONCE) as watching:
        watching.line()
        assert watching.end(number) == (code, [])
    assert watching.err == ("Stopped.\n" if code == 0 else "Interrupted.\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_gives_up_a_round_that_it_reads(
    account: Account, two: str, drift: Watch, number: signal.Signals, code: int
) -> None:
    account.faults("hang:method=GET")
    with drift("--every", ONCE, "--heal") as watching:
        while account.stats()["get"] < 2:
            assert watching.process.poll() is None
        assert watching.end(number) == (code, [])
    assert watching.err.startswith("Told to stop while reading; this round is given up.\n")


def test_it_finishes_what_it_writes(
    account: Account, write: Write, drift: Watch, tmp_path: Path
) -> None:
    numbers = [f"+612555000{index:02}" for index in range(30)]
    account.add(*({"Number": number, "Recording": "Call"} for number in numbers))
    keys = "".join(f"  {number}:\n" for number in numbers)
    limits = "limits: {max_changes: 100%}\n"
    write(f"version: 1\n{limits}defaults: {{Recording: Off}}\nnumbers:\n{keys}")
    account.faults("hang:method=POST,seconds=0.05")
    flags = ("--heal", "--journal", "j.jsonl", "--parallelism", "2")
    with drift("--every", ONCE, *flags) as watching:
        while account.stats()["post"] < 4:
            assert watching.process.poll() is None
        code, (*shown, line) = watching.end()
    assert [json.loads(each)["number"] for each in shown] == numbers
    healed = json.loads(line)["healed"]
    assert (code, watching.err.splitlines()[-1]) == (0, "Stopped.")
    assert healed == [each for each in numbers if account.live(each)["Recording"] == "Off"]
    assert account.stats()["post"] == len(healed) < 30
    assert set(json.loads(line)["not_healed"].values()) == {"not_attempted"}
    assert watching.err.count(": not healed: not attempted\n") == 30 - len(healed)
    assert [change.number for change in journal.read(tmp_path / "j.jsonl").changes] == healed


def test_told_twice_it_gives_up_what_it_writes_and_says_what_is_not_known(
    account: Account, two: str, drift: Watch
) -> None:
    account.edit(ONE, Recording="Call")
    account.faults("hang:method=POST")
    with drift("--every", ONCE, "--heal") as watching:
        while account.stats()["post"] < 1:
            assert watching.process.poll() is None
        # Two of the same that come at once are one; which of these is the first is not known.
        watching.process.send_signal(signal.SIGINT)
        code, (_, line) = watching.end(signal.SIGTERM)
    assert code in (0, 130)
    assert json.loads(line)["not_healed"] == {ONE: "failed"}
    assert "while reading" not in watching.err
    assert "Whether it was written is not known" in watching.err


def test_it_ends_when_nobody_reads_its_lines_any_more(two: str, drift: Watch) -> None:
    with drift("--every", QUICK) as watching:
        watching.line()
        watching.process.stdout.close()
        assert watching.process.wait() == 1
    assert watching.err == ""


# Notifications


def test_people_hear_when_drift_appears_changes_and_clears_and_not_each_round(
    account: Account, two: str, drift: Watch, inbox: Inbox
) -> None:
    with drift("--every", QUICK) as watching:
        watching.until(drifted=0)
        account.edit(ONE, Recording="Call", Friendly="@everyone")
        watching.until(drifted=1)
        appeared = inbox.next()
        account.edit(TWO, Recording="Call")
        watching.until(drifted=2)
        changed = inbox.next()
        account.edit(ONE, Recording="Off")
        account.edit(TWO, Recording="Off")
        watching.until(drifted=0)
        # The round after it shows that all of that was sent.
        watching.line()
    *_, cleared = inbox.titles()
    assert (appeared["title"], appeared["type"]) == ("1 of 2 numbers drifted", "warning")
    first, second, *_ = appeared["message"].splitlines()
    assert (first, second) == (
        f'{ONE}  "@\u200beveryone"',
        '    Recording: "Call", declared as "Off"',
    )
    assert changed["title"] == "Drift has changed: 2 of 2 numbers drifted"
    assert cleared == "No drift any more in 2 numbers"
    assert "s3cret" not in watching.err


def test_what_could_not_be_sent_is_sent_by_a_later_round(
    account: Account, two: str, drift: Watch, inbox: Inbox
) -> None:
    inbox.status = 500
    account.edit(ONE, Recording="Call")
    with drift("--every", QUICK) as watching:
        while inbox.tried < 3:
            watching.until(drifted=1)
        inbox.status = 200
        assert inbox.next()["title"] == "1 of 2 numbers drifted"
        watching.line()
        watching.line()
    assert inbox.titles() == []
    assert watching.err == ("warning: --notify number 1: not sent; the next round tries again.\n")


# Apprise's plugin for e-mail looks for it.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
@pytest.mark.parametrize("url", ["s3cret", "nothing-like://s3cret@x", "slack://s3cret", ""])
def test_a_url_that_is_none_is_refused_at_the_start_and_not_shown(
    reconciler: Run, two: str, url: str
) -> None:
    ran = reconciler("drift", two, "--every", ONCE, "--notify", "json://x", "--notify", url)
    assert (ran.code, ran.out) == (64, "")
    assert ran.err.startswith("Error: --notify number 2 is no URL that Apprise can use")
    assert "s3cret" not in ran.err


def test_without_apprise_it_says_how_to_install_it(two: str, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['apprise'] = None\n"
        f"sys.argv = ['reconciler', 'drift', {two!r}, '--every', '1d', '--notify', 'json://x']\n"
        "from reconciler.cli import main\nmain()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "Error: --notify needs Apprise: pip install 'reconciler[notify]'.\n"


def test_a_secret_is_in_nothing_that_is_told_and_is_healed_all_the_same(
    account: Account,
    write: Write,
    drift: Watch,
    inbox: Inbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOOK", "t0ps3cret")
    account.add({"Number": ONE, "WebHookUrl": "https://hooks.example.com/0ldsecret"})
    url = "https://hooks.example.com/${HOOK}"
    write(f"version: 1\nnumbers:\n  {ONE}: {{WebHookUrl: '{url}', WebHookMethod: POST}}\n")
    flags = ("--heal", "--journal", "j.jsonl", "--report", "html=r.html")
    with drift("--every", QUICK, *flags) as watching:
        line = watching.line()
        assert line["healed"] == [ONE]
        message = inbox.next()
        watching.line()
    files = "".join(file.read_text("utf-8") for file in (tmp_path / "j.jsonl", tmp_path / "r.html"))
    (shown,) = watching.shown
    assert shown["fields"]["WebHookUrl"] == {"before": "(sensitive)", "after": "(sensitive)"}
    for told in (json.dumps([shown, line]), json.dumps(message), watching.err, files):
        assert "t0ps3cret" not in told
        assert "0ldsecret" not in told
    assert "WebHookUrl: (sensitive), declared as (sensitive)" in message["message"]
    assert account.live(ONE)["WebHookUrl"] == "https://hooks.example.com/t0ps3cret"


# Healing


def test_drift_is_healed_and_what_waits_or_is_protected_is_not(
    account: Account, git: Git, drift: Watch, write: Write, reconciler: Run, inbox: Inbox
) -> None:
    before = "\n".join(f"  {number}: {{Recording: Off, Flow: cfg-1}}" for number in NUMBERS[:3])
    before += f"\n  {FOUR}: {{Recording: Off, protect: true}}\n"
    write(f"version: 1\nnumbers:\n{before}")
    git("add", ".")
    git("commit", "-qm", "Declare them")
    account.add(
        {"Number": ONE, "Recording": "Call", "Flow": "cfg-1"},
        {"Number": TWO, "Recording": "Call", "Flow": "cfg-1"},
        {"Number": THREE, "Recording": "Off", "Flow": "cfg-1"},
        {"Number": FOUR, "Recording": "Call"},
    )
    # The second number has drifted, and has a change that waits.
    write(
        f"version: 1\nnumbers:\n{before}".replace(
            f"{TWO}: {{Recording: Off, Flow: cfg-1", f"{TWO}: {{Recording: Off, Flow: cfg-2"
        )
    )
    flags = ("--heal", "--baseline", "HEAD", "--journal", "j.jsonl")
    with drift("--every", QUICK, *flags) as watching:
        line = watching.line()
        assert (line["drifted"], line["healed"]) == (3, [ONE])
        assert line["not_healed"] == {TWO: "waiting", FOUR: "protected"}
        line = watching.line()
        assert (line["drifted"], line["healed_count"]) == (2, 0)
        watching.line()
    assert account.stats()["post"] == 1
    assert account.live(ONE)["Recording"] == "Off"
    assert inbox.titles() == ["3 of 4 numbers drifted, 1 healed"]
    undo = reconciler("revert", "j.jsonl", "--format", "json").json
    assert [change["number"] for change in undo["changes"]] == [ONE]


def test_nothing_is_written_that_was_not_shown_before(
    account: Account, write: Write, drift: Watch
) -> None:
    # More than a round's line would name; none of them is ever answered.
    numbers = [f"+61255500{index:03}" for index in range(120)]
    account.add(*({"Number": number, "Recording": "Call", "Friendly": "Zoë"} for number in numbers))
    keys = "".join(f"  {number}:\n" for number in numbers)
    limits = "limits: {max_changes: 100%}\n"
    write(f"version: 1\n{limits}defaults: {{Recording: Off}}\nnumbers:\n{keys}")
    account.faults("hang:method=POST")
    with drift("--every", ONCE, "--heal") as watching:
        shown = [json.loads(watching.text()) for _ in numbers]
        assert account.live(ONE)["Recording"] == "Call"
        watching.process.kill()
    assert all(each.pop("at").endswith("Z") for each in shown)
    fields = {"Recording": {"before": "Call", "after": "Off"}}
    assert shown == [
        {"outcome": "healing", "number": number, "friendly": "Zoë", "fields": fields}
        for number in numbers
    ]


def test_what_is_healed_is_shown_as_a_line_of_text(
    account: Account, two: str, tmp_path: Path
) -> None:
    account.edit(ONE, Recording="Call")
    command = ("-m", "reconciler", "drift", two, "--every", ONCE, "--heal")
    with up(tmp_path / "stderr.log", *command) as watching:
        assert watching.text().partition("  ")[2] == f'healing {ONE}: Recording "Call" -> "Off"\n'
        assert "1 of 2 numbers drifted (Recording 1), 1 healed, " in watching.text()
    assert account.stats()["post"] == 1


def test_nothing_is_written_once_it_cannot_be_shown(
    account: Account, two: str, drift: Watch, tmp_path: Path
) -> None:
    account.edit(ONE, Recording="Call")
    # A report that is waited with until it is read: what is healed is healed after it.
    os.mkfifo(tmp_path / "pipe")
    with drift("--every", QUICK, "--heal", "--report", "json=pipe") as watching:
        watching.process.stdout.close()
        (tmp_path / "pipe").read_text("utf-8")
        assert watching.process.wait() == 1
    assert watching.err == ""
    assert account.stats()["post"] == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_it_ends_where_its_lines_cannot_be_written_and_heals_nothing(
    account: Account, two: str, tmp_path: Path
) -> None:
    account.edit(ONE, Recording="Call")
    command = [sys.executable, "-m", "reconciler", "drift", two, "--every", QUICK, "--heal"]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ran.returncode, account.stats()["post"]) == (1, 0)
    assert "Error: stdout cannot be written: No space left on device." in ran.stderr


def test_more_drift_than_a_run_may_write_is_left_alone(
    account: Account, write: Write, drift: Watch, inbox: Inbox
) -> None:
    account.add(*({"Number": number, "Recording": "Call"} for number in NUMBERS))
    keys = "".join(f"  {number}:\n" for number in NUMBERS)
    write(f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n{keys}")
    with drift("--every", QUICK, "--heal") as watching:
        assert watching.line()["held"] == "8 would be written, more than the 5 that are allowed"
        watching.line()
        for number in NUMBERS[:3]:
            account.edit(number, Recording="Off")
        watching.until(drifted=0)
    assert account.stats()["post"] == 5
    assert "None healed: 8 would be written" in inbox.next()["message"]


def test_nothing_is_healed_while_another_apply_is_under_way(
    account: Account, two: str, drift: Watch, tmp_path: Path
) -> None:
    account.edit(ONE, Recording="Call")
    with drift("--every", QUICK, "--heal") as watching:
        with lock.held([tmp_path], 60, print):
            watching.until(held="another apply is under way", drifted=1)
            posts = account.stats()["post"]
            watching.line()
            assert account.stats()["post"] == posts
        watching.until(healed=[ONE])


def test_nothing_is_healed_where_the_files_cannot_be_locked(
    account: Account, write: Write, tmp_path: Path
) -> None:
    account.add({"Number": ONE, "Recording": "Call"})
    file = write(f"version: 1\nnumbers:\n  {ONE}: {{Recording: Off}}\n", "gone/numbers.yaml")
    # A report that is waited with until it is read: what is healed is healed after it.
    os.mkfifo(tmp_path / "pipe")
    flags = ("--every", ONCE, "--heal", "--report", "json=pipe")
    with up(tmp_path / "stderr.log", "-m", "reconciler", "drift", file, *flags) as watching:
        while account.stats()["get"] < 1:
            assert watching.process.poll() is None
        shutil.rmtree(tmp_path / "gone")
        (tmp_path / "pipe").read_text("utf-8")
        line = watching.text()
    assert "none healed: " in line
    assert "gone cannot be locked: No such file or directory, " in line
    assert account.stats()["post"] == 0


def test_a_number_that_cannot_be_healed_does_not_stop_the_others(
    account: Account, two: str, drift: Watch
) -> None:
    account.edit(ONE, Recording="Call")
    account.edit(TWO, Recording="Call")
    account.faults("status:code=400,method=POST,number=61255500001,body=json")
    with drift("--every", QUICK, "--heal") as watching:
        line = watching.line()
        assert (line["healed"], line["not_healed"]) == ([TWO], {ONE: "failed"})
        watching.line()
        assert watching.err.count(f"{ONE}: not healed: ") == 1
        account.no_faults()
        watching.until(healed=[ONE])
        watching.until(outcome="clean")


def test_a_journal_that_fails_keeps_everything_as_it_is(
    account: Account, two: str, drift: Watch, tmp_path: Path
) -> None:
    with drift("--every", QUICK, "--heal", "--journal", "logs/j.jsonl") as watching:
        assert watching.process.wait() == 1
    assert "The journal logs/j.jsonl cannot be opened" in watching.err
    (tmp_path / "logs").mkdir()
    with drift("--every", QUICK, "--heal", "--journal", "logs/j.jsonl") as watching:
        watching.until(drifted=0)
        (tmp_path / "logs" / "j.jsonl").unlink()
        (tmp_path / "logs" / "j.jsonl").mkdir()
        account.edit(ONE, Recording="Call")
        assert "cannot be opened" in watching.until(drifted=1)["held"]
    assert account.stats()["post"] == 0


# Metrics and health


def test_prometheus_is_told_what_the_rounds_found(account: Account, two: str, drift: Watch) -> None:
    with drift("--every", QUICK, "--metrics-port", "0") as watching:
        watching.until(outcome="clean")
        told = scraped(watching.port)
        assert told["reconciler_numbers_managed"] == 2
        assert told["reconciler_numbers_drifted"] == told["reconciler_numbers_waiting"] == 0
        assert told["reconciler_rounds_total drift"] == 0
        assert told["reconciler_last_success_timestamp_seconds"] <= time.time()
        account.edit(ONE, Recording="Call")
        watching.until(drifted=1)
        told = scraped(watching.port)
        assert told["reconciler_numbers_drifted"] == 1
        assert told["reconciler_fields_drifted Recording"] == 1
        assert told["reconciler_rounds_total drift"] >= 1
        assert told["reconciler_round_seconds"] > 0
        assert "process_resident_memory_bytes" in told
        account.edit(ONE, Recording="Off")
        watching.until(drifted=0)
        assert scraped(watching.port)["reconciler_fields_drifted Recording"] == 0
        account.faults("status:code=404,number=61255500001")
        watching.until(unreadable=1)
        told = scraped(watching.port)
        assert told["reconciler_numbers_unreadable"] == 1
        assert told["reconciler_rounds_total failed"] >= 1


def test_what_was_healed_is_counted_and_no_longer_drifted(
    account: Account, two: str, drift: Watch
) -> None:
    account.edit(ONE, Recording="Call")
    with drift("--every", ONCE, "--metrics-port", "0", "--heal") as watching:
        assert watching.line()["drifted"] == 1
        told = scraped(watching.port)
        assert told["reconciler_healed_total"] == 1
        assert told["reconciler_numbers_drifted"] == 0
    # It was read once more just before it was written.
    assert (account.stats()["get"], account.stats()["post"]) == (3, 1)


def test_a_port_that_is_taken_ends_it_at_the_start(two: str, reconciler: Run) -> None:
    with socket.create_server(("", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = reconciler("drift", two, "--every", ONCE, "--metrics-port", port)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"Error: --metrics-port {port} cannot be listened on: Address already in use.\n"
    )


def test_a_watch_in_which_nothing_happens_any_more_is_unhealthy() -> None:
    now = 0.0
    pulse = Pulse(600, lambda: now)

    async def asked(port: int) -> int:
        return await asyncio.to_thread(health, port)

    async def check() -> None:
        nonlocal now
        async with served(Metrics(), pulse, 0) as port:
            assert await asked(port) == 200
            now = 601.0
            assert await asked(port) == 503
            pulse.beat()
            assert await asked(port) == 200

    asyncio.run(check())


def test_each_number_that_is_read_is_a_sign_of_life(account: Account, two: str) -> None:
    connection = Connection(
        account.url, sandbox.ACCOUNT_SID, None, None, 5.0, 5.0, 2, None, False, False, Path("db")
    )
    declared = desired.load([two])
    beats = []
    with run.session(connection, Output("text", True, True, 0), declared) as session:
        session.beat = lambda: beats.append(1)
        asyncio.run(session.planning(declared, list(declared.numbers.values()), None))
    assert len(beats) == 2


def test_it_is_healthy_while_a_round_takes_its_time(
    account: Account, two: str, drift: Watch
) -> None:
    account.faults("hang:method=GET")
    with drift("--every", ONCE, "--metrics-port", "0") as watching:
        while account.stats()["get"] < 2:
            assert watching.process.poll() is None
        assert health(watching.port) == 200
        assert scraped(watching.port)["reconciler_last_success_timestamp_seconds"] == 0


# The schedule


def began(every: float, lasting: list[float]) -> tuple[list[float], float]:
    """When each round begins, one for each of these that says how long it takes; and the end."""

    async def work() -> list[float]:
        clock = asyncio.get_running_loop().time
        stopped, starts, under_way = asyncio.Event(), [], 0

        async def round_() -> None:
            nonlocal under_way
            under_way += 1
            assert under_way == 1
            starts.append(clock())
            await asyncio.sleep(lasting[len(starts) - 1])
            under_way -= 1
            if len(starts) == len(lasting):
                stopped.set()

        await repeat(every, round_, stopped)
        return starts

    return virtual.run(work())


def test_rounds_begin_at_even_times_and_one_that_takes_longer_is_followed_at_once() -> None:
    assert began(10, [1, 2, 25, 1, 1]) == ([0, 10, 20, 45, 55], 56)


@given(
    st.floats(0.01, 100_000),
    st.lists(st.floats(0, 1_000_000), min_size=1, max_size=20),
)
def test_rounds_never_overlap_and_none_is_made_up_for(every: float, lasting: list[float]) -> None:
    starts, end = began(every, lasting)
    for at, (start, length) in enumerate(zip(starts[:-1], lasting[:-1], strict=True)):
        assert starts[at + 1] == pytest.approx(start + max(every, length))
    assert end == pytest.approx(starts[-1] + lasting[-1])


def test_a_wait_ends_when_it_is_told_to() -> None:
    async def work() -> int:
        stopped, rounds = asyncio.Event(), 0

        async def round_() -> None:
            nonlocal rounds
            rounds += 1

        asyncio.get_running_loop().call_later(25, stopped.set)
        await repeat(10, round_, stopped)
        return rounds

    assert virtual.run(work()) == (3, 25)


# The command line


@pytest.mark.parametrize(
    "flags",
    [
        ["--every", "soon"],
        ["--every", "0"],
        ["--heal"],
        ["--notify", "json://x"],
        ["--metrics-port", "0"],
        ["--journal", "j.jsonl"],
        ["--every", "1d", "--format", "html"],
        ["--every", "1d", "--dask", "local:2"],
        ["--every", "1d", "--journal", "j.jsonl"],
        ["--every", "1d", "--metrics-port", "70000"],
        ["--every", "1d", "--report", "json=numbers.yaml"],
        ["--every", "1d", "--report", "json=a", "--report", "html=a"],
    ],
)
def test_what_does_not_go_together_ends_it_at_the_start(
    reconciler: Run, two: str, flags: list[str]
) -> None:
    ran = reconciler("drift", two, *flags)
    assert (ran.code, ran.out) == (64, "")


def test_what_the_environment_says_of_a_watch_does_not_matter_to_one_look(
    reconciler: Run, account: Account, two: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.edit(ONE, Recording="Call")
    monkeypatch.setenv("RECONCILER_HEAL", "1")
    monkeypatch.setenv("RECONCILER_JOURNAL", "j.jsonl")
    monkeypatch.setenv("RECONCILER_METRICS_PORT", "0")
    assert reconciler("drift", two).code == 2
    assert (account.stats()["post"], inbox.titles()) == (0, [])
