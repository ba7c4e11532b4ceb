"""The table of faults: what each does to an apply, over a real socket, and what is told of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import Account, Ran, Run
from promises_terminal import CTRL_C, CTRL_D, terminal

from reconciler import api, sandbox
from reconciler.apply import Apply
from reconciler.model import Change, FieldChange, Plan, Source
from reconciler.pace import Pacer
from reconciler.turn import Stop

Write = Callable[..., str]
Fields = dict[str, Any]

# Four numbers that differ, each in its own way, and one that does not.
NUMBERS = [f"+6125550000{index}" for index in range(1, 6)]
DECLARED: list[Fields] = [
    {"Recording": "Off"},
    {"Friendly": "Sales", "SendSmsTo": "+61491570006"},
    {"Friendly": None},
    {"Attribution_Source": "web"},
    {"Recording": "Off"},
]
BEFORE: list[Fields] = [
    {"Recording": "Call", "Flow": "kept"},
    {"Friendly": "Old", "Flow": "kept"},
    {"Friendly": "Gone", "Flow": "kept"},
    {"Flow": "kept"},
    {"Recording": "Off", "Flow": "kept"},
]
LETTERS = {
    "applied": "A",
    "already_in_place": "I",
    "conflict": "C",
    "failed": "F",
    "not_converged": "N",
    "not_attempted": "X",
}
NULL = "~"
TWICE = "--retry-for 0.3"  # one wait fits into it, and no second one
SOON = "--timeout 0.3"
IN_TURN = "--parallelism 1"
GUARDED = "account: ACsandbox\n"


@dataclass(frozen=True)
class Row:
    """One fault and what comes of it; by default, all is well.

    ended: each number's status: Applied, Conflict, Failed, Not converged, X: not attempted,
    and - where it is not in the report.
    live: whether each number is as before (o), as declared (n), or neither (x).
    posts, carried: POSTs that reached the server, and those that it stored.
    says: what the report says of each number that failed.
    """

    fault: str
    ended: str = "AAAA-"
    live: str = "nnnno"
    code: int = 0
    posts: int | range = 4
    carried: int = 4
    flags: str = ""
    head: str = ""
    says: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.fault, self.flags, self.head.strip()) if part)


def unread(fault: str, says: str, flags: str = TWICE, head: str = "") -> Row:
    """Nothing can be read, so nothing is written, and each number says why."""
    return Row(fault, "FFFFF", "ooooo", 1, 0, 0, flags, head, says)


def unwritten(fault: str, says: str, posts: int = 8, flags: str = TWICE) -> Row:
    """All is read and nothing can be written, and each number says why."""
    return Row(fault, "FFFF-", "ooooo", 4, posts, 0, flags, says=says)


TABLE = [
    Row("close"),
    # A page of the web server, for once or for ever.
    Row("500:method=POST,times=1", posts=5),
    Row("500:method=GET,times=1"),
    Row("500:method=POST,carried-out=yes"),
    unwritten("500:method=POST", "Http500"),
    unread("500", "Http500"),
    # Unavailable, and told for how long, or not.
    Row("503:method=POST,times=1", posts=5),
    Row("503:method=POST,times=1,retry-after=1", posts=5),
    Row("503:method=GET,times=1,retry-after=date:1"),
    unwritten("503:method=POST", "Http503"),
    unwritten("503:method=POST,retry-after=1", "Http503", posts=4),
    unwritten("503:method=POST,retry-after=date:1", "Http503", posts=4),
    Row("outage:seconds=1"),
    # Too many requests.
    Row("429:rate=5,burst=2", posts=range(4, 13)),
    Row("429:method=POST,times=1", posts=5),
    Row("429:method=POST,times=1,retry-after=1", posts=5),
    unwritten("429:method=POST,retry-after=1", "TooManyRequests", posts=4),
    # The connection is dropped before or after the request is carried out.
    Row("drop-before:method=POST,times=1", posts=5),
    Row("drop-before:method=GET,times=1"),
    unwritten("drop-before:method=POST", "Unreachable"),
    Row("drop-after:method=POST,times=1"),
    Row("drop-after:method=POST"),
    # The answer is cut, mismeasured, or nonsense.
    Row("cut:method=POST,times=1"),
    Row("cut:method=GET,times=1"),
    Row("cut:method=POST"),
    unread("cut", "CutAnswer"),
    Row("wrong-length:by=7,method=POST,times=1"),
    Row("wrong-length:by=7,method=POST"),
    unread("wrong-length:by=7", "CutAnswer"),
    Row("wrong-length:by=-7,method=POST,times=1"),
    Row("wrong-length:by=-7,method=POST"),
    unread("wrong-length:by=-7", "Not"),
    Row("garbage:method=POST,times=1"),
    Row("garbage:method=POST"),
    Row("garbage:method=POST,times=1,carried-out=no", posts=5),
    unwritten("garbage:method=POST,carried-out=no", "NotJson"),
    unread("garbage", "NotJson"),
    # No answer in time.
    Row("hang:method=POST,times=1", posts=5, flags=SOON),
    Row("hang:method=GET,times=1", flags=SOON),
    unwritten("hang:method=POST", "Timeout", flags=f"{SOON} {TWICE}"),
    unread("hang", "Timeout", f"{SOON} {TWICE}"),
    Row("hang-after:method=POST,times=1", flags=SOON),
    Row("hang-after:method=POST", flags=SOON),
    Row("late:seconds=0.6,method=POST,number=61255500001,times=1", posts=5, flags=SOON),
    Row("slow:bytes-per-second=5000"),
    Row("slow:bytes-per-second=400,method=POST", flags=SOON),
    # The answer is valid, and about something else.
    Row("other-number:method=POST,times=1"),
    Row("other-number:method=GET,times=1"),
    Row("other-number:method=POST"),
    unread("other-number", "OtherNumber"),
    Row("other-account"),
    unread("other-account", "OtherAccount", head=GUARDED),
    # The field is not stored as it was sent.
    Row("ignored:field=Recording", "NAAA-", "onnno", 4, says="NotConverged"),
    Row("normalised:field=Friendly,how=upper", "ANAA-", "nxnno", 4, says="NotConverged"),
    Row("normalised:field=SendSmsTo,how=strip-plus"),
    # The credentials are no longer good.
    Row("401:method=POST,after=2", "AAFX-", "nnooo", 4, 3, 2, IN_TURN, says="401"),
    Row("403:method=POST,after=2", "AAFX-", "nnooo", 4, 3, 2, IN_TURN, says="403"),
    # The API says no to one number.
    Row(
        "status:code=400,body=json,method=POST,number=61255500002",
        "AFAA-",
        "nonno",
        4,
        4,
        3,
        says="BadRequest",
    ),
    unread("status:code=302", "Redirected"),
    unread("large:method=GET", "AnswerTooLarge"),
    Row("large:method=POST,bytes=1048576"),
    unwritten("status:code=302,method=POST", "Redirected", posts=4),
    # The POST is carried out, and its answer does not show what the number is now.
    Row("large:method=POST,bytes=1048577"),
    Row("status:code=303,method=POST,carried-out=yes"),
    Row("status:code=204,method=POST,carried-out=yes,body=empty"),
    Row("status:code=408,method=POST,carried-out=yes"),
    Row("status:code=524,method=POST,carried-out=yes"),
]


@pytest.fixture
def declared(account: Account, write: Write) -> Callable[..., str]:
    """declared(head) fills the account and writes the file; returns its path."""

    def declared(head: str = "") -> str:
        account.add(*({"Number": each, **live} for each, live in zip(NUMBERS, BEFORE, strict=True)))
        lines = [
            f"  {each}: {{{', '.join(f'{key}: {wanted[key] or NULL}' for key in wanted)}}}"
            for each, wanted in zip(NUMBERS, DECLARED, strict=True)
        ]
        return write(f"version: 1\n{head}numbers:\n" + "\n".join(lines) + "\n")

    return declared


@pytest.fixture
def strike(account: Account, declared: Callable[..., str], reconciler: Run) -> Callable[..., Ran]:
    """strike(row) applies the file with the row's fault armed, and disarms it."""

    def strike(row: Row) -> Ran:
        path = declared(row.head)
        account.faults(row.fault)
        account.forget_stats()
        flags = f"--auto-approve --format json -q {row.flags}"
        return reconciler("apply", path, *flags.split())

    return strike


def shown(live: Fields) -> Fields:
    """What the API has of a number, save who it is; a + more or less is no difference."""
    kept = {name: live[name] for name in live.keys() - {"Number", "AccountSid", "PropertySid"}}
    return {name: value.removeprefix("+") for name, value in kept.items()}


def letter(account: Account, index: int) -> str:
    live = shown(account.live(NUMBERS[index]))
    before = BEFORE[index]
    after = {**before, **DECLARED[index]}
    if live == shown(before):
        return "o"
    return "n" if live == shown({name: value for name, value in after.items() if value}) else "x"


def live(account: Account) -> str:
    return "".join(letter(account, index) for index in range(len(NUMBERS)))


def statuses(ran: Ran) -> str:
    ended = {result["number"]: LETTERS[result["status"]] for result in ran.json["results"]}
    return "".join(ended.get(number, "-") for number in NUMBERS)


def words(result: dict[str, Any]) -> str:
    return f"{result['code']} {result['message']}"


def prove(row: Row, account: Account, reconciler: Run, strike: Callable[..., Ran]) -> None:
    ran = strike(row)
    counted = account.stats()
    account.no_faults()
    assert (ran.code, statuses(ran), live(account)) == (row.code, row.ended, row.live)
    posts = row.posts if isinstance(row.posts, range) else range(row.posts, row.posts + 1)
    assert counted["post"] in posts
    assert counted["posts_carried_out"] == row.carried
    for result in ran.json["results"]:
        if result["status"] in ("failed", "not_converged"):
            assert row.says in words(result)
    assert "Traceback" not in ran.err
    assert reconciler("apply", "numbers.yaml", "--auto-approve").code == 0
    assert live(account) == "nnnno"
    account.forget_stats()
    assert reconciler("apply", "numbers.yaml", "--auto-approve").code == 0
    assert account.stats()["post"] == 0


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_the_table_of_faults(
    account: Account, reconciler: Run, strike: Callable[..., Ran], row: Row
) -> None:
    prove(row, account, reconciler, strike)


def test_a_number_whose_posts_got_no_answer_says_that_it_may_yet_be_written(
    account: Account, strike: Callable[..., Ran]
) -> None:
    late = Row("late:seconds=3,method=POST", flags=f"{SOON} {TWICE}")
    failed = strike(late).json["results"]
    assert {result["status"] for result in failed} == {"failed"}
    assert all("not known" in result["message"] for result in failed)


def test_a_post_that_another_account_answers_is_not_applied(
    account: Account, strike: Callable[..., Ran]
) -> None:
    ran = strike(Row("other-account:method=POST", head=GUARDED))
    assert (ran.code, statuses(ran)) == (4, "FFFF-")


def test_credentials_that_end_midway_through_reading_stop_the_run(
    account: Account, strike: Callable[..., Ran]
) -> None:
    ran = strike(Row("401:after=2", flags=IN_TURN))
    assert (ran.code, account.stats()["total"], account.stats()["post"]) == (1, 3, 0)
    assert "refused the credentials (401)" in ran.err


def test_a_number_in_doubt_says_so(account: Account, strike: Callable[..., Ran]) -> None:
    """Its POST is carried out, its answer is lost, and then it cannot be read."""
    ran = strike(Row("drop-after:number=61255500001,after=1", flags=TWICE))
    account.no_faults()
    assert (ran.code, statuses(ran), live(account)) == (4, "FAAA-", "nnnno")
    assert "Whether it was written is not known" in ran.json["results"][0]["message"]


def test_a_protected_number_is_never_written_whatever_strikes(
    account: Account, write: Write, reconciler: Run
) -> None:
    account.add(*({"Number": number, "Recording": "Call"} for number in NUMBERS))
    keys = "".join(f"  {number}: {{protect: true}}\n" for number in NUMBERS[:2])
    keys += "".join(f"  {number}:\n" for number in NUMBERS[2:])
    path = write(f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n{keys}")
    account.faults("drop-after:method=POST,times=2", "500:method=POST,share=0.5")
    ran = reconciler("apply", path, "--auto-approve", "--format", "json")
    told = [result["status"] for result in ran.json["results"]]
    assert (ran.code, told) == (0, ["protected"] * 2 + ["applied"] * 3)
    assert [account.live(number)["Recording"] for number in NUMBERS[:2]] == ["Call"] * 2


def test_a_canary_that_is_not_stored_lets_no_other_be_written(
    account: Account, reconciler: Run, declared: Callable[..., str]
) -> None:
    path = declared()
    account.faults("ignored:field=Recording")
    ran = reconciler(*f"apply {path} --auto-approve --format json --canary 1".split())
    assert (ran.code, statuses(ran)) == (4, "NXXX-")
    assert account.stats()["post"] == 1


def test_a_canary_that_cannot_be_read_again_lets_no_other_be_written(
    account: Account, reconciler: Run, declared: Callable[..., str]
) -> None:
    path = declared()
    account.faults("status:code=404,body=json,method=GET,after=5")
    ran = reconciler(*f"apply {path} --auto-approve --format json --canary 1".split())
    assert (ran.code, statuses(ran)) == (4, "FXXX-")
    assert "Whether it was written is not known" in ran.json["results"][0]["message"]
    assert account.stats()["post"] == 1


def test_fail_fast_starts_nothing_after_the_first_failure(
    account: Account, reconciler: Run, declared: Callable[..., str]
) -> None:
    path = declared()
    account.faults("status:code=400,body=json,method=POST,number=61255500002")
    flags = "--auto-approve --format json --fail-fast --parallelism 1"
    ran = reconciler(*f"apply {path} {flags}".split())
    assert (ran.code, statuses(ran), account.stats()["post"]) == (4, "AFXX-", 2)


def many(account: Account, write: Write, count: int) -> str:
    """A file of so many numbers, all of which differ from it."""
    numbers = [f"+6125551{index:04}" for index in range(count)]
    account.add(*({"Number": number, "Recording": "Call"} for number in numbers))
    keys = "".join(f"  {number}:\n" for number in numbers)
    limits = "limits: {max_changes: 100%}\n"
    return write(f"version: 1\n{limits}defaults: {{Recording: Off}}\nnumbers:\n{keys}")


def test_a_max_rate_is_a_ceiling_over_reads_and_writes(
    account: Account, write: Write, reconciler: Run
) -> None:
    path, began = many(account, write, 12), time.monotonic()
    ran = reconciler("apply", path, "--auto-approve", "--max-rate", "20")
    assert (ran.code, account.stats()["total"]) == (0, 24)
    # Eleven gaps between the reads and eleven between the writes.
    assert time.monotonic() - began >= 22 / 20


def test_a_dropped_read_is_asked_again_by_the_library_once_at_the_most(
    account: Account, write: Write, reconciler: Run
) -> None:
    """A connection that was kept alive may have been closed meanwhile: aiohttp asks once more, by
    itself, for what cannot do anything twice. So a try may be two requests, and a write never is.
    """
    path = many(account, write, 3)
    account.faults("drop-before")
    assert reconciler("plan", path, *TWICE.split()).code == 1
    assert 6 <= account.stats()["get"] <= 12


@pytest.mark.parametrize("fault", ["cut", "garbage", "wrong-length:by=7"])
def test_a_server_that_always_fails_is_not_asked_for_every_number(
    account: Account, write: Write, reconciler: Run, fault: str
) -> None:
    path = many(account, write, 300)
    account.faults(fault)
    ran = reconciler("apply", path, "--auto-approve")
    assert (ran.code, account.stats()["post"]) == (1, 0)
    assert "20 requests in a row have failed" in ran.err
    assert account.stats()["get"] <= 200


def test_a_server_that_stores_nothing_is_not_sent_every_number(
    account: Account, write: Write, reconciler: Run
) -> None:
    path = many(account, write, 300)
    account.faults("garbage:method=POST,carried-out=no")
    ran = reconciler("apply", path, "--auto-approve", *TWICE.split())
    assert ran.code == 4
    assert account.stats()["post"] < 300


@pytest.mark.skipif(not os.environ.get("CI"), reason="takes 15 s; runs in CI")
def test_a_server_that_is_down_is_given_up(account: Account, write: Write, reconciler: Run) -> None:
    path = many(account, write, 300)
    account.faults("500")
    ran = reconciler("apply", path, "--auto-approve")
    assert (ran.code, account.stats()["post"]) == (1, 0)
    assert "20 requests in a row have failed" in ran.err
    assert account.stats()["get"] <= 40


def test_a_retry_after_that_is_longer_than_retry_for_ends_the_run(
    account: Account, write: Write, reconciler: Run
) -> None:
    path, began = many(account, write, 20), time.monotonic()
    account.faults("503:method=POST,times=1,retry-after=3")
    ran = reconciler("apply", path, "--auto-approve", *TWICE.split())
    assert ran.code == 4
    assert time.monotonic() - began < 2.5


def test_numbers_that_wait_longer_than_they_stay_fresh_are_written_in_the_end() -> None:
    numbers = [f"+6125551{index:04}" for index in range(12)]
    change = {"Recording": FieldChange("Call", "Off")}
    changes = [Change(each, change, {"Recording": "Off"}, Source("n.yaml", 1)) for each in numbers]
    bare = [{"Number": number, "Recording": "Call"} for number in numbers]
    with sandbox.running(sandbox.Settings(), bare) as url:
        plan = Plan("", url, sandbox.ACCOUNT_SID, (), 12, 12, 12, tuple(changes), ())
        access = api.Access(url, sandbox.ACCOUNT_SID, sandbox.TOKEN, loopback=True)

        async def run() -> int:
            # Eight wait for 0.4 s each time, and what they know is old after 0.25 s.
            async with api.connect(access, Pacer(8, max_rate=20)) as client:
                applying = Apply(client, lambda _: None, Stop(), 0.0, 0.25)
                async with asyncio.timeout(3):
                    await applying.run(plan)
            return len(applying.outcomes(plan))

        assert asyncio.run(run()) == 12


@pytest.mark.skipif(not os.environ.get("CI"), reason="takes 20 s; runs in CI")
def test_a_thousand_numbers_are_read_at_nine_tenths_of_what_the_server_allows(
    account: Account, write: Write, reconciler: Run
) -> None:
    path = many(account, write, 1000)
    account.faults("429:rate=50")
    began = time.monotonic()
    ran = reconciler("plan", path, "--format", "json")
    took, counted = time.monotonic() - began, account.stats()
    # What the bucket held at the beginning is nobody's merit.
    assert (1000 - 50) / took >= 0.9 * 50
    assert counted["refused"] < 0.05 * counted["total"]
    assert (ran.code, ran.json["summary"]) == (
        0,
        {"numbers": 1000, "change": 1000, "unchanged": 0, "error": 0},
    )


@pytest.mark.parametrize(
    ("typed", "code", "posts"),
    [
        ("yes\n", 0, 4),
        ("no\n", 3, 0),
        ("y\n", 3, 0),
        ("\n", 3, 0),
        (CTRL_D, 3, 0),
        (CTRL_C, 130, 0),
    ],
    ids=["yes", "no", "y", "Enter", "Ctrl-D", "Ctrl-C"],
)
def test_only_yes_at_the_prompt_writes(
    account: Account,
    declared: Callable[..., str],
    tmp_path: Path,
    typed: str,
    code: int,
    posts: int,
) -> None:
    with terminal(tmp_path, "apply", declared()) as person:
        person.read_until("Only yes is accepted: ")
        person.type(typed)
        assert person.ended() == code
    assert account.stats()["post"] == posts
    assert "Traceback" not in person.shown


@pytest.mark.parametrize(
    ("typed", "code", "posts"),
    [("6\n", 0, 6), ("yes\n", 3, 0), ("5\n", 3, 0), (CTRL_D, 3, 0), (CTRL_C, 130, 0)],
    ids=["6", "yes", "5", "Ctrl-D", "Ctrl-C"],
)
def test_more_changes_than_allowed_want_their_count_typed_and_then_yes(
    account: Account, write: Write, tmp_path: Path, typed: str, code: int, posts: int
) -> None:
    many(account, write, 6)
    flags = ("--max-changes", "5")
    with terminal(tmp_path, "apply", "numbers.yaml", *flags) as person:
        person.read_until("Type 6 to go on: ")
        person.type(typed)
        if code == 0:
            person.read_until("Only yes is accepted: ")
            person.type("yes\n")
        assert person.ended() == code
    assert account.stats()["post"] == posts
