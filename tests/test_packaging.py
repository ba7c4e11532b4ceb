"""Every way to install finds the schemas."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = {path.name for path in (ROOT / "schemas").glob("*.schema.json")}
PROBE = (
    "from reconciler import schema; print(*(len(schema.load(name)) > 0 for name in schema.NAMES))"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(out),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


def test_the_wheel_holds_every_schema(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name.split("/")[-1] for name in archive.namelist() if "/schemas/" in name}
    assert held == SCHEMAS


def test_the_wheel_holds_what_the_report_is_made_of(wheel: Path) -> None:
    beside = {path.name for path in (ROOT / "reconciler" / "render").glob("page.*")}
    with zipfile.ZipFile(wheel) as archive:
        held = {name.rpartition("/")[2] for name in archive.namelist() if "/render/page." in name}
    assert held == beside
    assert len(beside) == 3


def test_an_unpacked_wheel_finds_them_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {PROBE}; print(schema.__file__)"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found, place = ran.stdout.splitlines()
    assert (set(found.split()), Path(place).is_relative_to(tmp_path)) == ({"True"}, True)


def test_the_editable_install_finds_them(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert set(ran.stdout.split()) == {"True"}


def test_the_module_runs_from_the_root() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "reconciler", "schema", "number"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == (ROOT / "schemas" / "number.schema.json").read_text("utf-8")


def test_a_broken_install_says_so(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(
        ROOT / "reconciler", tmp_path / "reconciler", ignore=shutil.ignore_patterns("__pycache__")
    )
    ran = subprocess.run(
        [sys.executable, "-m", "reconciler", "schema", "number"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert ran.returncode == 1
    assert "This installation is broken" in ran.stderr
