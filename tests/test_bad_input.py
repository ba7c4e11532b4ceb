"""Bad input ends with exit 1, a place and a sentence, and before anything is asked of the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Account, Run
from test_examples import examples

PLACE = re.compile(r"^\S.*:\d+:\d+: \S")


@pytest.mark.parametrize("example", examples("negative"), ids=lambda path: path.name)
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_bad_file_is_refused_before_anything_is_asked(
    account: Account, reconciler: Run, command: str, example: Path
) -> None:
    ran = reconciler(command, str(example), "--strict")
    assert (ran.code, ran.out, account.stats()["total"]) == (1, "", 0)
    assert all(PLACE.match(line) for line in ran.err.splitlines())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "not JSON"),
        ('{"format_version": 99}', "version"),
        ('{"format_version": 1, "changes": 5}', "make it again"),
        ("{}", "version"),
    ],
)
def test_a_file_that_is_no_plan_is_not_applied(
    account: Account, reconciler: Run, write: Callable[..., str], content: str, told: str
) -> None:
    ran = reconciler("apply", write(content, "plan.json"), "--auto-approve")
    assert (ran.code, account.stats()["total"]) == (1, 0)
    assert told in ran.err


def test_a_bug_in_us_is_a_traceback_and_a_request_to_report_it(
    reconciler: Run, write: Callable[..., str], tmp_path: Path
) -> None:
    import subprocess
    import sys

    # The one way to see a bug is to make one: a library that is not what it should be.
    (tmp_path / "jsonschema.py").write_text("Draft202012Validator = None\n", "utf-8")
    write("version: 1\nnumbers: {+61255500001: }\n")
    code = "from reconciler.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[1:] = ['validate', 'numbers.yaml']; {code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "Traceback" in ran.stderr
    assert "Please report it" in ran.stderr
