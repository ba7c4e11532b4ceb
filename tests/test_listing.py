"""Lists as they may come: cut into pages of any length, repeating, moving, or making no sense."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from typing import Any

import httpx
import pytest
import virtual
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api import Access, connect
from reconciler.api.pages import AHEAD
from reconciler.errors import Rejected, Unreadable
from reconciler.listing import Listing
from reconciler.model import Failure, LiveNumber, Reading
from reconciler.pace import Pacer

Row = dict[str, Any]
SKIP = re.compile("Results_Skip=([0-9]+)")


def row(place: int, **fields: Any) -> Row:
    return {"Number": f"+{61255500000 + place}", "Recording": "Off", **fields}


def rows(count: int) -> list[Row]:
    return [row(place) for place in range(count)]


class Server(httpx.AsyncBaseTransport):
    """`page` gives the list's answer from how many rows are to be skipped; each number that is
    asked for by itself has a Friendly that says so, and exists if it is one of `there`."""

    def __init__(self, page: Callable[[int], Any], there: Iterable[Row] = ()) -> None:
        self.page = page
        self.there = {each["Number"] for each in there}
        self.skips: list[int] = []
        self.reads: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if found := SKIP.search(str(request.url)):
            self.skips.append(int(found[1]))
            return httpx.Response(200, json=self.page(int(found[1])))
        number = "+" + request.url.path.rpartition("/")[2]
        self.reads.append(number)
        if number not in self.there:
            return httpx.Response(404)
        return httpx.Response(200, json={"Number": number, "Friendly": "read by itself"})


def bare(every: list[Row], page: int = 200) -> Callable[[int], Any]:
    return lambda skip: every[skip : skip + page]


def wrapped(every: list[Row], page: int = 200, total: Any = None) -> Callable[[int], Any]:
    told = len(every) if total is None else total
    return lambda skip: {"Numbers": every[skip : skip + page], "TotalCount": told}


def run(server: Server, wanted: list[Row], *, auto: bool = False) -> dict[str, Reading]:
    """What the reading of these numbers ends with."""
    held: dict[str, Reading] = {}

    async def work() -> None:
        access = Access("http://127.0.0.1:1", "AC1", "t0ken")
        async with connect(access, Pacer(64), transport=server) as api:
            refused = (lambda _: None) if auto else None
            listing = Listing(api, take, held.pop, refused=refused)
            await listing.read(each["Number"] for each in wanted)

    def take(reading: Reading) -> None:
        assert reading.number not in held
        held[reading.number] = reading

    virtual.run(work())
    return held


def listed(wanted: list[Row]) -> dict[str, Reading]:
    return {
        each["Number"]: LiveNumber(each["Number"], {"Recording": each["Recording"]})
        for each in wanted
    }


@pytest.mark.parametrize("shape", [bare, wrapped])
@pytest.mark.parametrize("page", [1, 7, 100, 200])
@pytest.mark.parametrize("auto", [False, True])
def test_pages_may_be_of_any_length(shape: Callable[..., Any], page: int, *, auto: bool) -> None:
    every = rows(3 * page + 1 if page > 1 else 3)
    server = Server(shape(every, page), every)
    found = run(server, every, auto=auto)
    assert found.keys() == listed(every).keys()
    assert found == listed(every) or server.reads
    assert auto or not server.reads
    assert len(set(server.skips)) == len(server.skips)


def test_a_page_that_is_shorter_than_the_others_leaves_no_gap() -> None:
    every = rows(1_000)

    def page(skip: int) -> Any:
        length = 150 if skip == 400 else 200
        return {"Numbers": every[skip : skip + length], "TotalCount": 1_000}

    server = Server(page)
    assert run(server, every) == listed(every)
    assert sorted(server.skips) == [0, 200, 400, 550, 600, 800]


def test_rows_that_come_twice_are_taken_once() -> None:
    every = rows(500)
    overlapping = [*every[:200], *every[150:350], *every[300:500], *every[:3]]
    server = Server(wrapped(overlapping))
    assert run(server, every) == listed(every)
    assert server.reads == []


@pytest.mark.parametrize("shape", [bare, wrapped])
def test_a_number_that_is_told_twice_and_differently_is_read_by_itself(
    shape: Callable[..., Any],
) -> None:
    every = rows(300)
    twice = [*every[:250], row(7, Recording="Call"), row(7), *every[250:]]
    server = Server(shape(twice), every)
    found = run(server, every)
    assert server.reads == [row(7)["Number"]]
    assert found.pop(row(7)["Number"]) == LiveNumber(
        row(7)["Number"], {"Friendly": "read by itself"}
    )
    assert found == listed([each for each in every if each != row(7)])


def test_the_order_of_the_fields_of_a_row_is_no_difference() -> None:
    other = dict(reversed(row(0, Friendly="A", Extra=1).items()))
    server = Server(bare([row(0, Friendly="A"), other, row(1)]))
    assert len(run(server, rows(2))) == 2
    assert server.reads == []


@pytest.mark.parametrize("order", [1, -1])
def test_a_row_that_is_not_understood_is_read_by_itself(order: int) -> None:
    told = [*[row(0, Recording={"no": "text"}), row(0)][::order], row(1)]
    server = Server(wrapped(told), rows(2))
    found = run(server, rows(2))
    assert server.reads == [row(0)["Number"]]
    assert found[row(0)["Number"]].fields == {"Friendly": "read by itself"}  # type: ignore[union-attr]


def test_what_is_wrong_with_rows_of_other_numbers_is_nobodys_business() -> None:
    told = [row(5, Recording=7.5), row(0), row(6, Number=True), row(1)]
    assert run(Server(bare(told)), rows(2)) == listed(rows(2))


def test_a_number_may_come_without_its_plus_and_as_a_number() -> None:
    told = [row(0, Number="61255500000"), row(1, Number=61255500001)]
    assert run(Server(bare(told)), rows(2)) == listed(rows(2))


@pytest.mark.parametrize("total", [0, -1, 3, True, "1000", 1e3, None])
def test_a_total_that_makes_no_sense_is_none(total: object) -> None:
    every = rows(500)
    server = Server(lambda skip: {"Numbers": every[skip : skip + 200], "TotalCount": total})
    assert run(server, every) == listed(every)


@pytest.mark.parametrize("total", [200, 450, 1_000, 10**15])
def test_a_total_that_is_wrong_loses_no_number(total: int) -> None:
    every = rows(500)
    server = Server(wrapped(every, total=total), every)
    assert run(server, every).keys() == listed(every).keys()
    assert len(server.skips) < 25


def test_an_empty_list_has_all_numbers_read_one_by_one() -> None:
    server = Server(bare([]), rows(1))
    found = run(server, rows(2))
    assert [type(each) for each in found.values()] == [LiveNumber, Failure]


@pytest.mark.parametrize("shape", [bare, wrapped])
def test_a_list_that_repeats_for_ever_is_given_up(shape: Callable[..., Any]) -> None:
    every = rows(1_000)
    same = shape(every[:200], total=1_000) if shape is wrapped else shape(every[:200])
    server = Server(lambda _: same(0), every)
    with pytest.raises(Rejected, match=r"repeat and do not end\..*--fetch each"):
        run(server, every)
    assert len(server.skips) < 25


def test_auto_reads_what_a_repeating_list_lacks_one_by_one() -> None:
    every = rows(1_000)
    server = Server(lambda _: every[:200], every)
    assert run(server, every, auto=True).keys() == listed(every).keys()
    assert len(server.reads) == 800


def test_a_list_of_other_numbers_without_end_costs_auto_little_more_than_a_tenth() -> None:
    server = Server(lambda skip: [row(10**6 + skip + each) for each in range(200)], rows(500))
    assert len(run(server, rows(500), auto=True)) == 500
    assert len(server.skips) <= 50 + AHEAD


@given(
    st.lists(st.integers(0, 30), max_size=60),
    st.sets(st.integers(0, 30), min_size=1),
    st.integers(1, 20),
    st.booleans(),
    st.booleans(),
)
def test_whatever_the_list_each_number_ends_with_one_reading(
    told: list[int], wanted: set[int], page: int, auto: bool, total: bool
) -> None:
    shape = wrapped if total else bare
    server = Server(shape([row(each) for each in told], page), rows(31))
    numbers = [row(each) for each in sorted(wanted)]
    # One and the same page again and again is refused, and only auto has another way.
    with nullcontext() if auto else suppress(Rejected):
        found = run(server, numbers, auto=auto)
        assert found.keys() == listed(numbers).keys()
        assert all(isinstance(each, LiveNumber) for each in found.values())


def test_the_export_of_a_list_with_fewer_numbers_than_its_total_fails() -> None:
    server = Server(wrapped(rows(300), total=301))

    async def work() -> None:
        access = Access("http://127.0.0.1:1", "AC1", "t0ken")
        async with connect(access, Pacer(64), transport=server) as api:
            assert len([each async for each in api.list_numbers()]) == 0

    with pytest.raises(Unreadable, match="300 numbers of 301"):
        virtual.run(work())
