"""Overlays: numbers files that are merged over the others key by key, each over those before it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from reconciler.declared import Entries, Layer, Place
from reconciler.document import Document, section
from reconciler.errors import Problem
from reconciler.tree import Block, Node, as_block
from reconciler.words import E164, NearMisses, quoted

_ADD, _REMOVE = KEYS = ("add", "remove")
_GUARDS = ("account", "property")


class Overlays:
    """What the overlays of a run say, in their order.

    documents: the files themselves.
    defaults: what they put over the defaults of every file.
    paths: those of the files.
    removed: the numbers that one of them leaves out of the run, each with the place that says so.
    problems: numbers that are neither declared nor added.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        files: Sequence[Document],
        declared: Collection[str],
        misses: NearMisses,
    ) -> None:
        """files: those that are no overlays. declared: the numbers of all of these."""
        self.documents = documents
        self.defaults = tuple(Layer(each.path, section(each, "defaults")) for each in documents)
        self.paths = frozenset(each.path for each in documents)
        self.removed: dict[str, Place] = {}
        self.problems: list[Problem] = []
        self._guards = _guards(documents)
        self._agreed = _agreed(files)
        self._entries: dict[str, Entries] = {}
        self._added: dict[str, str] = {}
        for each in documents:
            self._take(each, declared, misses)

    def over(self, number: str) -> Entries:
        """Path and block of what the overlays say of a number; later wins."""
        return self._entries.get(number, ())

    def lacks(self, path: str, number: str) -> bool:
        """Whether a number that stands in this file is declared by another one, or by none."""
        return path in self.paths and self._added.get(number) != path

    def top(self, document: Document) -> Mapping[str, Node]:
        """The top level of a file, with the guards of the overlays; that of an overlay also with
        those which all files agree on, as what it adds is to be no less safe."""
        root = as_block(document.root)
        agreed = self._agreed if document.path in self.paths else {}
        return {**agreed, **root, **self._guards} if agreed or self._guards else root

    def _take(self, document: Document, declared: Collection[str], misses: NearMisses) -> None:
        numbers = section(document, "numbers")
        for number, member in numbers.items():
            if not E164.fullmatch(number):
                continue
            entry = as_block(member)
            self._note_removal(document.path, number, entry)
            if number in declared or number in self._added:
                self._entries[number] = (*self.over(number), (document.path, entry))
            elif entry.get(_ADD) == "true":
                self._added[number] = document.path
            else:
                hint = misses.hint(number, declared)
                message = f"no file declares {number}, and its entry has no add: true{hint}"
                self.problems.append(Problem(document.path, *numbers.key_at(number), message))

    def _note_removal(self, path: str, number: str, entry: Block) -> None:
        if _REMOVE not in entry:
            return
        self.removed.pop(number, None)
        if entry[_REMOVE] == "true":
            self.removed[number] = (path, *entry.key_at(_REMOVE))


def last(documents: Sequence[Document], key: str) -> Document | None:
    """The last of the files that has something to say under a top-level key."""
    return next((each for each in reversed(documents) if key in as_block(each.root)), None)


def misplaced(path: str, entry: Block) -> list[Problem]:
    """The keys of an entry that only overlays may have."""
    return [
        Problem(path, *entry.key_at(key), f"{quoted(key)} is for overlays (--overlay) alone")
        for key in KEYS
        if key in entry
    ]


def _guards(documents: Sequence[Document]) -> Mapping[str, Node]:
    return {
        key: found.root[key]
        for key in _GUARDS
        if (found := last(documents, key)) and isinstance(found.root, Block)
    }


def _agreed(files: Sequence[Document]) -> Mapping[str, Node]:
    """The guards that are the same in all files with numbers; where none has any, in all files."""
    holding = [each for each in files if section(each, "numbers")] or files
    roots = [as_block(each.root) for each in holding]
    return {
        key: told
        for key in _GUARDS
        if roots
        and isinstance(told := roots[0].get(key), str)
        and all(root.get(key) == told for root in roots)
    }
