"""The Pacer against servers whose limits it is not told; in virtual time."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
import virtual
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import (
    Both,
    Bucket,
    Changing,
    Client,
    Crowded,
    Down,
    Flaky,
    Log,
    Server,
    Sliding,
    Told,
    Unlimited,
    Window,
    date,
    run,
    seconds,
    work_off,
)

from reconciler.pace import FIRST_AT_ONCE, Pacer, Verdict

LATENCIES = (0.001, 0.05)
Kind = Callable[[int], Server]
KINDS: dict[str, Kind] = {
    "bucket, burst R": lambda rate: Bucket(rate, rate),
    "bucket, burst 5": lambda rate: Bucket(rate, 5),
    "bucket, burst 1": lambda rate: Bucket(rate, 1),
    "window": lambda rate: Window(rate),
    "window, 0.3 s ahead": lambda rate: Window(rate, 0.3),
    "window, 0.7 s ahead": lambda rate: Window(rate, 0.7),
    "sliding log": lambda rate: Sliding(rate),
}
SMALL_BURST = ("bucket, burst 5", "bucket, burst 1")


def most_in_a_second(log: Log) -> int:
    """The most requests that began in any window of one second, its end left out."""
    begun = sorted(log.started)
    return max(bisect_left(begun, first + 1 - 1e-6) - i for i, first in enumerate(begun))


async def refused(pacer: Pacer, *retry_after: float | None) -> None:
    """So many requests at once, all refused."""
    turns = [await pacer.enter() for _ in retry_after]
    for turn, wait in zip(turns, retry_after, strict=True):
        pacer.leave(turn, Verdict.REFUSED, wait)


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_of_50_a_second_is_found_and_used_to_nine_tenths(kind: str, latency: float) -> None:
    log = work_off(1000, KINDS[kind](50), latency=latency)
    assert 1000 / log.end >= 0.9 * 50
    assert log.share_refused < 0.05
    assert log.most_tries <= 5


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_of_20_a_second_is_found_and_used_to_nine_tenths(kind: str, latency: float) -> None:
    log = work_off(1000, KINDS[kind](20), latency=latency)
    assert 1000 / log.end >= 0.9 * 20
    assert log.share_refused < 0.05


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_of_200_is_used_to_three_quarters_within_five_seconds(
    kind: str, latency: float
) -> None:
    assert 1000 / work_off(1000, KINDS[kind](200), latency=latency).end >= 0.75 * 200


@pytest.mark.parametrize("told", [seconds, date])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SMALL_BURST])
def test_pauses_of_a_whole_second_cost_less_than_a_fifth(kind: str, told: Told) -> None:
    log = work_off(1000, KINDS[kind](50), told=told)
    assert 1000 / log.end >= 0.8 * 50
    assert log.share_refused < 0.05
    assert log.most_tries <= 5


@pytest.mark.parametrize("kind", SMALL_BURST)
def test_pauses_that_are_always_too_long_cost_a_sixth_in_the_long_run(kind: str) -> None:
    log = work_off(5000, KINDS[kind](50), told=seconds)
    assert log.rate(20, log.end) >= 50 * 5 / 6
    assert log.share_refused < 0.01


def test_where_there_is_no_limit_nothing_is_lost_to_looking_for_one() -> None:
    log = work_off(10_000, Unlimited(), sending=0.0)
    assert log.end <= 1.04 * 10_000 * 0.05 / 64


def test_a_run_starts_with_a_few_at_once() -> None:
    log = work_off(64, Unlimited(), sending=0.0)
    assert sum(begun == 0.0 for begun in log.started) == FIRST_AT_ONCE


def test_a_turn_costs_less_than_six_microseconds_of_cpu() -> None:
    async def turns(number: int) -> float:
        pacer = Pacer(64)
        begun = time.process_time()
        for _ in range(number):
            pacer.leave(await pacer.enter(), Verdict.WELL)
        return (time.process_time() - begun) / number

    assert min(asyncio.run(turns(5_000)) for _ in range(5)) < 6e-6


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_that_rises_tenfold_is_followed_within_15_seconds(kind: str) -> None:
    server = Changing(KINDS[kind](20), KINDS[kind](200), 25.0)
    log = work_off(10**6, server, until=43.0)
    assert max(log.rate(25 + after, 26 + after) for after in range(15)) >= 0.8 * 200


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_that_falls_to_a_tenth_is_followed(kind: str) -> None:
    server = Changing(KINDS[kind](200), KINDS[kind](20), 20.0)
    log = work_off(10**6, server, until=40.0)
    assert log.rate(22, 40) >= 0.75 * 20
    assert log.share_refused < 0.1


@pytest.mark.parametrize("seed", range(2))
def test_failures_now_and_then_are_not_taken_for_a_limit(seed: int) -> None:
    flaky = Flaky(0.01, Random(seed))
    log = work_off(10_000, flaky, failing=Verdict.TROUBLED, sending=0.0)
    assert log.end <= 1.1 * 10_000 * 0.05 / 64


@pytest.mark.parametrize("begin", [0.0, 3.0, 3.4, 12.0])
def test_full_speed_is_back_two_seconds_after_an_outage(begin: float) -> None:
    end = begin + 5
    down = Down(begin, end)
    log = work_off(10**6, down, failing=Verdict.TROUBLED, sending=0.0, until=end + 4)
    assert log.rate(end + 2, end + 3) >= 0.95 * 64 / 0.05


def test_during_an_outage_little_is_asked_and_afterwards_there_is_no_herd() -> None:
    log = work_off(10**6, Down(3, 8), failing=Verdict.TROUBLED, sending=0.0, until=10.0)
    assert sum(3.2 <= begun < 8 for begun in log.started) <= 10
    back = min(served for served in log.served if served >= 8)
    assert sum(back <= begun < back + 0.01 for begun in log.started) <= 32


def test_503_without_retry_after_is_a_limit_when_it_keeps_coming() -> None:
    log = work_off(1000, Window(50, 0.3), failing=Verdict.TROUBLED)
    assert 1000 / log.end >= 0.9 * 50
    assert log.share_refused < 0.15


def test_of_two_limits_at_once_the_tighter_is_kept_to() -> None:
    log = work_off(3000, Both(Bucket(20, 20), Bucket(10, 600)))
    assert log.end <= 1.05 * (3000 - 600) / 10
    assert log.share_refused < 0.05


def test_a_limit_of_ten_at_once_is_found() -> None:
    log = work_off(2000, Crowded(10), failing=Verdict.TROUBLED)
    assert 2000 / log.end >= 0.45 * 10 / 0.05
    assert log.most_tries <= 5


@pytest.mark.parametrize("max_rate", [0.5, 5, 50, 1000])
def test_max_rate_is_never_passed(max_rate: float) -> None:
    log = work_off(int(max_rate * 3) + 2, Unlimited(), pacer=Pacer(64, max_rate=max_rate))
    assert most_in_a_second(log) <= max_rate + 1


def test_max_rate_is_reached_and_evenly() -> None:
    log = work_off(500, Unlimited(), pacer=Pacer(64, max_rate=50))
    gaps = [later - sooner for sooner, later in pairwise(log.started)]
    assert min(gaps) == pytest.approx(0.02)
    assert max(gaps) == pytest.approx(0.02)


def test_one_who_asks_one_at_a_time_finds_a_limit_too() -> None:
    log = run(Client(Pacer(64), Bucket(50, 5), latency=0.001).work_off(1000, workers=1))
    assert 1000 / log.end >= 0.9 * 50


def test_after_a_rest_the_first_rate_is_not_the_average_of_the_rest() -> None:
    async def main() -> float | None:
        client = Client(Pacer(64), Sliding(50))
        await client.work_off(45)
        await asyncio.sleep(60)
        await client.work_off(60)
        return client.pacer.rate

    assert (run(main()) or 0) >= 0.9 * 50


def test_retry_after_holds_requests_that_were_not_told() -> None:
    async def main() -> float:
        pacer = Pacer(64)
        await refused(pacer, 3)
        return (await pacer.enter()).began

    assert run(main()) == pytest.approx(3)


def test_a_shorter_retry_after_does_not_end_a_longer_one() -> None:
    async def main() -> float:
        pacer = Pacer(64)
        await refused(pacer, 3, 1)
        return (await pacer.enter()).began

    assert run(main()) == pytest.approx(3)


def test_all_that_was_under_way_is_one_refusal() -> None:
    async def main() -> int:
        pacer = Pacer(64)
        turns = [await pacer.enter() for _ in range(FIRST_AT_ONCE)]
        await asyncio.sleep(0.05)
        for turn in turns:
            pacer.leave(turn, Verdict.REFUSED)
        pacer.leave(await pacer.enter(), Verdict.WELL)
        return pacer.at_once

    assert run(main()) >= FIRST_AT_ONCE / 2


def test_turns_are_first_come_first_served() -> None:
    order: list[int] = []

    async def one(pacer: Pacer, number: int) -> None:
        turn = await pacer.enter()
        order.append(number)
        await asyncio.sleep(0.01 * (number % 3))
        pacer.leave(turn, Verdict.WELL)

    async def main() -> None:
        pacer = Pacer(3)
        await asyncio.gather(*(one(pacer, number) for number in range(50)))

    run(main())
    assert order == list(range(50))


def test_waiting_costs_no_turns_of_the_loop() -> None:
    """A hundred who wait for ten seconds are woken once each, and by one timer."""
    wakes = 0

    class Counting(virtual.Loop):
        def _run_once(self) -> None:
            nonlocal wakes
            wakes += 1
            super()._run_once()  # type: ignore[misc]

    async def main() -> None:
        pacer = Pacer(64)
        await refused(pacer, 10)
        await Client(pacer, Unlimited(), sending=0.0).work_off(1, workers=100)

    with asyncio.Runner(loop_factory=Counting) as runner:
        runner.run(main())
    assert wakes < 50


def test_one_cancelled_in_the_instant_of_its_turn_hands_it_on() -> None:
    async def main() -> None:
        pacer = Pacer(1)
        turn = await pacer.enter()
        first, second = (asyncio.create_task(pacer.enter()) for _ in range(2))
        await asyncio.sleep(0)
        pacer.leave(turn, Verdict.WELL)  # the turn is first's, who has not run yet
        first.cancel()
        await asyncio.wait_for(second, 1)
        assert first.cancelled()

    run(main())


def test_a_pacer_serves_a_second_loop_after_the_first_was_interrupted() -> None:
    pacer = Pacer(4)

    async def interrupted() -> None:
        await refused(pacer, 1)
        asyncio.create_task(pacer.enter())  # noqa: RUF006  (left behind on purpose)
        await asyncio.sleep(0.01)

    async def again() -> None:
        await asyncio.wait_for(pacer.enter(), 5)

    run(interrupted())
    run(again())


class Played:
    """One request of a made-up run: when it comes, how long it takes, how it ends."""

    def __init__(self, come: float, takes: float, ends: str, patience: float) -> None:
        self.come, self.takes, self.ends, self.patience = come, takes, ends, patience

    def __repr__(self) -> str:
        return f"Played({self.come}, {self.takes}, {self.ends!r}, {self.patience})"


VERDICTS = {
    "well": (Verdict.WELL, None),
    "refused": (Verdict.REFUSED, None),
    "told": (Verdict.REFUSED, 1.5),
    "troubled": (Verdict.TROUBLED, None),
    "neutral": (Verdict.NEUTRAL, None),
}
tenths = st.integers(0, 30).map(lambda tenth: tenth / 10)
played = st.builds(Played, tenths, tenths, st.sampled_from(sorted(VERDICTS)), tenths | st.just(1e9))
plays = st.lists(played, max_size=60)


class Play:
    """Runs requests against a Pacer and watches what must hold at every moment."""

    def __init__(self, most: int, max_rate: float | None) -> None:
        self.pacer = Pacer(most, max_rate=max_rate)
        self.under_way = self.ended = self.given_up = 0
        self.pauses: list[tuple[float, float]] = []

    async def all(self, requests: list[Played]) -> None:
        async with asyncio.timeout(100_000):
            await asyncio.gather(*(self.one(request) for request in requests))

    async def one(self, request: Played) -> None:
        await asyncio.sleep(request.come)
        try:
            turn = await asyncio.wait_for(self.pacer.enter(), request.patience)
        except TimeoutError:
            self.given_up += 1
            return
        self.under_way += 1
        assert self.under_way <= self.pacer.most
        assert not any(told < turn.began < until - 1e-5 for told, until in self.pauses)
        await asyncio.sleep(request.takes)
        self.under_way -= 1
        verdict, retry_after = VERDICTS[request.ends]
        if retry_after:
            now = asyncio.get_running_loop().time()
            self.pauses.append((now, now + retry_after))
        self.pacer.leave(turn, verdict, retry_after)
        self.ended += 1


@settings(max_examples=100, deadline=None)
@given(plays, st.integers(1, 12), st.sampled_from([None, 0.5, 20.0]))
def test_whatever_happens_most_holds_pauses_hold_and_every_enter_ends(
    requests: list[Played], most: int, max_rate: float | None
) -> None:
    play = Play(most, max_rate)
    run(play.all(requests))
    assert play.ended + play.given_up == len(requests)
    assert play.under_way == 0


@settings(max_examples=30, deadline=None)
@given(plays, st.integers(1, 12))
def test_whatever_happened_the_pacer_opens_up_again(requests: list[Played], most: int) -> None:
    async def main() -> int:
        play = Play(most, None)
        await play.all(requests)
        await Client(play.pacer, Unlimited()).work_off(300, workers=most + 1)
        return play.pacer.at_once

    assert run(main()) >= min(most, 2)
