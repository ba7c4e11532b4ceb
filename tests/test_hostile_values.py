"""Values, names and paths are data: in no format do they act as markup, escape or command.

Each format is read by a reader of its own kind, and all that is printed by the rules of CI runners.
Every hostile text has the word EVIL in it, to be found by wherever it comes out.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from urllib.parse import unquote

import pytest
import yaml
from harness import Account, Ran, Run
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from runner import commands

from reconciler.cli.options import PLAN_FORMATS, PROBLEM_FORMATS, RESULT_FORMATS
from reconciler.model import Status
from reconciler.progress import progress
from reconciler.render.json import document
from reconciler.words import as_line, inert, value

HOSTILE = [
    "a|EVIL|b",
    "a\n::error::EVIL\n\n# EVIL\n",
    "`EVIL` ```EVIL\n```\n~~~",
    "</details></code></pre></td></article>EVIL",
    "<script>alert('EVIL')</script>",
    '<img src=x onerror=EVIL>"EVIL\' onmouseover="EVIL',
    "![EVIL](https:/evil.example) [EVIL](https:/evil.example) <https:/EVIL.example>",
    "@EVIL @EVIL/team",
    "::error::EVIL",
    "  ::set-output name=EVIL::EVIL",
    "##[error]EVIL",
    "####[group]EVIL ##vso[task.setvariable variable=EVIL]x ##teamcity[EVIL]",
    "\x1b[31mEVIL\x1b]0;EVIL\x07\x9b2J",
    "EVIL\r::error::EVIL",
    "EVIL\u202eLIVE\u2066\u200b\u2028::error::EVIL",
    "%0A::error::EVIL%0D%0A##[error]EVIL",
    "&lt;EVIL&gt; &#64;EVIL &amp;",
    "\\u0023 \\EVIL\\n {{EVIL}} ${{ EVIL }}",
]
URL = 'https://hooks.example.com/?EVIL=%0A::error::|`@EVIL`</details><b>##[error]"'
MISSING = "+61255599999"
# What the reports are made of; none of it runs, fetches or leads anywhere.
MARKDOWN = frozenset(
    re.findall(
        r"\w+",
        "b br code del details em h1 h2 h3 h4 hr li ol p pre strong sub summary table tbody td th "
        "thead tr ul",
    )
)
HTML = MARKDOWN | frozenset(
    re.findall(
        r"\w+",
        "a article bdi body button dd div dl dt footer form head header html input label link main "
        "mark meta nav noscript option output rect script section select small span style svg "
        "time title",
    )
)
EMPTY = {"br", "hr", "img", "input", "link", "meta", "rect"}

Write = Callable[..., str]


class Told(NamedTuple):
    """What every report of a number has to say."""

    path: str
    live: str
    declared: str


Numbers = Mapping[str, Told]
NUMBERS: Numbers = {
    f"+6125550{index:04}": Told(f"{text}.yaml", f"{text}!", text)
    for index, text in enumerate(HOSTILE)
}


@pytest.fixture
def paths(account: Account, write: Write) -> list[str]:
    """A file for each hostile text, which is its name and the Friendly of the number in it; an
    account that is as hostile, and not as declared; and a number that the account has not."""
    for number, told in NUMBERS.items():
        account.add({"Number": number, "Friendly": told.live})
        write(
            f"version: 1\nnumbers:\n  {number}:\n    Friendly: {literal(told.declared)}\n"
            f"    tags: [{json.dumps(told.declared)}]\n    WebHookUrl: {literal(URL)}\n",
            told.path,
        )
    missing = write(f"version: 1\nnumbers:\n  {MISSING}: {{Recording: Off}}\n", "@EVIL`.yaml")
    return [*(told.path for told in NUMBERS.values()), missing]


def literal(text: str) -> str:
    """A value in YAML that no variable is put into."""
    return json.dumps(text.replace("${", "$${"))


def assert_inert(ran: Ran, *meant: str) -> None:
    """Nothing that is printed acts on a terminal or in the log of a CI, save the commands that are
    meant to."""
    assert [each.name for each in commands(ran.out)] == list(meant)
    assert commands(ran.err) == []
    for line in f"{ran.out}\n{ran.err}".split("\n"):
        assert line.isprintable(), ascii(line)
        assert not re.search(r"##[A-Za-z]*\[", line)


PIECES = st.sampled_from(["#", "##", "[", "]", ":", "::", " ", "\n", "error", "vso", "teamcity"])


@given(st.lists(PIECES | st.text(max_size=3)).map("".join))
def test_any_text_is_inert_as_a_line_and_a_document_keeps_it(text: str) -> None:
    assert_inert(Ran(0, as_line(text), f"{as_line(text)}\n{value(text)}\n"))
    told = document({"text": text})
    assert_inert(Ran(0, told, ""))
    assert json.loads(told) == {"text": text}


# The readers, one a format


def read_text(shown: str) -> None:
    whole = without_spaces(shown)
    for number, told in NUMBERS.items():
        assert f"~ {number}  {inert(told.declared)[:20]}" in shown
        assert without_spaces(f"({inert(told.path)}:3)") in whole
        assert without_spaces(f"{value(told.live)} -> {value(told.declared)}") in whole


def without_spaces(text: str) -> str:
    """As it is wherever it is wrapped."""
    return re.sub(r"\s", "", text)


def read_json(shown: str) -> None:
    assert shown.isascii()
    found = {change["number"]: change for change in json.loads(shown)["changes"]}
    for number, told in NUMBERS.items():
        change = found.pop(number)
        before, after = (change["fields"]["Friendly"][side] for side in ("before", "after"))
        assert Told(change["source"]["path"], before, after) == told
        assert change["fields"]["WebHookUrl"]["after"] == URL
    assert found == {}


class Page(HTMLParser):
    """What a browser makes of HTML: its elements, its text, and which of that is in code."""

    def __init__(self, page: str, allowed: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._allowed = allowed
        self._open: list[str] = []
        self.text = self.code = self.bare = self.raw = ""
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self._allowed
        for name, said in attrs:
            assert "EVIL" not in name.upper()
            assert not name.startswith("on")
            # It leads nowhere but within the page.
            assert name not in ("href", "src") or (said or "").startswith(("#", "data:,"))
            # An option of a form has its text for a value; no other attribute has data in it.
            assert tag == "option" or "EVIL" not in (said or "")
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        assert tag in EMPTY

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"script", "style"} & set(self._open):
            self.raw += data
            return
        self.text += data
        if {"code", "pre"} & set(self._open):
            self.code += data
        else:
            self.bare += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def page_of_markdown(shown: str) -> Page:
    """Its page, where data is in code alone: no link, no image, nobody mentioned."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    page = Page(reader.render(shown), MARKDOWN)
    assert "EVIL" not in page.bare
    assert "@" not in page.bare
    return page


def read_markdown(shown: str) -> None:
    page = page_of_markdown(shown)
    for told in NUMBERS.values():
        assert value(told.live) in page.code
        assert value(told.declared) in page.code
        # A long name is cut.
        assert inert(told.path)[:40] in page.code


def read_html(shown: str) -> None:
    page = Page(shown, HTML)
    assert "EVIL" not in page.raw
    for told in NUMBERS.values():
        assert value(told.live) in page.text
        assert value(told.declared) in page.text
        assert inert(told.path) in page.text


def read_gitlab(shown: str) -> None:
    # Not all could be planned, so that there are no counts to believe.
    assert json.loads(shown) == {"error": 1}


def read_github(shown: str) -> None:
    failure, *changes, rest = commands(shown)
    assert failure.data.startswith("NumberNotFound: ")
    for change, told in zip(changes, NUMBERS.values(), strict=False):
        assert change.properties["file"] == inert(told.path)
        assert change.properties["title"].endswith(f" {inert(told.declared)}")
        friendly, url = change.data.split("\n")
        assert friendly == f"Friendly: {value(told.live)} -> {value(told.declared)}"
        assert url == f"WebHookUrl: unset -> {value(URL)}"
    assert rest.properties == {"title": "And 9 more"}


def read_sarif(shown: str) -> None:
    assert shown.isascii()
    [run] = json.loads(shown)["runs"]
    found = set()
    for result in run["results"]:
        message = result["message"]["text"]
        assert message.isprintable()
        assert not re.search(r"\]\(|(?<!\w)@\w|<[A-Za-z/!?]", message)
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        found |= {unquote(place)} if "Friendly is" in message else set()
    assert found == {told.path for told in NUMBERS.values()}


READERS = {
    "text": read_text,
    "json": read_json,
    "markdown": read_markdown,
    "html": read_html,
    "gitlab": read_gitlab,
    "github": read_github,
    "sarif": read_sarif,
}


@pytest.mark.parametrize("form", PLAN_FORMATS)
def test_hostile_values_are_inert_in_a_plan(form: str, paths: list[str], reconciler: Run) -> None:
    whole = ["--expand"] if form == "text" else []
    told = [
        reconciler("plan", *paths, "--out", "plan.json", "--format", form, *whole),
        reconciler("drift", *paths, "--format", form, *whole),
        reconciler("show", "plan.json", "--format", form, *whole),
    ]
    for ran in told:
        assert_inert(ran, *(["error", *["warning"] * 10] if form == "github" else []))
        READERS[form](ran.out)


@pytest.mark.parametrize("form", PLAN_FORMATS)
def test_hostile_values_are_inert_in_a_report_to_a_file(
    form: str, paths: list[str], reconciler: Run
) -> None:
    ran = reconciler("plan", *paths, "--report", f"{form}=report", "--expand")
    assert_inert(ran)
    READERS[form](Path("report").read_text("utf-8"))


# What an apply tells


@pytest.mark.parametrize("form", RESULT_FORMATS)
def test_hostile_values_are_inert_in_a_result(form: str, paths: list[str], reconciler: Run) -> None:
    ran = reconciler("apply", *paths, "--auto-approve", "--max-changes", "100%", "--format", form)
    assert_inert(ran)
    if form == "json":
        done = {each["number"]: each["posted"] for each in ran.json["results"]}
        friendly = {number: told.declared for number, told in NUMBERS.items()}
        assert {number: done[number]["Friendly"] for number in NUMBERS} == friendly
    if form == "markdown":
        page_of_markdown(ran.out)


@pytest.mark.parametrize("form", RESULT_FORMATS)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_saved_result_may_be_hostile_throughout(
    form: str, text: str, write: Write, reconciler: Run
) -> None:
    outcome = {"posted": {text: text}, "attempts": 1, "code": None, "message": None}
    outcomes = [
        {**outcome, "number": text, "status": "applied"},
        {**outcome, "number": f"{text}2", "status": "failed", "code": text, "message": text},
    ]
    saved = {
        "format_version": 1,
        "reconciler_version": text,
        "finished_at": "2026-01-01T00:00:00Z",
        "api_url": text,
        "account_sid": text,
        "stopped": text,
        "summary": dict.fromkeys(Status, 0),
        "results": outcomes,
    }
    ran = reconciler("show", write(json.dumps(saved), "result.json"), "--format", form)
    assert ran.code == 0
    assert_inert(ran)
    if form == "json":
        assert ran.json["results"] == outcomes
    elif form == "markdown":
        assert inert(text)[:40] in page_of_markdown(ran.out).code
    else:
        assert inert(text) in ran.out


# What the API says


@contextmanager
def hostile_api() -> Iterator[str]:
    """An API that refuses each number with words of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = NUMBERS[f"+{self.path.rpartition('/')[2]}"].declared
            told = {"ResponseStatus": {"ErrorCode": text, "Message": text}}
            self.send_response(400)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_what_the_api_says_is_inert(
    write: Write, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_TOKEN", "none")
    declared = "".join(f"  {number}: {{Recording: Off}}\n" for number in NUMBERS)
    path = write(f"version: 1\naccount: AC1\nnumbers:\n{declared}")
    reports = [f"--report={form}=report.{form}" for form in PLAN_FORMATS]
    with hostile_api() as url:
        ran = reconciler("plan", path, "--api-url", url, *reports)
    assert_inert(ran)
    told = {form: Path(f"report.{form}").read_text("utf-8") for form in PLAN_FORMATS}
    for form, shown in told.items():
        assert_inert(Ran(0, shown, ""), *(["error"] * 10 if form == "github" else []))
    messages = {each["number"]: each["message"] for each in json.loads(told["json"])["errors"]}
    said = {number: " ".join(each.declared.split()) for number, each in NUMBERS.items()}
    assert messages == said
    assert "::error::EVIL" in page_of_markdown(told["markdown"]).code
    assert "EVIL" not in Page(told["html"], HTML).raw


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_said_of_a_retry_is_inert(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    async def retry() -> None:
        async with progress("Reading", 1, verbosity=1) as seen:
            seen.retry(text)
            seen.note(text)

    asyncio.run(retry())
    ran = Ran(0, *capfd.readouterr())
    assert ran.err.count("\n") == 2
    assert_inert(ran)


# What is said of the files themselves


@pytest.fixture
def wrong(write: Write) -> list[str]:
    """Files that are wrong at hostile keys and values, and that have hostile names."""
    return [
        write(
            f"version: 1\n{json.dumps(told.declared)}: 1\ntemplates:\n"
            f"  {json.dumps(told.declared)}: {{Recording: {literal(told.declared)}}}\nnumbers:\n"
            f"  {number}: {{{json.dumps(told.declared)}: x, use: [{json.dumps(told.live)}]}}\n"
            f"  {json.dumps(told.declared)}: {{}}\n",
            told.path,
        )
        for number, told in NUMBERS.items()
    ]


@pytest.mark.parametrize("form", PROBLEM_FORMATS)
def test_hostile_mistakes_are_inert(form: str, wrong: list[str], reconciler: Run) -> None:
    ran = reconciler("validate", *wrong, "--format", form)
    assert ran.code == 1
    assert_inert(ran, *(["error"] * 10 if form == "github" else []))
    read_problems(form, ran.out, set(wrong))
    for path in wrong:
        assert f"{as_line(path)}:2:1: unknown key " in ran.err


@pytest.mark.parametrize("form", PROBLEM_FORMATS)
def test_hostile_warnings_are_inert(form: str, write: Write, reconciler: Run) -> None:
    files = [
        write(
            f"version: 1\ntemplates: {{{json.dumps(told.declared)}: {{Recording: Off}}}}\n"
            f"numbers: {{{number}: {{Friendly: EVIL}}}}\n",
            told.path,
        )
        for number, told in NUMBERS.items()
    ]
    ran = reconciler("validate", *files, "--format", form)
    assert ran.code == 0
    assert_inert(ran, *(["warning"] * 10 if form == "github" else []))
    read_problems(form, ran.out, set(files))


def read_problems(form: str, shown: str, paths: set[str]) -> None:
    if form == "json":
        told = json.loads(shown)
        assert {each["path"] for each in told["errors"] + told["warnings"]} == paths
    if form == "sarif":
        [run] = json.loads(shown)["runs"]
        places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
        assert {unquote(place["artifactLocation"]["uri"]) for place in places} == paths
        assert all(each["message"]["text"].isprintable() for each in run["results"])
    if form == "github":
        files = {each.properties.get("file", "") for each in commands(shown)[:9]}
        assert files <= set(map(inert, paths))


# All else that is printed


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_is_asked_for_is_inert_in_what_is_said_of_it(
    text: str, account: Account, write: Write, reconciler: Run
) -> None:
    path = write("version: 1\nnumbers:\n  +61255500001: {Recording: Off}\n")
    for arguments in (
        [text],
        ["plan", text],
        ["plan", path, f"--{text}"],
        ["plan", path, "--format", text],
        ["plan", path, "--report", text],
        ["plan", path, "--report", f"text={text}/x"],
        ["plan", path, "--max-changes", text],
        ["plan", path, "--target", text, "--tag", text],
        ["plan", path, "--baseline", text],
        ["plan", path, "--token-file", text],
        ["plan", path, "--account-sid", text],
        ["plan", path, "--api-url", text],
        ["show", text],
        ["merge", text, text],
        ["revert", text],
        ["export", text],
        ["schema", text],
    ):
        ran = reconciler(*arguments)
        assert ran.code in (1, 64), arguments
        assert_inert(ran)
        assert ran.err, arguments


def test_an_export_holds_hostile_values_and_acts_by_none(
    account: Account, reconciler: Run, write: Write
) -> None:
    long = f"{'x' * 20_000} ::error::EVIL"
    live = {number: told.live for number, told in NUMBERS.items()} | {"+61255598765": long}
    account.add(*({"Number": number, "Friendly": text} for number, text in live.items()))
    ran = reconciler("export", "--all")
    assert ran.code == 0
    assert_inert(ran)
    exported = yaml.safe_load(ran.out)["numbers"]
    assert reconciler("plan", write(ran.out), "--detailed-exitcode").code == 0
    assert exported.keys() == live.keys()


def test_what_is_accepted_into_a_file_is_inert_in_what_is_said_of_it(
    account: Account, write: Write, reconciler: Run
) -> None:
    account.add(*({"Number": number, "Friendly": told.live} for number, told in NUMBERS.items()))
    declared = "".join(f"  {number}: {{Friendly: tame}}\n" for number in NUMBERS)
    path = write(f"version: 1\nnumbers:\n{declared}", "::error::EVIL.yaml")
    ran = reconciler("export", *NUMBERS, "--into", path)
    assert ran.code == 0
    assert_inert(ran)
    for told in NUMBERS.values():
        assert f'Friendly: "tame" -> {value(told.live)}\n' in ran.out


def test_hostile_values_are_inert_at_any_verbosity(paths: list[str], reconciler: Run) -> None:
    ran = reconciler("plan", *paths, "-vv", "--fetch", "auto")
    assert "GET /v2/Numbers" in ran.err
    assert_inert(ran)
