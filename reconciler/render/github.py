"""Plans and problems as GitHub's workflow commands: annotations at the lines of numbers files.

All that is told is made inert, and then escaped by the runner's own rules: data stays within the
title, the path or the message that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from reconciler.errors import Problem
from reconciler.model import Change, Failure, FieldChange, Origin, Plan
from reconciler.render.excerpt import sides
from reconciler.render.sections import THIS_CHANGE
from reconciler.render.text import summary
from reconciler.words import counted, inert

ERROR, WARNING, NOTICE = "error", "warning", "notice"
# GitHub shows no more of a kind for one step.
MOST = 10
# GitHub cuts a message at 4,096 characters, and takes titles up to 255.
LONGEST, LONGEST_TITLE = 4_000, 200
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is told, the message by lines, and of what; `line` and `column` are 0 where they are
    not known."""

    title: str
    message: Sequence[str]
    path: str = ""
    line: int = 0
    column: int = 0


def plan(made: Plan) -> str:
    """What could not be planned as errors, drift and warnings as warnings, and as notices what is
    declared and not applied; then a line that sums up."""
    drift = "Difference" if made.baseline is None else "Drift"
    drifted = [change for change in made.changes if change.drifted]
    declared = [change for change in made.changes if not change.drifted]
    warnings = chain((_change(drift, each) for each in drifted), map(_problem, made.warnings))
    left = list(_left_alone(made))
    notices = chain((_change(THIS_CHANGE, each) for each in declared), left)
    return (
        _commands(ERROR, map(_failure, made.errors), len(made.errors))
        + _commands(WARNING, warnings, len(drifted) + len(made.warnings))
        + _commands(NOTICE, notices, len(declared) + len(left))
        + f"{summary(made)}\n"
    )


def problems(errors: Sequence[Problem], warnings: Sequence[Problem]) -> str:
    """What is wrong with numbers files, each at its place."""
    return _commands(ERROR, map(_problem, errors), len(errors)) + _commands(
        WARNING, map(_problem, warnings), len(warnings)
    )


def _failure(failure: Failure) -> Annotation:
    title = f"{failure.number} could not be planned"
    return Annotation(title, [f"{failure.code}: {failure.message}"])


def _change(what: str, change: Change) -> Annotation:
    name = f" {change.friendly}" if change.friendly else ""
    lines = [_field(field, each, change.drifted) for field, each in change.fields.items()]
    if change.protected:
        lines.append("It is protected, so an apply does not write it.")
    title = f"{what}: {change.number}{name}"
    return Annotation(title, lines, change.source.path, change.source.line)


def _field(name: str, each: FieldChange, among_drift: bool) -> str:
    before, after = sides(each)
    origin = ""
    if each.origin is Origin.BOTH:
        origin = "  (this change declares it, too)"
    elif each.origin is Origin.DECLARED and among_drift:
        origin = "  (this change)"
    return f"{name}: {before} -> {after}{origin}"


def _problem(problem: Problem) -> Annotation:
    at = (problem.path, problem.line, problem.column)
    return Annotation(problem.rule, [problem.message], *at)


def _left_alone(made: Plan) -> Iterator[Annotation]:
    for what, numbers in (
        ("No longer managed", [gone.number for gone in made.gone]),
        ("In no file", made.unmanaged or ()),
    ):
        if numbers:
            named = ", ".join(numbers[:MOST_NAMED])
            more = f" and {len(numbers) - MOST_NAMED:,} more" if len(numbers) > MOST_NAMED else ""
            title = f"{what}: {counted(len(numbers), 'number')}"
            yield Annotation(title, [f"Left as they are: {named}{more}"])


def _commands(kind: str, annotations: Iterable[Annotation], count: int) -> str:
    """All of one kind, or as many as GitHub shows, the last of which counts the others."""
    if count > MOST:
        left = count - MOST + 1
        message = f"GitHub shows {MOST} of a kind in a step; the other formats tell all of them."
        rest = Annotation(f"And {left:,} more", [message])
        annotations = [*islice(annotations, MOST - 1), rest]
    return "".join(_command(kind, each) for each in annotations)


def _command(kind: str, told: Annotation) -> str:
    """::warning file=numbers.yaml,line=12,col=5,title=…::message"""
    properties = {
        "file": inert(told.path),
        "line": str(told.line or ""),
        "col": str(told.column or ""),
        "title": _cut(inert(told.title), LONGEST_TITLE),
    }
    named = ",".join(f"{name}={_property(text)}" for name, text in properties.items() if text)
    message = _cut("\n".join(map(inert, told.message)), LONGEST)
    return f"::{kind} {named}".rstrip() + f"::{_data(message)}\n"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
