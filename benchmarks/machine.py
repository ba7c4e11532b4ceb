"""What the figures were measured on: without it they mean nothing."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from measure import run

LIBRARIES = (
    "reconciler",
    "aiohttp",
    "httpx",
    "httpx-aiohttp",
    "click",
    "deepdiff",
    "distributed",
    "jsonschema",
    "phonenumbers",
    "pyyaml",
    "rich",
)


OCTODNS = "from importlib.metadata import version as v; print(v('octodns'), v('requests'))"


def describe(octodns: str | None) -> str:
    """A Markdown list of what matters; `octodns` is a Python that has it."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    libraries = ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu(),
        "cores": f"{len(os.sched_getaffinity(0))} to use, {os.cpu_count()} there",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "system": f"{platform.system()} {platform.release()}",
        "python": python,
        "libraries": libraries,
        "octoDNS": _octodns(octodns),
    }
    return "".join(f"- {name}: {value}\n" for name, value in facts.items())


class Others:
    """How busy the machine is with what is neither this process nor a child of it."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy(), _own()

    def share(self) -> str:
        """Of all cores, since this was made; children count once they have ended."""
        others = max(0.0, (_busy() - self._busy) - (_own() - self._own))
        cores = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return f"{100 * others / cores:.0f} %"


def _busy() -> float:
    """Seconds of CPU that the machine has used, or that its host took from it."""
    try:
        first = Path("/proc/stat").read_text("ascii").partition("\n")[0]
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, _irq, _softirq, stolen = map(int, first.split()[1:9])
    return (user + nice + system + stolen) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _octodns(python: str | None) -> str:
    if python is None:
        return "(not installed)"
    octodns, requests = run((python, "-c", OCTODNS), os.environ).stdout.split()
    return f"{octodns}, with requests {requests}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"
