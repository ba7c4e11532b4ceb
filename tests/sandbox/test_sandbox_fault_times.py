"""Faults that are a matter of time: limits, outages, hanging, dripping."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from faulty import (
    LIST,
    NUMBER,
    OTHER_PATH,
    PATH,
    Arm,
    Code,
    asked,
    stats,
    statuses,
    stored,
    until,
)

from reconciler import sandbox
from reconciler.sandbox import Settings, limiter
from reconciler.sandbox.fault import Fault


def test_too_many_requests_are_refused_and_counted(arm: Arm, code: Code) -> None:
    api = arm("429:rate=0.001,burst=3,retry-after=2")
    assert statuses(api, 5) == [200, 200, 200, 429, 429]
    answer = api.get(PATH)
    assert (*code(answer), answer.headers["Retry-After"]) == (429, "TooManyRequests", "2")
    assert stats(api)["refused"] == 3


def test_one_limit_is_shared_by_all_numbers_and_methods(arm: Arm) -> None:
    api = arm("429:rate=0.001,burst=2")
    found = [api.get(PATH), api.get(OTHER_PATH), api.post(PATH, json={}), api.get(LIST)]
    assert [answer.status_code for answer in found] == [200, 200, 429, 429]


def test_too_many_requests_without_a_rate_are_all_of_them(arm: Arm) -> None:
    assert statuses(arm("429"), 2) == [429, 429]


def test_a_fixed_window_refuses_what_is_over(arm: Arm) -> None:
    assert statuses(arm("429:rate=0.03,window=100"), 4) == [200, 200, 200, 429]


def test_an_outage_strikes_everything_and_passes(arm: Arm) -> None:
    api = arm("outage:seconds=0.2,retry-after=1")
    assert [api.get(PATH).status_code, api.post(OTHER_PATH, json={}).status_code] == [503, 503]
    until(lambda: api.get(PATH).is_success)
    assert statuses(api, 3) == [200, 200, 200]


def admitted(limit: limiter.Limiter, times: list[float]) -> list[bool]:
    return [limit.admits(now) for now in times]


def test_a_bucket_refills_at_its_rate_and_holds_its_burst() -> None:
    limit = limiter.of(Fault("429", rate=10, burst=2))
    found = {now: admitted(limit, [now] * 3) for now in (5.0, 5.1, 9.0)}
    assert found == {5.0: [True, True, False], 5.1: [True, False, False], 9.0: [True, True, False]}


@pytest.mark.parametrize(("rate", "burst"), [(3, 3), (0.5, 1)])
def test_a_bucket_holds_a_second_of_its_rate_by_default_and_one_at_least(
    rate: float, burst: int
) -> None:
    found = admitted(limiter.of(Fault("429", rate=rate)), [7.0] * 5)
    assert found == [True] * burst + [False] * (5 - burst)


def test_a_client_that_keeps_to_the_rate_is_never_refused() -> None:
    assert all(admitted(limiter.of(Fault("429", rate=50, burst=1)), [n / 50 for n in range(9000)]))


def test_a_window_begins_with_the_first_request_and_is_of_one_length() -> None:
    limit = limiter.of(Fault("429", rate=2, window=1))
    times = [10.5, 11.4, 11.4, 11.5, 11.5, 11.5, 14.4, 14.5]
    assert admitted(limit, times) == [True, True, False, True, True, False, True, True]


def test_an_outage_is_over_after_its_seconds() -> None:
    assert admitted(limiter.of(Fault("outage", seconds=5)), [1, 5.9, 6, 99]) == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(("spec", "after"), [("hang", None), ("hang-after", "x")])
def test_a_hanging_post_has_no_answer_until_its_client_goes(
    arm: Arm, spec: str, after: str | None
) -> None:
    api = arm(f"{spec}:method=POST")
    with pytest.raises(httpx.ReadTimeout):
        api.post(PATH, json={"Friendly": "x"}, timeout=0.2)
    until(lambda: stats(api)["status"] == {"0": 1})
    assert stored(api)["Friendly"] == after


@pytest.mark.parametrize("kind", ["hang", "hang-after", "late"])
def test_a_request_that_hangs_for_some_time_is_answered_then(arm: Arm, kind: str) -> None:
    api, began = arm(f"{kind}:seconds=0.2"), time.monotonic()
    assert api.post(PATH, json={"Friendly": "x"}).json()["Friendly"] == "x"
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(("kind", "after"), [("hang", None), ("late", "x")])
def test_a_post_whose_client_went_is_carried_out_only_where_it_is_late(
    arm: Arm, kind: str, after: str | None
) -> None:
    api = arm(f"{kind}:seconds=0.3")
    with pytest.raises(httpx.ReadTimeout):
        api.post(PATH, json={"Friendly": "x"}, timeout=0.1)
    until(lambda: stats(api)["status"])
    assert stored(api)["Friendly"] == after


def test_a_slow_answer_drips_and_is_whole(arm: Arm) -> None:
    api, began = arm("slow:bytes-per-second=4000"), time.monotonic()
    whole = api.get(PATH).content
    assert time.monotonic() - began >= len(whole) / 4000 * 0.9
    assert json.loads(whole) == stored(api)


def test_a_slow_answer_begins_at_once_and_ends_with_its_client(arm: Arm) -> None:
    api = arm("slow:bytes-per-second=1")
    with asked(api) as raw:
        assert raw.recv(65536).startswith(b"HTTP/1.1 200 OK")
    until(lambda: stats(api)["status"] == {"0": 1})


@pytest.mark.parametrize("kind", ["hang", "hang-after", "late:seconds=600", "slow:bytes-per-second=1"])  # fmt: skip  # noqa: E501
def test_the_server_ends_in_time_while_requests_are_held_back(
    kind: str, connect: Callable[[str], httpx.Client]
) -> None:
    with (
        ExitStack() as sockets,
        sandbox.running(Settings(faults=(kind,)), [{"Number": NUMBER}]) as url,
        connect(url) as api,
    ):
        for _ in range(20):
            sockets.enter_context(asked(api, "POST", b"{}"))
        until(lambda: stats(api)["faults"]["total"] == 20)
        began = time.monotonic()
    assert time.monotonic() - began < 1.5


def test_a_post_that_is_late_is_not_carried_out_where_the_server_ends_first(
    tmp_path: Path, connect: Callable[[str], httpx.Client]
) -> None:
    settings = Settings(db=tmp_path / "s.db", faults=("late:seconds=600",))
    with (
        sandbox.running(settings, [{"Number": NUMBER}]) as url,
        connect(url) as api,
        asked(api, "POST", b'{"Friendly": "x"}'),
    ):
        until(lambda: stats(api)["faults"]["total"])
    with sandbox.running(Settings(db=tmp_path / "s.db")) as url, connect(url) as api:
        assert stored(api)["Friendly"] is None
