"""export --into: the live values, written into the numbers files that declare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import screen
from reconciler.cli.options import gather, given, option
from reconciler.errors import InputError, ReconcilerError, SetupError, UsageError
from reconciler.words import NearMisses, as_line, counted, quoted, value

if TYPE_CHECKING:
    from reconciler.accept import Acceptance, Accepted
    from reconciler.model import Desired, Failure, LiveNumber


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the flags say: the PATH to write into, the fields to accept, none for all, and the
    overlays over the files."""

    into: str | None
    field: tuple[str, ...]
    overlay: tuple[str, ...]


flags = gather(
    Wanted,
    "wanted",
    option("--into", metavar="PATH", help="Write what is live into this numbers file, or folder."),
    option("--field", multiple=True, metavar="NAME", help="With --into: only this (repeatable)."),
    option(
        "--overlay",
        multiple=True,
        type=click.Path(dir_okay=False),
        help="With --into: this is merged over the files (repeatable). The last one takes what is "
        "live, and the files stay as they are.",
    ),
)


def opened(wanted: Wanted) -> Into | None:
    """The files to write into, None where the flags name none. Raises UsageError and as Into."""
    if wanted.into is None:
        if wanted.field:
            raise UsageError("--field says what to write into the files of --into; give that too.")
        if given("overlay"):
            raise UsageError("--overlay lies over the files of --into; give that too.")
        return None
    return Into(wanted.into, wanted.overlay, _known(wanted.field))


class Into:
    """The files of one run, as they were before the API was asked.

    Raises InputError where they cannot be read, or say what they must not.
    """

    def __init__(self, path: str, overlays: Sequence[str], fields: Sequence[str]) -> None:
        from reconciler import desired, document

        self._path = path
        self._fields = fields
        self._files = {str(file): document.read_bytes(file) for file in document.find([path])}
        self._overlays = {each: document.read_bytes(Path(each)) for each in overlays}
        self.declared: Desired = desired.parse(self._files.items(), overlays=self._overlays.items())

    def numbers(self, named: Sequence[str]) -> list[str]:
        """The numbers to read: those named, or all that are declared where none is."""
        if not self.declared.numbers and not named:
            raise SetupError("The files declare no number.")
        missing = [number for number in named if number not in self.declared.numbers]
        if missing and Path(self._path).is_dir() and not self._overlays:
            raise SetupError(
                f"No file in {self._path} declares {', '.join(missing)}. Name the file to add it "
                "to with --into."
            )
        return list(named or self.declared.numbers)

    def accept(self, live: Sequence[LiveNumber], failures: Sequence[Failure]) -> None:
        """Writes the files, and tells what is new in them; all or nothing."""
        from reconciler.accept import accept
        from reconciler.rewrite import rewrite

        if failures:
            count = counted(len(failures), "number")
            raise ReconcilerError(f"{count} could not be read; nothing was written.")
        try:
            made = accept(self._files, live, self._fields, overlays=self._overlays)
        except InputError as error:
            for line in error.lines():
                screen.tell(line)
            raise ReconcilerError("Nothing was written.") from None
        rewrite({**self._files, **self._overlays}, made.files)
        for each in made.passed:
            screen.tell(f"{each.path}:{each.line}:{each.column}: warning: {each.message}")
        screen.emit(_told(made))


def _known(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Raises UsageError where one is no parameter of the API."""
    from reconciler import schema

    misses = NearMisses()
    for name in fields:
        if name not in schema.parameters():
            hint = misses.hint(name, schema.parameters())
            raise UsageError(f"--field {quoted(name)}: there is no such field{hint}")
    return fields


def _told(made: Acceptance) -> str:
    added = [f"{each.path}:{each.line}: {each.number} is added" for each in made.added]
    lines = [*added, *map(_line, made.fields)]
    return "".join(f"{as_line(line)}\n" for line in lines or ["No changes."])


def _line(accepted: Accepted) -> str:
    before = value(accepted.before) if accepted.declared else "not declared"
    place = f"{accepted.path}:{accepted.line}: {accepted.number}"
    why = " (inherited; its own value is gone)" if accepted.inherited else ""
    return f"{place} {accepted.name}: {before} -> {value(accepted.after)}{why}"
