"""What the tests share: the command line, an account, a place for files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Account, Git, Ran, Run
from hypothesis import settings
from machines import Machine, wheel

from reconciler import cli, sandbox

# A machine that is busy is no failure; CI looks at more examples than somebody who waits.
settings.register_profile("here", deadline=None, max_examples=40)
settings.register_profile("ci", deadline=None, max_examples=100)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture
def reconciler(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Runs the command line in an empty folder with nothing set; returns code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    # What a person or a CI may have set would act in a test.
    for name in list(os.environ):
        if name.startswith(("RECONCILER_", "GITHUB_")):
            monkeypatch.delenv(name)
    return _runner(monkeypatch, capfd)


def _runner(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Ran:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["reconciler", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reconciler: Run) -> Iterator[Account]:
    """An empty account, with the environment pointing at it."""
    with sandbox.running(sandbox.Settings(db=tmp_path / "account.sqlite")) as url:
        monkeypatch.setenv("RECONCILER_API_URL", url)
        monkeypatch.setenv("RECONCILER_ACCOUNT_SID", sandbox.ACCOUNT_SID)
        monkeypatch.setenv("RECONCILER_TOKEN", sandbox.TOKEN)
        yield Account(url)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a numbers file; returns its path."""

    def write(text: str, name: str = "numbers.yaml") -> str:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
        return name

    return write


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """A repository in the current folder, which nothing of the machine's settings reaches."""
    for name, value in {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.com",
        "GIT_COMMITTER_NAME": "Ann",
        "GIT_COMMITTER_EMAIL": "ann@example.com",
    }.items():
        monkeypatch.setenv(name, value)

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q", "-b", "main")
    return git


@pytest.fixture(scope="session")
def vendored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as a team keeps it in vendor/."""
    return wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """What CI jobs run on."""
    return Machine(tmp_path_factory.mktemp("machine"))
