"""What a command loads before it does anything: the heavy libraries wait until they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = [
    "aiohttp",
    "apprise",
    "asyncio",
    "deepdiff",
    "distributed",
    "httpx",
    "jsonschema",
    "phonenumbers",
    "prometheus_client",
    "rich",
    "ruamel.yaml",
    "sqlite3",
    "yaml",
]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["plan", "--help"],
        ["drift", "--help"],
        ["explain", "--help"],
        ["--version"],
        ["schema", "plan"],
    ],
)
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    code = (
        "import sys, atexit\n"
        f"loaded = lambda: [name for name in {HEAVY!r} if name in sys.modules]\n"
        "atexit.register(lambda: print(loaded(), file=sys.stderr))\n"
        f"sys.argv = ['reconciler', *{arguments!r}]\n"
        "from reconciler.cli import main\nmain()\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == "[]\n"


def test_validating_needs_no_http_library() -> None:
    code = (
        "import sys\nfrom reconciler import desired\n"
        "desired.load(['examples/numbers.yaml'])\n"
        "print([m for m in ('httpx', 'aiohttp', 'deepdiff', 'rich') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
