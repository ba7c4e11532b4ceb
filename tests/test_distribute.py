"""How a run is shared out, with workers that are threads of this process, or fail as told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from harness import Account
from hypothesis import given
from hypothesis import strategies as st

from reconciler import distribute, journal, remote, sandbox
from reconciler.distribute import Writing
from reconciler.errors import Outage, Stopping
from reconciler.model import (
    Change,
    DesiredNumber,
    Failure,
    FieldChange,
    Outcome,
    Plan,
    Source,
    Status,
)
from reconciler.remote import Errand, Surveyed
from reconciler.turn import Stop

T = TypeVar("T")
NUMBERS = [f"+612555000{index:02}" for index in range(30)]
Function = Callable[..., Any]


class Threads:
    """Workers as distribute.Workers has them; `strike` is asked before each shard, and may raise
    or say that its workers were lost."""

    def __init__(self, size: int, strike: Callable[[int], bool] = lambda _: False) -> None:
        self.size = size
        self.begun = self.now = self.most = 0
        self.halted: list[str] = []
        self._strike = strike

    async def run(self, function: Callable[..., T], *arguments: object) -> T | None:
        self.begun += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if self._strike(self.begun):
                return None
            return await asyncio.to_thread(function, *arguments)
        finally:
            self.now -= 1

    async def everywhere(self, function: Function, *arguments: object) -> None:
        assert function is remote.halt
        self.halted.append(str(arguments[1]))
        function(*arguments)


@pytest.fixture
def errand(account: Account, request: pytest.FixtureRequest) -> Errand:
    account.add(*({"Number": number, "Recording": "Call"} for number in NUMBERS))
    return Errand(
        run=request.node.name, url=account.url, account_sid=sandbox.ACCOUNT_SID, loopback=True,
        token_file=None, ca_file=None, timeout=10, retry_for=5, parallelism=8, max_rate=None,
    )  # fmt: skip


def desired() -> list[DesiredNumber]:
    place = Source("numbers.yaml", 1)
    return [DesiredNumber(number, {"Recording": "Off"}, place, {}) for number in NUMBERS]


def plan(*, protected: frozenset[str] = frozenset()) -> Plan:
    changes = tuple(
        Change(
            number,
            {"Recording": FieldChange("Call", "Off")},
            {"Recording": "Off"},
            Source("numbers.yaml", 1),
            protected=number in protected,
        )
        for number in NUMBERS
    )
    gone = Failure("+61255509999", "NumberNotFound", "No such number.")
    return Plan("", "", "", (), 31, 31, 31, changes, (gone,))


def surveyed(workers: Threads, errand: Errand) -> list[Surveyed]:
    told: list[Surveyed] = []

    def take(_: int, each: Surveyed) -> None:
        told.append(each)

    asyncio.run(distribute.survey(workers, errand, desired(), take))
    return told


def written(
    workers: Threads, errand: Errand, made: Plan, *, canary: int = 0, kept: Path | None = None
) -> tuple[dict[str, Outcome], str | None]:
    """Each number's Outcome, and why the run stopped."""

    async def run() -> tuple[tuple[Outcome, ...], str | None]:
        stop = Stop()
        recording = None if kept is None else stack.enter_context(journal.opened(kept))
        if recording is not None:
            await recording.begin(made, "digest")
        writing = Writing(workers, errand, False, canary, stop, lambda _: None, recording)
        await writing.run(made)
        return writing.outcomes(made), stop.reason

    with ExitStack() as stack:
        outcomes, reason = asyncio.run(run())
    return {outcome.number: outcome for outcome in outcomes}, reason


@given(
    st.integers(1, 100),
    st.integers(1, 1024),
    st.none() | st.floats(0.001, 1e6),
)
def test_all_shares_together_never_exceed_the_ceilings(
    size: int, parallelism: int, rate: float | None
) -> None:
    whole = Errand("", "", "", False, None, None, 1, 1, parallelism, rate)
    each = distribute.share(whole, size)
    at_once = distribute.lanes(size, parallelism)
    assert 1 <= each.parallelism * at_once <= parallelism
    assert rate is None or (each.max_rate or 0) * at_once <= rate * (1 + 1e-9)


def test_no_more_shards_are_under_way_than_there_are_shares(errand: Errand) -> None:
    workers = Threads(3)
    surveyed(workers, errand)
    assert (workers.most, workers.begun > 3) == (3, True)


def test_every_number_is_read_once(errand: Errand, account: Account) -> None:
    told = surveyed(Threads(4), errand)
    assert sorted(change.number for each in told for change in each.changes) == NUMBERS
    assert account.stats()["get"] == len(NUMBERS)


def test_numbers_whose_workers_were_lost_are_errors_and_not_unchanged(errand: Errand) -> None:
    told = surveyed(Threads(2, lambda begun: begun == 3), errand)
    lost = [failure for each in told for failure in each.errors]
    found = [change.number for each in told for change in each.changes]
    assert {failure.code for failure in lost} == {"WorkersLost"}
    assert sorted([*found, *(failure.number for failure in lost)]) == NUMBERS


def no_scheduler(begun: int) -> bool:
    if begun == 3:
        raise Outage("SchedulerLost", "The connection to the Dask scheduler was lost.")
    return False


def test_a_plan_ends_with_the_scheduler_and_its_workers_are_told(errand: Errand) -> None:
    workers = Threads(2, no_scheduler)
    with pytest.raises(Stopping, match="scheduler was lost"):
        surveyed(workers, errand)
    assert workers.halted


def test_an_apply_ends_with_the_scheduler_and_says_what_is_not_known(
    errand: Errand, account: Account
) -> None:
    ended, reason = written(Threads(2, no_scheduler), errand, plan())
    counts = dict.fromkeys(Status, 0)
    for outcome in ended.values():
        counts[outcome.status] += 1
    assert reason == "The connection to the Dask scheduler was lost."
    assert account.stats()["posts_carried_out"] == counts[Status.APPLIED] > 0
    assert counts[Status.NOT_ATTEMPTED] > 0
    doubtful = [each for each in ended.values() if each.code == "SchedulerLost"]
    assert doubtful
    assert all("not known" in str(each.message) for each in doubtful)


def test_changes_whose_workers_were_lost_are_in_doubt_and_the_others_are_written(
    errand: Errand, account: Account
) -> None:
    protected = frozenset(NUMBERS[::2])
    ended, reason = written(Threads(2, lambda begun: begun == 3), errand, plan(protected=protected))
    lost = {number for number, each in ended.items() if each.code == "WorkersLost"}
    assert (bool(lost), reason) == (True, None)
    assert all(ended[number].status is Status.PROTECTED for number in protected)
    applied = {number for number, each in ended.items() if each.status is Status.APPLIED}
    assert applied == set(NUMBERS) - protected - lost
    assert ended["+61255509999"].code == "NumberNotFound"


def test_nothing_follows_canaries_whose_workers_were_lost(errand: Errand, account: Account) -> None:
    _, reason = written(Threads(2, lambda begun: begun == 1), errand, plan(), canary=3)
    assert (reason, account.stats()["post"]) == ("The canaries do not all stand.", 0)


def test_a_canary_that_does_not_stand_lets_no_other_be_written(
    errand: Errand, account: Account
) -> None:
    account.edit(NUMBERS[1], Recording=None)
    ended, reason = written(Threads(2), errand, plan(), canary=3)
    assert account.stats()["posts_carried_out"] == 2
    assert ended[NUMBERS[1]].status is Status.CONFLICT
    assert ended[NUMBERS[5]].status is Status.NOT_ATTEMPTED
    assert reason == f"The canary {NUMBERS[1]} does not stand (conflict)."


def test_the_journal_has_every_number_before_a_worker_can_write_it(
    errand: Errand, tmp_path: Path
) -> None:
    path = tmp_path / "j.jsonl"
    known: list[int] = []

    def strike(_: int) -> bool:
        known.append(path.read_text("utf-8").count('"intent"'))
        return False

    workers = Threads(1, strike)
    written(workers, errand, plan(), kept=path)
    recorded = journal.read(path)
    assert [change.number for change in recorded.changes] == NUMBERS
    assert known[0] > 0
    assert known[-1] == len(NUMBERS)
    assert path.read_text("utf-8").count('"outcome"') == len(NUMBERS)


def test_a_run_that_is_over_is_over_for_a_shard_that_comes_late(
    errand: Errand, account: Account
) -> None:
    remote.halt(errand.run, "Interrupted.")
    told = remote.write(errand, plan(), False, 0)
    assert told.stopped == "Interrupted."
    assert {each.status for each in told.outcomes} <= {Status.NOT_ATTEMPTED, Status.FAILED}
    assert account.stats()["total"] == 0


def test_a_worker_of_another_version_is_refused(errand: Errand, account: Account) -> None:
    told = remote.survey(replace(errand, version="0.0.1"), desired())
    assert told.stopped is not None
    assert "install the same everywhere" in told.stopped
    assert account.stats()["total"] == 0


def test_the_pace_is_kept_from_one_shard_to_the_next(errand: Errand, account: Account) -> None:
    remote.survey(errand, desired())
    pacer = remote._here(errand.run).pacer
    remote.survey(errand, desired())
    assert remote._here(errand.run).pacer is pacer is not None


@pytest.fixture(autouse=True)
def no_runs_of_other_tests() -> Iterator[None]:
    yield
    remote._runs.clear()
