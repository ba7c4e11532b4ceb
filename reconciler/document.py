"""The files of a run: from paths to YAML documents, failing closed.

Every scalar is text as it is written, save a plain null; nothing in a file can construct anything.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import comments
from reconciler.builder import Builder, Events
from reconciler.comments import Silence
from reconciler.errors import InputError, Problem, SetupError
from reconciler.tree import Block, Node, as_block
from reconciler.words import quoted

if TYPE_CHECKING:
    from yaml import MarkedYAMLError, YAMLError
    from yaml.reader import ReaderError

LARGEST = 1 << 30
_PIECE = 1 << 22
# libyaml compares each %TAG directive with all before it.
_MOST_DIRECTIVES = 100

_SENTENCES = {
    "mapping values are not allowed in this context": "a colon cannot stand here; check the "
    "indentation, and quote a value that holds a colon and a space",
    "could not find expected ':'": 'this line is not a "key: value" pair',
    "did not find expected key": "this does not fit the mapping around it; check the indentation "
    "and the quotes",
    "did not find expected '-' indicator": "this does not line up with the list above it",
    "did not find expected ',' or ']'": 'the list that opens with "[" lacks a comma or its "]"',
    "did not find expected ',' or '}'": 'the mapping that opens with "{" lacks a comma or its "}"',
    "did not find expected node content": "a value is missing here, or a bracket is not closed",
    "found unexpected end of stream": "a quote is opened and never closed",
    "found unknown escape character": "this is no escape that YAML knows; write the backslash "
    "twice, or use single quotes",
}


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its path as given, the SHA-256 of its bytes, its tree, and what its comments
    silence."""

    path: str
    sha256: str
    root: Node
    silences: Sequence[Silence] = ()


def section(document: Document, name: str) -> Block:
    """A top-level block of a file, empty where it is none."""
    return as_block(as_block(document.root).get(name))


def find(paths: Sequence[str]) -> list[Path]:
    """The files that the paths name, each once, folders searched for *.yaml and *.yml.

    Raises InputError for each path that is not there and each folder without such a file.
    """
    files, problems = search(paths)
    if problems:
        raise InputError(problems)
    return files


def search(paths: Sequence[str]) -> tuple[list[Path], list[Problem]]:
    """As `find`, with the problems beside the files that were found."""
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for given in paths:
        path = Path(given)
        try:
            found = _within(path) if path.is_dir() else [path]
            # An empty path must not come to mean the current folder.
            if not given or not path.exists():
                problems.append(Problem(given or '""', 1, 1, "there is no such file or folder"))
            elif not found:
                problems.append(Problem(str(path), 1, 1, "no *.yaml or *.yml is in this folder"))
            else:
                for file in found:
                    files.setdefault(os.path.realpath(file), file)
        except OSError as error:
            problems.append(_unreadable(Path(error.filename or path), error))
    return list(files.values()), problems


def _within(folder: Path) -> list[Path]:
    """Folders are followed through links, each once; a broken link is a file that fails to open."""
    found: list[Path] = []
    waiting, seen = [folder], {os.path.realpath(folder)}
    while waiting:
        for path in waiting.pop().iterdir():
            if path.name.startswith("."):
                continue
            if path.is_dir():
                real = os.path.realpath(path)
                if real not in seen:
                    seen.add(real)
                    waiting.append(path)
            elif path.suffix in (".yaml", ".yml"):
                found.append(path)
    return sorted(found)


def read(path: str | Path) -> Document:
    """The document in one file. Raises InputError, with all that is wrong with it."""
    return parse(str(path), read_bytes(Path(path)))


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises InputError where it cannot be read, or is too large to."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = bytearray()
            # By pieces: a pipe has no size to ask for, and a read reserves all that it may get.
            while max(size, len(data)) <= LARGEST and (piece := file.read(_PIECE)):
                data += piece
    except OSError as error:
        raise InputError([_unreadable(path, error)]) from None
    if max(size, len(data)) > LARGEST:
        raise InputError([Problem(str(path), 1, 1, f"the file is over {LARGEST >> 20} MiB")])
    return bytes(data)


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(str(path), 1, 1, f"this cannot be read: {error.strerror or error}")


def parse(path: str, data: bytes) -> Document:
    """The one YAML document in `data`. Raises InputError with all that is wrong with it."""
    document, problems = examine(path, data)
    if problems or document is None:
        raise InputError(problems)
    return document


def examine(path: str, data: bytes) -> tuple[Document | None, list[Problem]]:
    """As `parse`, with what could be read beside what is wrong: None where the syntax is.

    A document that comes with problems is good for finding more of them, and for nothing else.
    """
    import yaml

    builder = Builder(path)
    root: Node = None
    try:
        _refuse_early(path, data)
        events, silences = comments.watched(_parser(data), data)
        with paused_collection():
            root = builder.build(events)
    except InputError as error:
        return None, [*builder.problems, *error.problems]
    except yaml.YAMLError as error:
        return None, [*builder.problems, _syntax_problem(path, data, error)]
    if root is None and not builder.problems:
        return None, [Problem(path, 1, 1, 'the file is empty; begin it with "version: 1"')]
    sha256 = hashlib.sha256(data).hexdigest()
    return Document(path, sha256, root, silences), builder.problems


def _refuse_early(path: str, data: bytes) -> None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = "this is UTF-16; save the file as UTF-8"
    elif data.count(b"%TAG") > _MOST_DIRECTIVES:
        message = "there are too many %TAG directives; remove them, for tags are not allowed"
    else:
        return
    raise InputError([Problem(path, 1, 1, message)])


def _parser(data: bytes) -> Events:
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        raise SetupError(
            "PyYAML was installed without libyaml, which reads the files; install a PyYAML wheel, "
            "or libyaml and then PyYAML again."
        ) from None
    parser: Events = CParser(data)
    return parser


@contextmanager
def paused_collection() -> Iterator[None]:
    """No cyclic garbage collection within: a tree has no cycles, and its walks cost the most."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _syntax_problem(path: str, data: bytes, error: YAMLError) -> Problem:
    from yaml import MarkedYAMLError
    from yaml.reader import ReaderError

    if isinstance(error, ReaderError):
        return _encoding_problem(path, data, error)
    if isinstance(error, MarkedYAMLError):
        return _marked_problem(path, data, error)
    return Problem(path, 1, 1, f"this is not valid YAML: {quoted(str(error))}")


def _encoding_problem(path: str, data: bytes, error: ReaderError) -> Problem:
    before = data[: error.position]
    line = before.count(b"\n") + 1
    last = before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace").removeprefix("\ufeff")
    if "UTF-8" in error.reason or "Unicode" in error.reason:
        message = "this byte is not UTF-8; save the file as UTF-8"
    elif error.character == 0:
        message = "a NUL character is not allowed; save the file as UTF-8, not as UTF-16"
    else:
        message = f"the control character U+{int(error.character):04X} is not allowed; remove it"
    return Problem(path, line, len(last) + 1, message)


def _marked_problem(path: str, data: bytes, error: MarkedYAMLError) -> Problem:
    said = error.problem or "the syntax is wrong"
    mark = error.problem_mark or error.context_mark
    if said in ("could not find expected ':'", "found unexpected end of stream"):
        mark = error.context_mark or mark
    if mark is None:
        return Problem(path, 1, 1, f"this is not valid YAML: {said}")
    if said == "found character that cannot start any token":
        sentence = _bad_start(data, mark.index)
    else:
        sentence = _SENTENCES.get(said, f"this is not valid YAML: {said}")
        if "," in said and error.context_mark is not None:
            opens = error.context_mark
            sentence += f"; it opens at {opens.line + 1}:{opens.column + 1}"
    return Problem(path, mark.line + 1, mark.column + 1, sentence)


def _bad_start(data: bytes, index: int) -> str:
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    character = text[index : index + 1]
    if character == "\t":
        return "a tab cannot indent; use spaces"
    return f"a value cannot begin with {quoted(character)}; put it in quotes"
