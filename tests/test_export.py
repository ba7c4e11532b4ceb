"""A live account as a numbers file: it plans clean, and factored it is short."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from accounts import live_numbers
from harness import Account, Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import desired, plan, sandbox, schema
from reconciler.export import numbers_file
from reconciler.flows import Directory, Flows
from reconciler.model import Change, Failure, LiveNumber
from reconciler.naming import names

Write = Callable[..., str]
NO_FLOWS = Flows({})
# A busy machine is no mistake of ours.
PATIENT: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

# What YAML, our own format, a terminal or a CI would take for something else.
HOSTILE = (
    "~", "null", "Off", "yes", "0x1F", "0412", "1_000", "12:30:00", "2026-11-23", "=", "<<", "|",
    "a: b", "a #b", "- a", "? a", "*a", "&a", "!a", "%TAG ! a", "@a", "`a`", "{a", "[a", "'", '"',
    " a ", "\n", "a\n\nb\n", "a\r\nb", "\t", "\0", "\x1b[31m", "\x85", "\u2028", "\ufeff", "\ud800",
    "${HOME}", "$${HOME}", "${", "${file:/etc/passwd}", "##[error]a", "::error::a", "\u202e", "é",
    "\\", "a\\u0023", "x" * 300, "a " * 200, "\U0001f600", "\uffff",
)  # fmt: skip
LIKELY = (
    "+61255500100", "61255500100", "0255500100", "https://hooks.example.com/a", "a@example.com",
    "http://u:p@h.example/?t=1#x", "https://[::1]:8/${T}", "${A}@example.com", "a", "b",
)  # fmt: skip


def values(parameter: schema.Parameter) -> st.SearchStrategy[str]:
    anything = st.text(st.characters(exclude_categories=()), min_size=1, max_size=8)
    return st.sampled_from([*parameter.choices, *LIKELY, *HOSTILE]) | anything


configurations = st.fixed_dictionaries(
    {}, optional={each.name: values(each) for each in schema.parameters().values()}
)


@st.composite
def accounts(draw: st.DrawFn) -> list[LiveNumber]:
    """Numbers that share much: each is as one of a few, but for some fields."""
    kinds = draw(st.lists(configurations, min_size=1, max_size=3))
    owner = {
        "AccountSid": draw(st.sampled_from(["AC1", *HOSTILE])),
        "PropertySid": draw(st.sampled_from(["PR1", *HOSTILE])),
    }
    found, odd = [], st.booleans()
    for place in range(draw(st.integers(0, 25))):
        fields = {**draw(st.sampled_from(kinds)), **(draw(configurations) if draw(odd) else {})}
        for name in draw(st.lists(st.sampled_from([*schema.parameters()]), max_size=2)):
            fields.pop(name, None)
        found.append(LiveNumber(f"+{61255500000 + place}", fields, owner))
    return found


def differing(
    live: Sequence[LiveNumber], text: str, flows: Flows = NO_FLOWS
) -> list[Change | Failure]:
    """What a plan of the file has to tell, where properties have these flows."""
    numbers = desired.parse([("numbers.yaml", text.encode())]).numbers
    assert numbers.keys() == {each.number for each in live}
    judged = [plan.assess(numbers[each.number], each, schema.phones()) for each in live]
    changes = [each for each in judged if isinstance(each, Change)]
    errors = [each for each in judged if isinstance(each, Failure)]
    sent, _ = flows.checked(numbers.values(), changes, errors)
    return [*changes, *errors, *sent]


def managed(text: str) -> int:
    """How many fields the file says to be set."""
    numbers = desired.parse([("numbers.yaml", text.encode())]).numbers
    return sum(value is not None for each in numbers.values() for value in each.fields.values())


def lines(text: str) -> int:
    return len(text.splitlines())


@settings(**PATIENT)
@given(accounts(), st.booleans(), st.booleans())
def test_an_export_plans_clean_whatever_the_account_holds(
    live: list[LiveNumber], factor: bool, dangling: bool
) -> None:
    text, left_out = numbers_file(live, factor=factor)
    listed = {} if dangling else {each.fields.get("Flow", ""): "" for each in live}
    flows = Flows({each.identity["PropertySid"]: Directory(listed) for each in live})
    assert differing(live, text, flows) == []
    assert managed(text) == sum(len(each.fields) for each in live) - len(left_out)
    assert all(line.isprintable() for line in text.split("\n"))
    assert "##[" not in text


@settings(**PATIENT)
@given(accounts(), st.randoms())
def test_factoring_never_makes_a_file_longer_and_is_the_same_in_any_order(
    live: list[LiveNumber], dice: random.Random
) -> None:
    text, _ = numbers_file(live, factor=True)
    assert lines(text) <= lines(numbers_file(live)[0])
    dice.shuffle(live)
    assert numbers_file(live, factor=True)[0] == text


@pytest.mark.parametrize("seed", range(5))
def test_an_account_of_500_numbers_takes_less_than_half_the_lines(seed: int) -> None:
    live = live_numbers(500, seed)
    text, _ = numbers_file(live, factor=True)
    assert 2 * lines(text) < lines(numbers_file(live)[0])
    assert differing(live, text) == []


@pytest.fixture(params=[False, True], ids=["bare", "wrapped"])
def either(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reconciler: Run,
) -> Iterator[Account]:
    """An empty account, whose lists are bare or wrapped."""
    settings = sandbox.Settings(db=tmp_path / "account.sqlite", wrapped_lists=request.param)
    with sandbox.running(settings) as url:
        monkeypatch.setenv("RECONCILER_API_URL", url)
        monkeypatch.setenv("RECONCILER_ACCOUNT_SID", sandbox.ACCOUNT_SID)
        monkeypatch.setenv("RECONCILER_TOKEN", sandbox.TOKEN)
        yield Account(url)


def fill(account: Account, live: Sequence[LiveNumber]) -> None:
    account.add(*({"Number": each.number, **each.fields} for each in live))
    account.flows({flow: "" for each in live if (flow := each.fields.get("Flow"))})


def test_an_account_is_exported_from_lists_of_either_shape_and_plans_clean(
    either: Account, write: Write, reconciler: Run
) -> None:
    fill(either, live_numbers(500, seed=7))
    plain, factored = reconciler("export", "--all"), reconciler("export", "--all", "--factor")
    assert either.stats()["list"] >= 6
    assert 2 * lines(factored.out) < lines(plain.out)
    for ran in (plain, factored):
        path = write(ran.out)
        assert (ran.code, ran.err) == (0, "")
        planned = reconciler("plan", path, "--fetch", "list", "--detailed-exitcode", "-q")
        assert (planned.code, planned.out) == (0, "No changes. All 500 numbers are as declared.\n")


def test_an_account_whose_flows_are_gone_plans_clean_with_one_warning(
    account: Account, write: Write, reconciler: Run
) -> None:
    live = live_numbers(40, seed=7)
    account.add(*({"Number": each.number, **each.fields} for each in live))
    path = write(reconciler("export", "--all").out)
    ran = reconciler("plan", path, "--detailed-exitcode", "-q")
    assert (ran.code, ran.out) == (0, "No changes. All 40 numbers are as declared.\n")
    having = sum("Flow" in each.fields for each in live)
    assert ran.err.count(f"warning: {having} numbers have a flow that their property does not") == 1


def test_named_numbers_are_factored_too(account: Account, write: Write, reconciler: Run) -> None:
    live = live_numbers(40, seed=7)
    fill(account, live)
    named = [each.number for each in live[:20]]
    ran = reconciler("export", *named, "--factor")
    assert "templates:\n" in ran.out
    assert reconciler("plan", write(ran.out), "--detailed-exitcode").code == 0
    assert yaml.safe_load(ran.out)["numbers"].keys() == set(named)


def number(place: int, **fields: str) -> LiveNumber:
    return LiveNumber(f"+{61255500000 + place}", fields, {})


def document(live: Sequence[LiveNumber]) -> Any:
    return yaml.load(numbers_file(live, factor=True)[0], yaml.BaseLoader)


def sales(place: int, **fields: str) -> LiveNumber:
    common = {"RoutingMethod": "Flow", "Flow": "cfg-sales", "SendEmailTo": "sales@example.com"}
    return number(place, **common, Friendly=f"Line {place}", **fields)


def fax(place: int) -> LiveNumber:
    common = {"RoutingMethod": "Endpoint", "EndpointNumber": "61255500100", "Recording": "Off"}
    return number(place, **common)


def test_a_factored_file_reads_well() -> None:
    text, _ = numbers_file(
        [*map(sales, range(3)), sales(3, Recording="Call"), *map(fax, range(4, 8))], factor=True
    )
    assert text == (
        """\
version: 1

templates:
  endpoint-61255500100:
    RoutingMethod: Endpoint
    EndpointNumber: '+61255500100'
    Recording: 'Off'
  flow-cfg-sales:
    RoutingMethod: Flow
    Flow: cfg-sales
    SendEmailTo: sales@example.com

numbers:
  '+61255500000':
    use: [flow-cfg-sales]
    Friendly: Line 0
  '+61255500001':
    use: [flow-cfg-sales]
    Friendly: Line 1
  '+61255500002':
    use: [flow-cfg-sales]
    Friendly: Line 2
  '+61255500003':
    use: [flow-cfg-sales]
    Friendly: Line 3
    Recording: Call
  '+61255500004':
    use: [endpoint-61255500100]
  '+61255500005':
    use: [endpoint-61255500100]
  '+61255500006':
    use: [endpoint-61255500100]
  '+61255500007':
    use: [endpoint-61255500100]
"""
    )


def test_what_most_numbers_have_becomes_a_default_and_the_others_say_otherwise() -> None:
    live = [number(place, Recording="Off" if place else "Call") for place in range(9)]
    made = document([*live, number(9)])
    assert made["defaults"] == {"Recording": "Off"}
    assert made["numbers"]["+61255500000"] == {"Recording": "Call"}
    assert made["numbers"]["+61255500001"] == {}
    assert made["numbers"]["+61255500009"] == {"Recording": "~"}


def test_a_default_never_needs_a_field_that_each_number_says_itself() -> None:
    live = [number(place, RoutingMethod="Flow", Flow=f"cfg-{place}") for place in range(9)]
    assert "defaults" not in document(live)


def test_a_number_that_differs_in_a_field_of_its_template_says_so_itself() -> None:
    other = {**sales(9, Recording="Call").fields, "SendEmailTo": "boss@example.com"}
    bare = {name: text for name, text in sales(8).fields.items() if name != "SendEmailTo"}
    live = [*map(sales, range(7)), number(8, **bare), number(9, **other), *map(fax, range(20, 30))]
    made = document(live)
    assert made["numbers"]["+61255500009"] == {
        "use": ["flow-cfg-sales"],
        "Friendly": "Line 9",
        "Recording": "Call",
        "SendEmailTo": "boss@example.com",
    }
    assert made["numbers"]["+61255500008"] == bare


def test_what_few_numbers_share_stays_where_it_is() -> None:
    live = [number(1, Flow="a", Recording="Off"), number(2, Flow="a", Recording="Off"), number(3)]
    assert document(live).keys() == {"version", "numbers"}


def test_the_name_of_a_template_shows_nothing_of_a_url_but_its_host() -> None:
    url = "https://user:pass@hooks.example.com:8443/t0ken?key=s3cret"
    assert names([("WebHookUrl", {"WebHookUrl": url})]) == ["webhook-hooks-example-com"]


def test_names_tell_what_sets_a_template_apart() -> None:
    flow = {"RoutingMethod": "Flow", "Flow": "cfg-sales"}
    spring, brand = {"Attribution_Campaign": "Spring 2026"}, {"Attribution_Campaign": "brand"}
    google = {"Attribution_Source": "google"}
    assert names([("SendEmailTo", {"SendEmailTo": "sales@example.com", **flow})]) == [
        "flow-cfg-sales"
    ]
    assert names(
        [("Attribution_Campaign", google | spring), ("Attribution_Campaign", google | brand)]
    ) == ["campaign-spring-2026", "campaign-brand"]
    assert names([("Recording", {"Recording": "Call"})], ["recording-call"]) == ["recording-call-2"]


@given(
    st.lists(st.dictionaries(st.sampled_from([*schema.parameters()]), st.text(), min_size=1)),
    st.data(),
)
def test_names_are_short_plain_and_all_different(
    blocks: list[dict[str, str]], data: st.DataObject
) -> None:
    found = names([(data.draw(st.sampled_from([*block])), block) for block in blocks])
    assert len(set(found)) == len(blocks)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in found)
    assert all(0 < len(name) < 80 for name in found)


def test_a_row_of_the_list_that_is_not_understood_is_read_by_itself(
    account: Account, reconciler: Run
) -> None:
    account.add({"Number": "+61255500001", "Recording": "Off"}, {"Number": "+61255500002"})
    account.edit("+61255500002", Flow=["no", "text"])
    ran = reconciler("export", "--all")
    assert ran.code == 1
    assert "+61255500002: UnexpectedAnswer: The answer's Flow is not text." in ran.err
    assert yaml.safe_load(ran.out)["numbers"] == {"+61255500001": {"Recording": "Off"}}
