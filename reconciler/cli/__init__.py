"""The command line: wiring only. Here the environment is read, and here the process ends."""

from __future__ import annotations

import os
import sys
import traceback
from io import StringIO
from types import TracebackType

import click

from reconciler import __version__
from reconciler.cli import (
    applying,
    completing,
    explaining,
    exporting,
    formatting,
    merging,
    offline,
    planning,
    reverting,
    run,
    sandboxing,
    screen,
)
from reconciler.errors import Interrupted, ReconcilerError, UsageError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every flag can also be given as RECONCILER_<FLAG>. Exit codes: 0 done, 1 could not be "
    "done, 2 differences, 3 refused by a guard, 4 partly converged, 64 usage, 130 interrupted.",
)
@click.version_option(__version__, prog_name="reconciler")
def cli() -> None:
    """Phone-number configuration as code: declare it, plan the difference, apply only that."""


for _command in (
    offline.validate,
    formatting.fmt,
    planning.plan,
    merging.merge,
    applying.apply,
    offline.show,
    planning.drift,
    explaining.explain,
    exporting.export,
    reverting.revert,
    sandboxing.sandbox,
    offline.schema,
    completing.completion,
):
    cli.add_command(_command)


def main() -> None:
    """The entry point; ends the process with the exit code that the outcome has."""
    sys.excepthook = _report_bug
    try:
        cli.main(prog_name="reconciler", standalone_mode=False)
        code = 0
    except ReconcilerError as error:
        code = _tell(error)
    except click.ClickException as error:
        code = _tell_usage(error)
    except (KeyboardInterrupt, click.Abort):
        code = _tell(Interrupted(run.INTERRUPTED))
    except BrokenPipeError:
        # The reader of our output has gone; say nothing more, and let no flush at exit try to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def _tell(error: ReconcilerError) -> int:
    for line in error.lines():
        screen.tell(line)
    return error.exit_code


def _tell_usage(error: click.ClickException) -> int:
    """What click says of the command line, which may be data: a file's name, or a glob's."""
    said = StringIO()
    error.show(said)
    for line in said.getvalue().rstrip("\n").split("\n"):
        screen.tell(line)
    return UsageError.exit_code


def _report_bug(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    for line in "".join(traceback.format_exception(kind, error, trace)).rstrip("\n").split("\n"):
        screen.tell(line)
    screen.tell(
        f"This is a bug in reconciler {__version__}, not a mistake of yours. "
        "Please report it with the lines above."
    )
