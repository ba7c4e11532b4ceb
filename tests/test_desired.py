"""Files → desired state: what wins, what is shared, what is refused across files."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource

from reconciler import desired, document, schema
from reconciler.check import Checker, Finding, flat
from reconciler.errors import InputError
from reconciler.model import Desired, Limit, Source
from reconciler.tree import Block, Node
from reconciler.words import NearMisses, guessed_e164, quoted

Load = Callable[..., Desired]
NUMBER = "+61255500001"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write_and_load(*texts: str) -> Desired:
        paths = [tmp_path / f"{index}.yaml" for index in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(f"version: 1\n{text}")
        return desired.load([str(path) for path in paths])

    return write_and_load


def test_templates_win_over_defaults_in_their_order_and_own_fields_over_all(load: Load) -> None:
    found = load(
        "defaults: {Friendly: d, Flow: d, AddressSid: d, Recording: Off}\n"
        "templates: {a: {Friendly: a, Flow: a, AddressSid: a}, b: {Friendly: b, Flow: b}}\n"
        f"numbers: {{{NUMBER}: {{use: [a, b], Friendly: own}}}}"
    )
    assert found.numbers[NUMBER].fields == {
        "Friendly": "own",
        "Flow": "b",
        "AddressSid": "a",
        "Recording": "Off",
    }


@pytest.mark.parametrize("empty", ["null", "~", '""', ""])
def test_null_or_empty_in_a_later_layer_means_must_be_unset(load: Load, empty: str) -> None:
    found = load(f"defaults: {{Friendly: d}}\nnumbers:\n  {NUMBER}:\n    Friendly: {empty}\n")
    assert found.numbers[NUMBER].fields == {"Friendly": None}


def test_a_field_that_is_not_declared_is_absent(load: Load) -> None:
    assert load(f"numbers: {{{NUMBER}: }}").numbers[NUMBER].fields == {}


def test_defaults_belong_to_their_file_and_templates_to_the_run(load: Load) -> None:
    found = load(
        f"defaults: {{Friendly: first}}\nnumbers: {{{NUMBER}: {{use: [shared]}}}}",
        "templates: {shared: {Recording: Call}}\nnumbers: {+61255500002: {use: [shared]}}",
    )
    assert found.numbers[NUMBER].fields == {"Friendly": "first", "Recording": "Call"}
    assert found.numbers["+61255500002"].fields == {"Recording": "Call"}


def test_numbers_are_sorted_and_know_their_line(load: Load, tmp_path: Path) -> None:
    found = load("numbers:\n  +61255500002:\n  +61255500001:\n")
    assert list(found.numbers) == ["+61255500001", "+61255500002"]
    assert found.numbers[NUMBER].source == Source(str(tmp_path / "0.yaml"), 4)


def test_tags_protection_and_guards_come_with_the_number(load: Load) -> None:
    found = load(
        f"account: AC1\nproperty: PR1\nnumbers: {{{NUMBER}: {{tags: [a, b], protect: true}}}}",
        "numbers: {+61255500002: {protect: false}}",
    )
    one, two = found.numbers.values()
    assert (one.tags, one.protect, one.guards) == (
        ("a", "b"),
        True,
        {"AccountSid": "AC1", "PropertySid": "PR1"},
    )
    assert (two.tags, two.protect, two.guards) == ((), False, {})


def test_the_target_that_a_routing_method_needs_is_its_companion(load: Load) -> None:
    found = load(
        f"numbers:\n  {NUMBER}: {{RoutingMethod: Endpoint, EndpointNumber: +61255500009}}\n"
        "  +61255500002: {RoutingMethod: Flow, Flow: cfg-a}\n"
        "  +61255500003: {RoutingMethod: }\n  +61255500004: {Flow: cfg-a}\n"
    )
    assert [each.companions for each in found.numbers.values()] == [
        {"RoutingMethod": "EndpointNumber"},
        {"RoutingMethod": "Flow"},
        {},
        {},
    ]


def test_limits_and_sources_are_those_of_the_files_in_order(load: Load, tmp_path: Path) -> None:
    found = load("limits: {max_changes: 20}", "limits: {max_changes: 10%}")
    assert found.limits == (Limit(20), Limit(10, percent=True))
    texts = [(tmp_path / f"{index}.yaml").read_bytes() for index in (0, 1)]
    assert [each.sha256 for each in found.sources] == [
        document.parse("x", text).sha256 for text in texts
    ]


def test_errors_of_all_files_and_paths_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nnumbers: {+61255500001: {Recording: off}}")
    (tmp_path / "b.yaml").write_text("a: b: c")
    with pytest.raises(InputError) as raised:
        desired.load([str(tmp_path), str(tmp_path / "none.yaml")])
    assert [Path(each.path).name for each in raised.value.problems] == [
        "a.yaml",
        "b.yaml",
        "none.yaml",
    ]


def test_a_template_in_a_file_of_unknown_version_is_still_known(load: Load, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("version: 2\ntemplates: {sales: {Recording: Off, New: x}}")
    one = tmp_path / "one.yaml"
    one.write_text(f"version: 1\nnumbers: {{{NUMBER}: {{use: [sales]}}}}")
    with pytest.raises(InputError) as raised:
        desired.load([str(one), str(other)])
    assert ["version" in each.message for each in raised.value.problems] == [True]


def test_a_target_that_many_numbers_lack_is_said_once_for_all(load: Load) -> None:
    numbers = "".join(f"  +612555{index:05d}:\n" for index in range(500))
    with pytest.raises(InputError) as raised:
        load(f"defaults: {{RoutingMethod: Flow}}\nnumbers:\n{numbers}")
    (problem,) = raised.value.problems
    assert "+61255500000 and 499 more" in problem.message


def test_an_entry_that_many_numbers_share_is_refused_once(load: Load) -> None:
    numbers = "".join(f"  +612555{index:05d}: *e\n" for index in range(500))
    with pytest.raises(InputError) as raised:
        load(f"x-e: &e {{Recording: off}}\nnumbers:\n{numbers}")
    assert len(raised.value.problems) == 1


def test_ten_thousand_numbers_load_in_seconds(load: Load) -> None:
    numbers = "".join(
        f"  +612555{index:05d}: {{Friendly: n{index}, Recording: Off, Flow: f, AddressSid: a,"
        f" Attribution_Source: s, SendSmsTo: +614915{index:05d}, WebHookUrl: https://a.example,"
        " WebHookMethod: GET, SendEmailTo: a@example.com}\n"
        for index in range(10_000)
    )
    start = time.process_time()
    assert len(load(f"numbers:\n{numbers}").numbers) == 10_000
    assert time.process_time() - start < 6


def test_a_file_of_nothing_but_mistakes_ends_in_seconds(load: Load) -> None:
    entries = "".join(
        f"  +612555{index:05d}: {{Frendly{index}: x, use: [tmplate{index}]}}\n"
        f"  02 5550 {index}: {{}}\n"
        for index in range(10_000)
    )
    templates = "".join(f"  template{index}:\n" for index in range(2_000))
    start = time.process_time()
    with pytest.raises(InputError, match="checking stopped"):
        load(f"templates:\n{templates}numbers:\n{entries}")
    assert time.process_time() - start < 10


def test_importing_the_module_loads_nothing_heavy() -> None:
    code = (
        "import sys, reconciler.desired; "
        "print([m for m in ('jsonschema', 'phonenumbers', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What is valid as well as what is not: both must be judged alike.
VALUES: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "Off", "off", "Call", "Endpoint", "Flow", "GET", "POST", "+61255500001", "0412",
         "https://a.example/x", "ftp://a", "a@b.example", "a@b", "true", "maybe", "+61255500001\n"]
    ),
    st.text(max_size=5),
    st.lists(st.none() | st.sampled_from(["a", ""]), max_size=2),
    st.just({"a": "b"}),
)  # fmt: skip
KEYS = st.sampled_from(
    [*schema.parameters(), "use", "tags", "protect", "add", "remove", "recording", "Number", ""]
)
ENTRIES = st.one_of(st.dictionaries(KEYS, VALUES, max_size=6), st.none(), st.just("x"), st.just([]))
NAMES = st.sampled_from(["+61255500001", "+61255500002", "0412", "", "+6\n", "a"])
SECTIONS: st.SearchStrategy[object] = st.dictionaries(NAMES, ENTRIES, max_size=4) | VALUES
ROOTS = st.fixed_dictionaries(
    {},
    optional={
        "version": st.sampled_from(["1", "2", None, ["1"]]),
        "account": VALUES,
        "property": VALUES,
        "limits": VALUES | st.just({"max_changes": "5%"}) | st.just({"max_change": "x", "a": "b"}),
        "defaults": ENTRIES,
        "templates": SECTIONS,
        "numbers": SECTIONS,
        "x-any": VALUES,
        "Recording": VALUES,
    },
)


def of_read_files() -> Validator:
    """The file's schema for what has been read: all that is no list is text, references are gone.

    Then number.schema.json judges the values.
    """
    file, number = schema.load("numbers"), Resource.from_contents(dict(schema.load("number")))
    settings = {"$ref": "number.schema.json#/$defs/settings"}
    definitions = {**file["$defs"], "settings": settings, "consistent": True}
    registry: Registry[Any] = Registry().with_resource("number.schema.json", number)
    return Draft202012Validator({**file, "$defs": definitions}, registry=registry)


def verdicts_of_the_schema(tree: object) -> set[tuple[object, ...]]:
    errors = of_read_files().iter_errors(tree)
    return {(tuple(each.absolute_path), each.validator) for each in errors}


def verdicts_of_the_checker(checker: Checker, root: Node) -> set[tuple[object, ...]]:
    return {_verdict(each) for each in checker.findings(root)}


def _verdict(finding: Finding) -> tuple[object, ...]:
    path = finding.path[:-1] if finding.about_key else finding.path
    return path, finding.error.validator


@settings(max_examples=150, deadline=None)
@given(st.lists(ROOTS, min_size=1, max_size=3))
def test_the_fast_way_and_the_schema_agree(roots: list[dict[str, object]]) -> None:
    checker = Checker()
    for tree in roots:
        root = document.parse("x", yaml.safe_dump(tree or {"x-": "x"}).encode()).root
        assert verdicts_of_the_checker(checker, root) == verdicts_of_the_schema(root)


@given(VALUES, st.sampled_from(list(schema.parameters())))
def test_a_schema_that_is_written_out_judges_as_its_reference_does(value: Any, name: str) -> None:
    definitions = schema.load("number")["$defs"]
    raw = definitions["settings"]["properties"][name]
    number = schema.validator("number")
    written = number.evolve(schema=flat(raw, definitions))
    assert written.is_valid(value) == number.evolve(schema=raw).is_valid(value)


def test_a_reference_beside_a_keyword_of_its_own_keeps_both() -> None:
    written = flat({"$ref": "#/$defs/a", "type": "string"}, {"a": {"type": ["string", "null"]}})
    assert written == {"type": "string", "allOf": [{"type": ["string", "null"]}]}


LAYERS = st.dictionaries(
    st.sampled_from(["Friendly", "AddressSid", "Flow"]), st.sampled_from(["a", "b", "", None])
)


@settings(max_examples=60, deadline=None)
@given(LAYERS, st.lists(LAYERS, max_size=3), LAYERS)
def test_each_field_is_that_of_the_last_layer_that_declares_it(
    tmp_path_factory: pytest.TempPathFactory,
    defaults: dict[str, str | None],
    templates: list[dict[str, str | None]],
    own: dict[str, str | None],
) -> None:
    named = {f"t{index}": each for index, each in enumerate(templates)}
    path = tmp_path_factory.getbasetemp() / "layers.yaml"
    tree = {
        "version": 1,
        "defaults": defaults,
        "templates": named,
        "numbers": {NUMBER: {"use": list(named), **own}},
    }
    path.write_text(yaml.safe_dump(tree))
    expected: dict[str, str | None] = {}
    for layer in (defaults, *templates, own):
        expected |= {name: value or None for name, value in layer.items()}
    assert desired.load([str(path)]).numbers[NUMBER].fields == expected


@pytest.fixture
def schema_with_a_new_parameter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    number = json.loads(schema.text("number"))
    number["$defs"]["settings"]["properties"]["Voicemail"] = {
        "type": ["string", "null"],
        "enum": ["On", "Off", "", None],
        "x-idle-without": "Friendly",
    }
    texts = {name: schema.text(name) for name in schema.NAMES} | {"number": json.dumps(number)}
    cached = (schema.load, schema.parameters, schema.phones, schema.validator)
    monkeypatch.setattr(schema, "text", texts.__getitem__)
    for each in cached:
        each.cache_clear()
    yield
    monkeypatch.undo()
    for each in cached:
        each.cache_clear()


@pytest.mark.usefixtures("schema_with_a_new_parameter")
def test_a_parameter_that_is_added_to_the_schema_alone_works(load: Load) -> None:
    found = load(f"numbers: {{{NUMBER}: {{Voicemail: On}}}}")
    assert found.numbers[NUMBER].fields == {"Voicemail": "On"}
    assert [each.rule for each in found.warnings] == ["no-effect"]
    with pytest.raises(InputError, match='Voicemail must be "On" or "Off", not "on"'):
        load(f"numbers: {{{NUMBER}: {{Voicemail: on}}}}")
    with pytest.raises(InputError, match='did you mean "Voicemail"'):
        load(f"numbers: {{{NUMBER}: {{VoiceMail: On}}}}")


@pytest.mark.parametrize(
    "text",
    [
        "+61 2 5550 0001",
        "0061255500001",
        "0011 61 2 5550 0001",
        "61255500001",
        "+61 (0)2 5550-0001",
    ],
)
def test_a_number_in_another_spelling_is_recognised(text: str) -> None:
    assert guessed_e164(text) == NUMBER


@pytest.mark.parametrize("text", ["(02) 5550 0001", "", "+", "sales", "+0255500001", "1800160401"])
def test_what_may_be_any_country_is_not_guessed(text: str) -> None:
    assert guessed_e164(text) is None


def test_a_quoted_value_is_short_and_cannot_act() -> None:
    assert quoted('a"\x1b[31m\u202e') == '"a\\"\\u001b[31m\\u202e"'
    assert len(quoted("x" * 1000)) < 70


def test_near_misses_stop_when_their_budget_is_spent() -> None:
    misses = NearMisses(budget=3)
    assert misses.of("Recroding", ["Recording", "Friendly"]) == "Recording"
    assert misses.of("Recroding", ["Recording", "Friendly"]) is None


def test_the_tree_is_left_as_it_was_read() -> None:
    root = document.parse("x", b"version: 1\nnumbers: {a: {Recording: off}}\n").root
    list(Checker().findings(root))
    assert isinstance(root, Block)
    assert root == {"version": "1", "numbers": {"a": {"Recording": "off"}}}
