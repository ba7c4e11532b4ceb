"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import Account

from reconciler import sandbox

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def shell(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command as a person types it, with the installed `reconciler` on the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", command],
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def test_the_plan_it_shows_is_the_plan_of_the_example(project: Path) -> None:
    shown = fenced("console")[0]
    command, _, output = shown.removeprefix("$ ").partition("\n")
    settings = sandbox.Settings(seed=project / "examples" / "account.json")
    with sandbox.running(settings) as url:
        ran = shell(command, project, RECONCILER_API_URL=url, RECONCILER_TOKEN=sandbox.TOKEN)
    assert ran.stdout == output


def test_its_numbers_file_is_valid(project: Path) -> None:
    (project / "numbers.yaml").write_text(fenced("yaml")[0], "utf-8")
    ran = shell("reconciler validate numbers.yaml --strict", project)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_its_overlay_is_valid_over_its_numbers_file(project: Path) -> None:
    for name, block in zip(("numbers.yaml", "staging.yaml"), fenced("yaml"), strict=False):
        (project / name).write_text(block, "utf-8")
    ran = shell("reconciler validate numbers.yaml --overlay staging.yaml", project)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_its_commands_run_in_their_order(account: Account, project: Path) -> None:
    account.add({"Number": "+61255500001", "Friendly": "Sydney"})
    commands = re.findall(r"^ {4}(reconciler .+)$", README, re.MULTILINE)
    assert commands
    for command in commands:
        ran = shell(command, project)
        assert ran.returncode == 0, (command, ran.stderr)


def test_its_pipeline_runs_in_its_order(account: Account, project: Path) -> None:
    account.add({"Number": "+61255500001", "Recording": "Call"})
    (project / "numbers").mkdir()
    declared = "version: 1\nnumbers:\n  +61255500001: {Recording: Off}\n"
    (project / "numbers" / "sydney.yml").write_text(declared, "utf-8")
    install, *steps = re.findall(r"^- run: ([^#\n]+)", fenced("yaml")[2], re.MULTILINE)
    # What PyPI has under our name is not ours: it must come from a file.
    assert install.startswith("pip install vendor/")
    assert [step.split()[1] for step in steps] == ["validate", "plan", "apply", "drift"]
    for step in steps:
        ran = shell(step, project)
        assert ran.returncode == 0, (step, ran.stderr)
    assert account.live("+61255500001")["Recording"] == "Off"


def test_its_exit_codes_are_those_of_the_exceptions() -> None:
    from reconciler import errors

    shown = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    kinds = [errors.ReconcilerError, *errors.ReconcilerError.__subclasses__()]
    assert shown == {0, *(kind.exit_code for kind in kinds)}


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("http") or (ROOT / link).exists(), link
