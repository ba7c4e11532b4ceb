"""The case of octoDNS: the same numbers, the same API, its own manager. See octodns_provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import account as accounts
from account import Account
from lab import Lab, environment
from measure import CommandFailed, Usage, run
from server import sandbox
from table import Row

A_ZONE = 10
DOMAIN = "numbers.example."
PROVIDER = Path(__file__).with_name("octodns_provider.py")


def beside_octodns(lab: Lab) -> list[Row]:
    """Plan, beside octoDNS

    octoDNS compares what is declared with what is live as reconciler does, but for DNS records.
    Here it is given a provider for this API: a TXT record is a number, a zone is 10 numbers so
    that its threads, one for each zone, are all at work, and its manager plans with 10 and with
    64 of them. Ratios are octoDNS's figures divided by reconciler's.
    """
    if lab.octodns is None:
        return [{"what": "octodns is not installed; see --octodns"}]
    counts = (1_000,) if lab.quick else (1_000, 10_000)
    at = [(count, latency) for latency in (0.0, 0.05) for count in counts]
    return [row for count, latency in at for row in _rows(lab, lab.octodns, count, latency)]


def _rows(lab: Lab, python: str, count: int, latency: float) -> Iterator[Row]:
    ours = lab.plan(count, latency)
    yield _row("reconciler, 64 at once", count, latency, ours)
    for workers in (10, 64):
        usage = _plan(lab, python, count, latency, workers)
        row = _row(f"octoDNS, {workers} workers", count, latency, usage)
        yield {**row, "wall ratio": usage.wall / ours.wall, "CPU ratio": usage.cpu / ours.cpu}


def _row(what: str, count: int, latency: float, usage: Usage) -> Row:
    return {
        "what": f"{what}, {latency * 1000:g} ms",
        "numbers": count,
        "wall s": usage.wall,
        "CPU s per 1,000": usage.cpu / count * 1000,
        "peak MB": usage.peak,
    }


def _plan(lab: Lab, python: str, count: int, latency: float, workers: int) -> Usage:
    made = lab.account(count)
    config = _configured(made, workers)

    def once() -> Usage:
        with sandbox(made.live, latency) as server:
            ran = run((python, str(PROVIDER), str(config)), environment(server))
        plans = json.loads(ran.stdout)["live"].values()
        if (changes := sum(len(plan["changes"]) for plan in plans)) != made.differing:
            raise CommandFailed(f"octoDNS found {changes} changes; {made.differing} differ.")
        return ran.usage

    return lab.once(("octoDNS", count, latency, workers), 1 if latency else 3, once)


def _configured(made: Account, workers: int) -> Path:
    """The manager's configuration for this account; the zones are written where they lack."""
    zones = made.folder / "zones"
    if not zones.exists():
        _write_zones(made, zones)
    config = made.folder / f"octodns-{workers}.yaml"
    source = {"class": "octodns.provider.yaml.YamlProvider", "directory": str(zones)}
    target = {"class": "octodns_provider.NumbersProvider", "a_zone": A_ZONE, "at_once": workers}
    told = {
        "manager": {
            "max_workers": workers,
            "plan_outputs": {"json": {"class": "octodns.provider.plan.PlanJson"}},
        },
        "providers": {"declared": {**source, "enforce_order": False}, "live": target},
        "zones": {
            _zone(first): {"sources": ["declared"], "targets": ["live"]} for first in _firsts(made)
        },
    }
    config.write_text(json.dumps(told), "utf-8")
    return config


def _write_zones(made: Account, zones: Path) -> None:
    zones.mkdir()
    for first in _firsts(made):
        lines = (_record(place) for place in range(first, first + A_ZONE))
        (zones / f"{_zone(first)}yaml").write_text("".join(lines), "utf-8")


def _record(place: int) -> str:
    values = [f"{name}={value}" for name, value in accounts.fields(place).items()]
    data = {"type": "TXT", "ttl": 300, "values": values}
    return f"'{accounts.FIRST + place}': {json.dumps(data)}\n"


def _zone(first: int) -> str:
    return f"{accounts.FIRST + first}.{DOMAIN}"


def _firsts(made: Account) -> range:
    return range(0, made.count, A_ZONE)
