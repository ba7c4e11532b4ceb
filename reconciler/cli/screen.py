"""What a person or a log gets to see: the result on stdout, everything else on stderr."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path

import click

from reconciler.cli.options import Output
from reconciler.errors import Interrupted, Refused, SetupError
from reconciler.words import as_line, inert


def tell(line: str) -> None:
    """A line on stderr, whatever is in it."""
    click.echo(as_line(line), err=True)


def emit(text: str) -> None:
    """The result on stdout; on stderr where stdout fails, so that it is not lost.

    Raises SetupError in that case, BrokenPipeError where the reader has gone.
    """
    try:
        click.echo(text, nl=False, color=True)
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        _leave_stdout()
        click.echo(text, nl=False, err=True)
        raise SetupError(f"stdout cannot be written: {error.strerror}.") from None


def _leave_stdout() -> None:
    """What is still buffered would fail again when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_terminal(stream: object) -> bool:
    """Whether a person is there; a closed stream is None."""
    return stream is not None and bool(stream.isatty())  # type: ignore[attr-defined]


def width() -> int:
    """How many characters a line on stdout has; 80 where it is no terminal."""
    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else 80


def colored(output: Output) -> bool:
    return is_terminal(sys.stdout) and not plain(output)


def plain(output: Output) -> bool:
    """Whether colours are not wanted."""
    told = output.no_color or bool(os.environ.get("NO_COLOR"))
    return told or os.environ.get("TERM") == "dumb"


def is_stdout(file: Path) -> bool:
    """Whether a file is the very one that stdout goes to: replacing it would lose what is there."""
    if sys.stdout is None or not file.is_file():
        return False
    try:
        return os.path.samestat(file.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):
        return False


def can_ask() -> bool:
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def ask(question: str, wanted: str) -> None:
    """Raises Refused unless the answer is what is wanted; asks on stderr."""
    click.echo(f"\n{inert(question)}: ", nl=False, err=True)
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        click.echo(err=True)
        raise Interrupted("Interrupted; nothing was written.") from None
    if answer.strip() != wanted:
        raise Refused("Not approved; nothing was written.")
