"""Every sentence that the loading of a file can say is said of an example.

The sentences are read from the source: each literal with a space in it, in each module that
reconciler/desired.py stands on, and what the schemas say of their patterns.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from test_examples import HEADER, examples
from test_layers import MAY, files

from reconciler import schema

HOLE = "\0"
WORD = re.compile("[a-z]{2}")
# What no file in tests/examples can bring about, and why.
ELSEWHERE: Mapping[str, str] = {
    "there is no such file or folder": "it is about a path",
    "no *.yaml or *.yml is in this folder": "git keeps no empty folder",
    f"this cannot be read: {HOLE}": "git keeps no permissions, and no broken disk",
    f"the file is over {HOLE} MiB": "it would be in every checkout",
    f"checking stopped after {HOLE} errors": "ten thousand lines of errors teach nobody anything",
    f"This installation is broken: {HOLE} is missing. Install reconciler again.": "it is no file's",
    "PyYAML was installed without libyaml, which reads the files; install a PyYAML wheel, or "
    "libyaml and then PyYAML again.": "it is no file's",
    f"{HOLE} is a pipe; read it into a file": "git has no pipes",
    f"must pass {HOLE} {HOLE} of the schema": "for keywords that the schemas do not use yet",
    f"{{name: {HOLE}}}": "it is how reports show a value, and no sentence",
    "the syntax is wrong": "for a libyaml that does not say what is",
}


def modules() -> list[str]:
    found, waiting = set(), ["desired"]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += MAY[module]
    return sorted(found)


def sentences() -> Iterator[str]:
    for module in modules():
        for path in files(module):
            yield from of_source(ast.parse(path.read_text("utf-8")))
    for name in ("number", "numbers"):
        yield from of_schema(schema.load(name))


def of_source(tree: ast.AST) -> Iterator[str]:
    """The text literals of more than one word, HOLE standing for what is put into an f-string."""
    aside = {id(node) for each in ast.walk(tree) for node in not_said(each)}
    for node in ast.walk(tree):
        if id(node) in aside:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else HOLE for part in node.values]
            text = "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if " " in text.strip() and WORD.search(text):
            yield text


def not_said(node: ast.AST) -> Iterator[ast.AST]:
    """Literals that are no sentences: docstrings, what is compared, looked up or searched for."""
    if isinstance(node, ast.Expr):
        yield node.value
    elif isinstance(node, ast.Dict):
        yield from (key for key in node.keys if key)
    elif isinstance(node, ast.Compare):
        for side in (node.left, *node.comparators):
            yield from ast.walk(side)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile":
        yield from node.args
    elif isinstance(node, ast.JoinedStr):
        yield from (part for part in node.values if isinstance(part, ast.Constant))


def of_schema(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if "patternErrorMessage" in node:
            yield node["patternErrorMessage"]
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from of_schema(each)


@cache
def told() -> str:
    """All that the examples say, a line each; that they do is tested beside."""
    return "\n".join(
        message.decode()
        for kind in ("negative", "positive")
        for example in examples(kind)
        for file in (sorted(example.rglob("*.y*ml")) if example.is_dir() else [example])
        for _kind, _place, message in HEADER.findall(file.read_bytes())
    )


@pytest.mark.parametrize("sentence", sorted(set(sentences()) - ELSEWHERE.keys()))
def test_a_sentence_is_said_of_an_example(sentence: str) -> None:
    pattern = ".*".join(re.escape(part) for part in sentence.split(HOLE))
    assert re.search(pattern, told())


def test_what_no_example_can_say_is_still_said() -> None:
    assert ELSEWHERE.keys() <= set(sentences())
