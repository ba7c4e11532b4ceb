"""examples/github: each step of each workflow, run as GitHub runs it, against an account.

What GitHub itself does is played by a stand-in that the real `gh` speaks to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from github_stand_in import REPOSITORY, GitHub, serving
from harness import Account, Run
from machines import ROOT, Machine
from team import Team, founded
from workflows import Event, Ran, Runner, read

from reconciler import sandbox

WORKFLOWS = ROOT / "examples" / "github" / "workflows"
SALES, SUPPORT = "+61255500001", "+61255500002"
GH = shutil.which("gh", path="/usr/local/bin:/usr/bin:/bin")
pytestmark = pytest.mark.skipif(
    not os.environ.get("CI"), reason="whole pipelines take half a minute; run in CI"
)
needs_gh = pytest.mark.skipif(GH is None, reason="gh, GitHub's command line, is not installed")
MARK = "<!-- reconciler -->"


def declared(recording: str, *others: str) -> str:
    return f"version: 1\nnumbers:\n  {SALES}: {{Recording: {recording}}}\n" + "".join(others)


@dataclass
class Host:
    """The team's repository on GitHub, and what happens there."""

    hub: GitHub
    team: Team
    runner: Runner

    def propose(self, files: dict[str, str], repository: str = REPOSITORY) -> tuple[int, Ran]:
        """A pull request, and what its workflow did."""
        number = self.team.propose(self.hub, files, repository)
        return number, self.plan(number)

    def plan(self, number: int) -> Ran:
        pull = self.hub.pulls[number - 1]
        head = pull["head"]
        event = Event(
            "pull_request",
            f"refs/pull/{number}/merge",
            pull["merge_commit_sha"],
            head["sha"],
            head["repo"]["full_name"],
            {
                "github.event.pull_request.number": str(number),
                "github.event.pull_request.head.sha": head["sha"],
                "github.event.pull_request.head.repo.full_name == github.repository": (
                    head["repo"]["full_name"] == REPOSITORY
                ),
            },
        )
        return self.runner.run(WORKFLOWS / "plan.yml", event)

    def merge(self, number: int) -> Ran:
        """Merges a pull request; what the workflow then did."""
        return self.on_main("apply.yml", "push", self.team.merge(self.hub, number))

    def on_main(self, workflow: str, event: str, sha: str = "") -> Ran:
        sha = sha or self.team.main
        return self.runner.run(WORKFLOWS / workflow, Event(event, "refs/heads/main", sha, sha))

    @property
    def comments(self) -> list[str]:
        """The sticky ones, of all pull requests."""
        said = [each for some in self.hub.comments.values() for each in some]
        return [
            each["body"]
            for each in said
            if each["user"]["login"] == "github-actions[bot]" and each["body"].startswith(MARK)
        ]

    def kept(self, ran: Ran, name: str) -> Path:
        return self.hub.artifacts[ran.id][name]


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with serving() as hub:
        yield hub
        assert hub.refused == []


@pytest.fixture
def host(
    hub: GitHub,
    account: Account,
    tmp_path: Path,
    vendored: Path,
    machine: Machine,
) -> Host:
    home = tmp_path / "home"
    home.mkdir()
    account.add({"Number": SALES, "Recording": "Off"}, {"Number": SUPPORT, "Recording": "Off"})
    team = founded(home, vendored, {"numbers/sydney.yml": declared("Off")})
    machine.program(
        "gh",
        f'http_proxy={hub.url} GH_HOST=github.localhost GH_CONFIG_DIR={home} exec {GH} "$@"',
    )
    settings = {"RECONCILER_API_URL": account.url}
    secrets = {"RECONCILER_TOKEN": sandbox.TOKEN, "RECONCILER_PLAN_KEY": "a key of the team's"}
    return Host(hub, team, Runner(hub, team.origin, home, machine, settings, secrets))


def test_no_workflow_puts_an_expression_into_a_script() -> None:
    for workflow in WORKFLOWS.iterdir():
        for job in read(workflow)["jobs"].values():
            assert not [step for step in job["steps"] if "${{" in step.get("run", "")]


def test_no_workflow_runs_a_fork_s_files_with_secrets() -> None:
    for workflow in WORKFLOWS.iterdir():
        assert not {"pull_request_target", "workflow_run"} & read(workflow)["on"].keys()


@needs_gh
def test_a_pull_request_has_one_comment_that_shows_its_last_plan(host: Host) -> None:
    # More than one page of others', one of which says it is ours.
    for index in range(150):
        host.hub.say(1, "ann", f"{MARK}\nme too {index}")
    number, ran = host.propose({"numbers/sydney.yml": declared("Call")})
    assert ran.conclusion == "success", ran.log
    (first,) = host.comments
    assert '"Call"' in first
    assert host.hub.pulls[0]["head"]["sha"] in first
    assert "A merge applies exactly this plan." in first

    host.team.amend(host.hub, number, {"numbers/sydney.yml": declared("Off")})
    ran = host.plan(number)
    assert ran.conclusion == "success", ran.log
    (second,) = host.comments
    assert '"Call"' not in second
    assert len(host.hub.comments[number]) == 151
    assert host.hub.comments[number][0]["body"] == f"{MARK}\nme too 0"


@needs_gh
def test_a_merge_applies_the_very_plan_that_was_shown(
    host: Host, account: Account, reconciler: Run
) -> None:
    number, planned = host.propose({"numbers/sydney.yml": declared("Call")})
    shown = host.kept(planned, f"plan-{host.hub.pulls[0]['head']['sha']}") / "plan.json"
    account.forget_stats()
    ran = host.merge(number)
    assert ran.conclusion == "success", ran.log
    assert (ran.jobs["apply"].folder / "plan.json").read_bytes() == shown.read_bytes()
    assert account.live(SALES)["Recording"] == "Call"
    assert host.team.at("reconciler/applied") == host.team.main

    journal = host.kept(ran, "journal-1") / "journal.jsonl"
    assert reconciler("revert", str(journal), "--out", "undo.json").code == 0
    assert reconciler("apply", "undo.json", "--auto-approve").code == 0
    assert account.live(SALES)["Recording"] == "Off"


@needs_gh
def test_run_again_a_merge_finds_all_in_place(host: Host, account: Account) -> None:
    number, _ = host.propose({"numbers/sydney.yml": declared("Call")})
    merged = host.team.merge(host.hub, number)
    host.on_main("apply.yml", "push", merged)
    account.forget_stats()
    ran = host.on_main("apply.yml", "push", merged)
    assert ran.conclusion == "success", ran.log
    assert "1 already in place" in ran.log
    assert account.stats()["post"] == 0


@needs_gh
def test_an_altered_plan_is_refused(host: Host, account: Account) -> None:
    number, planned = host.propose({"numbers/sydney.yml": declared("Call")})
    (name,) = host.hub.artifacts[planned.id]
    plan = host.kept(planned, name) / "plan.json"
    plan.write_text(plan.read_text("utf-8").replace("Call", "Never"), "utf-8")
    ran = host.merge(number)
    assert ran.jobs["apply"].result == "failure"
    assert account.live(SALES)["Recording"] == "Off"
    assert not host.team.at("reconciler/applied")


@needs_gh
@pytest.mark.parametrize("meanwhile", ["numbers/sydney.yml", "numbers/perth.yml"])
def test_a_plan_is_not_applied_to_a_main_that_has_moved(
    host: Host, account: Account, meanwhile: str
) -> None:
    number, _ = host.propose({"numbers/adelaide.yml": f"version: 1\nnumbers: {{{SUPPORT}: {{}}}}"})
    host.team.push({meanwhile: declared("Call") if "sydney" in meanwhile else "version: 1\n"})
    ran = host.merge(number)
    assert ran.jobs["reviewed"].result == "success", ran.log
    assert ran.jobs["apply"].result == "failure"
    assert "::error::main has moved since this plan was made" in ran.log
    assert account.stats()["post"] == 0

    by_hand = host.on_main("apply.yml", "workflow_dispatch")
    assert by_hand.conclusion == "success", by_hand.log
    assert host.team.at("reconciler/applied") == host.team.main


@needs_gh
def test_what_is_applied_in_part_is_not_remembered_as_applied(host: Host, account: Account) -> None:
    both = declared("Call", f"  {SUPPORT}: {{Recording: Call}}\n")
    number, _ = host.propose({"numbers/sydney.yml": both})
    account.edit(SUPPORT, Recording="Never")
    ran = host.merge(number)
    assert ran.jobs["apply"].result == "failure"
    assert "exit code 4" in ran.log
    assert account.live(SALES)["Recording"] == "Call"
    assert account.live(SUPPORT)["Recording"] == "Never"
    assert host.kept(ran, "journal-1").exists()
    assert not host.team.at("reconciler/applied")


@needs_gh
def test_an_old_merge_run_again_does_not_take_back_a_newer_one(
    host: Host, account: Account
) -> None:
    number, _ = host.propose({"numbers/sydney.yml": declared("Call")})
    old = host.team.merge(host.hub, number)
    host.team.push({"numbers/sydney.yml": declared("Off")})
    host.on_main("apply.yml", "workflow_dispatch")
    account.forget_stats()
    ran = host.on_main("apply.yml", "push", old)
    assert "A later commit has been applied already" in ran.log
    assert ran.conclusion == "failure"
    assert account.stats()["total"] == 0
    assert host.team.at("reconciler/applied") == host.team.main


@needs_gh
def test_a_commit_without_a_pull_request_is_applied_by_hand(host: Host, account: Account) -> None:
    sha = host.team.push({"numbers/sydney.yml": declared("Call")})
    ran = host.on_main("apply.yml", "push", sha)
    assert "This commit is not the merge of a pull request. Nothing was written." in ran.log
    assert list(ran.results.values()) == ["failure", "skipped", "skipped"]

    by_hand = host.on_main("apply.yml", "workflow_dispatch")
    assert by_hand.conclusion == "success", by_hand.log
    assert account.live(SALES)["Recording"] == "Call"


@needs_gh
def test_a_plan_that_fails_is_told_of_and_is_never_applied(host: Host, account: Account) -> None:
    files = {"numbers/sydney.yml": declared("Call", "  +61255509999: {Recording: Off}\n")}
    number, ran = host.propose(files)
    assert ran.conclusion == "failure"
    (comment,) = host.comments
    assert '"Call"' in comment
    assert "+61255509999" in comment
    assert "It failed, and will not be applied" in comment

    merged = host.merge(number)
    assert "was merged without a plan that succeeded. Nothing was written." in merged.log
    assert account.live(SALES)["Recording"] == "Off"


@needs_gh
def test_what_cannot_be_planned_at_all_is_told_of(host: Host) -> None:
    number, ran = host.propose({"numbers/sydney.yml": declared("Sometimes")})
    assert ran.results == {"validate": "failure", "plan": "failure"}
    assert "::error file=numbers/sydney.yml,line=3" in ran.jobs["validate"].log
    (comment,) = host.comments
    assert comment.startswith(f"{MARK}\nThe plan could not be made.")

    host.team.amend(host.hub, number, {"numbers/sydney.yml": declared("Call")})
    host.plan(number)
    (comment,) = host.comments
    assert '"Call"' in comment


@needs_gh
def test_a_fork_s_pull_request_is_checked_and_not_planned(host: Host, account: Account) -> None:
    number, ran = host.propose({"numbers/sydney.yml": declared("Call")}, "mallory/numbers")
    assert ran.results == {"validate": "success", "plan": "skipped"}
    # What a fork's own workflow keeps under the right name is not taken for our plan.
    forged = host.runner.home / "forged"
    forged.mkdir()
    (forged / "plan.json").write_text("{}")
    host.hub.artifacts[ran.id] = {f"plan-{host.hub.pulls[0]['head']['sha']}": forged}
    merged = host.merge(number)
    assert "was merged without a plan that succeeded" in merged.log
    assert account.stats()["total"] == 0


@needs_gh
def test_many_changes_fit_into_a_comment(host: Host, account: Account) -> None:
    numbers = [f"+6125550{index:04}" for index in range(1000, 1300)]
    account.add(*({"Number": number, "Friendly": "x" * 200} for number in numbers))
    lines = "".join(f"  {number}: {{Friendly: {'y' * 200}}}\n" for number in numbers)
    _, ran = host.propose({"numbers/sydney.yml": f"version: 1\nnumbers:\n{lines}"})
    assert ran.conclusion == "success", ran.log
    assert len(host.comments[0]) > 60_000


@needs_gh
def test_drift_has_one_issue_that_is_closed_when_it_clears(host: Host, account: Account) -> None:
    def look() -> Ran:
        ran = host.on_main("drift.yml", "schedule")
        assert ran.conclusion == "success", ran.log
        return ran

    host.team.push({"numbers/sydney.yml": declared("Call")})
    host.on_main("apply.yml", "workflow_dispatch")
    look()
    assert host.hub.issues == []

    account.edit(SALES, Recording="Never")
    look()
    (issue,) = host.hub.issues
    assert '"Never"' in issue["body"]
    assert issue["title"] == "Phone numbers have drifted"

    account.edit(SALES, Recording="Off")
    look()
    (issue,) = host.hub.issues
    assert '"Never"' not in issue["body"]
    assert issue["state"] == "open"

    account.edit(SALES, Recording="Call")
    look()
    (issue,) = host.hub.issues
    assert issue["state"] == "closed"
    (said,) = host.hub.comments[issue["number"]]
    assert said["body"].startswith("There is no drift any more")


@needs_gh
def test_what_waits_to_be_applied_is_no_drift(host: Host, account: Account) -> None:
    host.on_main("apply.yml", "workflow_dispatch")
    host.team.push({"numbers/sydney.yml": declared("Call")})
    assert host.on_main("drift.yml", "schedule").conclusion == "success"
    assert host.hub.issues == []


@needs_gh
def test_without_anything_applied_every_difference_is_drift(host: Host) -> None:
    host.team.push({"numbers/sydney.yml": declared("Call")})
    assert host.on_main("drift.yml", "workflow_dispatch").conclusion == "success"
    assert len(host.hub.issues) == 1


@needs_gh
def test_a_look_for_drift_that_fails_is_no_drift(host: Host, account: Account) -> None:
    account.faults("500")
    host.runner.settings["RECONCILER_RETRY_FOR"] = "0"
    ran = host.on_main("drift.yml", "schedule")
    assert ran.conclusion == "failure"
    assert host.hub.issues == []
