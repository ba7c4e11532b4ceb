"""A plan or result as a comment: it fits, it is whole where it must be, and nothing in it acts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from harness import Account, Run
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler import schema
from reconciler.errors import Problem
from reconciler.model import (
    Baseline,
    Change,
    Failure,
    FieldChange,
    Gone,
    Origin,
    Outcome,
    Plan,
    Result,
    Shard,
    Source,
    Status,
)
from reconciler.render import markdown
from reconciler.render.excerpt import LONGEST, excerpts

SMALLEST = 4_096
COMMENT = 65_536
OURS = {
    *("h3", "h4", "p", "b", "sub", "table", "thead", "tbody", "tr", "th", "td"),
    *("details", "summary", "code", "pre"),
}
ATTRIBUTES = {"open", "align", "style", "class", "colspan"}
# What stands outside of code is words and counts of ours, with nothing that could refer or mention.
WORDS = re.compile(r"[A-Za-z0-9 ,.;:()\[\]'→\n-]*")


class Page(HTMLParser):
    """A page as a browser has it. Fails where a tag is not balanced, or not one of ours."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.within: list[str] = []
        self.words = ""
        self.code: list[str] = []
        self.summaries: list[str] = []
        self.opened: list[bool] = []
        self.feed(MarkdownIt("gfm-like").render(text))
        self.close()
        assert self.within == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in OURS
        assert {name for name, _ in attrs} <= ATTRIBUTES
        self.within.append(tag)
        if tag == "code":
            self.code.append("")
        elif tag == "summary":
            self.summaries.append("")
        elif tag == "details":
            self.opened.append(("open", "") in attrs or ("open", None) in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.within.pop() == tag

    def handle_data(self, data: str) -> None:
        if "summary" in self.within:
            self.summaries[-1] += data
        if "code" in self.within:
            self.code[-1] += data
        else:
            self.words += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def number(at: int) -> str:
    return f"+61255{at:06}"


def change(at: int = 1, friendly: str | None = None, **fields: FieldChange) -> Change:
    fields = fields or {"Recording": FieldChange("Off", "Call")}
    post = {name: each.after or "" for name, each in fields.items()}
    return Change(number(at), fields, post, Source("numbers.yaml", at + 1), friendly)


def plan(*changes: Change, numbers: int = 6_000, **more: object) -> Plan:
    given = {"max_changes": 6_000, "errors": (), **more}
    return Plan(
        created_at="2026-01-01T00:00:00Z",
        api_url="https://api.example.com",
        account_sid="AC1",
        sources=(),
        numbers=numbers,
        managed=numbers,
        changes=changes,
        **given,  # type: ignore[arg-type]
    )


def result(*outcomes: Outcome, stopped: str | None = None) -> Result:
    return Result("2026-01-01T00:00:00Z", "https://api.example.com", "AC1", outcomes, stopped)


def lengthy(at: int) -> Change:
    url = f"https://hooks.example.com/{at}/"
    return change(
        at,
        f"Shop {at}",
        WebHookUrl=FieldChange(url + "a" * 3_000, url + "b" * 3_000),
        Recording=FieldChange("Off", None),
    )


def summary(text: str) -> str:
    """What comes before the details, and the last line."""
    head = re.split(r"\n(?:#### |<details|<p>(?:and )?[0-9,]+ )", text, maxsplit=1)[0]
    return head.rstrip() + text.splitlines()[-1]


def left_out(page: Page) -> int:
    told = re.findall(r"([0-9,]+) (?:more )?[a-z]+; see the full", page.words)
    listed = [count for code in page.code for count in re.findall(r"  and ([0-9,]+) more", code)]
    return sum(int(count.replace(",", "")) for count in [*told, *listed])


FIVE_THOUSAND = plan(*map(lengthy, range(5_000)))


@pytest.mark.parametrize("size", [SMALLEST, 5_000, 10_000, 32_768, COMMENT, 1 << 20])
def test_five_thousand_changes_with_long_values_fit(size: int) -> None:
    text = markdown.plan(FIVE_THOUSAND, max_bytes=size)
    page = Page(text)
    assert len(text.encode()) <= size
    assert len(page.summaries) + left_out(page) == 5_000
    assert summary(text) == summary(markdown.plan(FIVE_THOUSAND, max_bytes=1 << 26))


def test_a_comment_is_made_use_of() -> None:
    assert len(markdown.plan(FIVE_THOUSAND).encode()) > COMMENT - 2_000


def test_what_fits_is_all_told() -> None:
    page = Page(markdown.plan(plan(*(lengthy(at) for at in range(50)))))
    assert (len(page.summaries), left_out(page)) == (50, 0)


# Digits would make counts of our own seem to be those of the data.
HOSTILE = st.text(
    st.characters()
    | st.sampled_from("\x1b\n\r\x07\x9b\u202e\u2066\u2028\x00\ud800`|<>&@#$~:*_[]()!\\"),
    max_size=30,
) | st.sampled_from(
    [
        "```",
        "~~~\n```\n</pre>",
        "\n\n# heading",
        "</code></summary></details>",
        "<script>alert(1)</script>",
        "<!-- ",
        "]]><![CDATA[",
        "a\\|b|c",
        "@octocat #123 ~label !4 $x$ :smile: 0123456789abcdef0123456789abcdef01234567",
        "![x](http://x.example/y.png) [y](javascript:z) www.example.com a@example.com",
        "::error::x",
        "##[error]x",
        "&lt;b&gt; &#64;octocat",
        "\x1b]8;;http://x\x07",
        "x" * 100_000,
        "\u202e" * 500,
    ]
)
NAMED = st.text(st.characters(), max_size=3) | HOSTILE
CHANGED = st.builds(
    FieldChange, st.none() | HOSTILE, st.none() | HOSTILE, st.none() | st.sampled_from(Origin)
)
SOURCES = st.builds(Source, HOSTILE, st.integers(1, 10**9))
CHANGES = st.builds(
    Change,
    HOSTILE,
    st.dictionaries(NAMED, CHANGED, min_size=1, max_size=25),
    st.just({}),
    SOURCES,
    st.none() | HOSTILE,
    st.booleans(),
)
PLANS = st.builds(
    Plan,
    HOSTILE,
    HOSTILE,
    HOSTILE,
    st.just(()),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10),
    st.lists(CHANGES, max_size=8).map(tuple),
    st.lists(st.builds(Failure, HOSTILE, HOSTILE, HOSTILE), max_size=8).map(tuple),
    st.lists(
        st.builds(Problem, HOSTILE, st.integers(1), st.integers(1), HOSTILE, HOSTILE), max_size=8
    ).map(tuple),
    st.none() | st.builds(Shard, st.integers(1, 999), st.integers(1, 999), st.just(9)),
    st.none() | st.builds(Baseline, HOSTILE, HOSTILE, st.booleans()),
    st.lists(st.builds(Gone, HOSTILE, SOURCES), max_size=8).map(tuple),
    st.none() | st.lists(HOSTILE, max_size=8).map(tuple),
)
OUTCOMES = st.builds(
    Outcome,
    HOSTILE,
    st.sampled_from(Status),
    st.none() | st.dictionaries(NAMED, HOSTILE, max_size=5),
    st.just(1),
    st.none() | HOSTILE,
    st.none() | HOSTILE,
)
RESULTS = st.builds(
    Result,
    HOSTILE,
    HOSTILE,
    HOSTILE,
    st.lists(OUTCOMES, max_size=20).map(tuple),
    st.none() | HOSTILE,
)
SIZES = st.integers(SMALLEST, 100_000) | st.just(SMALLEST)
SLOW = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def check(told: Callable[[int], str], size: int) -> None:
    """Within its size, balanced, of our own making, and with the same summary as at any size."""
    text = told(size)
    assert len(text.encode()) <= size
    assert WORDS.fullmatch(Page(text).words)
    assert summary(text) == summary(told(1 << 30))
    assert all(line.isprintable() for line in text.split("\n"))
    assert not any(line.lstrip().startswith(("::", "/")) for line in text.split("\n"))
    assert "##[" not in text


@SLOW
@given(PLANS, SIZES)
def test_nothing_in_a_plan_acts_and_it_fits(made: Plan, size: int) -> None:
    check(lambda most: markdown.plan(made, max_bytes=most), size)


@SLOW
@given(RESULTS, SIZES)
def test_nothing_in_a_result_acts_and_it_fits(made: Result, size: int) -> None:
    check(lambda most: markdown.result(made, max_bytes=most), size)


@pytest.mark.parametrize("hostile", ["<" * 99, "\u202e" * 99, "\U0001f980" * 99, "é" * 99])
def test_the_summary_fits_whatever_is_in_it(hostile: str) -> None:
    changes = [
        Change(
            number(at),
            {f"{at}{field}{hostile}": FieldChange(hostile, hostile[at:]) for field in range(30)},
            {},
            Source(hostile, 1),
            hostile,
        )
        for at in range(9)
    ]
    made = plan(
        *changes,
        max_changes=1,
        errors=tuple(Failure(number(at), hostile, hostile) for at in range(999)),
        warnings=tuple(Problem(hostile, at, 1, hostile, hostile) for at in range(999)),
        gone=tuple(Gone(number(at), Source(hostile, at)) for at in range(999)),
        unmanaged=tuple(map(number, range(999))),
        baseline=Baseline(hostile, hostile, only_changed=True),
        shard=Shard(1, 2, 3),
    )
    text = markdown.plan(made, max_bytes=SMALLEST)
    assert len(text.encode()) <= SMALLEST
    assert summary(text) == summary(markdown.plan(made, max_bytes=1 << 26))


def test_every_field_that_there_is_has_its_row_in_the_summary() -> None:
    fields = {name: FieldChange("a", "b") for name in schema.parameters()}
    text = markdown.plan(plan(*(change(at, **fields) for at in range(9_999))), max_bytes=SMALLEST)
    assert set(fields) <= set(Page(text).code)


def test_values_are_shown_as_they_are() -> None:
    hostile = "a\\|b `c` </code> &amp; @octocat"
    made = plan(change(1, hostile, Flow=FieldChange("Off", f"<{hostile}>")))
    told = Page(markdown.plan(made)).code
    assert hostile in told
    assert told[-4] == '- Flow: "Off"\n+ Flow: "<a\\\\|b `c` </code> &amp; @octocat>"\n'


def test_a_few_changes_are_unfolded() -> None:
    assert Page(markdown.plan(plan(change(1), change(2, "x")))).opened == [True]
    assert Page(markdown.plan(plan(*map(change, range(4))))).opened == [False]


def test_a_change_is_told_in_its_line_where_it_is_short() -> None:
    page = Page(markdown.plan(plan(change(1, "Sydney"))))
    assert page.summaries == ['+61255000001 Sydney: Recording "Off" → "Call" (numbers.yaml:2)']


def test_numbers_that_change_alike_are_told_once_and_first() -> None:
    alone = change(0, Flow=FieldChange("a", "b"))
    page = Page(markdown.plan(plan(alone, *map(change, range(1, 301)))))
    assert page.summaries[0] == '300 numbers: Recording "Off" → "Call"'
    listed = next(code for code in page.code if code.startswith("- Recording"))
    assert listed.count("- Recording") == 1
    assert all(f"  * {number(at)}  (numbers.yaml:{at + 1})\n" in listed for at in range(1, 301))


def test_numbers_of_a_group_are_left_out_and_counted() -> None:
    text = markdown.plan(plan(*map(change, range(5_000))), max_bytes=8_000)
    told = text.count("  * +61255")
    assert 50 < told < 5_000
    assert f"  and {5_000 - told:,} more\n```" in text


def test_a_giant_is_left_out_and_others_are_not() -> None:
    giant = change(0, **{f"Field{at}": FieldChange("a" * 150, "b" * 150) for at in range(30)})
    page = Page(
        markdown.plan(
            plan(giant, change(1), change(2, Flow=FieldChange("a", "b"))), max_bytes=SMALLEST
        )
    )
    assert len(page.summaries) == 2
    assert "and 1 more change; see the full plan" in page.words


@pytest.mark.parametrize("at", [0, 30, 2_000, 4_990])
def test_a_long_value_is_cut_around_the_difference_and_says_so(at: int) -> None:
    before = "x" * 5_000
    after = f"{before[:at]}DIFFERS{before[at:]}"
    told, other = excerpts(before, after)
    assert "DIFFERS" in other
    assert told.endswith("(5,000 characters)")
    assert other.endswith("(5,007 characters)")
    assert len(other) < LONGEST + 30


@given(HOSTILE, st.integers(0, 1_000), HOSTILE, HOSTILE)
@example("x" * 500, 500, "", "y")
def test_different_values_never_look_alike(alike: str, times: int, one: str, other: str) -> None:
    before, after = alike[:50] * times + one, alike[:50] * times + other
    told = excerpts(before, after)
    assert (told[0] == told[1]) is (before == after)


def test_a_baseline_makes_two_sections() -> None:
    moved = {
        "Flow": FieldChange("a", "b", Origin.DECLARED),
        "SendSmsTo": FieldChange("+611", "+612", Origin.BOTH),
        "Recording": FieldChange("Off", "Call", Origin.DRIFT),
    }
    made = plan(change(1, **moved), baseline=Baseline("origin/main", "0123456789abcdef"))
    text = markdown.plan(made)
    mine, drift = text.split("#### Drift that an apply would revert (1)")
    assert "| To change | Of these drifted | Unchanged |" in mine
    assert "<code>origin/main</code> (<code>0123456789ab</code>)" in mine
    assert "#### This change (1)" in mine
    assert "! SendSmsTo: this change declares it, too\n- SendSmsTo" in drift
    assert "Recording" not in mine
    assert "- Recording" in drift


def test_protected_numbers_are_said_to_be() -> None:
    shown = Page(markdown.plan(plan(replace(change(1), protected=True)))).summaries
    assert "protected: not written" in shown[0]


def test_what_could_not_be_planned_is_grouped_by_the_reason() -> None:
    errors = [Failure(number(at), "Timeout", "No answer.") for at in range(12)]
    page = Page(markdown.plan(plan(errors=(*errors, Failure(number(99), "NotFound", "None.")))))
    assert "nothing to change in 5,987, 13 could not be planned" in page.words
    assert page.summaries == ["12 numbers"]
    assert {number(99), "NotFound", "None.", "Timeout"} <= set(page.code)


def test_many_errors_starve_no_changes_and_come_first() -> None:
    errors = tuple(Failure(number(at), "Failed", f"For reason {at}.") for at in range(5_000))
    text = markdown.plan(plan(*map(lengthy, range(5_000)), errors=errors))
    assert text.count("For reason") >= text.count("<details") > 50


def test_numbers_that_are_no_longer_managed_and_warnings_are_told() -> None:
    page = Page(
        markdown.plan(
            plan(
                gone=(Gone(number(5), Source("old.yaml", 7)),),
                warnings=(Problem("numbers.yaml", 12, 5, "No such number.", "impossible"),),
            )
        )
    )
    assert "No longer managed, and left as they are (1)" in page.words
    assert {number(5), "old.yaml:7", "numbers.yaml:12", "No such number.", "impossible"} <= set(
        page.code
    )


def test_numbers_in_no_file_are_listed() -> None:
    page = Page(markdown.plan(plan(unmanaged=(number(5), number(6)))))
    assert "In no file (2)" in page.words
    assert f"  * {number(5)}\n  * {number(6)}\n" in page.code


def test_what_is_sensitive_is_hidden_however_long_it_is() -> None:
    secret = "s" * 500
    made = replace(
        change(
            1, Flow=FieldChange("a", secret), WebHookUrl=FieldChange(f"{secret}a", f"{secret}b")
        ),
        sensitive={"Flow": None, "WebHookUrl": None},
    )
    text = markdown.plan(plan(made))
    assert "sss" not in text
    assert "+ WebHookUrl: (sensitive)" in text


def test_more_than_an_apply_may_write_is_said() -> None:
    assert "An apply would write 4 numbers, more than the 3 that are allowed" in markdown.plan(
        plan(*map(change, range(4)), max_changes=3)
    )


@pytest.mark.parametrize(
    ("numbers", "told"),
    [(60, "All 60 numbers are as declared."), (1, "1 number is as declared."), (0, "There are no")],
)
def test_no_changes_is_one_sentence(numbers: int, told: str) -> None:
    text = markdown.plan(plan(numbers=numbers))
    assert text.startswith("### reconciler: no changes\n")
    assert told in text
    assert len(text) < 100


def test_no_changes_is_never_said_while_a_number_could_not_be_planned() -> None:
    assert "no changes" not in markdown.plan(plan(errors=(Failure("+611", "Timeout", ""),)))


def test_a_result_tells_what_is_open_first_and_what_to_do() -> None:
    text = markdown.result(
        result(
            *(Outcome(number(at), Status.APPLIED, {"Recording": "Call"}, 1) for at in range(9)),
            Outcome(number(10), Status.FAILED, None, 3, "InvalidFlow", "No such flow."),
            Outcome(number(11), Status.NOT_ATTEMPTED),
            stopped="Interrupted.",
        )
    )
    page = Page(text)
    assert text.startswith("### reconciler: apply incomplete, 9 of 11 applied\n")
    assert "| Failed | Not attempted | Applied |" in text
    titles = re.findall(r"^#### (.*)$", text, re.MULTILINE)
    assert titles == ["Failed (1)", "Not attempted (1)", "Applied (9)"]
    assert "Run the same command again when the cause is gone." in page.words
    assert {"Interrupted.", "InvalidFlow", "No such flow.", "Recording"} <= set(page.code)
    assert page.opened == [False, False]


def test_a_result_with_nothing_open_is_complete() -> None:
    made = result(Outcome(number(1), Status.APPLIED, {"Flow": "x"}, 1))
    assert markdown.result(made).startswith("### reconciler: apply complete, 1 of 1 applied\n")
    assert markdown.result(result()).startswith("### reconciler: apply complete, nothing to do\n")


def test_a_result_of_many_numbers_fits() -> None:
    outcomes = [
        Outcome(number(at), Status.FAILED, None, 1, "Failed", f"For reason {at}: {'x' * 500}")
        for at in range(5_000)
    ]
    text = markdown.result(result(*outcomes))
    page = Page(text)
    assert len(text.encode()) <= COMMENT
    assert text.count("For reason") + left_out(page) == 5_000
    assert "see the full result" in page.words


def test_the_command_line_tells_a_plan_so(
    account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    account.add({"Number": number(1), "Recording": "Call"})
    path = write(f"version: 1\nnumbers:\n  {number(1)}: {{Recording: Off}}\n")
    ran = reconciler("plan", path, "--format", "markdown")
    assert (ran.code, ran.err) == (0, "")
    assert Page(ran.out).summaries == [f'{number(1)}: Recording "Call" → "Off" ({path}:3)']
