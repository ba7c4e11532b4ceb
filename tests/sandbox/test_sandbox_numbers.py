"""Reading and configuring one number over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from reconciler import sandbox, schema

NUMBER, PATH = "+61255500001", "/v2/Numbers/61255500001"
Code = Callable[[httpx.Response], tuple[int, str]]


def test_a_number_has_its_owner_and_every_parameter(api: httpx.Client) -> None:
    assert api.get(PATH).json() == {
        "Number": NUMBER,
        "AccountSid": sandbox.ACCOUNT_SID,
        "PropertySid": sandbox.PROPERTY_SID,
        **dict.fromkeys(schema.parameters()),
    }


def test_a_number_is_valid_by_the_schema(api: httpx.Client) -> None:
    api.post(PATH, json={"RoutingMethod": "Endpoint", "EndpointNumber": "+61255500002"})
    schema.validator("number").validate(api.get(PATH).json())


def test_a_post_answers_with_the_number_as_it_now_is(api: httpx.Client) -> None:
    answer = api.post(PATH, json={"Friendly": "Sales", "Recording": "Off"})
    assert (answer.status_code, answer.json()["Friendly"]) == (200, "Sales")
    assert api.get(PATH).json() == answer.json()


HOSTILE = [
    "Zoë 電話 ☎️ 👩‍👩‍👧",
    "\u202eright to left\u202c\u200b",
    "nul \x00 and bell \x07 and \x7f",
    "line\nfeed\r\n\ttab\u2028\u2029\x85",
    '"quoted" \\ back\\u0041slash </script>',
    "half a surrogate \ud83d, the other \udc4d",
    "e\u0301 is not \u00e9",
    "\ufeff\ufffe\uffff",
    "'); DROP TABLE numbers; --",
    " spaces stay ",
    "long " * 20_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_survives_a_round_trip(api: httpx.Client, text: str) -> None:
    answer = api.post(PATH, content=json.dumps({"Friendly": text}).encode())
    assert answer.json()["Friendly"] == text
    assert json.loads(api.get(PATH).content)["Friendly"] == text


def test_text_is_served_as_utf_8(api: httpx.Client) -> None:
    api.post(PATH, json={"Friendly": "Zoë"})
    answer = api.get(PATH)
    assert "Zoë".encode() in answer.content
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_post_with_two_errors_stores_nothing(api: httpx.Client, code: Code) -> None:
    before = api.post(PATH, json={"Friendly": "before"}).json()
    answer = api.post(PATH, json={"Friendly": "after", "Recording": "Maybe", "Nope": "x"})
    assert code(answer) == (400, "UnknownParameter")
    assert api.get(PATH).json() == before


def test_a_post_with_a_late_error_stores_nothing(api: httpx.Client, code: Code) -> None:
    before = api.get(PATH).json()
    answer = api.post(PATH, json={"Friendly": "after", "RoutingMethod": "Flow"})
    assert code(answer) == (400, "MissingParameter")
    assert api.get(PATH).json() == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"Friendly=x",
        b'{"Friendly": NaN}',
        b'{"Friendly": "\xff"}',
        b'{"Friendly": "a", "Friendly": "b"}',
        b"[" * 100_000,
        b'{"Friendly": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_cannot_be_read_is_refused(api: httpx.Client, body: bytes, code: Code) -> None:
    assert code(api.post(PATH, content=body)) == (400, "InvalidBody")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "digits", ["61255509999", "+61255500001", "%D9%A6%D9%A1", "%ED%A0%80", "a"]
)
def test_a_number_that_is_not_there_is_not_found(
    api: httpx.Client, method: str, digits: str, code: Code
) -> None:
    answer = api.request(method, f"/v2/Numbers/{digits}", json={} if method == "POST" else None)
    assert code(answer) == (404, "NumberNotFound")


def test_a_number_of_another_account_is_not_found(api: httpx.Client, code: Code) -> None:
    api.put("/_sandbox/numbers", json=[{"Number": "+61255500002", "AccountSid": "ACother"}])
    assert code(api.get("/v2/Numbers/61255500002")) == (404, "NumberNotFound")
    assert code(api.post("/v2/Numbers/61255500002", json={})) == (404, "NumberNotFound")


@pytest.mark.parametrize("path", ["/v2", "/v2/Nope", "/v2/Numbers", "/", "/favicon.ico"])
def test_an_unknown_route_is_not_found_in_the_envelope(
    api: httpx.Client, path: str, code: Code
) -> None:
    assert code(api.get(path)) == (404, "NotFound")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_a_wrong_method_is_refused_in_the_envelope(
    api: httpx.Client, method: str, code: Code
) -> None:
    answer = api.request(method, PATH)
    assert code(answer) == (405, "MethodNotAllowed")
    assert answer.headers["Allow"] == "GET,POST"


def test_latency_holds_an_answer_back_and_no_other_request(start: Callable[..., object]) -> None:
    import asyncio
    import time

    client = start(NUMBER, latency=0.2)
    assert isinstance(client, httpx.Client)

    async def twenty() -> None:
        async with httpx.AsyncClient(
            base_url=client.base_url, auth=client.auth, trust_env=False
        ) as many:
            await asyncio.gather(*(many.get(PATH) for _ in range(20)))

    began = time.monotonic()
    asyncio.run(twenty())
    assert 0.2 <= time.monotonic() - began < 2.0
    assert client.get("/_sandbox/stats").json()["max_in_flight"] == 20
