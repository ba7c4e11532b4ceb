"""The few requests of GitHub's REST API that the examples make, answered on loopback.

It is strict: what it does not know, or what a token's permissions do not cover, is refused and kept
in `refused`. The real `gh` speaks to it.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

REPOSITORY = "acme/numbers"
BOT = {"login": "github-actions[bot]"}
LONGEST_BODY = 65_536


@dataclass
class GitHub:
    """`artifacts` are the folders of each run: {run: {name: folder}}."""

    url: str = ""
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[int, dict[str, Path]] = field(default_factory=dict)
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def token(self, permissions: dict[str, str]) -> str:
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = permissions
        return token

    def say(self, number: int, login: str, body: str) -> dict[str, Any]:
        """A comment by anybody."""
        count = sum(len(comments) for comments in self.comments.values())
        comment = {"id": 1000 + count, "user": {"login": login}, "body": body}
        self.comments.setdefault(number, []).append(comment)
        return comment

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, token: str) -> Any:
        for wanted, pattern, scopes, act in ROUTES:
            found = re.fullmatch(f"/repos/{REPOSITORY}/{pattern}", path)
            if found and method == wanted:
                allowed = self.tokens.get(token, {})
                if not any(_covers(allowed.get(scope, ""), level) for scope, level in scopes):
                    raise Refused(403, f"no permission: {method} {path}")
                if len((body or {}).get("body", "")) > LONGEST_BODY:
                    raise Refused(422, "body is too long")
                return act(self, query, body, *found.groups())
        raise Refused(404, f"not expected: {method} {path}")


class Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def _covers(has: str, level: str) -> bool:
    return has in ("write", level)


def _only(query: dict[str, str], *known: str) -> None:
    if unknown := query.keys() - set(known):
        raise Refused(422, f"unknown parameters: {sorted(unknown)}")


def _comments(hub: GitHub, query: dict[str, str], _: Any, number: str) -> Any:
    _only(query, "page", "per_page")
    page, size = int(query.get("page", 1)), int(query.get("per_page", 30))
    comments = hub.comments.get(int(number), [])
    more = len(comments) > page * size
    return Page(comments[(page - 1) * size : page * size], page + 1 if more else None)


def _comment(hub: GitHub, _: Any, body: Any, number: str) -> Any:
    assert body.keys() == {"body"}
    return hub.say(int(number), BOT["login"], body["body"])


def _edit_comment(hub: GitHub, _: Any, body: Any, which: str) -> Any:
    assert body.keys() == {"body"}
    found = [each for some in hub.comments.values() for each in some if each["id"] == int(which)]
    found[0]["body"] = body["body"]
    return found[0]


def _issues(hub: GitHub, query: dict[str, str], *_: Any) -> Any:
    _only(query, "state", "per_page", "page")
    return [each for each in hub.issues if each["state"] == query["state"]]


def _open(hub: GitHub, _: Any, body: Any) -> Any:
    assert body.keys() == {"title", "body"}
    number = 100 + len(hub.issues)
    hub.issues.append({"number": number, "user": BOT, "state": "open", **body})
    return hub.issues[-1]


def _edit(hub: GitHub, _: Any, body: Any, number: str) -> Any:
    assert body.keys() <= {"body", "state"}
    found = next(each for each in hub.issues if each["number"] == int(number))
    found.update(body)
    return found


def _pulls(hub: GitHub, query: dict[str, str], _: Any, sha: str) -> Any:
    _only(query)
    return [each for each in hub.pulls if sha in (each["merge_commit_sha"], each["head"]["sha"])]


def _runs(hub: GitHub, query: dict[str, str], _: Any, workflow: str) -> Any:
    _only(query, "event", "status", "head_sha")
    wanted = {"workflow": workflow, "event": query["event"], "conclusion": query["status"]}
    wanted["head_sha"] = query["head_sha"]
    found = [each for each in reversed(hub.runs) if wanted.items() <= each.items()]
    return {"total_count": len(found), "workflow_runs": found}


def _artifacts(hub: GitHub, query: dict[str, str], _: Any, run: str) -> Any:
    _only(query, "per_page")
    named = [
        {
            "name": name,
            "expired": False,
            "archive_download_url": f"http://api.github.localhost/repos/{REPOSITORY}/actions/"
            f"artifacts/{run}.{name}/zip",
        }
        for name in hub.artifacts.get(int(run), {})
    ]
    return {"total_count": len(named), "artifacts": named}


def _zip(hub: GitHub, _query: Any, _body: Any, run: str, name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in hub.artifacts[int(run)][name].iterdir():
            archive.write(file, file.name)
    return packed.getvalue()


_TALK = (("pull-requests", "write"), ("issues", "write"))
_LISTEN = (("pull-requests", "read"), ("issues", "read"))
_ISSUES = (("issues", "write"),)
_ACTIONS = (("actions", "read"),)
ROUTES: list[tuple[str, str, tuple[tuple[str, str], ...], Callable[..., Any]]] = [
    ("GET", r"issues/(\d+)/comments", _LISTEN, _comments),
    ("POST", r"issues/(\d+)/comments", _TALK, _comment),
    ("PATCH", r"issues/comments/(\d+)", _TALK, _edit_comment),
    ("GET", r"issues", (("issues", "read"),), _issues),
    ("POST", r"issues", _ISSUES, _open),
    ("PATCH", r"issues/(\d+)", _ISSUES, _edit),
    ("GET", r"commits/([0-9a-f]{40})/pulls", (("pull-requests", "read"),), _pulls),
    ("GET", r"actions/workflows/([\w.]+)/runs", _ACTIONS, _runs),
    ("GET", r"actions/runs/(\d+)/artifacts", _ACTIONS, _artifacts),
    ("GET", r"actions/artifacts/(\d+)\.([\w-]+)/zip", _ACTIONS, _zip),
]


@dataclass
class Page:
    items: list[Any]
    following: int | None


@contextmanager
def serving() -> Iterator[GitHub]:
    hub = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            # It is asked as a proxy is, so the whole URL is there.
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            token = (self.headers.get("Authorization") or "").removeprefix("token ")
            query = dict(parse_qsl(url.query))
            try:
                assert url.hostname == "api.github.localhost"
                self._send(200, hub.answer(self.command, url.path, query, body, token))
            except Refused as refused:
                hub.refused.append(str(refused))
                self._send(refused.status, {"message": str(refused)})
            except Exception as error:
                hub.refused.append(repr(error))
                raise

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815

        def _send(self, status: int, answer: Any) -> None:
            following = None
            if isinstance(answer, Page):
                answer, following = answer.items, answer.following
            kind = "application/zip" if isinstance(answer, bytes) else "application/json"
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if following is not None:
                more = {**dict(parse_qsl(urlsplit(self.path).query)), "page": following}
                self.send_header(
                    "Link", f'<{self.path.partition("?")[0]}?{urlencode(more)}>; rel="next"'
                )
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
