"""validate, show and schema: the commands that need no API and no credentials."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from reconciler import schema as schemas
from reconciler.cli import options, run
from reconciler.cli.options import Output
from reconciler.words import counted


@click.command()
@options.paths
@options.strict
@options.output
def validate(paths: tuple[str, ...], strict: bool, output: Output) -> None:
    """Check numbers files, offline."""
    declared = run.load(paths, strict)
    if output.format == "json":
        told = {
            "files": len(declared.sources),
            "numbers": len(declared.numbers),
            "warnings": [asdict(warning) for warning in declared.warnings],
        }
        click.echo(json.dumps(told, indent=2))
        return
    numbers, files = len(declared.numbers), len(declared.sources)
    click.echo(f"Valid: {counted(numbers, 'number')} in {counted(files, 'file')}.")


@click.command()
@click.argument("file", metavar="PLAN", type=click.Path(path_type=Path))
@options.output
def show(file: Path, output: Output) -> None:
    """Show a saved plan or result."""
    from reconciler import planfile
    from reconciler.model import Plan
    from reconciler.render import json as as_json
    from reconciler.render import text

    saved = planfile.load(file, run.plan_key())
    color = run.colored(output)
    if output.format == "json":
        told = (
            as_json.plan(saved, run.plan_key())
            if isinstance(saved, Plan)
            else as_json.result(saved)
        )
    elif isinstance(saved, Plan):
        told = text.plan(saved, color=color)
    else:
        told = text.result(saved, color=color)
    click.echo(told, nl=False, color=True)


@click.command()
@click.argument("name", type=click.Choice(schemas.NAMES))
def schema(name: str) -> None:
    """Print one of the JSON Schemas."""
    click.echo(schemas.text(name), nl=False)
