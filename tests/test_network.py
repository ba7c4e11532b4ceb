"""What a user's network sees: proxies, certificates, and where credentials go and never go."""

from __future__ import annotations

import json
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from harness import Account, Run

NUMBER = "+61255500001"
TOKEN = "t0k3n-of-no-value"
BASIC = b64encode(f"AC1:{TOKEN}".encode()).decode()
FILE = f"version: 1\nnumbers:\n  {NUMBER}: {{Recording: Off}}\n"


class Asked:
    """The requests that a server got: request line and Authorization."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.credentials: list[str | None] = []


@contextmanager
def server(
    status: int, body: Callable[[Any], str], context: ssl.SSLContext | None = None, **headers: str
) -> Iterator[tuple[int, Asked]]:
    """Answers every request alike; `body` is made from the request's headers."""
    asked = Asked()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.lines.append(self.requestline)
            asked.credentials.append(self.headers["Authorization"])
            content = body(self.headers).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield listening.server_address[1], asked
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def good(_: Any) -> str:
    return json.dumps({"Number": NUMBER, "Recording": "Off"})


def repeating(headers: Any) -> str:
    """An error that repeats what it was sent, on lines of its own."""
    told = f"no\n::error::{headers['Authorization']} {TOKEN}"
    return json.dumps({"ResponseStatus": {"ErrorCode": TOKEN, "Message": told}})


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch, reconciler: Run, write: Callable[..., str]) -> Run:
    """The command line with credentials of its own, and a numbers file."""
    monkeypatch.setenv("RECONCILER_ACCOUNT_SID", "AC1")
    monkeypatch.setenv("RECONCILER_TOKEN", TOKEN)
    monkeypatch.setenv("RECONCILER_RETRY_FOR", "0")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    write(FILE)
    return reconciler


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_credentials_are_in_no_output_even_where_the_api_repeats_them(
    stranger: Run, status: int, command: str
) -> None:
    with server(status, repeating) as (port, asked):
        url = f"http://127.0.0.1:{port}"
        ran = stranger(command, "numbers.yaml", "--api-url", url, "-vv", "--format", "json")
    assert (ran.code, asked.credentials[0]) == (1, f"Basic {BASIC}")
    for secret in (TOKEN, BASIC):
        assert secret not in ran.out + ran.err
    assert not any(line.startswith("::") for line in (ran.out + ran.err).splitlines())


def test_credentials_are_in_no_plan_journal_or_log(
    account: Account, stranger: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The embedded API's token is a word of every day; what is looked for is how it is sent.
    monkeypatch.setenv("RECONCILER_ACCOUNT_SID", "ACsandbox")
    monkeypatch.setenv("RECONCILER_TOKEN", "sandbox")
    account.add({"Number": NUMBER, "Recording": "Call"})
    planned = stranger("plan", "numbers.yaml", "--out", "plan.json", "-vv")
    applied = stranger("apply", "plan.json", "--auto-approve", "--journal", "j.jsonl", "-vv")
    assert (planned.code, applied.code) == (0, 0)
    sent = b64encode(b"ACsandbox:sandbox").decode()
    files = [path.read_text() for path in (tmp_path / "plan.json", tmp_path / "j.jsonl")]
    assert all(sent not in text for text in [planned.err, applied.err, *files])


def test_a_redirect_takes_no_credentials_anywhere(stranger: Run) -> None:
    with server(200, good) as (elsewhere, asked):
        there = f"http://127.0.0.1:{elsewhere}/v2/Numbers/61255500001"
        with server(302, good, Location=there) as (port, _):
            ran = stranger("plan", "numbers.yaml", "--api-url", f"http://127.0.0.1:{port}")
    assert (ran.code, asked.lines) == (1, [])


def test_a_proxy_of_the_environment_is_asked(
    stranger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(200, good) as (port, asked):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        url = "http://api.example.invalid"
        ran = stranger("plan", "numbers.yaml", "--api-url", url, "--insecure-http")
    assert (ran.code, asked.lines) == (0, [f"GET {url}/v2/Numbers/61255500001 HTTP/1.1"])


def test_no_proxy_is_asked_about_hosts_that_are_to_have_none(
    stranger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(200, good) as (port, asked):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "example.invalid")
        url = "http://api.example.invalid"
        assert stranger("plan", "numbers.yaml", "--api-url", url, "--insecure-http").code == 1
    assert asked.lines == []


def test_this_machine_is_never_asked_through_a_proxy(
    stranger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with server(200, good) as (port, _):
        assert stranger("plan", "numbers.yaml", "--api-url", f"http://127.0.0.1:{port}").code == 0


def test_netrc_is_not_read(stranger: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password other\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with server(200, good) as (port, asked):
        stranger("plan", "numbers.yaml", "--api-url", f"http://127.0.0.1:{port}")
    assert asked.credentials == [f"Basic {BASIC}"]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def private(authority: trustme.CA, tmp_path: Path) -> Iterator[tuple[str, Asked]]:
    """An API whose certificate only `ca.pem` vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with server(200, good, context) as (port, asked):
        yield f"https://localhost:{port}", asked


def test_a_certificate_that_nobody_vouches_for_ends_the_run_at_once(
    stranger: Run, private: tuple[str, Asked]
) -> None:
    url, asked = private
    ran = stranger("plan", "numbers.yaml", "--api-url", url, "--retry-for", "60")
    assert (ran.code, asked.lines) == (1, [])
    assert "certificate is not trusted" in ran.err


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_a_private_certificate_can_be_trusted(
    stranger: Run, private: tuple[str, Asked], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "environment":
        monkeypatch.setenv("SSL_CERT_FILE", "ca.pem")
    flags = ["--ca-file", "ca.pem"] if how == "flag" else []
    assert stranger("plan", "numbers.yaml", "--api-url", private[0], *flags).code == 0


def test_certificates_that_cannot_be_loaded_are_told(stranger: Run) -> None:
    flags = ["--api-url", "https://localhost:9", "--ca-file", "missing.pem"]
    ran = stranger("plan", "numbers.yaml", *flags)
    assert ran.code == 1
    assert "certificates cannot be loaded" in ran.err


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "ftp://x", "https://", "https://exa mple.com", "http://localhost:abc",
     "https://user:pass@example.com", "https://example.com/?x=1", "https://example.com#f", "x"],
)  # fmt: skip
def test_a_url_that_is_none_is_told(stranger: Run, url: str) -> None:
    ran = stranger("plan", "numbers.yaml", "--api-url", url)
    assert ran.code == 1
    assert "--api-url" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("sid", ["AC/1", "AC:1", "../x", "AC 1", "ÄC"])
def test_an_account_sid_that_is_none_is_told(stranger: Run, sid: str) -> None:
    ran = stranger("plan", "numbers.yaml", "--account-sid", sid)
    assert ran.code == 1
    assert "is no AccountSid" in ran.err
