"""schemas/numbers.schema.json by itself, as an editor or any validator of JSON Schema has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import core_schema
import pytest
import yaml
from harness import Run
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from test_examples import EXAMPLES, HEADER

from reconciler import document, schema
from reconciler.check import Checker
from reconciler.errors import InputError
from reconciler.references import Expansion
from reconciler.tree import Block, Items, Node

ROOT = Path(__file__).resolve().parent.parent
# No registry: what is not in the file itself would not be found.
FORMATS = FormatChecker(["date"])
VALIDATOR = Draft202012Validator(dict(schema.load("numbers")), format_checker=FORMATS)

# What validate refuses and JSON Schema cannot, and why.
CANNOT: Mapping[str, str] = {
    "alias-bomb.yaml": "it sees what the aliases unfold to, not how much that is",
    "duplicate-field.yaml": "of two equal keys it sees one; editors tell of the other",
    "duplicate-number.yaml": "of two equal keys it sees one",
    "duplicate-top-level-key.yaml": "of two equal keys it sees one; editors tell of the other",
    "flow-by-name-without-property.yaml": "an overlay may name the property",
    "flow-by-secret-name.yaml": "the environment is not in the file",
    "merge-twice.yaml": "of two equal keys it sees one; editors tell of the other",
    "nesting-by-alias.yaml": "it cannot count the levels of what stands under x-",
    "nesting.yaml": "it cannot count the levels of what stands under x-",
    "one-template-in-two-files/b.yaml": "it sees one file",
    "overlay-keys-in-a-file.yaml": "an overlay, which may have them, looks the same",
    "overlay-of-no-number/staging.yaml": "it sees one file",
    "tag-directives.yaml": "directives are gone when a file is read",
    "unknown-template.yaml": "another file of the run may have it",
    "value-from-outside.yaml": "the environment is not in the file",
}


def files(kind: str) -> list[Path]:
    return sorted(EXAMPLES.joinpath(kind).rglob("*.y*ml"))


def name(file: Path) -> str:
    return file.relative_to(EXAMPLES / "negative").as_posix()


def refused() -> list[Path]:
    """Those that are wrong by themselves: there is an error in them, and no mere warning."""
    return [
        file
        for file in files("negative")
        if any(kind == b"expect" for kind, _, _ in HEADER.findall(file.read_bytes()))
    ]


def as_text(data: bytes) -> Any:
    """As reconciler reads a file: every scalar is text."""
    return plain(document.parse("x", data).root)


def plain(node: Node) -> Any:
    if isinstance(node, Block):
        return {key: plain(value) for key, value in node.items()}
    return [plain(item) for item in node] if isinstance(node, Items) else node


READERS: list[Callable[[bytes], Any]] = [core_schema.load, as_text]
reader = pytest.mark.parametrize("read", READERS, ids=["editor", "text"])


def wrongs(tree: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tree)]


def field(name: str, value: Any) -> Any:
    return {"version": 1, "numbers": {"+61255500001": {name: value}}}


def is_refused(file: Path, read: Callable[[bytes], Any]) -> bool:
    """Whether the schema, or before it the reader, finds something."""
    try:
        return wrongs(read(file.read_bytes())) != []
    except (InputError, yaml.YAMLError):
        return True


@reader
@pytest.mark.parametrize(
    "file", [*files("positive"), ROOT / "examples" / "numbers.yaml"], ids=lambda path: path.name
)
def test_what_validate_accepts_it_accepts(file: Path, read: Callable[[bytes], Any]) -> None:
    assert wrongs(read(file.read_bytes())) == []


@reader
@pytest.mark.parametrize("file", [each for each in refused() if name(each) not in CANNOT], ids=name)
def test_what_validate_refuses_it_refuses(file: Path, read: Callable[[bytes], Any]) -> None:
    assert is_refused(file, read)


def test_what_it_cannot_refuse_is_no_more_than_said() -> None:
    accepted = {name(file) for file in refused() if not is_refused(file, core_schema.load)}
    assert accepted == CANNOT.keys()


def test_it_needs_no_other_file(reconciler: Run) -> None:
    printed = reconciler("schema", "numbers").json
    Draft202012Validator.check_schema(printed)
    assert {each.partition("#")[0] for each in references(printed)} == {""}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    for each in node if isinstance(node, list) else ():
        yield from references(each)


@pytest.mark.parametrize("parameter", schema.parameters())
def test_every_field_may_be_a_reference(parameter: str) -> None:
    assert wrongs(field(parameter, "${NAME}")) == []
    assert wrongs(field(parameter, "${NAME")) != []


PIECES = st.sampled_from(["$", "{", "}", "${", "$${", "a", "A1", "1", ":-", ":", " ", "\n", "-"])


class Everything(dict[str, str]):
    """An environment in which every name is set."""

    def get(self, _name: str, _default: Any = None) -> Any:
        return "x"


@given(st.lists(PIECES).map("".join))
def test_what_is_a_reference_is_the_same_to_both(text: str) -> None:
    root = document.parse("x", json.dumps({"defaults": {"Friendly": text}}).encode()).root
    expansion = Expansion(Everything())
    expansion.expand("x", root, Path())
    assert (wrongs(field("Friendly", text)) == []) == (expansion.problems == [])


@pytest.mark.parametrize("path", ["a", "/run/secrets/hook", "../a b"])
def test_a_file_may_be_referred_to(path: str) -> None:
    assert wrongs(field("WebHookUrl", f"https://hooks.example.com/${{file:{path}}}")) == []


@pytest.mark.parametrize("number", [61255500001, 10, 999999999999999])
def test_a_number_without_quotes_is_a_number_to_an_editor(number: int) -> None:
    assert wrongs(field("EndpointNumber", number)) == []


@pytest.mark.parametrize("value", [9, -1, 10**15, 1.5, True])
def test_what_can_be_no_number_without_quotes_is_none(value: object) -> None:
    assert wrongs(field("EndpointNumber", value)) != []


SCALARS = st.sampled_from(
    ["Off", "off", "Call", "Endpoint", "Flow", "GET", "~", "", "null", "true", "False", "0412",
     "1e3", "0x1F", ".inf", "1_000", "2026-11-23", "12:30", "+61255500001", "+10", "+1",
     "a@b.example", "https://a.example/x", "ftp://a", "sales", "${X}", "'0412'", '""', "[a]",
     "{name: 5}"]
)  # fmt: skip
FIELDS = st.dictionaries(st.sampled_from(list(schema.parameters())), SCALARS)


@given(FIELDS)
def test_it_flags_nothing_in_an_editor_that_validate_accepts(fields: Mapping[str, str]) -> None:
    lines = "".join(f"  {parameter}: {scalar}\n" for parameter, scalar in fields.items())
    text = f"version: 1\ndefaults:\n{lines}".encode()
    root = document.parse("x", text).root
    Expansion({"X": ""}).expand("x", root, Path())
    if not list(Checker().findings(root)):
        assert wrongs(core_schema.load(text)) == []
