"""--fetch list and auto: the same plan as number by number, from fewer requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Account, Ran, Run

from reconciler import sandbox

Write = Callable[..., str]
FIRST = 61255500000


def number(place: int) -> str:
    return f"+{FIRST + place}"


@pytest.fixture(params=[False, True], ids=["bare", "wrapped"])
def either(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reconciler: Run,
) -> Iterator[Account]:
    """An empty account, whose lists are bare or wrapped."""
    yield from serving(tmp_path, monkeypatch, wrapped=request.param)


@pytest.fixture
def wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reconciler: Run) -> Iterator[Account]:
    """An empty account, whose lists tell the total."""
    yield from serving(tmp_path, monkeypatch, wrapped=True)


def serving(path: Path, monkeypatch: pytest.MonkeyPatch, *, wrapped: bool) -> Iterator[Account]:
    settings = sandbox.Settings(db=path / "account.sqlite", wrapped_lists=wrapped)
    with sandbox.running(settings) as url:
        monkeypatch.setenv("RECONCILER_API_URL", url)
        monkeypatch.setenv("RECONCILER_ACCOUNT_SID", sandbox.ACCOUNT_SID)
        monkeypatch.setenv("RECONCILER_TOKEN", sandbox.TOKEN)
        yield Account(url)


def live(account: Account, count: int, **fields: Any) -> None:
    """So many numbers, of which every seventh is recorded; named by their places."""
    account.add(
        *(
            {
                "Number": number(place),
                "Recording": "Off" if place % 7 else "Call",
                "Friendly": f"Line {place}",
                **fields,
            }
            for place in range(count)
        )
    )


def declare(write: Write, count: int, extra: str = "", first: int = 0) -> str:
    keys = "".join(f"  {number(place)}:\n" for place in range(first, first + count))
    return write(f"version: 1\n{extra}defaults: {{Recording: Off}}\nnumbers:\n{keys}")


def asked(account: Account) -> tuple[int, int, int]:
    """How many pages of lists, numbers and writes were asked for."""
    stats = account.stats()
    return stats["list"], stats["get"], stats["post"]


def planned(reconciler: Run, path: str, how: str, *flags: str) -> tuple[Ran, str]:
    """The plan as JSON without when it was made."""
    ran = reconciler("plan", path, "--fetch", how, "--format", "json", *flags)
    return ran, ran.out.replace(ran.json["created_at"], "")


@pytest.mark.parametrize("how", ["list", "auto"])
@pytest.mark.parametrize("extra", ["", "property: PRsandbox\n", "account: ACsandbox\n"])
def test_a_list_makes_the_same_plan_to_the_byte(
    either: Account, write: Write, reconciler: Run, how: str, extra: str
) -> None:
    live(either, 450)
    path = declare(write, 450, extra)
    each, plan = planned(reconciler, path, "each")
    assert (each.code, asked(either)) == (0, (0, 450, 0))
    either.forget_stats()
    listed, other = planned(reconciler, path, how)
    assert (listed.code, other) == (0, plan)
    assert asked(either) == (3, 0, 0)


def test_a_list_of_2000_numbers_is_ten_requests_and_no_other(
    either: Account, write: Write, reconciler: Run
) -> None:
    live(either, 2_000, Recording="Off")
    ran = reconciler("plan", declare(write, 2_000), "--fetch", "list", "--detailed-exitcode")
    assert (ran.code, ran.out) == (0, "No changes. All 2,000 numbers are as declared.\n")
    assert asked(either) == (10, 0, 0)


def test_pages_are_asked_for_at_once(wrapped: Account, write: Write, reconciler: Run) -> None:
    live(wrapped, 2_000)
    wrapped.faults("slow:bytes-per-second=1000000")
    reconciler("plan", declare(write, 2_000), "--fetch", "list")
    assert wrapped.stats()["max_in_flight"] > 4


def test_reading_ends_with_the_last_number_that_is_wanted(
    either: Account, write: Write, reconciler: Run
) -> None:
    live(either, 1_000)
    assert reconciler("plan", declare(write, 150), "--fetch", "list").code == 0
    assert asked(either) == (1, 0, 0)


def test_numbers_that_the_list_lacks_are_read_one_by_one(
    either: Account, write: Write, reconciler: Run
) -> None:
    live(either, 300)
    path = declare(write, 303)
    _, each = planned(reconciler, path, "each")
    either.forget_stats()
    ran, listed = planned(reconciler, path, "list")
    assert (ran.code, listed) == (1, each)
    assert [error["code"] for error in ran.json["errors"]] == ["NumberNotFound"] * 3
    assert asked(either) == (2, 3, 0)


def test_where_the_total_is_not_told_one_page_at_most_is_asked_for_in_vain(
    account: Account, write: Write, reconciler: Run
) -> None:
    live(account, 450)
    reconciler("plan", declare(write, 2_000), "--fetch", "list")
    assert asked(account)[:2] == (4, 1_550)


@pytest.mark.parametrize("how", ["list", "auto"])
def test_a_number_of_another_property_is_told_as_ever(
    either: Account, write: Write, reconciler: Run, how: str
) -> None:
    live(either, 10)
    either.add({"Number": number(10), "PropertySid": "PRother", "Recording": "Call"})
    path = declare(write, 11, "property: PRsandbox\n")
    _, each = planned(reconciler, path, "each")
    ran, listed = planned(reconciler, path, how)
    assert listed == each
    assert [error["code"] for error in ran.json["errors"]] == ["OtherProperty"]


def test_the_list_is_the_propertys_where_all_files_guard_the_same_one(
    either: Account, write: Write, reconciler: Run
) -> None:
    live(either, 300)
    later = [{"Number": number(place), "PropertySid": "PRother"} for place in range(300, 500)]
    either.add(*later)
    reconciler("plan", declare(write, 201, "property: PRother\n", 299), "--fetch", "list")
    assert asked(either)[1] == 1
    either.forget_stats()
    reconciler("plan", declare(write, 200, "property: PRother\n", 300), "--fetch", "list")
    assert asked(either) == (1, 0, 0)


def test_the_list_is_the_accounts_where_the_files_guard_different_properties(
    either: Account, write: Write, reconciler: Run
) -> None:
    live(either, 2)
    either.add({"Number": number(2), "PropertySid": "PRother"})
    (Path.cwd() / "files").mkdir()
    declare(lambda text: write(text, "files/a.yaml"), 2, "property: PRsandbox\n")
    declare(lambda text: write(text, "files/b.yaml"), 1, "property: PRother\n", 2)
    ran = reconciler("plan", "files", "--fetch", "list")
    assert ran.out.endswith("Plan: 2 to change, 1 unchanged.\n")
    assert asked(either)[1] == 0


def test_a_property_that_cannot_be_part_of_a_url_is_no_path(
    either: Account, write: Write, reconciler: Run
) -> None:
    live(either, 2)
    ran = reconciler("plan", declare(write, 2, "property: ../x?y\n"), "--fetch", "list")
    assert ran.out.count("OtherProperty") == 2
    assert asked(either)[1] == 0


REFUSED = ["403", *(f"status:code={code}" for code in (400, 404, 405, 410)), "garbage"]


@pytest.mark.parametrize("fault", REFUSED)
def test_auto_reads_one_by_one_where_it_may_not_list_and_says_so(
    account: Account, write: Write, reconciler: Run, fault: str
) -> None:
    live(account, 60)
    path = declare(write, 60)
    _, each = planned(reconciler, path, "each")
    account.forget_stats()
    account.faults(f"{fault}{',' if ':' in fault else ':'}times=1")
    ran, listed = planned(reconciler, path, "auto", "--retry-for", "0")
    assert (ran.code, listed) == (0, each)
    assert asked(account) == (1, 60, 0)
    assert ran.err.count("\n") == 1
    assert "cannot be listed" in ran.err


def test_auto_falls_back_in_the_middle_and_reads_no_number_twice(
    wrapped: Account, write: Write, reconciler: Run
) -> None:
    live(wrapped, 450)
    path = declare(write, 450)
    _, each = planned(reconciler, path, "each")
    wrapped.forget_stats()
    wrapped.faults("403:after=1,times=1")
    ran, listed = planned(reconciler, path, "auto", "--parallelism", "1")
    assert (ran.code, listed) == (0, each)
    assert asked(wrapped) == (2, 250, 0)


def test_quiet_is_quiet_about_it(account: Account, write: Write, reconciler: Run) -> None:
    live(account, 3)
    account.faults("403:times=1")
    ran = reconciler("plan", declare(write, 3), "--fetch", "auto", "-q")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("fault", REFUSED)
def test_a_list_that_is_refused_is_an_error_and_not_of_the_credentials(
    account: Account, write: Write, reconciler: Run, fault: str
) -> None:
    live(account, 3)
    account.faults(fault)
    ran = reconciler("plan", declare(write, 3), "--fetch", "list", "--retry-for", "0")
    assert (ran.code, ran.out, asked(account)) == (1, "", (1, 0, 0))
    assert "--fetch each" in ran.err
    assert "credentials" not in ran.err


@pytest.mark.parametrize("how", ["list", "auto"])
def test_wrong_credentials_stop_a_list_too(
    account: Account,
    write: Write,
    reconciler: Run,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    monkeypatch.setenv("RECONCILER_TOKEN", "wrong")
    ran = reconciler("plan", declare(write, 3), "--fetch", how)
    assert (ran.code, account.stats()["total"]) == (1, 1)
    assert "401" in ran.err


def test_where_nothing_is_allowed_auto_stops_as_ever(
    account: Account, write: Write, reconciler: Run
) -> None:
    live(account, 60)
    account.faults("403")
    ran = reconciler("plan", declare(write, 60), "--fetch", "auto", "--parallelism", "1")
    assert (ran.code, asked(account)) == (1, (1, 1, 0))


def test_a_page_that_fails_for_a_moment_is_asked_for_again(
    either: Account, write: Write, reconciler: Run
) -> None:
    live(either, 450)
    either.faults("503:times=1", "cut:after=1,times=1", "429:after=2,times=1")
    ran = reconciler("plan", declare(write, 450), "--fetch", "list")
    assert (ran.code, asked(either)) == (0, (6, 0, 0))


@pytest.mark.parametrize(
    ("there", "wanted", "requests"),
    [
        (1_000, 1, (0, 1)),  # no list takes fewer
        (200, 60, (1, 0)),
        (1_000, 2, (1, 0)),  # both are on the first page
        (250, 60, (1, 0)),
    ],
)
def test_auto_takes_the_way_with_fewer_requests(
    either: Account,
    write: Write,
    reconciler: Run,
    there: int,
    wanted: int,
    requests: tuple[int, int],
) -> None:
    live(either, there)
    reconciler("plan", declare(write, wanted), "--fetch", "auto")
    assert asked(either)[:2] == requests


@pytest.mark.parametrize(
    ("there", "wanted", "requests"), [(1_000, 4, (1, 4)), (1_000, 5, (5, 0)), (400, 2, (2, 0))]
)
def test_auto_reckons_with_the_total_once_it_is_told(
    wrapped: Account,
    write: Write,
    reconciler: Run,
    there: int,
    wanted: int,
    requests: tuple[int, int],
) -> None:
    live(wrapped, there)
    reconciler("plan", declare(write, wanted, first=there - wanted), "--fetch", "auto")
    assert asked(wrapped)[:2] == requests


@pytest.mark.parametrize(("wanted", "requests"), [(9, (1, 9)), (60, (5, 0))])
def test_auto_asks_for_a_tenth_more_at_most_where_no_total_is_told(
    account: Account, write: Write, reconciler: Run, wanted: int, requests: tuple[int, int]
) -> None:
    live(account, 1_000)
    reconciler("plan", declare(write, wanted, first=1_000 - wanted), "--fetch", "auto")
    assert asked(account)[:2] == requests


@pytest.mark.parametrize("how", ["list", "auto"])
def test_drift_reads_by_the_list(either: Account, write: Write, reconciler: Run, how: str) -> None:
    live(either, 450)
    assert reconciler("drift", declare(write, 450), "--fetch", how).code == 2
    assert asked(either) == (3, 0, 0)


@pytest.mark.parametrize("how", ["list", "auto"])
def test_apply_reads_each_number_again_before_it_writes_it(
    either: Account, write: Write, reconciler: Run, how: str
) -> None:
    live(either, 450)
    path = declare(write, 450)
    ran = reconciler("apply", path, "--fetch", how, "--auto-approve")
    assert (ran.code, asked(either)) == (0, (3, 65, 65))
    assert reconciler("plan", path, "--detailed-exitcode", "--fetch", "list").code == 0


def test_a_number_that_moved_after_it_was_listed_is_a_conflict(
    either: Account, write: Write, reconciler: Run
) -> None:
    live(either, 3)
    either.faults("hang:seconds=0.5,method=GET,number=*,times=1")

    def move() -> None:
        while not asked(either)[1]:
            time.sleep(0.01)
        either.edit(number(0), Recording=None)

    person = threading.Thread(target=move)
    person.start()
    ran = reconciler("apply", declare(write, 3), "--fetch", "list", "--auto-approve")
    person.join()
    assert (ran.code, asked(either)) == (3, (1, 1, 0))
    assert "Changed since it was read" in ran.out


def test_the_way_of_reading_can_come_from_the_environment(
    account: Account, write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(account, 3)
    monkeypatch.setenv("RECONCILER_FETCH", "list")
    assert reconciler("plan", declare(write, 3)).code == 0
    assert asked(account) == (1, 0, 0)


def test_progress_counts_numbers_and_not_pages(
    account: Account,
    write: Write,
    reconciler: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reconciler.progress.LINE_EVERY", 0.05)
    live(account, 300)
    account.faults("hang:after=1,times=1,seconds=0.5")
    ran = reconciler("plan", declare(write, 300), "--fetch", "list", "--timeout", "0.5")
    assert "Reading 200/300" in ran.err
