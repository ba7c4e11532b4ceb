"""Every file and folder in tests/examples says in its first lines what must be said of it.

positive: it loads, and nothing is said. negative: it is refused for each `# expect:`, or, where it
has `# warn:` instead, it loads with these warnings and is refused with --strict. In a folder, the
files that begin with `# overlay` are overlays, by their names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from reconciler import desired, rules
from reconciler.cli import run
from reconciler.errors import InputError, Problem

EXAMPLES = Path(__file__).parent / "examples"
HEADER = re.compile(rb"^# (expect|warn): (\d+:\d+): (.*)$", re.MULTILINE)


def examples(kind: str) -> list[Path]:
    return sorted(EXAMPLES.joinpath(kind).iterdir())


def declared(example: Path, kind: str) -> list[str]:
    files = sorted(example.rglob("*.y*ml")) if example.is_dir() else [example]
    return [
        f"{file}:{place.decode()}: {message.decode()}"
        for file in files
        for found, place, message in HEADER.findall(file.read_bytes())
        if found.decode() == kind
    ]


def overlays(example: Path) -> list[str]:
    files = sorted(example.iterdir()) if example.is_dir() else []
    return [str(file) for file in files if file.is_file() and file.read_bytes()[:9] == b"# overlay"]


def said(problems: Sequence[Problem], example: Path) -> list[str]:
    return [
        f"{each.path}:{each.line}:{each.column}: "
        + (f"[{each.rule}] " if each.rule else "")
        + each.message.replace(str(example), "FILE")
        for each in problems
    ]


def refused(example: Path, *, strict: bool) -> list[str]:
    with pytest.raises(InputError) as raised:
        run.load([str(example)], overlays(example), strict=strict)
    return said(raised.value.problems, example)


@pytest.mark.parametrize("example", examples("negative"), ids=lambda path: path.name)
def test_a_negative_example_is_refused_for_exactly_what_it_says(example: Path) -> None:
    warnings = declared(example, "warn")
    if warnings:
        assert (
            said(desired.load([str(example)], overlays=overlays(example)).warnings, example)
            == warnings
        )
    assert refused(example, strict=bool(warnings)) == warnings + declared(example, "expect")


@pytest.mark.parametrize("example", examples("positive"), ids=lambda path: path.name)
def test_a_positive_example_loads_and_nothing_is_said_of_it(example: Path) -> None:
    assert said(desired.load([str(example)], overlays=overlays(example)).warnings, example) == []


@pytest.mark.parametrize("rule", rules.NAMES)
def test_a_rule_has_an_example_that_breaks_it_and_one_that_does_not(rule: str) -> None:
    breaking = EXAMPLES / "negative" / f"rule-{rule}.yaml"
    assert any(f": [{rule}] " in each for each in declared(breaking, "warn"))
    assert EXAMPLES.joinpath("positive", f"rule-{rule}.yaml").is_file()
