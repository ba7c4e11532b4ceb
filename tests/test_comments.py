"""Comments that silence a rule: which they are, and that nothing else is taken for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler import document
from reconciler.comments import Silence
from reconciler.tree import Node

MARK = "# reconciler: ignore[a]"
# A value of a mapping, its lines after the first two deep.
VALUES = [
    "x",
    f"x {MARK}",
    f"x{MARK[:1]}x",
    f"x\n  y {MARK}",
    f"\n  {MARK}\n  x",
    f"'x' {MARK}",
    f"'{MARK}'",
    f"'x\n  {MARK}'",
    f"'{MARK}' {MARK}",
    f'"{MARK}\\" {MARK}"',
    f'"# reconciler: ignore[" {MARK}',
    f'"# reconciler: ignore[a" {MARK}',
    f"| {MARK}\n  x",
    f"|\n  {MARK}",
    f"|-\n  x\n\n   {MARK}\n  y",
    f"|\n   x\n  {MARK}",
    f"|+\n  x\n\n{MARK}\n",
    f">2 {MARK}\n  {MARK}\n {MARK}",
    f"[x, {MARK}\n  y]{MARK}",
    f"[x, '{MARK}', {MARK}\n  y]",
    f"{{x: {MARK}\n  y}} {MARK} {MARK}",
    f"\n  - x {MARK}\n {MARK}\n  - |\n   {MARK}",
    f"&x y {MARK}",
    f"é {MARK}\u2028",
    f"'\u2028\x85{MARK}' {MARK}\r",
    f"{{'{MARK}': x, ? {MARK}\n   '{MARK} y' : y}}",
]


def silences(text: str) -> list[Silence]:
    return list(document.parse("x.yaml", text.encode()).silences)


def tree(text: str) -> Node:
    found, problems = document.examine("x.yaml", text.encode())
    return found.root if found and not problems else f"{problems}"


@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=5), st.sampled_from(["", "\ufeff"]))
@example(VALUES, "")
def test_a_comment_is_what_can_be_emptied_without_a_change(values: list[str], start: str) -> None:
    text = start + "".join(f"k{index}: {value}\n" for index, value in enumerate(values))
    whole = tree(text)
    assert isinstance(whole, dict)
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text.removeprefix("\ufeff"))
    expected = [
        Silence(number, match.start() + len("# reconciler: ignore[") + 1, "a")
        for number, line in enumerate(lines, 1)
        for match in re.finditer(re.escape(MARK), line)
        if tree(cut(text, number - 1, match.start())) == whole
    ]
    assert silences(text) == expected


def cut(text: str, line: int, column: int) -> str:
    """The text without what follows a "#" on its line; both count from 0."""
    start = "\ufeff" if text.startswith("\ufeff") else ""
    parts = re.split("(\r\n|[\r\n\x85\u2028\u2029])", text.removeprefix("\ufeff"))
    parts[2 * line] = parts[2 * line][: column + 1]
    return start + "".join(parts)


@pytest.mark.parametrize(
    "comment",
    [
        "# reconciler: ignore[a, b]",
        "#reconciler:ignore[a,b]",
        "#\treconciler: \tignore[ a , b ]: it is so",
        "# noqa # reconciler: ignore[a] # reconciler: ignore[b]",
    ],
)
def test_a_comment_may_name_several_rules_and_say_more(comment: str) -> None:
    assert [each.rule for each in silences(f"k: v  {comment}\n")] == ["a", "b"]


def test_each_name_has_its_place() -> None:
    assert silences("version: 1\né: v  # reconciler: ignore[one,  two]\n") == [
        Silence(2, 28, "one"),
        Silence(2, 34, "two"),
    ]


@pytest.mark.parametrize(
    "comment", ["# reconciler: ignore", "# reconciler: ignore(a)", "# reconciled: ignore[a]"]
)
def test_what_is_written_another_way_silences_nothing(comment: str) -> None:
    assert silences(f"k: v  {comment}\n") == []


def test_comments_count_after_the_end_of_the_document_too() -> None:
    assert silences(f"k: v\n...\n{MARK}\n") == [Silence(3, 22, "a")]
