"""Every file and folder in tests/examples says in its first lines what must be said of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from reconciler import desired
from reconciler.errors import InputError, Problem

EXAMPLES = Path(__file__).parent / "examples"
HEADER = re.compile(rb"^# (?:expect|warn): (\d+:\d+): (.*)$", re.MULTILINE)


def examples(kind: str) -> list[Path]:
    return sorted(EXAMPLES.joinpath(kind).iterdir())


def declared(example: Path) -> list[str]:
    files = sorted(example.rglob("*.y*ml")) if example.is_dir() else [example]
    return [
        f"{file}:{place.decode()}: {message.decode()}"
        for file in files
        for place, message in HEADER.findall(file.read_bytes())
    ]


def said(problems: Sequence[Problem], example: Path) -> list[str]:
    return [
        f"{each.path}:{each.line}:{each.column}: "
        + (f"[{each.rule}] " if each.rule else "")
        + each.message.replace(str(example), "FILE")
        for each in problems
    ]


@pytest.mark.parametrize("example", examples("negative"), ids=lambda path: path.name)
def test_every_error_of_a_negative_example_is_said_at_its_place(example: Path) -> None:
    with pytest.raises(InputError) as raised:
        desired.load([str(example)])
    found, expected = said(raised.value.problems, example), declared(example)
    assert len(found) == len(expected), "\n".join(found)
    for each, start in zip(found, expected, strict=True):
        place, _, sentence = start.partition(": ")
        assert each.startswith(f"{place}: ")
        assert sentence in each


@pytest.mark.parametrize("example", examples("positive"), ids=lambda path: path.name)
def test_a_positive_example_loads_with_exactly_its_warnings(example: Path) -> None:
    found = said(desired.load([str(example)]).warnings, example)
    assert found == declared(example)


def test_every_negative_example_expects_an_error() -> None:
    assert all(declared(example) for example in examples("negative"))
