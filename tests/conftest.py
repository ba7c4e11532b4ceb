"""What the tests share: the command line, an account, a place for files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Account, Ran, Run

from reconciler import cli, sandbox


@pytest.fixture
def reconciler(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Runs the command line in an empty folder with nothing set; returns code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in ("RECONCILER_API_URL", "RECONCILER_ACCOUNT_SID", "RECONCILER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
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
