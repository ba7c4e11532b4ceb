"""What a round amounts to, in words, and when it is news."""

from __future__ import annotations

import json

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import bulletin, watch
from reconciler.cli.watching import TimeType
from reconciler.model import Change, Failure, FieldChange, Origin, Plan, Source
from reconciler.watch import Drift, Healing, Kind, Round, Verdict

NUMBERS = [f"+6125550000{digit}" for digit in range(4)]
DRIFT, DECLARED, BOTH = Origin.DRIFT, Origin.DECLARED, Origin.BOTH


def changed(number: str, protected: bool = False, **origins: Origin | None) -> Change:
    fields = {name: FieldChange("Call", "Off", origin) for name, origin in origins.items()}
    post = dict.fromkeys(origins, "Off")
    return Change(number, fields, post, Source("numbers.yaml", 1), protected=protected)


def planned(*changes: Change, unread: tuple[str, ...] = (), max_changes: int = 5) -> Plan:
    errors = tuple(Failure(number, "NumberNotFound", "There is none.") for number in unread)
    return Plan(
        "2026-11-23T10:00:00Z", "https://api.example.com", "AC1", (), 60, 60, max_changes,
        changes, errors,
    )  # fmt: skip


def looked(plan: Plan | None, healing: Healing | None = None, failed: str = "") -> Round:
    return Round("2026-11-23T10:00:00Z", 0.84, plan, failed, healing)


PLANS = st.builds(
    lambda drifted, unread: planned(
        *(changed(number, Recording=None) for number in sorted(drifted - unread)),
        unread=tuple(sorted(unread)),
    ),
    st.sets(st.sampled_from(NUMBERS)),
    st.sets(st.sampled_from(NUMBERS)),
)
ROUNDS = st.lists(st.one_of(st.none(), PLANS).map(looked), max_size=6)


def known_after(rounds: list[Round]) -> Drift:
    known: Drift = {}
    for each in rounds:
        known, _ = watch.news(known, each)
    return known


@given(ROUNDS, PLANS)
def test_the_same_round_twice_is_news_once_at_most(rounds: list[Round], plan: Plan) -> None:
    known, _ = watch.news(known_after(rounds), looked(plan))
    assert watch.news(known, looked(plan)) == (known, None)


@given(ROUNDS)
def test_a_failed_round_changes_nothing_in_what_is_known(rounds: list[Round]) -> None:
    known = known_after(rounds)
    assert watch.news(known, looked(None, failed="The API is down")) == (known, None)


@given(ROUNDS, PLANS)
def test_a_number_that_could_not_be_read_stays_as_it_was_known(
    rounds: list[Round], plan: Plan
) -> None:
    before = known_after(rounds)
    after, _ = watch.news(before, looked(plan))
    for failure in plan.errors:
        assert after.get(failure.number) == before.get(failure.number)


@given(ROUNDS, PLANS)
def test_news_says_what_has_happened_to_what_was_known(rounds: list[Round], plan: Plan) -> None:
    before = known_after(rounds)
    after, news = watch.news(before, looked(plan))
    kind = None if news is None else news.kind
    if before == after:
        assert kind is None
    elif not before:
        assert kind is Kind.APPEARED
    else:
        assert kind is (Kind.CHANGED if after else Kind.CLEARED)


def test_drift_that_was_healed_in_the_same_round_is_news_once() -> None:
    plan = planned(changed(NUMBERS[0], Recording=DRIFT))
    known, news = watch.news({}, looked(plan, Healing(healed=(NUMBERS[0],))))
    assert (known, news and news.kind) == ({}, Kind.APPEARED)
    assert watch.news(known, looked(planned())) == ({}, None)


def test_drift_that_could_not_be_healed_at_first_is_news_when_it_is() -> None:
    plan = planned(changed(NUMBERS[0], Recording=DRIFT))
    known, _ = watch.news({}, looked(plan, Healing(left={NUMBERS[0]: "failed"})))
    _, news = watch.news(known, looked(plan, Healing(healed=(NUMBERS[0],))))
    assert news is not None
    assert bulletin.message(news).title == "Drift has changed: 1 of 60 numbers drifted, 1 healed"


def test_a_declared_change_that_waits_is_neither_drift_nor_news() -> None:
    plan = planned(changed(NUMBERS[0], Recording=DECLARED))
    assert watch.news({}, looked(plan)) == ({}, None)
    assert looked(plan).verdict is Verdict.CLEAN
    assert bulletin.line(looked(plan)) == (
        "2026-11-23T10:00:00Z  no drift in 60 numbers, 1 declared change waits, 0.8 s\n"
    )


def test_only_what_nobody_declared_anew_and_nobody_protects_may_be_healed() -> None:
    one, two, three, four = NUMBERS
    safe, healing = watch.healable(
        planned(
            changed(one, Recording=DRIFT, Flow=None),
            changed(two, protected=True, Recording=DRIFT),
            changed(three, Recording=DRIFT, Flow=DECLARED),
            changed(four, Recording=BOTH),
            changed("+61255500009", Recording=DECLARED),
        )
    )
    assert [change.number for change in safe.changes] == [one]
    assert healing.left == {two: "protected", three: "waiting", four: "waiting"}
    assert healing.held is None


def test_more_than_a_run_may_write_is_not_healed_at_all() -> None:
    _, healing = watch.healable(
        planned(*(changed(number, Recording=DRIFT) for number in NUMBERS), max_changes=3)
    )
    assert healing.held == "4 would be written, more than the 3 that are allowed"


def test_a_line_counts_all_that_a_round_found() -> None:
    one, two, three, four = NUMBERS
    plan = planned(
        changed(one, Recording=DRIFT, Flow=DRIFT),
        changed(two, Recording=BOTH),
        changed(three, Flow=DECLARED),
        unread=(four,),
    )
    assert looked(plan).verdict is Verdict.FAILED
    assert bulletin.line(looked(plan, Healing((one,), {two: "waiting"}))) == (
        "2026-11-23T10:00:00Z  2 of 60 numbers drifted (Recording 2, Flow 1), 2 declared changes "
        "wait, 1 could not be read, 1 healed, 1 waiting, 0.8 s\n"
    )


def test_a_round_that_failed_says_why_on_its_line() -> None:
    line = bulletin.line(looked(None, failed="no such\nfile"))
    assert line == "2026-11-23T10:00:00Z  failed: no such\\nfile, 0.8 s\n"
    assert json.loads(bulletin.as_json(looked(None, failed="no such\nfile"))) == {
        "at": "2026-11-23T10:00:00Z",
        "outcome": "failed",
        "seconds": 0.84,
        "failed": "no such\nfile",
    }


HOSTILE = (
    "\x1b[31m@everyone @ann\n::error::x ##[error]y </b><!channel> [a](https://e.example) \u202e"
)


def hostile(count: int) -> Round:
    fields = {"WebHookUrl": FieldChange(HOSTILE, None, DRIFT)}
    source = Source("numbers.yaml", 1)
    changes = (Change(f"+612555{i:05}", fields, {}, source, friendly=HOSTILE) for i in range(count))
    return looked(planned(*changes))


def test_a_message_holds_nothing_that_a_chat_service_acts_on() -> None:
    _, news = watch.news({}, hostile(1))
    assert news is not None
    body = bulletin.message(news).body
    assert not {"\x1b", "\u202e"} & set(body)
    assert not any(
        acting in body for acting in ("@everyone", "@ann", "<!", "</b", "](https", "\n::", "##[")
    )


def test_a_message_and_a_line_of_json_are_bounded_and_say_how_much_is_left_out() -> None:
    _, news = watch.news({}, hostile(1_000))
    assert news is not None
    body = bulletin.message(news).body
    assert body.count("WebHookUrl") == 20
    assert "and 980 more" in body.splitlines()
    text = bulletin.as_json(hostile(1_000))
    told = json.loads(text)
    assert (told["drifted"], len(told["changes"])) == (1_000, 100)
    assert text.isascii()
    assert text.count("\n") == 1
    assert "##[" not in text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("15m", 900), ("1h30m", 5_400), ("1d", 86_400), ("45", 45), ("0.5", 0.5),
        ("1d2h3m4.5s", 93_784.5),
    ],
)  # fmt: skip
def test_a_time_is_written_as_people_write_it(text: str, seconds: float) -> None:
    assert TimeType().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0m", "m", "-5s", "5x", "1m1h", "nan", "inf", "1e9", "\u0663"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time like 90s"):
        TimeType().convert(text, None, None)
