"""Who gets in, and what is counted."""

from __future__ import annotations

import socket
from collections.abc import Callable

import httpx
import pytest

Code = Callable[[httpx.Response], tuple[int, str]]
PATH = "/v2/Numbers/61255500001"
PATHS = [PATH, "/v2/Accounts/ACsandbox/Numbers", "/v2/Properties/PRsandbox/Flows", "/v2/Nope"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "credentials", [None, ("ACsandbox", "wrong"), ("ACother", "sandbox"), ("ACsandbox", "")]
)
def test_wrong_credentials_are_challenged(
    api: httpx.Client, path: str, credentials: tuple[str, str] | None, code: Code
) -> None:
    answer = httpx.get(api.base_url.join(path), auth=credentials, trust_env=False)
    assert code(answer) == (401, "Unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="')


@pytest.mark.parametrize("header", [b"", b"Basic", b"Basic ====", b"Bearer x", b"Basic \xff\xfe"])
def test_a_malformed_authorization_is_challenged(
    api: httpx.Client, header: bytes, code: Code
) -> None:
    answer = httpx.get(api.base_url.join(PATH), headers={b"Authorization": header}, trust_env=False)
    assert code(answer) == (401, "Unauthorized")


def test_the_name_of_the_scheme_is_in_any_case(api: httpx.Client) -> None:
    header = {"Authorization": "basic QUNzYW5kYm94OnNhbmRib3g="}
    assert httpx.get(api.base_url.join(PATH), headers=header, trust_env=False).is_success


def test_a_challenge_does_not_say_which_numbers_exist(api: httpx.Client) -> None:
    bodies = {
        httpx.get(api.base_url.join(f"/v2/Numbers/{digits}"), trust_env=False).text
        for digits in ("61255500001", "61255509999")
    }
    assert len(bodies) == 1


@pytest.mark.parametrize("path", ["/_sandbox/stats", PATH])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:80", "a@::1"])
def test_a_host_that_is_not_loopback_is_refused(
    api: httpx.Client, path: str, host: str, code: Code
) -> None:
    assert code(api.get(path, headers={"Host": host})) == (403, "Forbidden")


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "127.1.2.3:1", "[::1]:80"])
def test_a_host_that_is_loopback_is_served(api: httpx.Client, host: str) -> None:
    assert api.get("/_sandbox/stats", headers={"Host": host}).is_success


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_sandbox/stats"),
        ("DELETE", "/_sandbox/stats"),
        ("PUT", "/_sandbox/numbers"),
        ("PATCH", "/_sandbox/numbers/61255500001"),
    ],
)
@pytest.mark.parametrize("origin", ["http://localhost", "null", "https://evil.example"])
def test_a_web_page_cannot_drive_the_sandbox(
    api: httpx.Client, method: str, path: str, origin: str, code: Code
) -> None:
    answer = api.request(method, path, headers={"Origin": origin}, content=b"{}")
    assert code(answer) == (403, "Forbidden")


def test_a_web_page_cannot_get_in_by_another_spelling_of_the_path(api: httpx.Client) -> None:
    answer = api.get("/%5Fsandbox/stats", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    bare = httpx.get(api.base_url.join("/%762/Numbers/61255500001"), trust_env=False)
    assert bare.status_code in (401, 404)


def test_stats_count_every_request_by_kind_and_status(api: httpx.Client) -> None:
    api.delete("/_sandbox/stats")
    for path in (PATH, PATH, "/v2/Numbers/61255509999", *PATHS[1:]):
        api.get(path)
    api.post(PATH, json={"Friendly": "x"})
    api.post(PATH, json={"Nope": "x"})
    api.put(PATH)
    httpx.get(api.base_url.join(PATH), trust_env=False)
    assert api.get("/_sandbox/stats").json() == {
        "total": 10,
        "get": 4,
        "post": 2,
        "list": 1,
        "flows": 1,
        "status": {"200": 5, "400": 1, "401": 1, "404": 2, "405": 1},
        "max_in_flight": 1,
        "posts_carried_out": 1,
        "refused": 0,
        "faults": {"total": 0},
    }


def test_the_sandboxs_own_requests_are_not_counted(api: httpx.Client) -> None:
    api.patch("/_sandbox/numbers/61255500001", json={"Friendly": "x"})
    api.put("/_sandbox/numbers", json=[])
    api.get("/_sandbox/nope")
    assert api.get("/_sandbox/stats").json()["total"] == 0


def test_a_reset_sets_every_counter_to_nought(api: httpx.Client) -> None:
    api.get(PATH)
    nought = api.delete("/_sandbox/stats").json()
    assert nought == api.get("/_sandbox/stats").json()
    assert (nought["total"], nought["get"], nought["status"]) == (0, 0, {})


def test_bytes_that_are_no_http_do_not_stop_the_server(api: httpx.Client) -> None:
    for junk in (b"\x16\x03\x01\x00\xff\xff", b"GET /v2/Properties/\xed\xa0\x80/Numbers HTTP/1.1\r\n\r\n"):  # fmt: skip  # noqa: E501
        with socket.create_connection((api.base_url.host, api.base_url.port or 0)) as raw:
            raw.sendall(junk)
            raw.shutdown(socket.SHUT_WR)
            assert b"200 OK" not in raw.recv(65536)
    assert api.get(PATH).is_success
