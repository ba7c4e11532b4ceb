"""Edits past the API's rules, as somebody makes them in a portal."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

Code = Callable[[httpx.Response], tuple[int, str]]
PATH, EDIT, PUT = "/v2/Numbers/61255500001", "/_sandbox/numbers/61255500001", "/_sandbox/numbers"


def test_an_edit_is_seen_by_the_api(api: httpx.Client) -> None:
    answer = api.patch(EDIT, json={"Friendly": "Portal", "PropertySid": "PRother"})
    assert (answer.json()["Friendly"], answer.json()["PropertySid"]) == ("Portal", "PRother")
    assert api.get(PATH).json() == answer.json()


@pytest.mark.parametrize(
    "fields", [{"Recording": "Maybe"}, {"RoutingMethod": "Flow"}, {"Friendly": 5}, {"Flow": ""}]
)
def test_an_edit_may_say_what_a_post_may_not(api: httpx.Client, fields: dict[str, object]) -> None:
    assert api.patch(EDIT, json=fields).is_success
    assert api.get(PATH).json() | fields == api.get(PATH).json()


def test_an_edit_can_move_a_number_to_another_account(api: httpx.Client, code: Code) -> None:
    assert api.patch(EDIT, json={"AccountSid": "ACother"}).is_success
    assert code(api.get(PATH)) == (404, "NumberNotFound")
    assert api.patch(EDIT, json={"AccountSid": "ACsandbox"}).is_success
    assert api.get(PATH).is_success


@pytest.mark.parametrize("fields", [{"Nope": "x"}, {"Number": "+61255500002"}])
def test_an_edit_of_an_unknown_name_is_refused(
    api: httpx.Client, fields: dict[str, object], code: Code
) -> None:
    assert code(api.patch(EDIT, json=fields)) == (400, "UnknownParameter")


@pytest.mark.parametrize("value", [5, ["x"], "half \ud800"])
def test_an_owner_that_is_no_text_is_refused(api: httpx.Client, value: object, code: Code) -> None:
    assert code(api.patch(EDIT, content=json.dumps({"AccountSid": value}))) == (400, "InvalidValue")


@pytest.mark.parametrize("digits", ["61255509999", "x", "%ED%A0%80"])
def test_an_edit_of_an_unknown_number_is_not_found(
    api: httpx.Client, digits: str, code: Code
) -> None:
    assert code(api.patch(f"{PUT}/{digits}", json={})) == (404, "NumberNotFound")


def test_a_put_adds_and_replaces(api: httpx.Client) -> None:
    api.post(PATH, json={"Friendly": "old", "Recording": "Off"})
    numbers = [{"Number": "+61255500001", "Friendly": "new"}, {"Number": "+61255500002"}]
    assert api.put(PUT, json=numbers).json() == {"TotalCount": 2}
    assert api.get(PATH).json()["Recording"] is None
    assert api.get("/v2/Numbers/61255500002").is_success


@pytest.mark.parametrize("bad", [{}, {"Number": "61"}, {"Number": 5}, [], None, {"Number": "+x"}])
def test_a_put_with_one_bad_entry_stores_none(api: httpx.Client, bad: object, code: Code) -> None:
    answer = api.put(PUT, json=[{"Number": "+61255500002"}, bad])
    assert answer.status_code == 400
    assert code(api.get("/v2/Numbers/61255500002")) == (404, "NumberNotFound")


def test_a_put_of_thousands_is_taken(api: httpx.Client) -> None:
    numbers = [{"Number": f"+{61255500000 + n}", "Friendly": "x" * 400} for n in range(5000)]
    assert api.put(PUT, json=numbers).json() == {"TotalCount": 5000}


FLOWS, PUT_FLOWS = "/v2/Properties/PRsandbox/Flows", "/_sandbox/flows"


def test_a_put_of_flows_adds_and_renames(api: httpx.Client) -> None:
    flows = [{"ConfigId": "cfg-1", "Name": "Old"}, {"ConfigId": "cfg-2"}]
    assert api.put(PUT_FLOWS, json=flows).json() == {"TotalCount": 2}
    api.put(PUT_FLOWS, json=[{"ConfigId": "cfg-1", "Name": "New"}])
    found = [(each["ConfigId"], each["Name"]) for each in api.get(FLOWS).json()]
    assert found == [("cfg-1", "New"), ("cfg-2", None)]


@pytest.mark.parametrize("bad", [{}, 5, {"ConfigId": "cfg-2", "Nope": 1}, {"ConfigId": ""}])
def test_a_put_of_flows_with_one_bad_entry_stores_none(
    api: httpx.Client, bad: object, code: Code
) -> None:
    answer = api.put(PUT_FLOWS, json=[{"ConfigId": "cfg-1"}, bad])
    assert code(answer)[0] == 400
    assert api.get(FLOWS).json() == []
