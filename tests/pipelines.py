"""Runs a GitLab pipeline as its runners do: rules, stages, artifacts, each script in a real bash.

It knows the keywords that the example uses; any other fails the test, and is not passed over.
"""

from __future__ import annotations

import re
import shutil
import string
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from machines import Machine, bash
from team import Team, git

JOB_KEYS = {
    "artifacts",
    "environment",
    "interruptible",
    "needs",
    "resource_group",
    "rules",
    "script",
    "stage",
}
CHANGES = ["numbers/**/*"]
TERM = re.compile(r'\$(\w+) (==|!=) (?:"(.*)"|\$(\w+))')


@dataclass
class Job:
    """One job's end; `kept` holds its artifacts."""

    result: str
    log: str = ""
    code: int = 0
    kept: Path = Path()
    reports: dict[str, Path] = field(default_factory=dict)


@dataclass
class Pipelines:
    team: Team
    home: Path
    machine: Machine
    settings: dict[str, str]
    count: int = 0

    def run(
        self,
        config: Path,
        ref: str,
        variables: Mapping[str, str],
        *,
        changed: str = "numbers/sydney.yml",
        play: Collection[str] = (),
    ) -> dict[str, Job]:
        """The jobs of a pipeline; those that wait for a person run where they are in `play`."""
        asked = yaml.safe_load(config.read_text("utf-8"))
        known = {**variables, "CI_REPOSITORY_URL": f"file://{self.team.origin}"}
        if _matching(asked.pop("workflow")["rules"], known, changed) is None:
            return {}
        default, stages = asked.pop("default"), asked.pop("stages")
        known = {**asked.pop("variables"), **known}
        self.count += 1
        done: dict[str, Job] = {}
        for name, job in sorted(asked.items(), key=lambda item: stages.index(item[1]["stage"])):
            assert job.keys() <= JOB_KEYS, job.keys() - JOB_KEYS
            rule = _matching(job["rules"], known, changed)
            if rule is None:
                continue
            if rule.get("when") == "manual" and name not in play:
                done[name] = Job("manual")
                continue
            if any(done[each].result != "success" for each in job.get("needs", ())):
                done[name] = Job("skipped")
                continue
            script = [*default["before_script"], *job["script"]]
            added = _expanded(rule.get("variables", {}), known)
            needed = [done[each] for each in job.get("needs", ())]
            done[name] = self._job(name, job, ref, script, {**known, **added}, needed)
        return done

    def _job(
        self,
        name: str,
        job: Any,
        ref: str,
        script: list[str],
        variables: Mapping[str, Any],
        needed: list[Job],
    ) -> Job:
        folder = self.home / f"pipeline-{self.count}" / name
        self._clone(folder, ref, variables)
        for each in needed:
            shutil.copytree(each.kept, folder, dirs_exist_ok=True)
        if self.machine.installed.exists():
            # The machine has what an earlier job installed in just this way.
            script = [line for line in script if not line.startswith("pip install")]
        environment = {
            **self.machine.environment(self.home),
            **self.settings,
            **{name: str(value) for name, value in variables.items()},
        }
        ran = bash(["-eo", "pipefail"], "\n".join(script), folder, environment)
        return self._kept(folder, job.get("artifacts", {}), ran)

    def _clone(self, folder: Path, ref: str, variables: Mapping[str, Any]) -> None:
        """The commit of `ref`, with all of its history, and no other branch."""
        assert variables["GIT_DEPTH"] == 0
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet")
        git(folder, "remote", "add", "origin", f"file://{self.team.origin}")
        git(folder, "fetch", "--quiet", "origin", f"+{ref}:refs/remotes/origin/checked-out")
        git(folder, "checkout", "--quiet", "--detach", "origin/checked-out")

    def _kept(self, folder: Path, asked: Any, ran: subprocess.CompletedProcess[str]) -> Job:
        job = Job("failed" if ran.returncode else "success", ran.stdout, ran.returncode)
        job.kept = folder.with_name(f"{folder.name}-artifacts")
        job.kept.mkdir()
        if ran.returncode and asked.get("when") != "always":
            return job
        for name in asked.get("paths", ()):
            if (folder / name).exists():
                shutil.copy(folder / name, job.kept)
        job.reports = {kind: folder / name for kind, name in asked.get("reports", {}).items()}
        return job


def _matching(
    rules: list[dict[str, Any]], variables: Mapping[str, Any], changed: str
) -> dict[str, Any] | None:
    """The first rule that holds."""
    for rule in rules:
        assert rule.keys() <= {"if", "changes", "when", "variables"}
        if all(_holds(term, variables) for term in rule["if"].split(" && ")) and (
            "changes" not in rule or _changes(rule["changes"], variables, changed)
        ):
            return rule
    return None


def _holds(term: str, variables: Mapping[str, Any]) -> bool:
    found = TERM.fullmatch(term)
    assert found, f"not a comparison: {term}"
    left, sign, literal, right = found.groups()
    same = variables.get(left) == (variables.get(right) if right else literal)
    return same if sign == "==" else not same


def _changes(patterns: list[str], variables: Mapping[str, Any], changed: str) -> bool:
    assert patterns == CHANGES
    pushed = variables["CI_PIPELINE_SOURCE"] in ("push", "merge_request_event")
    return not pushed or changed.startswith("numbers/")


def _expanded(values: Mapping[str, str], variables: Mapping[str, Any]) -> dict[str, str]:
    return {name: string.Template(text).substitute(variables) for name, text in values.items()}
