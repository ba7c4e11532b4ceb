"""docs/rules.md: every rule is on it, and what it shows is what validate says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler import desired, rules

PAGE = Path(__file__).resolve().parent.parent / "docs" / "rules.md"
TEXT = PAGE.read_text("utf-8")
FILE = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def sections() -> dict[str, str]:
    _head, *parts = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    return {part.split("\n", 1)[0]: part for part in parts}


def broken(file: str) -> list[str]:
    return [each.rule for each in desired.parse([("x.yaml", file.encode())]).warnings]


def test_the_page_has_each_rule_in_the_order_of_the_alphabet() -> None:
    assert list(sections()) == sorted(rules.NAMES)


@pytest.mark.parametrize("rule", rules.NAMES)
def test_a_rule_is_shown_with_a_file_that_breaks_it_and_one_that_breaks_none(rule: str) -> None:
    wrong, mended = FILE.findall(sections()[rule])
    assert broken(wrong) == [rule]
    assert broken(mended) == []
