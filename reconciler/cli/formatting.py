"""fmt: numbers files with their keys in order and quotes where they are needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click

from reconciler.cli import options, screen
from reconciler.cli.options import option
from reconciler.errors import Differences, InputError, Problem
from reconciler.words import as_line, counted

_STDIN = "stdin"


@click.command()
@options.paths
@option("--check", is_flag=True, help="Write nothing; exit 2 where a file would change.")
@option("--diff", is_flag=True, help="Write nothing; show what would change.")
def fmt(paths: tuple[str, ...], check: bool, diff: bool) -> None:
    """Format numbers files in place, and name those that changed; - is stdin, to stdout.

    Keys come in the schema's order, each with its comments; numbers, templates and x-… keys keep
    theirs. What YAML 1.1 takes for something else than text is quoted: Off, +61255501234, 0412,
    2027-01-31, be it a value or a key. Spaces at the ends of lines go, and the last line ends. All
    else stays as it is, and a file always means what it meant before.
    """
    is_stdin = paths == ("-",)
    old = {_STDIN: sys.stdin.buffer.read()} if is_stdin else _contents(paths)
    new = _formatted(old)
    changed = {path: data for path, data in new.items() if data != old[path]}
    if diff:
        for path in changed:
            _show(path, old[path], changed[path])
    elif is_stdin and not check:
        screen.emit(new[_STDIN].decode())
    else:
        if not check:
            _rewrite(old, changed)
        screen.emit("".join(f"{as_line(path)}\n" for path in changed))
    if check and changed:
        files = counted(len(changed), "file")
        raise Differences(f"{files} would change. Run reconciler fmt without --check.")


def _contents(paths: Sequence[str]) -> Mapping[str, bytes]:
    from reconciler import document

    return {str(file): document.read_bytes(file) for file in document.find(paths)}


def _formatted(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """All files, formatted. Raises InputError with all that is wrong in all of them."""
    from reconciler.document import paused_collection
    from reconciler.formatting import formatted

    made: dict[str, bytes] = {}
    problems: list[Problem] = []
    for path, data in files.items():
        try:
            with paused_collection():
                made[path] = formatted(path, data)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return made


def _rewrite(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> None:
    from reconciler.rewrite import rewrite

    rewrite(old, new)


def _show(path: str, before: bytes, after: bytes) -> None:
    from reconciler.hunks import unified

    lines = unified(path, before.decode(), after.decode())
    screen.emit("".join(f"{as_line(line)}\n" for line in lines))
