"""The example, and the demo that runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_readme import shell

from reconciler import desired, schema

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = "examples/numbers.yaml"


def test_the_example_has_a_dozen_numbers_or_more_and_no_warnings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    declared = desired.load([EXAMPLE])
    assert len(declared.numbers) >= 12
    assert declared.warnings == ()


def test_the_example_uses_every_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    numbers = desired.load([EXAMPLE]).numbers.values()
    assert {name for number in numbers for name in number.fields} == set(schema.parameters())


@pytest.mark.parametrize("time", ["first", "second"])
def test_the_demo_ends_with_nothing_left_to_do(time: str) -> None:
    ran = shell("sh examples/demo.sh", ROOT)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Plan: 5 to change, 8 unchanged." in ran.stdout
    assert "Apply complete: 5 applied." in ran.stdout
    assert ran.stdout.endswith("No changes. All 13 numbers are as declared.\n")
