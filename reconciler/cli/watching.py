"""The flags of drift --every, and which of them go together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.cli import applying, options
from reconciler.cli.options import Output, ParamType, option
from reconciler.errors import UsageError

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_TIME = re.compile("".join(f"(?:({_PART}){unit})?" for unit in _UNITS))
_PLAIN = re.compile(_PART)
FORMATS = ("text", "json")


class TimeType(ParamType[float]):
    """90s, 15m, 1h30m, 1d or plain seconds; as seconds."""

    name = "TIME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value)
        found = _TIME.fullmatch(text)
        if _PLAIN.fullmatch(text):
            seconds = float(text)
        elif found:
            parts = zip(found.groups(), _UNITS.values(), strict=True)
            seconds = sum(float(amount) * unit for amount, unit in parts if amount)
        else:
            seconds = 0.0
        if not seconds:
            self.fail(f"{value!r} is no time like 90s, 15m, 1h30m or 1d", param, ctx)
        return seconds


@dataclass(frozen=True, slots=True)
class Watch:
    """How drift is to be watched; `every` is in seconds, and None where one look is all."""

    every: float | None
    metrics_port: int | None
    notify: tuple[str, ...]
    heal: bool
    journal: Path | None


watch = options.gather(
    Watch,
    "watch",
    option(
        "--every",
        type=TimeType(),
        help="Stay up and look again so often, as 15m or 1h30m; one line each time. The flags "
        "below are for this alone.",
    ),
    option(
        "--metrics-port",
        type=click.IntRange(0, 65_535),
        metavar="PORT",
        help="Serve /metrics for Prometheus and /healthz on this port, of every interface; 0 takes "
        "a free one.",
    ),
    option(
        "--notify",
        multiple=True,
        metavar="URL",
        help="Send a message when drift appears, changes or clears, by a URL of Apprise's: Slack, "
        "Teams, e-mail … (repeatable). As it holds a secret, set RECONCILER_NOTIFY rather than "
        "the flag; several URLs there stand apart by a space.",
    ),
    option(
        "--heal",
        is_flag=True,
        help="Write what is declared over what drifted. Left alone: protected numbers, those with "
        "a declared change that waits, and all, where they are more than a run may write.",
    ),
    applying.journal,
)


def refuse(watch: Watch, dask: str | None, output: Output) -> None:
    """Raises UsageError where the flags do not go together."""
    if watch.every is None:
        _refuse_idle()
        return
    if dask is not None:
        raise UsageError("--every looks from this machine alone; leave --dask out.")
    if output.format not in FORMATS:
        raise UsageError(
            f"With --every there is a line each time, as {' or '.join(FORMATS)}; for a whole "
            f"report use --report {output.format}=FILE."
        )
    if watch.journal is not None and not watch.heal:
        raise UsageError("--journal is about what --heal writes; use both or none.")


def _refuse_idle() -> None:
    """What is set in the environment, for a watch, is no mistake where one look is all."""
    for name in ("metrics_port", "notify", "heal", "journal"):
        if options.given(name):
            raise UsageError(f"--{name.replace('_', '-')} is of use with --every only.")
