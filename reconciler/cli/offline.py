"""validate, show and schema: the commands that need no API and no credentials."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from reconciler import schema as schemas
from reconciler.cli import options, reports, run, screen
from reconciler.cli.connect import plan_key
from reconciler.cli.options import Output
from reconciler.errors import InputError, UsageError


@click.command()
@options.paths
@options.overlay
@options.strict
@options.output(*options.PROBLEM_FORMATS)
def validate(
    paths: tuple[str, ...], overlay: tuple[str, ...], strict: bool, output: Output
) -> None:
    """Check numbers files, offline."""
    from reconciler import document

    reports.refuse(output, [*document.search(paths)[0], *map(Path, overlay)])
    try:
        declared = run.load(paths, overlay, strict)
    except InputError as error:
        reports.problems(error.problems, (), {}, output)
        raise
    counts = {"numbers": len(declared.numbers), "files": len(declared.sources)}
    reports.problems((), declared.warnings, counts, output)


@click.command()
@click.argument("file", metavar="PLAN", type=click.Path(path_type=Path))
@options.output(*options.PLAN_FORMATS)
def show(file: Path, output: Output) -> None:
    """Show a saved plan or result."""
    from reconciler import planfile
    from reconciler.model import Plan

    reports.refuse(output, [file])
    saved = planfile.load(file, plan_key())
    # What is only looked at again is no part of a workflow's outcome.
    output = replace(output, no_ci=True)
    if isinstance(saved, Plan):
        if output.format == "text":
            for warning in saved.warnings:
                screen.tell(run.warned(warning))
        reports.plan(saved, output)
    else:
        _refuse_plan_formats(output)
        reports.result(saved, output, on_stdout=True)


def _refuse_plan_formats(output: Output) -> None:
    asked = [output.format, *(report.format for report in output.report)]
    for form in asked:
        if form not in options.RESULT_FORMATS:
            formats = ", ".join(options.RESULT_FORMATS)
            raise UsageError(f"A result cannot be shown as {form}; its formats: {formats}.")


@click.command()
@click.argument("name", type=click.Choice(schemas.NAMES))
def schema(name: str) -> None:
    """Print one of the JSON Schemas."""
    screen.emit(schemas.text(name))
