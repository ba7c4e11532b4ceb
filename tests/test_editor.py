"""What the numbers file's schema makes of an editor, with the real yaml-language-server."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import core_schema
import language_server
import pytest
import yaml
from language_server import LanguageServer, Message
from test_schema_alone import ROOT, files, name, refused, wrongs

from reconciler import explain, schema

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None or not language_server.HOME.is_dir(),
    reason="yaml-language-server is not installed: make test installs it where there is npm",
)

EXAMPLE = ROOT / "examples" / "numbers.yaml"
SETTINGS = {
    "yaml": {
        "completion": True,
        "hover": True,
        "validate": True,
        "schemas": {(ROOT / "schemas" / "numbers.schema.json").as_uri(): "tests/examples/**/*"},
        "schemaStore": {"enable": False},
        "kubernetesCRDStore": {"enable": False},
    },
    # What it would fetch all the same, it asks of nobody.
    "http": {"proxy": "http://127.0.0.1:9"},
}
# What the schema refuses and the server does not look at.
UNSEEN = {"empty.yaml"}
CURSOR = "¦"
COUNT = itertools.count()


@pytest.fixture(scope="module")
def editor() -> Iterator[LanguageServer]:
    assert NODE is not None
    with language_server.running(NODE, SETTINGS) as server:
        yield server


Open = Callable[[str], tuple[Path, int, int]]


@pytest.fixture
def opened(editor: LanguageServer) -> Open:
    """Opens a text that no file has; returns its path, and the line and column of the cursor."""

    def opened(text: str) -> tuple[Path, int, int]:
        path = ROOT / "tests" / "examples" / f"unsaved-{next(COUNT)}.yaml"
        before = text.partition(CURSOR)[0]
        editor.open(path, text.replace(CURSOR, ""))
        return path, before.count("\n"), len(before) - before.rfind("\n") - 1

    return opened


def of_number(lines: str) -> str:
    return f"version: 1\nnumbers:\n  +61255500001:\n    {lines}\n"


def place(found: Message) -> tuple[int, int]:
    start = found["range"]["start"]
    return start["line"] + 1, start["character"] + 1


def test_nothing_is_wrong_with_the_example_whose_first_line_names_the_schema(
    editor: LanguageServer,
) -> None:
    text = EXAMPLE.read_text("utf-8")
    editor.open(EXAMPLE, text)
    assert editor.diagnostics(EXAMPLE) == []
    # That the schema was found shows when something is.
    worse = EXAMPLE.with_name("unsaved.yaml")
    editor.open(worse, text.replace("Recording:", "Recordng:", 1))
    messages = [(place(each), each["message"]) for each in editor.diagnostics(worse)]
    assert messages == [((10, 3), "Property Recordng is not allowed.")]


def test_nothing_is_wrong_with_what_validate_accepts(editor: LanguageServer) -> None:
    for file in files("positive"):
        editor.open(file, file.read_text("utf-8"))
    found = {file.name: editor.diagnostics(file) for file in files("positive")}
    assert {file: each for file, each in found.items() if each} == {}


def test_what_the_schema_refuses_is_marked(editor: LanguageServer) -> None:
    wrong = [file for file in refused() if is_refused_by_the_schema(file)]
    for file in wrong:
        editor.open(file, file.read_text("utf-8"))
    assert {name(file) for file in wrong if not editor.diagnostics(file)} == UNSEEN


def is_refused_by_the_schema(file: Path) -> bool:
    try:
        return wrongs(core_schema.load(file.read_bytes())) != []
    except yaml.YAMLError:
        return False


MISTAKES = {
    "Colour: red": "Property Colour is not allowed.",
    "AccountSid: AC1": "Property AccountSid is not allowed.",
    "Recording: off": 'Value is not accepted. Valid values: "Off", "Call", "", null.',
    "EndpointNumber: 0412 345 678": "must be a phone number in E.164 form: a plus, then 2 to 15 "
    "digits, as in +61255501234",
    "SendEmailTo: sales": "must be one e-mail address, as in sales@example.com",
    "WebHookUrl: ftp://a.example": "must be an absolute http:// or https:// URL without spaces, as "
    "in https://hooks.example.com/sms",
    "WebHookUrl: https://${HOST": "only ${NAME}, ${NAME:-default} and ${file:PATH} are references; "
    "write $${ for a ${ that is to stay",
    "Friendly: [Sydney]": "Incorrect type. Expected one of string, null.",
    "protect: maybe": 'Value is not accepted. Valid values: true, false, "true", "false".',
    "{RoutingMethod: Flow, Flow: }": 'RoutingMethod "Flow" needs Flow, so it cannot be empty',
    "ignore: {Flow: {reason: a, until: soon}}": "must be a date, as in 2027-01-31",
    "ignore: {Flow: {until: 2027-01-31}}": 'Missing property "reason".',
}


@pytest.mark.parametrize("lines", MISTAKES)
def test_a_mistake_is_marked_with_what_to_do(
    editor: LanguageServer, opened: Open, lines: str
) -> None:
    found = editor.diagnostics(opened(of_number(lines))[0])
    assert [each["message"] for each in found] == [MISTAKES[lines]]


def test_the_keys_of_a_number_are_proposed_with_what_they_mean(
    editor: LanguageServer, opened: Open
) -> None:
    proposed = editor.complete(*opened(of_number(CURSOR)))
    assert proposed.keys() == {*schema.parameters(), *explain.entry_keys()}
    for each in schema.parameters().values():
        assert proposed[each.name]["documentation"] == each.description
        assert proposed[each.name]["insertText"].startswith(f"{each.name}: ")


def test_no_key_of_a_number_is_proposed_to_the_defaults(
    editor: LanguageServer, opened: Open
) -> None:
    proposed = editor.complete(*opened(f"version: 1\ndefaults:\n  {CURSOR}\n"))
    assert proposed.keys() == schema.parameters().keys()


@pytest.mark.parametrize(
    "parameter", [each for each in schema.parameters().values() if each.choices]
)
def test_the_values_of_a_field_are_proposed(
    editor: LanguageServer, opened: Open, parameter: schema.Parameter
) -> None:
    proposed = editor.complete(*opened(of_number(f"{parameter.name}: {CURSOR}")))
    # Off is in quotes, because YAML 1.1 takes it for false without them.
    assert [yaml.safe_load(label) for label in proposed] == [*parameter.choices, "", None]


def test_a_value_is_proposed_with_what_it_means(editor: LanguageServer, opened: Open) -> None:
    proposed = editor.complete(*opened(of_number(f"Recording: {CURSOR}")))
    assert proposed["Call"]["documentation"] == "Calls are recorded whole."


def test_the_fields_that_can_be_ignored_are_proposed(editor: LanguageServer, opened: Open) -> None:
    proposed = editor.complete(*opened(of_number(f"ignore:\n      {CURSOR}")))
    assert proposed.keys() == schema.parameters().keys()


def test_a_whole_number_is_proposed(editor: LanguageServer, opened: Open) -> None:
    proposed = editor.complete(*opened(f"version: 1\nnumbers:\n  {CURSOR}\n"))
    assert proposed["a number"]["insertText"].startswith("+${1:61255500001}:\n  use:\n")


@pytest.mark.parametrize("value", ["Call", "${RECORDING:-Off}"])
def test_hovering_over_a_field_tells_what_it_is(
    editor: LanguageServer, opened: Open, value: str
) -> None:
    text = editor.hover(*opened(of_number(f"{CURSOR}Recording: {value}")))
    title, meaning = text.split("\n\n")[:2]
    assert title == "#### Recording"
    assert meaning == schema.parameters()["Recording"].description


def test_hovering_over_a_choice_tells_of_all(editor: LanguageServer, opened: Open) -> None:
    text = editor.hover(*opened(of_number(f"RoutingMethod: {CURSOR}Flow\n    Flow: cfg-sales")))
    assert "* `Endpoint`: Calls go to EndpointNumber." in text


def test_hovering_over_a_key_of_ours_tells_what_it_does(
    editor: LanguageServer, opened: Open
) -> None:
    text = editor.hover(*opened(of_number(f"{CURSOR}protect: true")))
    assert "planned but never written" in text
