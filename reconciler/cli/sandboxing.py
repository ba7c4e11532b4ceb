"""sandbox: the embedded API in the foreground."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.connect import prepared_db
from reconciler.cli.options import SANDBOX_DB, Finite, option


@click.command()
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8061,
    show_default=True,
    help="The port on loopback; 0 takes a free one.",
)
@option(
    "--db",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SANDBOX_DB,
    show_default=True,
    help="Where its state is kept.",
)
@option(
    "--seed",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A JSON file of numbers as the API gives them, added where they are not known yet.",
)
@option(
    "--latency",
    type=Finite(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Added to every answer.",
)
@option(
    "--fault",
    multiple=True,
    metavar="SPEC",
    help="Misbehave: KIND[:key=value,...], as 429:rate=50 or drop-after:method=POST,times=1 "
    "(repeatable). A KIND that is none is answered with all that there are.",
)
def sandbox(port: int, db: Path, seed: Path | None, latency: float, fault: tuple[str, ...]) -> None:
    """Serve the embedded API on loopback until interrupted.

    It first prints the settings that point reconciler at it.
    """
    from reconciler import sandbox as embedded

    def ready(url: str) -> None:
        click.echo(f"export RECONCILER_API_URL={url}")
        click.echo(f"export RECONCILER_ACCOUNT_SID={embedded.ACCOUNT_SID}")
        click.echo(f"export RECONCILER_TOKEN={embedded.TOKEN}")

    settings = embedded.Settings(
        db=prepared_db(db), seed=seed, port=port, latency=latency, faults=fault
    )
    embedded.serve(settings, ready)
