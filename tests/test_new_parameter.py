"""A new API parameter is one edit in schemas/number.schema.json, and none in Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE = "version: 1\nnumbers:\n  +61255500001: {Whisper: %s}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project whose schema has one parameter more."""
    for name in ("reconciler", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "schemas" / "number.schema.json"
    schema = json.loads(path.read_text("utf-8"))
    schema["$defs"]["settings"]["properties"]["Whisper"] = {
        "title": "Whisper",
        "description": "What the one who answers hears first.",
        "type": ["string", "null"],
        "enum": ["Loud", "Soft", "", None],
    }
    path.write_text(json.dumps(schema), "utf-8")
    return tmp_path


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reconciler", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


def test_it_is_validated(checkout: Path) -> None:
    (checkout / "numbers.yaml").write_text(FILE % "Lowd")
    ran = run(checkout, "validate", "numbers.yaml")
    assert ran.returncode == 1
    assert "Loud" in ran.stderr


def test_it_is_planned_applied_and_served(checkout: Path) -> None:
    (checkout / "numbers.yaml").write_text(FILE % "Loud")
    planned = run(checkout, "plan", "numbers.yaml", "--sandbox")
    assert 'Whisper: unset -> "Loud"' in planned.stdout
    assert run(checkout, "apply", "numbers.yaml", "--sandbox", "--auto-approve").returncode == 0
    assert run(checkout, "drift", "numbers.yaml", "--sandbox").returncode == 0
    assert "Whisper: Loud" in run(checkout, "export", "--all", "--sandbox").stdout


def test_an_editor_knows_it_after_make_docs(checkout: Path) -> None:
    command = [sys.executable, str(ROOT / "docs" / "written.py")]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    printed = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    whisper = json.loads(printed)["$defs"]["settings"]["properties"]["Whisper"]
    assert whisper["oneOf"][0]["enum"] == ["Loud", "Soft", "", None]
