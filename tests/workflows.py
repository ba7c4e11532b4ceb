"""Runs GitHub workflows as its runners do: jobs and steps in order, each script in a real bash.

What an expression comes to stands in a table, and so does what an action does: anything that is not
in them fails the test, rather than being guessed at.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from github_stand_in import REPOSITORY, GitHub
from machines import Machine, bash
from team import git

from reconciler.sandbox import ACCOUNT_SID

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
STATUS = re.compile(r"(always|cancelled|failure|success)\(\)")
# What GitHub gives to bash where a workflow names no shell, and where it names bash.
SHELLS = {None: ["-e"], "bash": ["--noprofile", "--norc", "-eo", "pipefail"]}


class Loader(yaml.SafeLoader):
    """YAML 1.2's booleans: `on` is a word."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


def read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader)


class StepFailed(Exception):
    pass


@dataclass(frozen=True)
class Event:
    """`ref` and `sha` are what is checked out; `values` what only this event's expressions have."""

    name: str
    ref: str
    sha: str
    head_sha: str
    repository: str = REPOSITORY
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Ran:
    id: int
    jobs: dict[str, Job] = field(default_factory=dict)

    @property
    def results(self) -> dict[str, str]:
        return {name: job.result for name, job in self.jobs.items()}

    @property
    def conclusion(self) -> str:
        return "failure" if "failure" in self.results.values() else "success"

    @property
    def log(self) -> str:
        return "".join(job.log for job in self.jobs.values())


@dataclass
class Runner:
    """`settings` are what the tests add to the environment of each job."""

    hub: GitHub
    origin: Path
    home: Path
    machine: Machine
    settings: dict[str, str]
    secrets: dict[str, str]

    def run(self, workflow: Path, event: Event) -> Ran:
        asked = read(workflow)
        assert event.name in asked["on"], f"{workflow.name} does not run on {event.name}"
        ran = Ran(len(self.hub.runs) + 1)
        for name, wanted in asked["jobs"].items():
            job = self._job(name, wanted.get("permissions", asked["permissions"]), event, ran)
            ran.jobs[name] = job
            needed = [ran.jobs[each].result for each in wanted.get("needs", [])]
            if not job.due(wanted.get("if"), so_far=set(needed) <= {"success"}):
                job.result = "skipped"
                continue
            job.rendered(wanted.get("environment", ""))
            job.run(wanted["steps"], asked.get("defaults", {}).get("run", {}).get("shell"))
        self._record(workflow, event, ran)
        return ran

    def use(self, action: Path, inputs: Mapping[str, str], event: Event) -> Job:
        """Runs a composite action, in a job of its own."""
        asked = read(action)
        known = asked["inputs"]
        assert inputs.keys() <= known.keys()
        given = {name: inputs.get(name, each.get("default")) for name, each in known.items()}
        assert None not in given.values(), "a required input is missing"
        job = self._job("action", {"contents": "read"}, event, Ran(len(self.hub.runs) + 1))
        job.values.update({f"inputs.{name}": value for name, value in given.items()})
        job.run([{"uses": "actions/checkout@v5"}, *asked["runs"]["steps"]], None)
        return job

    def _job(self, name: str, permissions: dict[str, str], event: Event, ran: Ran) -> Job:
        folder = self.home / f"run-{ran.id}" / name / "workspace"
        folder.mkdir(parents=True)
        return Job(self, event, ran, permissions, folder)

    def _record(self, workflow: Path, event: Event, ran: Ran) -> None:
        self.hub.runs.append(
            {
                "id": ran.id,
                "workflow": workflow.name,
                "event": event.name,
                "conclusion": ran.conclusion,
                "head_sha": event.head_sha,
                "head_repository": {"full_name": event.repository},
            }
        )


@dataclass
class Job:
    """One job: `folder` is its workspace; `outputs` and `outcomes` are those of its steps."""

    runner: Runner
    event: Event
    ran: Ran
    permissions: dict[str, str]
    folder: Path
    result: str = "success"
    log: str = ""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        event, on_main = self.event.name, self.event.ref == "refs/heads/main"
        python = self.runner.machine.folder / "bin" / "python"
        self.values |= {
            "always()": True,
            "!cancelled()": True,
            "github.event_name == 'push'": event == "push",
            "github.event_name == 'workflow_dispatch' && github.ref == 'refs/heads/main'": (
                event == "workflow_dispatch" and on_main
            ),
            "github.event_name == 'push' && 'reconciler' || 'reconciler-fresh'": "an environment",
            "github.repository": REPOSITORY,
            "github.run_attempt": "1",
            "github.run_id": str(self.ran.id),
            "github.server_url": "https://github.example",
            "github.token": self.runner.hub.token(self.permissions),
            "steps.python.outputs.python-path": str(python),
            "vars.RECONCILER_ACCOUNT_SID": ACCOUNT_SID,
            **{f"secrets.{name}": value for name, value in self.runner.secrets.items()},
            **self.event.values,
        }

    def run(self, steps: list[Any], shell: str | None) -> None:
        for step in steps:
            if not self.due(step.get("if"), so_far=self.result == "success"):
                continue
            outcome = "success"
            try:
                self._step(step, shell)
            except StepFailed as failed:
                self.log += f"{failed}\n"
                self.result = outcome = "failure"
            self.outcomes[step.get("id", "")] = outcome

    def due(self, condition: str | None, *, so_far: bool) -> bool:
        """Whether a job or step runs; one that asks for no status runs only where all went well."""
        if condition is None:
            return so_far
        found = EXPRESSION.fullmatch(condition)
        expression = found[1] if found else condition
        return bool(self._value(expression)) and (so_far or bool(STATUS.search(expression)))

    def rendered(self, value: Any) -> str:
        """The text with what its expressions come to."""
        return EXPRESSION.sub(lambda found: _text(self._value(found[1])), _text(value))

    def _value(self, expression: str) -> Any:
        if expression in self.values:
            return self.values[expression]
        if found := re.fullmatch(r"steps\.(\w+)\.outputs\.(\w+)", expression):
            return self.outputs.get(found[1], {}).get(found[2], "")
        if found := re.fullmatch(r"steps\.(\w+)\.outcome", expression):
            return self.outcomes.get(found[1], "skipped")
        assert expression == (
            "!cancelled() && "
            "(needs.reviewed.result == 'success' || needs.fresh.result == 'success')"
        )
        return "success" in (self.ran.results["reviewed"], self.ran.results["fresh"])

    def _step(self, step: Any, shell: str | None) -> None:
        if "uses" not in step:
            self._script(step, step.get("shell", shell))
            return
        given = {name: self.rendered(value) for name, value in step.get("with", {}).items()}
        {
            "actions/checkout@v5": self._checkout,
            "actions/setup-python@v6": self._setup_python,
            "actions/upload-artifact@v6": self._upload,
            "actions/download-artifact@v7": self._download,
        }[step["uses"]](given)
        assert not given, f"{step['uses']} was given {given}"

    def _script(self, step: Any, shell: str | None) -> None:
        assert not EXPRESSION.search(step["run"]), "an expression in a script can act as one"
        if step["run"].startswith("pip install") and self.runner.machine.installed.exists():
            # The machine has what an earlier job installed in just this way.
            return
        added = {name: self.rendered(value) for name, value in step.get("env", {}).items()}
        output = self.folder.with_name("output")
        output.write_text("")
        ended = bash(SHELLS[shell], step["run"], self.folder, {**self._environment(), **added})
        self.log += ended.stdout
        pairs = [line.partition("=") for line in output.read_text("utf-8").splitlines()]
        self.outputs[step.get("id", "")] = {name: value for name, _, value in pairs}
        if ended.returncode:
            raise StepFailed(f"exit code {ended.returncode}")

    def _environment(self) -> dict[str, str]:
        added = self.folder.with_name("path")
        first = added.read_text("utf-8").splitlines() if added.exists() else []
        return {
            **self.runner.machine.environment(self.runner.home, *first),
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.event.name,
            "GITHUB_OUTPUT": str(self.folder.with_name("output")),
            "GITHUB_PATH": str(added),
            "GITHUB_REF": self.event.ref,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(self.ran.id),
            "GITHUB_SHA": self.event.sha,
            "GITHUB_STEP_SUMMARY": str(self.folder.with_name("summary.md")),
            "RUNNER_TEMP": str(self.folder.parent),
            **self.runner.settings,
        }

    def _checkout(self, given: dict[str, str]) -> None:
        assert self.permissions["contents"] in ("read", "write")
        depth = int(given.pop("fetch-depth", 1))
        git(self.folder, "init", "--quiet")
        git(self.folder, "remote", "add", "origin", f"file://{self.runner.origin}")
        if self.permissions["contents"] != "write":
            git(self.folder, "remote", "set-url", "--push", "origin", "/not/permitted")
        how = [f"--depth={depth}"] if depth else ["+refs/heads/*:refs/remotes/origin/*"]
        ref = f"+{self.event.ref}:refs/remotes/checked-out"
        git(self.folder, "fetch", "--quiet", "--no-tags", "origin", ref, *how)
        git(self.folder, "checkout", "--quiet", "--detach", self.event.sha)

    def _setup_python(self, given: dict[str, str]) -> None:
        assert given.pop("python-version") == "3.12"
        given.pop("update-environment", None)

    def _upload(self, given: dict[str, str]) -> None:
        name, path = given.pop("name"), self.folder / given.pop("path")
        missing, overwrite = given.pop("if-no-files-found"), given.pop("overwrite", "false")
        if not path.exists():
            if missing == "error":
                raise StepFailed(f"no files were found: {path.name}")
            return
        kept = self.runner.hub.artifacts.setdefault(self.ran.id, {})
        if name in kept and overwrite != "true":
            raise StepFailed(f"there is an artifact {name} already")
        kept[name] = self.runner.home / f"run-{self.ran.id}" / "artifacts" / name
        kept[name].mkdir(parents=True, exist_ok=True)
        shutil.copy(path, kept[name])

    def _download(self, given: dict[str, str]) -> None:
        kept = self.runner.hub.artifacts.get(self.ran.id, {})
        name = given.pop("name")
        if name not in kept:
            raise StepFailed(f"there is no artifact {name}")
        shutil.copytree(kept[name], self.folder, dirs_exist_ok=True)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
