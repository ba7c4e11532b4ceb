"""A team's repository: an origin, a clone, numbers files, a vendored wheel; and pull requests."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from github_stand_in import REPOSITORY, GitHub

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.com",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}


def git(folder: Path, *arguments: str) -> str:
    ran = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=IDENTITY,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert ran.returncode == 0, f"git {' '.join(arguments)}: {ran.stdout}"
    return ran.stdout.strip()


@dataclass
class Team:
    origin: Path
    clone: Path

    @property
    def main(self) -> str:
        return self.at("main")

    def at(self, branch: str) -> str:
        """The commit of a branch at the origin, "" where there is none."""
        return git(self.origin, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def commit(self, files: dict[str, str]) -> str:
        for name, text in files.items():
            (self.clone / name).parent.mkdir(parents=True, exist_ok=True)
            (self.clone / name).write_text(text, "utf-8")
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--message", "Change numbers")
        return git(self.clone, "rev-parse", "HEAD")

    def push(self, files: dict[str, str]) -> str:
        """A commit right on main."""
        git(self.clone, "checkout", "--quiet", "main")
        sha = self.commit(files)
        git(self.clone, "push", "--quiet", "origin", "main")
        return sha

    def propose(self, hub: GitHub, files: dict[str, str], repository: str = REPOSITORY) -> int:
        """Opens a pull request; returns its number."""
        number = len(hub.pulls) + 1
        git(self.clone, "checkout", "--quiet", "-b", f"change-{number}", "main")
        pull = {
            "number": number,
            "title": '"; exit 1 #',
            "merged_at": None,
            "merge_commit_sha": "",
            "head": {"sha": "", "repo": {"full_name": repository}},
        }
        hub.pulls.append(pull)
        self.amend(hub, number, files)
        return number

    def amend(self, hub: GitHub, number: int, files: dict[str, str]) -> None:
        """Another commit of a pull request."""
        git(self.clone, "checkout", "--quiet", f"change-{number}")
        pull = hub.pulls[number - 1]
        pull["head"]["sha"] = self.commit(files)
        git(self.clone, "checkout", "--quiet", "--detach", "main")
        git(self.clone, "merge", "--quiet", "--no-ff", "--no-edit", f"change-{number}")
        git(self.clone, "push", "--quiet", "--force", "origin", f"HEAD:refs/pull/{number}/merge")
        pull["merge_commit_sha"] = git(self.clone, "rev-parse", "HEAD")

    def merge(self, hub: GitHub, number: int) -> str:
        """Squashes a pull request into main."""
        git(self.clone, "checkout", "--quiet", "main")
        git(self.clone, "merge", "--quiet", "--squash", f"change-{number}")
        pull: dict[str, Any] = hub.pulls[number - 1]
        pull["merge_commit_sha"] = self.push({})
        pull["merged_at"] = "2026-11-23T00:00:00Z"
        return str(pull["merge_commit_sha"])


def founded(home: Path, wheel: Path, files: dict[str, str]) -> Team:
    """A repository with the wheel and these files on main."""
    team = Team(home / "origin.git", home / "clone")
    git(home, "init", "--quiet", "--bare", "--initial-branch=main", str(team.origin))
    git(home, "clone", "--quiet", str(team.origin), str(team.clone))
    git(team.clone, "checkout", "--quiet", "-B", "main")
    (team.clone / "vendor").mkdir()
    shutil.copy(wheel, team.clone / "vendor")
    team.commit(files)
    git(team.clone, "push", "--quiet", "origin", "main")
    return team
