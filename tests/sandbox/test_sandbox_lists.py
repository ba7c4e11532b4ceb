"""Lists: pages, shapes, and who may ask for what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

Code = Callable[[httpx.Response], tuple[int, str]]
Start = Callable[..., httpx.Client]

ACCOUNT, PROPERTY = "/v2/Accounts/ACsandbox/Numbers", "/v2/Properties/PRsandbox/Numbers"
FLOWS = "/v2/Properties/PRsandbox/Flows"
MANY = [f"+{61255500000 + each}" for each in range(250)]


def numbers_in(answer: httpx.Response) -> list[str]:
    return [each["Number"] for each in answer.json()]


@pytest.mark.parametrize("path", [ACCOUNT, PROPERTY])
def test_a_list_is_sorted_and_holds_200_at_most(start: Start, path: str) -> None:
    api = start(*reversed(MANY))
    assert numbers_in(api.get(path)) == MANY[:200]
    assert numbers_in(api.get(path, params={"Results_Skip": "200"})) == MANY[200:]
    assert numbers_in(api.get(path, params={"Results_Skip": "9999"})) == []
    few = {"Results_Count": "3", "Results_Skip": "2"}
    assert numbers_in(api.get(path, params=few)) == MANY[2:5]


@pytest.mark.parametrize("path", [ACCOUNT, PROPERTY])
def test_a_wrapped_list_has_the_count_of_all(start: Start, path: str) -> None:
    api = start(*MANY, wrapped_lists=True)
    answer = api.get(path, params={"Results_Count": "1", "Results_Skip": "1"}).json()
    assert answer == {"Numbers": [api.get(f"/v2/Numbers/{MANY[1][1:]}").json()], "TotalCount": 250}


BAD = ["201", "0", "-1", "1.5", "ten", "", "+1", " 1", "1e2", "٣", "9" * 30]


@pytest.mark.parametrize("path", [ACCOUNT, PROPERTY, FLOWS])
@pytest.mark.parametrize("count", BAD)
def test_a_bad_count_is_refused(api: httpx.Client, path: str, count: str, code: Code) -> None:
    assert code(api.get(path, params={"Results_Count": count})) == (400, "InvalidValue")


@pytest.mark.parametrize("skip", BAD[2:])
def test_a_bad_skip_is_refused(api: httpx.Client, skip: str, code: Code) -> None:
    assert code(api.get(ACCOUNT, params={"Results_Skip": skip})) == (400, "InvalidValue")


def test_a_count_given_twice_is_refused(api: httpx.Client, code: Code) -> None:
    answer = api.get(f"{ACCOUNT}?Results_Count=1&Results_Count=2")
    assert code(answer) == (400, "InvalidValue")


def test_a_filter_that_the_sandbox_lacks_is_refused(api: httpx.Client, code: Code) -> None:
    assert code(api.get(ACCOUNT, params={"Type": "Local"})) == (400, "UnknownParameter")


def test_another_account_is_forbidden(api: httpx.Client, code: Code) -> None:
    assert code(api.get("/v2/Accounts/ACother/Numbers")) == (403, "Forbidden")


@pytest.mark.parametrize("kind", ["Numbers", "Flows"])
@pytest.mark.parametrize("sid", ["PRother", "%ED%A0%80", "%00"])
def test_an_unknown_property_is_not_found(
    api: httpx.Client, kind: str, sid: str, code: Code
) -> None:
    assert code(api.get(f"/v2/Properties/{sid}/{kind}")) == (404, "PropertyNotFound")


def test_another_accounts_numbers_are_in_no_list(api: httpx.Client) -> None:
    api.put("/_sandbox/numbers", json=[{"Number": "+61255500002", "AccountSid": "ACother"}])
    assert numbers_in(api.get(ACCOUNT)) == ["+61255500001"]
    assert numbers_in(api.get(PROPERTY)) == ["+61255500001"]


def seeded(folder: Path) -> Path:
    rows = [
        {"ConfigId": f"cfg-{each:03}", "Name": f"Flow {each}", "Type": "Voice", "Revision": 1,
         "LastUpdated": 1_700_000_000}
        for each in range(60)
    ]  # fmt: skip
    path = folder / "seed.json"
    path.write_text(json.dumps({"Numbers": [{"Number": "+61255500001"}], "Flows": rows}))
    return path


def test_flows_come_50_at_a_time(start: Start, tmp_path: Path) -> None:
    api = start(seed=seeded(tmp_path))
    first, rest = api.get(FLOWS).json(), api.get(FLOWS, params={"Results_Skip": "50"}).json()
    assert [each["ConfigId"] for each in first + rest] == [f"cfg-{each:03}" for each in range(60)]
    assert len(first) == 50
    assert first[0] == {
        "PropertySid": "PRsandbox",
        "ConfigId": "cfg-000",
        "Revision": 1,
        "Name": "Flow 0",
        "Type": "Voice",
        "LastUpdated": 1_700_000_000,
    }


def test_wrapped_flows_have_the_count_of_all(start: Start, tmp_path: Path) -> None:
    api = start(seed=seeded(tmp_path), wrapped_lists=True)
    answer = api.get(FLOWS, params={"Results_Count": "2"}).json()
    assert (len(answer["Flows"]), answer["TotalCount"]) == (2, 60)


def test_a_property_with_numbers_and_no_flows_has_an_empty_list(api: httpx.Client) -> None:
    assert api.get(FLOWS).json() == []
