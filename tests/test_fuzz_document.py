"""Whatever is given, `parse` answers with a Document or an InputError."""

from __future__ import annotations

import contextlib

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import document
from reconciler.errors import InputError
from reconciler.tree import Block

PIECES = st.sampled_from(
    ["a", "b: ", "? ", ": ", "- ", "\n", "\n  ", "[", "]", "{", "}", ",", "&a ", "*a", "<<: ", "#",
     "'", '"', "|\n", ">\n", "!!str ", "!x ", "---\n", "...\n", "%YAML 1.1\n", "~", "null", "\t",
     "+61255500001: ", "é", "\x00", "\u2028"]
)  # fmt: skip


@settings(max_examples=300, deadline=2000)
@given(st.binary(max_size=400))
def test_bytes_are_a_document_or_an_input_error(data: bytes) -> None:
    with contextlib.suppress(InputError):
        document.parse("x", data)


@settings(max_examples=500, deadline=2000)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_what_looks_like_yaml_is_a_document_or_an_input_error(text: str) -> None:
    with contextlib.suppress(InputError):
        document.parse("x", text.encode())


@settings(max_examples=300, deadline=2000)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_a_problem_has_a_place_and_one_line_of_printable_text(text: str) -> None:
    for problem in document.examine("x", text.encode())[1]:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message.isprintable()


@settings(deadline=2000)
@given(st.text(max_size=60), st.booleans())
def test_a_quoted_scalar_means_what_it_says(text: str, unicode: bool) -> None:
    written = yaml.dump({"key": text}, default_style='"', allow_unicode=unicode)
    assert document.parse("x", written.encode()).root == {"key": text}


TREES = st.recursive(
    st.none() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@settings(deadline=2000)
@given(st.dictionaries(st.text(max_size=8), TREES, min_size=1))
def test_what_an_emitter_writes_is_what_is_read(tree: dict[str, object]) -> None:
    assert document.parse("x", yaml.safe_dump(tree).encode()).root == tree


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=6))
def test_a_key_is_refused_exactly_when_it_stands_twice(pairs: list[tuple[str, str]]) -> None:
    text = "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
    root, problems = document.examine("x", text.encode())
    assert root is not None
    assert isinstance(root.root, Block)
    assert len(root.root) + len(problems) == len(pairs)
