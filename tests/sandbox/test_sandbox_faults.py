"""What each kind of fault does to an answer, against a real socket."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
from faulty import (
    FAULTS,
    LIST,
    NUMBER,
    PATH,
    Arm,
    Code,
    asked,
    stats,
    statuses,
    stored,
    until,
    until_closed,
)

from reconciler.sandbox import acts
from reconciler.sandbox.fault import COMMON, KINDS
from reconciler.sandbox.faultkeys import KEYS


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_server_error_is_the_page_of_a_web_server(arm: Arm, code: int) -> None:
    answer = arm(str(code)).get(PATH)
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        code,
        "text/html; charset=utf-8",
    )
    assert answer.text.startswith(f"<html>\n<head><title>{code} ")
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("code", [302, 400, 404, 418, 422, 503, 599])
def test_any_status_can_be_had_in_the_apis_own_envelope(arm: Arm, code: int) -> None:
    answer = arm(f"status:code={code},body=json").get(PATH)
    assert answer.status_code == code
    assert set(answer.json()["ResponseStatus"]) == {"ErrorCode", "Message"}


@pytest.mark.parametrize("spec", ["status:code=503,body=empty", "status:code=204,body=empty"])
def test_an_answer_can_be_empty(arm: Arm, spec: str) -> None:
    assert arm(spec).get(PATH).content == b""


def test_retry_after_is_seconds(arm: Arm) -> None:
    assert arm("503:retry-after=7").get(PATH).headers["Retry-After"] == "7"


def test_retry_after_is_a_date_that_is_never_too_soon(arm: Arm) -> None:
    api, began = arm("429:retry-after=date:60"), datetime.now(UTC)
    told = parsedate_to_datetime(api.get(PATH).headers["Retry-After"])
    assert timedelta(seconds=60) <= told - began <= timedelta(seconds=67)


def test_an_answer_that_fails_is_to_a_post_that_is_not_stored(arm: Arm) -> None:
    api = arm("503")
    assert api.post(PATH, json={"Friendly": "x"}).status_code == 503
    assert stored(api)["Friendly"] is None


def test_an_answer_can_fail_though_the_post_is_stored(arm: Arm) -> None:
    api = arm("504:carried-out=yes")
    assert api.post(PATH, json={"Friendly": "x"}).status_code == 504
    assert stored(api)["Friendly"] == "x"


def test_credentials_expire_from_one_request_on(arm: Arm, code: Code) -> None:
    api = arm("401:after=2")
    assert statuses(api, 4) == [200, 200, 401, 401]
    assert code(api.get(PATH)) == (401, "Unauthorized")
    assert api.get(PATH).headers["WWW-Authenticate"].startswith("Basic realm=")


def test_an_account_can_be_forbidden(arm: Arm, code: Code) -> None:
    assert code(arm("403").get(PATH)) == (403, "Forbidden")


@pytest.mark.parametrize(("spec", "after"), [("drop-before", None), ("drop-after", "x")])
def test_a_dropped_post_has_no_answer(arm: Arm, spec: str, after: str | None) -> None:
    api = arm(spec)
    with asked(api, "POST", b'{"Friendly": "x"}') as raw:
        assert until_closed(raw) == b""
    with pytest.raises(httpx.RemoteProtocolError):
        api.get(PATH)
    found = stats(api)
    assert (found["status"], found["posts_carried_out"]) == ({"0": 2}, 0 if after is None else 1)
    assert stored(api)["Friendly"] == after


def test_an_answer_is_cut_after_its_half(arm: Arm) -> None:
    api = arm("cut")
    with asked(api, "POST", b'{"Friendly": "x"}') as raw:
        head, _, body = until_closed(raw).partition(b"\r\n\r\n")
    announced = re.search(rb"Content-Length: (\d+)", head)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert announced is not None
    assert len(body) == int(announced[1]) // 2
    with pytest.raises(httpx.RemoteProtocolError):
        api.get(PATH)
    assert stored(api)["Friendly"] == "x"


def test_an_answer_shorter_than_announced_is_closed_at_its_end(arm: Arm) -> None:
    api = arm("wrong-length:by=5")
    with pytest.raises(httpx.RemoteProtocolError):
        api.get(PATH)
    with asked(api) as raw:
        json.loads(until_closed(raw).partition(b"\r\n\r\n")[2])


def test_an_answer_longer_than_announced_leaves_a_rest_on_the_connection(arm: Arm) -> None:
    api = arm("wrong-length:by=-5,times=1")
    with asked(api) as raw:
        raw.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        first, _, second = until_closed(raw).partition(b"HTTP/1.1 401")
    head, _, body = first.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body) - 5}\r\n".encode() in head + b"\r\n"
    assert second


def test_a_length_can_be_nought_where_the_body_is_smaller_than_the_error(arm: Arm) -> None:
    assert arm("wrong-length:by=-999999").get(PATH).content == b""


def test_the_connection_closes_after_a_good_answer(arm: Arm) -> None:
    api = arm("close")
    assert api.get(PATH).headers["Connection"] == "close"
    with asked(api) as raw:
        assert until_closed(raw).startswith(b"HTTP/1.1 200 OK")


def test_an_ignored_field_keeps_its_value_and_the_others_are_stored(arm: Arm) -> None:
    api = arm("ignored:field=Friendly,after=1")
    api.post(PATH, json={"Friendly": "old"})
    answer = api.post(PATH, json={"Friendly": "new", "Recording": "Off"})
    told = {name: answer.json()[name] for name in ("Friendly", "Recording")}
    assert (answer.status_code, told) == (200, {"Friendly": "old", "Recording": "Off"})
    assert api.get(PATH).json() == answer.json() == stored(api)


def test_an_ignored_field_that_was_not_set_stays_so(arm: Arm) -> None:
    api = arm("ignored:field=Friendly")
    assert api.post(PATH, json={"Friendly": "new"}).json()["Friendly"] is None


def test_a_field_that_is_ignored_is_checked_all_the_same(arm: Arm, code: Code) -> None:
    api = arm("ignored:field=Recording")
    assert code(api.post(PATH, json={"Recording": "Maybe"})) == (400, "InvalidValue")
    assert stats(api)["posts_carried_out"] == 0


@pytest.mark.parametrize(
    ("field", "how", "sent", "kept"),
    [
        ("Friendly", "upper", "Sales", "SALES"),
        ("Friendly", "lower", "Sales", "sales"),
        ("Friendly", "trim", " Sales ", "Sales"),
        ("SendSmsTo", "strip-plus", "+61255500002", "61255500002"),
    ],
)
def test_a_field_is_stored_as_the_server_would_have_it(
    arm: Arm, field: str, how: str, sent: str, kept: str
) -> None:
    api = arm(f"normalised:field={field},how={how}")
    assert api.post(PATH, json={field: sent}).json()[field] == kept
    assert stored(api)[field] == kept


def test_a_field_that_a_post_leaves_alone_is_not_normalised(arm: Arm) -> None:
    api = arm("normalised:field=Friendly,how=upper,after=1")
    api.post(PATH, json={"Friendly": "Sales"})
    assert api.post(PATH, json={"Recording": "Off"}).json()["Friendly"] == "Sales"
    assert api.post(PATH, json={"Friendly": ""}).json()["Friendly"] is None


def test_two_fields_can_be_wrong_at_once(arm: Arm) -> None:
    api = arm("ignored:field=Recording", "normalised:field=Friendly,how=upper")
    told = api.post(PATH, json={"Friendly": "x", "Recording": "Off"}).json()
    assert (told["Friendly"], told["Recording"]) == ("X", None)


def test_what_one_request_stores_amiss_no_other_does(arm: Arm) -> None:
    api = arm("ignored:field=Friendly,times=1")
    assert [api.post(PATH, json={"Friendly": "x"}).json()["Friendly"] for _ in range(2)] == [
        None,
        "x",
    ]


@pytest.mark.parametrize(
    ("spec", "name", "told"),
    [
        ("other-number", "Number", "+61255500002"),
        ("other-number:to=+61255509999", "Number", "+61255509999"),
        ("other-account", "AccountSid", "ACsandboy"),
        ("other-account:to=ACother", "AccountSid", "ACother"),
    ],
)
def test_an_answer_is_about_another(arm: Arm, spec: str, name: str, told: str) -> None:
    api = arm(spec)
    found = api.post(PATH, json={"Friendly": "x"}).json()
    assert (found[name], found["Friendly"]) == (told, "x")
    assert told in [row[name] for row in api.get(LIST).json()]
    assert stored(api)[name] != told


def test_garbage_is_a_good_status_with_a_page(arm: Arm) -> None:
    api = arm("garbage")
    answer = api.post(PATH, json={"Friendly": "x"})
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (200, "text/html")
    assert stored(api)["Friendly"] == "x"


def test_garbage_can_be_of_a_request_that_went_nowhere(arm: Arm) -> None:
    api = arm("garbage:carried-out=no")
    assert api.post(PATH, json={"Friendly": "x"}).status_code == 200
    assert stored(api)["Friendly"] is None


@pytest.mark.parametrize(("spec", "size"), [("large", 2 * 2**20), ("large:bytes=5000", 5000)])
def test_a_large_answer_is_still_the_same_json(arm: Arm, spec: str, size: int) -> None:
    api = arm(spec)
    answer = api.get(PATH)
    assert len(answer.content) == size
    assert answer.json() == stored(api)


@pytest.mark.parametrize("kind", ["other-number", "other-account", "large", "close"])
def test_a_refusal_stays_a_refusal(arm: Arm, kind: str, code: Code) -> None:
    assert code(arm(kind).get("/v2/Numbers/61255509999")) == (404, "NumberNotFound")


def test_every_kind_has_an_act_and_keys_that_are_known() -> None:
    assert set(acts.ACTS) == set(KINDS)
    for kind in KINDS.values():
        assert {*kind.has, *COMMON} <= set(KEYS)
        assert set(kind.needs) <= set(kind.has)


EXAMPLES: dict[str, object] = {
    "code": 503,
    "seconds": 0,
    "by": 3,
    "bytes-per-second": 10**6,
    "field": "Friendly",
    "how": "trim",
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("hang", "hang-after")])
def test_each_kind_strikes_many_clients_at_once_and_the_server_goes_on(
    arm: Arm, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    api = arm()
    needed = {key: EXAMPLES[key] for key in KINDS[kind].needs}
    api.put(FAULTS, json=[{"kind": kind, **needed}]).raise_for_status()

    def post() -> None:
        with asked(api, "POST", b'{"Friendly": "x"}') as raw:
            raw.recv(10)

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: sum(stats(api)["status"].values()) == 8)
    found = stats(api)
    assert (found["total"], found["post"]) == (8, 8)
    assert found["faults"]["total"] == (0 if kind == "outage" else 8)
    assert stored(api)["Number"] == NUMBER
    assert caplog.records == []
