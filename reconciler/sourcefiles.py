"""The files of a run as trees: read, examined, and their references put in; overlays apart."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler import document, overlay, references
from reconciler.declared import Origins
from reconciler.document import Document
from reconciler.errors import InputError, Problem
from reconciler.references import Expansion
from reconciler.tree import as_block

# Each its path, and its bytes.
Files = Iterable[tuple[str, bytes]]


@dataclass(slots=True)
class Examined:
    """The documents of a run; `problems` is what is wrong with them so far.

    origins: as in Declarations.
    """

    documents: list[Document] = field(default_factory=list)
    overlays: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    origins: Mapping[tuple[int, str], Origins] = field(default_factory=dict)

    @property
    def all(self) -> Sequence[Document]:
        return [*self.documents, *self.overlays]


def read(paths: Sequence[str], overlays: Sequence[str] = ()) -> Examined:
    """What the paths name, folders searched."""
    found, problems = document.search(paths)

    def files(named: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
        for file in named:
            try:
                yield str(file), document.read_bytes(file)
            except InputError as error:
                problems.extend(error.problems)

    made = examined(files(found), files(map(Path, overlays)))
    made.problems += problems
    return made


def examined(
    files: Files, overlays: Files = (), prefix: str = "", expansion: Expansion | None = None
) -> Examined:
    """Files that are at hand, an overlay among them only as an overlay; `prefix` is put before the
    paths wherever they are told of. `expansion` is what references are put in by."""
    made = Examined()
    over = list(overlays)
    referring: list[tuple[Document, Path]] = []
    for target, given in ((made.documents, _without(files, over)), (made.overlays, over)):
        for path, data in given:
            found, wrong = document.examine(prefix + path, data)
            made.problems += wrong
            if found is not None:
                target.append(found)
                if b"${" in data:
                    referring.append((found, Path(path).parent))
    said = overlay.last(made.overlays, "public_env")
    public = references.listed(as_block(said.root)) if said else None
    expansion = Expansion() if expansion is None else expansion
    for each, folder in referring:
        expansion.expand(each.path, each.root, folder, public)
    made.problems += expansion.problems
    made.origins = expansion.found
    return made


def _without(files: Files, overlays: Files) -> Files:
    """The files that are no overlays."""
    apart = {os.path.realpath(path) for path, _data in overlays}
    return (file for file in files if not apart or os.path.realpath(file[0]) not in apart)
