"""plan --all: the account's numbers that no file names are told of, and left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness import Account, Run

Write = Callable[..., str]
NUMBERS = [f"+6125550000{place}" for place in range(5)]


@pytest.fixture
def path(account: Account, write: Write) -> str:
    """A file that names the first two of five numbers, as they are."""
    account.add(*({"Number": number, "Recording": "Off"} for number in NUMBERS))
    keys = "".join(f"  {number}: {{tags: [sales]}}\n" for number in NUMBERS[:2])
    return write(f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n{keys}")


def test_the_numbers_that_no_file_names_are_no_difference(
    path: str, account: Account, reconciler: Run
) -> None:
    ran = reconciler("plan", path, "--all", "--format", "json", "--detailed-exitcode")
    assert ran.code == 0
    assert ran.json["unmanaged"] == NUMBERS[2:]
    assert ran.json["summary"]["numbers"] == 2
    assert account.stats()["list"] > 0


def test_without_all_nothing_is_said_of_them(path: str, account: Account, reconciler: Run) -> None:
    assert "unmanaged" not in reconciler("plan", path, "--format", "json").json
    assert account.stats()["list"] == 0


def test_none_is_another_answer_than_nobody_asked(
    path: str, write: Write, account: Account, reconciler: Run
) -> None:
    write("version: 1\nnumbers:\n" + "".join(f"  {each}:\n" for each in NUMBERS[2:]), "more.yaml")
    ran = reconciler("plan", path, "more.yaml", "--all", "--format", "json")
    assert ran.json["unmanaged"] == []


def test_targets_and_excludes_are_about_them_too(path: str, reconciler: Run) -> None:
    flags = ["--target", "6125550000[0-3]", "--exclude", "*[12]"]
    ran = reconciler("plan", path, "--all", "--format", "json", *flags)
    assert ran.json["unmanaged"] == [NUMBERS[3]]
    assert ran.json["summary"]["numbers"] == 1


def test_what_is_declared_and_not_selected_is_managed_all_the_same(
    path: str, reconciler: Run
) -> None:
    ran = reconciler("plan", path, "--all", "--format", "json", "--target", "*0")
    assert ran.json["unmanaged"] == []


def test_a_saved_plan_keeps_them(path: str, reconciler: Run) -> None:
    made = reconciler("plan", path, "--all", "--out", "plan.json", "--format", "json")
    assert reconciler("show", "plan.json", "--format", "json").out == made.out


@pytest.mark.parametrize(
    "flags", [["--shard", "1/2"], ["--dask", "local:1"], ["--tag", "sales"]], ids=lambda it: it[0]
)
def test_flags_that_do_not_go_with_all_are_refused(
    path: str, account: Account, reconciler: Run, flags: list[str]
) -> None:
    ran = reconciler("plan", path, "--all", *flags)
    assert (ran.code, ran.out) == (64, "")
    assert flags[0] in ran.err
    assert account.stats()["get"] == 0


def test_a_list_that_fails_is_said_and_the_plan_is_shown_and_saved(
    path: str, account: Account, reconciler: Run
) -> None:
    account.edit(NUMBERS[0], Recording="Call")
    # Both numbers are read before the list is asked for.
    account.faults("403:after=2")
    ran = reconciler("plan", path, "--all", "--out", "plan.json", "--detailed-exitcode")
    assert ran.code == 1
    assert 'Recording: "Call" -> "Off"' in ran.out
    assert "The account's numbers cannot be listed. " in ran.err
    account.no_faults()
    assert "unmanaged" not in reconciler("show", "plan.json", "--format", "json").json


def test_text_names_each_number_that_is_in_no_file(
    account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    account.add({"Number": "+61255500001"}, {"Number": "+61255500002"})
    path = write("version: 1\nnumbers: {+61255500001: {}}\n")
    assert (
        "In the account, and in no file\n\n  +61255500002\n"
        in reconciler("plan", path, "--all").out
    )
    path = write("version: 1\nnumbers: {+61255500001: {}, +61255500002: {}}\n")
    assert "Every number of the account is in a file.\n" in reconciler("plan", path, "--all").out
