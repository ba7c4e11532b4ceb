"""The result in all the forms that are asked for: on stdout, in files, and in GitHub's own files.

Everything comes from one plan or result, so however many forms there are, the API is read once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import screen
from reconciler.cli.connect import plan_key
from reconciler.cli.options import MIN_BYTES, Output
from reconciler.errors import Problem, SetupError, UsageError
from reconciler.redact import redacted

if TYPE_CHECKING:
    from reconciler.model import Failure, Plan, Result
    from reconciler.provenance import Explanation

# GitHub shows no summary of a step that is over 1 MiB.
_LARGEST_SUMMARY = 1 << 20
# Forms that others look up the files of.
_BY_PLACE = ("github", "sarif")
# The form, and whether colours are wanted.
_Render = Callable[[str, bool], str]


def plan(made: Plan, output: Output, *, on_stdout: bool = True) -> None:
    """Tells a plan everywhere. Raises SetupError where it cannot be written."""
    made = redacted(made)

    def render(form: str, color: bool) -> str:
        return as_text(made, output, color=color) if form == "text" else _plan(made, form, output)

    _tell(render, output, on_stdout=on_stdout)
    counts = {
        "changes": len(made.changes),
        "unchanged": made.unchanged,
        "errors": len(made.errors),
        "drifted": made.drifted,
    }
    _tell_github(lambda size: _markdown(made, size), counts, output)


def result(made: Result, output: Output, *, on_stdout: bool) -> None:
    """Tells a result everywhere. Raises SetupError where it cannot be written."""
    from reconciler.model import Status

    def render(form: str, color: bool) -> str:
        return _result(made, form, color, output.max_bytes)

    _tell(render, output, on_stdout=on_stdout)
    counts = {status.value: made.count(status) for status in Status}
    _tell_github(lambda size: _markdown(made, size), counts, output)


def problems(
    errors: Sequence[Problem],
    warnings: Sequence[Problem],
    counts: Mapping[str, int],
    output: Output,
) -> None:
    """Tells what there is to say of numbers files everywhere; as text only how many are valid,
    for the errors and warnings are on stderr by then."""
    _tell(lambda form, _: _problems(errors, warnings, counts, form), output)


def explanation(made: Explanation, failure: Failure | None, output: Output) -> None:
    """Tells everywhere where a number's values come from; `failure` is why live is not in it."""
    from reconciler.render import explanation as render

    def told(form: str, color: bool) -> str:
        if form == "json":
            return render.as_json(made, failure)
        return render.as_text(made, failure, color=color, width=screen.width())

    _tell(told, output)


def refuse(output: Output, sources: Sequence[Path], out: Path | None = None) -> None:
    """Before anything is read: what could not be written in the end is said now.

    Raises UsageError where a file would overwrite what the result is made from, or another one,
    SetupError where it cannot be written to.
    """
    files = [("--out", out)] if out is not None else []
    files += [("--report", report.file) for report in output.report]
    taken: set[Path] = set()
    for flag, file in files:
        if any(file.resolve() == source.resolve() for source in sources):
            raise UsageError(f"{flag} {file} would overwrite what the result is made from.")
        if file.resolve() in taken:
            raise UsageError(f"{flag} {file} is written twice; give each a file of its own.")
        taken.add(file.resolve())
        if screen.is_stdout(file):
            raise UsageError(f"{flag} {file} is stdout; use --format for what is to go there.")
        if not _is_writable(file):
            raise SetupError(
                f"{flag} {file} cannot be written: its folder is missing or read-only, or it is "
                "a folder itself."
            )


def _is_writable(file: Path) -> bool:
    """Whether it could be replaced, or is a pipe or a device, which is written to."""
    if file.is_dir():
        return False
    return (file.exists() and not file.is_file()) or os.access(file.resolve().parent, os.W_OK)


def _tell(render: _Render, output: Output, *, on_stdout: bool = True) -> None:
    from reconciler import planfile

    if on_stdout:
        screen.emit(render(output.format, screen.colored(output)))
    for report in output.report:
        # As JSON it is a plan; the others are for a web server, or another job, to read.
        told = render(report.format, False)
        planfile.save(report.file, told, private=report.format == "json")


def as_text(made: Plan, output: Output, *, color: bool = False) -> str:
    """The plan as a person reads it, as wide as the terminal."""
    from reconciler.render import text

    return text.plan(redacted(made), color=color, width=screen.width(), expand=output.expand)


def _plan(made: Plan, form: str, output: Output) -> str:
    # Each is imported where it is needed: a run needs one or two of them.
    if form == "json":
        from reconciler.render import json

        return json.plan(made, plan_key())
    if form == "markdown":
        return _markdown(made, output.max_bytes)
    from importlib import import_module

    if form in _BY_PLACE:
        made = _placed(made)
    told: str = import_module(f"reconciler.render.{form}").plan(made)
    return told


def _placed(made: Plan) -> Plan:
    """The plan with its paths as GitHub wants them: from the root of the repository."""
    changes = (
        replace(change, source=replace(change.source, path=_path(change.source.path)))
        for change in made.changes
    )
    sources = (replace(source, path=_path(source.path)) for source in made.sources)
    warnings = map(_problem, made.warnings)
    return replace(made, changes=tuple(changes), sources=tuple(sources), warnings=tuple(warnings))


def _problem(problem: Problem) -> Problem:
    return replace(problem, path=_path(problem.path))


def _path(path: str) -> str:
    """A path from the checkout's root, where GitHub says where that is and it is within it."""
    root, whole = os.environ.get("GITHUB_WORKSPACE"), os.path.realpath(path)
    if not root or os.path.commonpath([os.path.realpath(root), whole]) != os.path.realpath(root):
        return path
    return os.path.relpath(whole, os.path.realpath(root))


def _result(made: Result, form: str, color: bool, max_bytes: int) -> str:
    if form == "json":
        from reconciler.render import json

        return json.result(made)
    if form == "markdown":
        return _markdown(made, max_bytes)
    from reconciler.render import text

    return text.result(made, color=color)


def _markdown(made: Plan | Result, max_bytes: int) -> str:
    from reconciler.model import Plan
    from reconciler.render import markdown

    if isinstance(made, Plan):
        return markdown.plan(made, max_bytes=max_bytes)
    return markdown.result(made, max_bytes=max_bytes)


def _problems(
    errors: Sequence[Problem], warnings: Sequence[Problem], counts: Mapping[str, int], form: str
) -> str:
    if form == "json":
        from reconciler.render import json

        return json.problems(errors, warnings, counts)
    if form == "text":
        from reconciler.render import text

        return text.problems(errors, counts)
    from importlib import import_module

    errors, warnings = ([_problem(each) for each in some] for some in (errors, warnings))
    told: str = import_module(f"reconciler.render.{form}").problems(errors, warnings)
    return told


def _tell_github(summary: Callable[[int], str], counts: Mapping[str, int], output: Output) -> None:
    """The step's summary and outputs, on GitHub."""
    if output.no_ci:
        return
    lines = "".join(f"{name}={count}\n" for name, count in counts.items())
    _append("GITHUB_STEP_SUMMARY", lambda size: _fitting(summary, _LARGEST_SUMMARY - size - 1))
    _append("GITHUB_OUTPUT", lambda _: lines)


def _fitting(summary: Callable[[int], str], size: int) -> str:
    return f"{summary(size)}\n" if size >= MIN_BYTES else ""


def _append(variable: str, text: Callable[[int], str]) -> None:
    """To the file that a variable names, if it does; `text` is told how large the file is.

    What cannot be written there fails no run.
    """
    name = os.environ.get(variable)
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(text(file.tell()))
    except OSError as error:
        screen.tell(f"warning: {variable} cannot be written: {error.strerror}.")
