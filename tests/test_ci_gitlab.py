"""examples/gitlab: each job of each pipeline, run as GitLab runs it, against an account."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from harness import Account, Run
from machines import ROOT, Machine
from pipelines import Job, Pipelines
from team import Team, founded, git
from test_ci_github import SALES, declared

from reconciler import sandbox

pytestmark = pytest.mark.skipif(
    not os.environ.get("CI"), reason="whole pipelines take half a minute; run in CI"
)

CONFIG = ROOT / "examples" / "gitlab" / ".gitlab-ci.yml"


class Host:
    """The team's project on GitLab, and its pipelines."""

    def __init__(self, team: Team, pipelines: Pipelines) -> None:
        self.team = team
        self._pipelines = pipelines

    def propose(self, text: str, project: str = "7") -> dict[str, Job]:
        """A merge request, and what its pipeline did."""
        base = self.team.main
        git(self.team.clone, "checkout", "--quiet", "-B", "change", "main")
        self.team.commit({"numbers/sydney.yml": text})
        git(self.team.clone, "push", "--quiet", "--force", "origin", "change")
        variables = {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
            "CI_DEFAULT_BRANCH": "main",
            "CI_MERGE_REQUEST_PROJECT_ID": "7",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": project,
        }
        return self._pipelines.run(CONFIG, "refs/heads/change", variables)

    def push(self, text: str, *play: str) -> dict[str, Job]:
        """A merge into main, and what its pipeline did."""
        self.team.push({"numbers/sydney.yml": text})
        return self.on_main("push", *play)

    def on_main(
        self, source: str, *play: str, changed: str = "numbers/sydney.yml"
    ) -> dict[str, Job]:
        variables = {
            "CI_PIPELINE_SOURCE": source,
            "CI_COMMIT_BRANCH": "main",
            "CI_DEFAULT_BRANCH": "main",
        }
        return self._pipelines.run(CONFIG, "refs/heads/main", variables, changed=changed, play=play)


@pytest.fixture
def host(account: Account, tmp_path: Path, vendored: Path, machine: Machine) -> Host:
    home = tmp_path / "home"
    home.mkdir()
    account.add({"Number": SALES, "Recording": "Off"})
    team = founded(home, vendored, {"numbers/sydney.yml": declared("Off")})
    settings = {
        "RECONCILER_API_URL": account.url,
        "RECONCILER_ACCOUNT_SID": sandbox.ACCOUNT_SID,
        "RECONCILER_TOKEN": sandbox.TOKEN,
    }
    return Host(team, Pipelines(team, home, machine, settings))


def test_a_merge_request_has_its_plan_in_the_widget(host: Host, account: Account) -> None:
    jobs = host.propose(declared("Call"))
    assert {name: job.result for name, job in jobs.items()} == {
        "validate": "success",
        "plan": "success",
    }, jobs["plan"].log
    counts = json.loads(jobs["plan"].reports["terraform"].read_text("utf-8"))
    assert counts == {"create": 0, "update": 1, "delete": 0}
    assert "This change" in jobs["plan"].log
    assert (jobs["plan"].kept / "plan.html").exists()
    assert account.stats()["post"] == 0


def test_what_is_applied_is_the_plan_that_the_apply_waits_with(
    host: Host, account: Account, reconciler: Run
) -> None:
    waiting = host.push(declared("Call"))
    assert waiting["apply"].result == "manual"
    assert account.live(SALES)["Recording"] == "Off"

    jobs = host.on_main("push", "apply")
    assert jobs["apply"].result == "success", jobs["apply"].log
    assert account.live(SALES)["Recording"] == "Call"
    assert host.team.at("reconciler/applied") == host.team.main

    journal = jobs["apply"].kept / "journal.jsonl"
    assert reconciler("revert", str(journal), "--out", "undo.json").code == 0
    assert reconciler("apply", "undo.json", "--auto-approve").code == 0
    assert account.live(SALES)["Recording"] == "Off"


def test_run_by_hand_a_fresh_plan_is_made(host: Host, account: Account) -> None:
    host.push(declared("Call"), "apply")
    account.edit(SALES, Recording="Never")
    jobs = host.on_main("web", "apply", changed="README.md")
    assert jobs["apply"].result == "success", jobs["apply"].log
    assert account.live(SALES)["Recording"] == "Call"


def test_drift_fails_and_what_waits_does_not(host: Host, account: Account) -> None:
    host.push(declared("Call"), "apply")
    host.team.push({"numbers/sydney.yml": declared("Off")})
    looked = host.on_main("schedule")
    assert list(looked) == ["drift"]
    assert looked["drift"].result == "success", looked["drift"].log

    account.edit(SALES, Recording="Never")
    looked = host.on_main("schedule")
    assert looked["drift"].code == 2
    assert "Never" in (looked["drift"].kept / "drift.html").read_text("utf-8")


def test_until_something_is_applied_every_difference_is_drift(host: Host) -> None:
    host.team.push({"numbers/sydney.yml": declared("Call")})
    assert host.on_main("schedule")["drift"].code == 2


def test_a_fork_s_merge_request_is_checked_and_not_planned(host: Host) -> None:
    assert list(host.propose(declared("Call"), project="8")) == ["validate"]


def test_what_changes_no_number_makes_no_plan(host: Host) -> None:
    assert host.on_main("push", changed="README.md") == {}


def test_a_plan_that_fails_is_kept_and_not_applied(host: Host, account: Account) -> None:
    text = declared("Call", "  +61255509999: {Recording: Off}\n")
    jobs = host.propose(text)
    assert jobs["plan"].code == 1
    assert (jobs["plan"].kept / "plan.html").exists()
    jobs = host.push(text, "apply")
    assert jobs["apply"].result == "skipped"
    assert account.stats()["post"] == 0
