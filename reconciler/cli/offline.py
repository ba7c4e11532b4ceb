"""validate, show and schema: the commands that need no API and no credentials."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from reconciler import schema as schemas
from reconciler.cli import options, run, screen
from reconciler.cli.connect import plan_key
from reconciler.cli.options import Output
from reconciler.errors import InputError, Problem
from reconciler.words import counted


@click.command()
@options.paths
@options.strict
@options.output
def validate(paths: tuple[str, ...], strict: bool, output: Output) -> None:
    """Check numbers files, offline."""
    try:
        declared = run.load(paths, strict)
    except InputError as error:
        if output.format == "json":
            _emit_problems(errors=error.problems)
        raise
    numbers, files = len(declared.numbers), len(declared.sources)
    if output.format == "json":
        _emit_problems(warnings=declared.warnings, numbers=numbers, files=files)
    else:
        screen.emit(f"Valid: {counted(numbers, 'number')} in {counted(files, 'file')}.\n")


def _emit_problems(
    errors: Sequence[Problem] = (),
    warnings: Sequence[Problem] = (),
    **counts: int,
) -> None:
    told = {
        "valid": not errors,
        **counts,
        "errors": [asdict(error) for error in errors],
        "warnings": [asdict(warning) for warning in warnings],
    }
    screen.emit(json.dumps(told, indent=2) + "\n")


@click.command()
@click.argument("file", metavar="PLAN", type=click.Path(path_type=Path))
@options.output
def show(file: Path, output: Output) -> None:
    """Show a saved plan or result."""
    from reconciler import planfile
    from reconciler.model import Plan
    from reconciler.render import json as as_json
    from reconciler.render import text

    saved = planfile.load(file, plan_key())
    color = screen.colored(output)
    if output.format == "json":
        told = as_json.plan(saved, plan_key()) if isinstance(saved, Plan) else as_json.result(saved)
    elif isinstance(saved, Plan):
        told = text.plan(saved, color=color)
    else:
        told = text.result(saved, color=color)
    if isinstance(saved, Plan) and output.format == "text":
        for warning in saved.warnings:
            screen.tell(run.warned(warning))
    screen.emit(told)


@click.command()
@click.argument("name", type=click.Choice(schemas.NAMES))
def schema(name: str) -> None:
    """Print one of the JSON Schemas."""
    screen.emit(schemas.text(name))
