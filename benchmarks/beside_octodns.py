"""The case of octoDNS: the same numbers, the same API, its own manager. See octodns_provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import account as accounts
from account import Account
from lab import Lab, Server, environment
from measure import CommandFailed, Usage, run
from server import sandbox
from table import Row

A_ZONE = 10
WORKERS = (10, 64)
LITTLE = 1_000
DOMAIN = "numbers.example."
PROVIDER = Path(__file__).with_name("octodns_provider.py")


def beside_octodns(lab: Lab) -> list[Row]:
    """Plan, beside octoDNS

    octoDNS compares what is declared with what is live as reconciler does, but for DNS records.
    Here it is given a provider for this API: a TXT record is a number, a zone is 10 numbers so
    that its threads, one for each zone, are all at work, and its manager plans with 10 and with
    64 of them. Its plans and reconciler's take turns against one server. Ratios are octoDNS's
    figures divided by reconciler's.
    """
    if lab.octodns is None:
        return [{"what": "octodns is not installed; see --octodns"}]
    counts = (LITTLE,) if lab.quick else (LITTLE, 10_000)
    at = [(count, latency) for latency in (0.0, 0.05) for count in counts]
    return [row for count, latency in at for row in _rows(lab, lab.octodns, count, latency)]


def _rows(lab: Lab, python: str, count: int, latency: float) -> Iterator[Row]:
    ours, *theirs = in_turns(lab, python, count, latency)
    yield _row("reconciler, 64 at once", count, latency, ours)
    for workers, usage in zip(WORKERS, theirs, strict=True):
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


def in_turns(lab: Lab, python: str, count: int, latency: float) -> list[Usage]:
    """Our plan, then octoDNS's with each number of WORKERS: in turns, against one server."""
    made = lab.account(count)
    configs = [_configured(made, workers) for workers in WORKERS]

    def turn(server: Server) -> list[Usage]:
        theirs = [_planned(made, server, python, config) for config in configs]
        return [lab.planned(made, server), *theirs]

    keys: list[tuple[object, ...]] = [("plan beside octoDNS", count, latency)]
    keys += [("octoDNS", count, latency, workers) for workers in WORKERS]
    repeats = 1 if latency and count > LITTLE else lab.repeats(count)
    return lab.in_turns(keys, repeats, sandbox(made.live, latency), turn)


def _planned(made: Account, server: Server, python: str, config: Path) -> Usage:
    ran = run((python, str(PROVIDER), str(config)), environment(server))
    plans = json.loads(ran.stdout)["live"].values()
    if (changes := sum(len(plan["changes"]) for plan in plans)) != made.differing:
        raise CommandFailed(f"octoDNS found {changes} changes; {made.differing} differ.")
    return ran.usage


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
