"""One reading of the API, told in many forms and places."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Account, Run

ONE = "+61255500001"
FILE = f"version: 1\nnumbers: {{{ONE}: {{Recording: Off}}}}\n"


@pytest.fixture
def differing(account: Account, write: Callable[..., str]) -> Account:
    account.add({"Number": ONE, "Recording": "Call"})
    write(FILE, "numbers/sydney.yaml")
    return account


def test_the_api_is_read_once_for_all_forms(
    differing: Account, reconciler: Run, tmp_path: Path
) -> None:
    forms = ("text", "json", "markdown", "html", "gitlab", "github", "sarif")
    flags = [f"--report={form}={form}.out" for form in forms]
    ran = reconciler("plan", "numbers", "--format", "json", *flags)
    assert differing.stats()["get"] == 1
    assert (tmp_path / "json.out").read_text() == ran.out
    assert all((tmp_path / f"{form}.out").stat().st_size for form in forms)


def test_a_report_that_is_a_plan_is_its_owner_s_alone(
    differing: Account, reconciler: Run, tmp_path: Path
) -> None:
    reconciler("plan", "numbers", "--report", "json=a", "--report", "html=b")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"]
    assert modes[0] == 0o600
    assert modes[1] & 0o400


@pytest.mark.parametrize(
    ("report", "code"),
    [
        ("html", 64),
        ("html=", 64),
        ("html=-", 64),
        ("pdf=plan.pdf", 64),
        ("json=numbers/sydney.yaml", 64),
        ("json=no/such/folder/x", 1),
        ("json=numbers", 1),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_read(
    report: str, code: int, differing: Account, reconciler: Run
) -> None:
    assert reconciler("plan", "numbers", "--report", report).code == code
    assert differing.stats()["get"] == 0


def test_two_reports_want_two_files(differing: Account, reconciler: Run) -> None:
    ran = reconciler("plan", "numbers", "--report", "json=a", "--report", "html=./a")
    assert ran.code == 64
    assert "is written twice" in ran.err


def test_github_gets_a_summary_and_outputs(
    differing: Account, reconciler: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "summary").write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    reconciler("plan", "numbers")
    summary = (tmp_path / "summary").read_text()
    assert summary.startswith("before\n### ")
    assert ONE in summary
    assert (tmp_path / "output").read_text() == "changes=1\nunchanged=0\nerrors=0\ndrifted=1\n"
    reconciler("apply", "numbers", "--auto-approve")
    assert "applied=1\n" in (tmp_path / "output").read_text()


def test_github_is_left_alone_where_that_is_asked_for(
    differing: Account, reconciler: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    reconciler("plan", "numbers", "--no-ci")
    assert not (tmp_path / "summary").exists()
    assert not (tmp_path / "output").exists()


def test_a_summary_that_cannot_be_written_fails_no_run(
    differing: Account, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/no/such/folder/summary")
    ran = reconciler("plan", "numbers")
    assert ran.code == 0
    assert "GITHUB_STEP_SUMMARY cannot be written" in ran.err


def test_places_are_told_from_the_root_of_the_checkout(
    differing: Account, reconciler: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert "file=numbers/sydney.yaml," in reconciler("plan", "../numbers", "--format", "github").out
    told = reconciler("drift", "../numbers", "--format", "sarif").json
    place = told["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "numbers/sydney.yaml"


def test_what_is_wrong_with_a_file_is_annotated_and_reported(
    write: Callable[..., str], reconciler: Run, tmp_path: Path
) -> None:
    write("version: 1\nnumbers: {12: {}}\n")
    ran = reconciler("validate", "numbers.yaml", "--format", "github", "--report", "sarif=x.sarif")
    assert ran.code == 1
    assert ran.out.startswith("::error file=numbers.yaml,line=2,col=11")
    assert json.loads((tmp_path / "x.sarif").read_text())["runs"][0]["results"]


def test_a_result_has_no_page(differing: Account, reconciler: Run, tmp_path: Path) -> None:
    ran = reconciler("apply", "numbers", "--auto-approve", "--format", "json")
    (tmp_path / "result.json").write_text(ran.out)
    assert reconciler("show", "result.json", "--format", "html").code == 64
    assert reconciler("show", "result.json", "--format", "markdown").code == 0
