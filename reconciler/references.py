"""${NAME}, ${NAME:-default} and ${file:PATH} within the values of a numbers file.

What they bring in is a Secret, unless the file lists the name under `public_env`. `$${` is a `${`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.declared import Origins
from reconciler.errors import Problem
from reconciler.secret import Secret
from reconciler.tree import Block, Items, Node, Unknown
from reconciler.words import quoted

_LARGEST = 1 << 16
_REFERENCE = re.compile(r"\$(\$\{)|\$\{([^{}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FILE = "file:"
_DEFAULT = "default"
_CREDENTIALS = frozenset(("RECONCILER_TOKEN", "RECONCILER_PLAN_KEY"))
# What a flow is called is asked for, and told beside its ConfigId.
_SHOWN = (
    "what is sensitive cannot be looked up by name; list the variable under public_env, or write "
    "the ConfigId"
)


class _Missing(Exception):
    """A reference that leads to nothing; its text says what to do about it."""


class Unsettled(str):
    """What a file said at a commit, with references left in it that git has no answer to.

    What it stood for is not known, so that it equals only what another file says in just that way.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unsettled) and str(self) == str(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((Unsettled, str(self)))


class UnsettledSecret(Unsettled, Secret):
    """One that stood for something that is never shown."""

    __slots__ = ()


@dataclass(slots=True)
class Expansion:
    """Puts values in the place of references, in the trees of one run.

    environ: what ${NAME} reads. problems: the references that lead to nothing.
    found: where values have what is in them from, by the identity of their block and their name.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    problems: list[Problem] = field(default_factory=list)
    found: dict[tuple[int, str], Origins] = field(default_factory=dict)
    _done: set[int] = field(default_factory=set)

    def expand(
        self, path: str, root: Node, folder: Path, public: frozenset[str] | None = None
    ) -> None:
        """In place, in the fields of a file's defaults, templates and numbers, and in names.

        path: what the file is called in problems. folder: what ${file:PATH} is relative to.
        public: the variables that are no secrets, None for those that the file lists.
        """
        if not isinstance(root, Block):
            return
        public = listed(root) if public is None else public
        for block in _blocks(root):
            for each in (block, *(node for node in block.values() if isinstance(node, Block))):
                # An alias makes one block stand in many places, and "$${" must be read once.
                if id(each) not in self._done:
                    self._done.add(id(each))
                    self._expand_block(path, each, folder, public, shown=each is not block)

    def _expand_block(
        self, path: str, block: Block, folder: Path, public: frozenset[str], *, shown: bool
    ) -> None:
        for name, text in block.items():
            if not isinstance(text, str) or "${" not in text:
                continue
            try:
                told, origins = self._expanded(text, folder, public)
                if shown and isinstance(told, Secret):
                    raise _Missing(_SHOWN)
                block[name] = told
                self.found[id(block), name] = origins
            except _Missing as missing:
                self.problems.append(Problem(path, *block.value_at(name), f"{name}: {missing}"))
                block[name] = Unknown(text)

    def _expanded(self, text: str, folder: Path, public: frozenset[str]) -> tuple[str, Origins]:
        """The text with what its references stand for, and where that is from."""
        secret = False
        origins: dict[tuple[str, str], None] = {}

        def value(match: re.Match[str]) -> str:
            nonlocal secret
            literal, reference, closed = match.groups()
            if literal:
                return "${"
            if not closed:
                raise _Missing('a "${" is not closed; write "$${" where it is to stay as it is')
            found, origin = self._value(reference, folder)
            origins[origin] = None
            given = origin[0] != _DEFAULT
            secret = secret or (given and reference.partition(":-")[0] not in public)
            return found

        told = _REFERENCE.sub(value, text)
        return Secret(told) if secret else told, tuple(origins)

    def _value(self, reference: str, folder: Path) -> tuple[str, tuple[str, str]]:
        """What a reference stands for, and where that is from."""
        if reference.startswith(_FILE):
            path = reference.removeprefix(_FILE)
            return _content(folder / path), ("file", path)
        name, colon, default = reference.partition(":-")
        if not _NAME.fullmatch(name):
            raise _Missing(
                f"{quoted('${' + reference + '}')} is no reference: ${{NAME}}, ${{NAME:-default}} "
                'and ${file:PATH} are; write "$${" where it is to stay as it is'
            )
        if name in _CREDENTIALS:
            raise _Missing(f"{name} is reconciler's own secret, and no value of a number")
        if found := self.environ.get(name):
            return found, ("environment", name)
        if colon:
            return default, (_DEFAULT, name)
        state = "empty" if name in self.environ else "not set"
        raise _Missing(
            f"the environment variable {name} is {state}; set it, or write ${{{name}:-default}}"
        )


@dataclass
class Committed(Expansion):
    """Puts in what a commit settles: ${file:PATH} where git tracks the file. The rest is left as it
    stands, as Unsettled: git does not know what a variable or a mounted secret was.

    Only the names of flows are read from the environment of today, as they are no secrets.

    content: what was in a file at the commit, None where git did not track it.
    unsettled: whether anything has been left.
    """

    content: Callable[[Path], bytes | None] = lambda _path: None
    unsettled: bool = False
    _shown: bool = False
    _left: bool = False

    def _expand_block(
        self, path: str, block: Block, folder: Path, public: frozenset[str], *, shown: bool
    ) -> None:
        self._shown = shown
        super()._expand_block(path, block, folder, public, shown=shown)

    def _expanded(self, text: str, folder: Path, public: frozenset[str]) -> tuple[str, Origins]:
        self._left = False
        told, origins = super()._expanded(text, folder, public)
        if not self._left:
            return told, origins
        self.unsettled = True
        return (UnsettledSecret if isinstance(told, Secret) else Unsettled)(told), origins

    def _value(self, reference: str, folder: Path) -> tuple[str, tuple[str, str]]:
        path = reference.removeprefix(_FILE)
        origin = ("environment", reference) if path == reference else ("file", path)
        try:
            if path != reference:
                data = self.content(folder / path)
                if data is not None:
                    return _text(data, folder / path), origin
            else:
                found, origin = super()._value(reference, folder)
                if self._shown:
                    return found, origin
        except _Missing:
            pass  # What cannot be had today may have been there then.
        self._left = True
        return f"${{{reference}}}", origin


def listed(root: Block) -> frozenset[str]:
    """The variables that a file says are no secrets."""
    names = root.get("public_env")
    return frozenset(names.texts() if isinstance(names, Items) else ())


def escaped(text: str) -> str:
    """A value as it is written where it is to mean itself."""
    return text.replace("${", "$${")


def _content(path: Path) -> str:
    """A mounted secret, without the line end that editors leave."""
    try:
        # A pipe that nobody writes to would never end.
        if path.is_fifo():
            raise _Missing(f"{quoted(str(path))} is a pipe; read it into a file")
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise _Missing(f"{quoted(str(path))} cannot be read: {error.strerror}") from None
    return _text(data, path)


def _text(data: bytes, path: Path) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _Missing(f"{quoted(str(path))} is not UTF-8") from None
    if len(data) > _LARGEST:
        raise _Missing(f"{quoted(str(path))} is over {_LARGEST >> 10} KiB, which is no value")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise _Missing(f"{quoted(str(path))} is empty")
    return text


def _blocks(root: Block) -> Iterator[Block]:
    for node in (root.get("defaults"), *_members(root.get("templates"))):
        if isinstance(node, Block):
            yield node
    for node in _members(root.get("numbers")):
        if isinstance(node, Block):
            yield node


def _members(node: Node) -> Iterator[Node]:
    return iter(node.values()) if isinstance(node, Block) else iter(())
