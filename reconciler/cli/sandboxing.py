"""sandbox: the embedded API in the foreground."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import run
from reconciler.cli.options import SANDBOX_DB, option


@click.command()
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8061,
    show_default=True,
    envvar=None,
    help="The port on loopback; 0 takes a free one.",
)
@option(
    "--db",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SANDBOX_DB,
    show_default=True,
    envvar="RECONCILER_SANDBOX_DB",
    help="Where its state is kept.",
)
@option(
    "--seed",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=None,
    help="A JSON file of numbers as the API gives them, added where they are not known yet.",
)
@option(
    "--latency",
    type=click.FloatRange(min=0),
    default=0.0,
    envvar=None,
    metavar="SECONDS",
    help="Added to every answer.",
)
def sandbox(port: int, db: Path, seed: Path | None, latency: float) -> None:
    """Serve the embedded API on loopback until interrupted.

    It first prints the settings that point reconciler at it.
    """
    from reconciler import sandbox as embedded

    def ready(url: str) -> None:
        click.echo(f"export RECONCILER_API_URL={url}")
        click.echo(f"export RECONCILER_ACCOUNT_SID={embedded.ACCOUNT_SID}")
        click.echo(f"export RECONCILER_TOKEN={embedded.TOKEN}")

    settings = embedded.Settings(db=run.prepared_db(db), seed=seed, port=port, latency=latency)
    embedded.serve(settings, ready)
