"""The page of a plan: all of it is there, nothing in the data acts, and nothing is fetched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from harness import Account, Run
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Problem
from reconciler.model import (
    Baseline,
    Change,
    Failure,
    FieldChange,
    Gone,
    Origin,
    Plan,
    Source,
    SourceFile,
)
from reconciler.render import html
from reconciler.render.differing import cut
from reconciler.words import inert

NUMBER = "+61255500001"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def change(number: str = NUMBER, **fields: FieldChange) -> Change:
    found = fields or {"Recording": FieldChange("Off", "Call")}
    return Change(number, found, {}, Source("sales.yaml", 3), friendly="Sydney")


def plan(*changes: Change, **more: object) -> Plan:
    made = {
        "created_at": "2026-01-01T00:00:00Z",
        "api_url": "https://api.example.com",
        "account_sid": "AC1",
        "sources": (SourceFile("sales.yaml", "ab" * 32),),
        "numbers": 60,
        "managed": 60,
        "max_changes": 18,
        "errors": (),
    }
    return Plan(**{**made, "changes": changes, **more})  # type: ignore[arg-type]


def everywhere(value: str) -> Plan:
    """A plan that has the value wherever it has any text."""
    source = Source(value, 3)
    changes = tuple(
        Change(
            number=value,
            fields={value: FieldChange(value, f"{value}!", origin)},
            post={},
            source=source,
            friendly=value,
            protected=True,
            tags=(value, f"{value}!"),
        )
        for origin in Origin
    )
    return plan(
        *changes,
        created_at=value,
        api_url=value,
        account_sid=value,
        sources=(SourceFile(value, value),),
        errors=(Failure(value, value, value),),
        warnings=(Problem(value, 1, 1, value, value),),
        baseline=Baseline(value, value),
        gone=(Gone(value, source),),
        unmanaged=(value,),
    )


@dataclass
class Page(HTMLParser):
    """A page taken apart; `style` and `script` are the texts of those elements."""

    text: str
    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    style: str = ""
    script: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in ("style", "script"):
            setattr(self, self.tags[-1], data)
        elif data.strip():
            self.texts.append(data.strip())

    @property
    def shape(self) -> list[str]:
        """Its elements, less the marks of what differs, which depend on the values."""
        return [tag for tag in self.tags if tag.strip("/") != "mark"]

    @property
    def words(self) -> str:
        return " ".join(self.texts)


def policy(page: Page) -> str:
    return next(value for _, value in page.attributes if value and "default-src" in value)


def test_the_verdict_is_title_and_heading() -> None:
    page = Page(html.plan(plan(change())))
    assert page.texts.count("Plan: 1 to change, 59 unchanged") == 2


def test_a_change_is_told_with_its_name_its_place_and_its_tags() -> None:
    made = Change(
        NUMBER,
        {"Flow": FieldChange("a", None), "Recording": FieldChange(None, "Call")},
        {},
        Source("sales.yaml", 12),
        friendly="Sydney",
        protected=True,
        tags=("vip customers",),
    )
    told = Page(html.plan(plan(made))).words
    assert (
        "+61255500001 Sydney sales.yaml:12 vip customers protected: not written "
        'Field Before After Flow "a" unset Recording unset "Call"'
    ) in told


def test_the_page_says_where_the_plan_is_from() -> None:
    made = plan(change(), baseline=Baseline("origin/main", COMMIT))
    told = Page(html.plan(made)).words
    for said in (
        "Account AC1",
        "API https://api.example.com",
        "Planned 2026-01-01 00:00:00 UTC",
        "Baseline origin/main 0123456789ab",
        "Limit an apply may write 18 of 60 numbers",
        "sales.yaml abababababab",
    ):
        assert said in told


def test_what_could_not_be_planned_what_is_gone_and_what_is_warned_of_is_told() -> None:
    made = plan(
        errors=(Failure(NUMBER, "Timeout", "No answer in 10 s."),),
        warnings=(Problem("sales.yaml", 7, 5, "It has no effect.", "no-effect"),),
        baseline=Baseline("main", COMMIT),
        gone=(Gone("+61255500009", Source("old.yaml", 4)),),
    )
    told = Page(html.plan(made)).words
    assert "Could not be planned 1 +61255500001 Timeout: No answer in 10 s." in told
    assert "Warnings 1 sales.yaml:7 It has no effect. no-effect" in told
    assert "No longer managed, and left as they are 1 +61255500009 old.yaml:4" in told


def test_with_a_baseline_what_is_declared_and_what_drifted_are_told_apart() -> None:
    made = change(
        Flow=FieldChange("a", "b", Origin.DECLARED),
        Recording=FieldChange("Off", "Call", Origin.DRIFT),
        WebHookUrl=FieldChange("c", "d", Origin.BOTH),
    )
    told = Page(html.plan(plan(made, baseline=Baseline("main", COMMIT)))).words
    this, drift = told.split("This change 1 ")[1].split("Drift that an apply would revert 1 ")
    assert 'Flow "a" "b"' in this
    assert 'Recording "Off" "Call" WebHookUrl this change declares it, too "c" "d"' in drift
    assert "Origin All origins declared (1) drift (1) both (1)" in told


def test_without_a_baseline_there_is_no_filter_by_origin() -> None:
    assert ("id", "origin") not in Page(html.plan(plan(change()))).attributes


def test_without_tags_there_is_no_filter_by_tag() -> None:
    assert ("id", "tag") not in Page(html.plan(plan(change()))).attributes


def test_the_chart_compares_each_field_with_the_one_that_changes_most() -> None:
    flow = FieldChange("a", "b")
    changes = [change(f"+6125550000{each}", Flow=flow) for each in range(3)]
    page = Page(html.plan(plan(*changes, change(Recording=FieldChange("Off", "Call")))))
    assert "Field Numbers Flow 3 Recording 1" in page.words
    assert [value for name, value in page.attributes if name == "width"] == ["100.00%", "33.33%"]


def test_where_nothing_changes_there_is_nothing_to_search() -> None:
    page = Page(html.plan(plan(numbers=60)))
    assert "No changes" in page.texts
    assert "All 60 numbers are as declared." in page.texts
    assert {"form", "script", "article"} & set(page.tags) == set()


def test_the_same_plan_makes_the_same_page() -> None:
    code = (
        "from test_render_html import everywhere; from reconciler.render import html;"
        "from hashlib import sha256; print(sha256(html.plan(everywhere('a')).encode()).hexdigest())"
    )
    pages = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(pages) == 1


ACTING = "\x1b\n\r\x07\x9b\u202e\u2066\u2028\x00\ud800"
HOSTILE = st.text(st.characters() | st.sampled_from(f"{ACTING}<>&\"'`=/{{}}%#"), min_size=1)


@given(HOSTILE)
def test_no_value_becomes_markup(value: str) -> None:
    page, harmless = Page(html.plan(everywhere(value))), Page(html.plan(everywhere("a")))
    assert page.shape == harmless.shape
    assert [name for name, _ in page.attributes] == [name for name, _ in harmless.attributes]
    assert (page.style, page.script) == (harmless.style, harmless.script)


@given(HOSTILE)
def test_no_value_brings_a_control_or_a_line_of_its_own(value: str) -> None:
    shown = html.plan(everywhere(value))
    assert all(line.isprintable() for line in shown.split("\n"))
    assert shown.count("\n") == html.plan(everywhere("a")).count("\n")


def test_a_hostile_value_can_be_read() -> None:
    value = "</td><script>alert(1)</script>\x1b[31m\u202e"
    assert inert(value) in Page(html.plan(everywhere(value))).words


@pytest.mark.parametrize("value", ["", "é", "</style><script>alert(1)</script>"])
def test_the_policy_allows_the_one_style_and_the_one_script(value: str) -> None:
    page = Page(html.plan(everywhere(value)))
    for text, kind in ((page.style, "style"), (page.script, "script")):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy(page)
    assert policy(page).startswith("default-src 'none';")
    assert "unsafe" not in policy(page)


def test_nothing_on_the_page_refers_to_anything_outside() -> None:
    page = Page(html.plan(everywhere("https://example.com/")))
    names = {name for name, _ in page.attributes}
    assert not {"src", "srcset", "style", "action", "data"} & names
    assert not any(name.startswith("on") for name in names)
    links = {value for name, value in page.attributes if name == "href"}
    assert all(link == "data:," or (link or "").startswith("#") for link in links)
    assert not re.search(r"url\(|@import|image-set", page.style)


def test_every_link_leads_to_a_place_on_the_page() -> None:
    page = Page(html.plan(everywhere("a")))
    links = {value[1:] for name, value in page.attributes if name == "href" and value[:1] == "#"}
    assert links <= {value for name, value in page.attributes if name == "id"}


@pytest.mark.parametrize(
    ("before", "after", "differing"),
    [
        ("https://example.com/v1/sms", "https://example.com/v2/sms", ("1", "2")),
        ("https://example.com/", "https://example.com/sms", ("", "sms")),
        ("+61255500001", "+61255500002", ("1", "2")),
        ("GET", "POST", ("", "")),
        ("Off", "Call", ("", "")),
    ],
)
def test_what_differs_in_values_that_are_much_alike_is_found(
    before: str, after: str, differing: tuple[str, str]
) -> None:
    assert tuple(part[1] for part in cut(before, after)) == differing


@given(st.text("ab"), st.text("ab"), st.text("ab"), st.text("ab"))
def test_what_is_cut_is_whole_and_alike_at_both_ends(a: str, b: str, c: str, d: str) -> None:
    old, new = a + b + d, a + c + d
    before, after = cut(old, new)
    assert ("".join(before), "".join(after)) == (old, new)
    if before[1] or after[1]:
        assert (before[0], before[2]) == (after[0], after[2])
        assert not (before[1] and after[1] and before[1][0] == after[1][0])


def test_a_mark_stands_where_a_value_differs() -> None:
    made = change(WebHookUrl=FieldChange("https://example.com/v1", "https://example.com/v2"))
    shown = html.plan(plan(made))
    assert "https://example.com/v<mark>1</mark>" in shown
    assert "https://example.com/v<mark>2</mark>" in shown


def test_tags_come_through_a_saved_plan_into_the_report(
    reconciler: Run, account: Account, write: Callable[..., str], tmp_path: Path
) -> None:
    account.add({"Number": NUMBER})
    path = write(f"version: 1\nnumbers:\n  {NUMBER}: {{tags: [vip], Recording: Call}}\n")
    assert reconciler("plan", path, "--out", "plan.json", "--report", "html=now.html").code == 0
    assert reconciler("show", "plan.json", "--report", "html=later.html").code == 0
    now, later = (tmp_path / name for name in ("now.html", "later.html"))
    assert '<span class="tag">vip</span>' in now.read_text("utf-8")
    assert now.read_bytes() == later.read_bytes()


def test_numbers_that_no_file_names_are_listed_where_they_were_asked_for() -> None:
    assert (
        "In the account, and in no file" in Page(html.plan(plan(unmanaged=("+61255509999",)))).texts
    )
    assert "+61255509999" in Page(html.plan(plan(unmanaged=("+61255509999",)))).texts
    assert "no file" not in html.plan(plan())
