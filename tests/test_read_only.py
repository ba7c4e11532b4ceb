"""No flag combination of a read-only command ever sends a POST."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import click
import pytest
from harness import Account, Git, Run

from reconciler.cli import cli

READ_ONLY = (
    "validate",
    "plan",
    "drift",
    "export",
    "revert",
    "show",
    "schema",
    "merge",
    "completion",
    "fmt",
    "explain",
)
# Values for the flags that take one; a flag without one here fails the test below.
VALUES = {
    "--target": "+6125550000*",
    "--exclude": "+61255500001",
    "--tag": "sales",
    "--out": "out.json",
    "--shard": "1/1",
    "--max-changes": "100%",
    "--timeout": "5",
    "--parallelism": "2",
    "--retry-for": "5",
    "--max-rate": "500",
    "--fetch": "auto",
    "--format": "json",
    "--sandbox-db": "other.sqlite",
    "--report": "json=report.json",
    "--max-bytes": "4096",
    "--baseline": "HEAD",
    "--changed-since": "HEAD",
    "--into": "numbers.yaml",
    "--field": "Recording",
    "--files": "numbers.yaml",
    "--overlay": "overlay.yaml",
}
# Flags of a command that say nothing without another one.
WITH = {
    ("export", "--field"): ["--into", "numbers.yaml"],
    ("export", "--overlay"): ["--into", "numbers.yaml"],
}
# Flags that would point the command elsewhere, or keep it up.
# tests/test_dask.py holds --dask to the same, tests/test_drift_service.py --every.
ELSEWHERE = {
    "--every",
    "--metrics-port",
    "--notify",
    "--heal",
    "--journal",
    "--dask",
    "--api-url",
    "--account-sid",
    "--token-file",
    "--ca-file",
    "--help",
}
# Flags that do not go together.
APART = (
    {"--all", "--shard"},
    {"--all", "--tag"},
    {"--factor", "--into"},
    {"--factor", "--field"},
    {"--factor", "--overlay"},
)


def flags(command: click.Command) -> list[list[str]]:
    """Each flag of a command, with a value where it takes one."""
    found = []
    for parameter in command.params:
        if not isinstance(parameter, click.Option):
            continue
        name = max(parameter.opts, key=len)
        if name in ELSEWHERE:
            continue
        takes_none = parameter.is_flag or parameter.count
        more = WITH.get((str(command.name), name), [])
        found.append([name] if takes_none else [name, VALUES[name], *more])
    return found


def combinations(name: str) -> list[list[str]]:
    """None, every single flag, every pair, and all of them."""
    each = flags(cli.commands[name])
    chosen = [
        [],
        *([one] for one in each),
        *(list(two) for two in itertools.combinations(each, 2)),
        each,
    ]
    return [[word for flag in together(some) for word in flag] for some in chosen]


def together(some: list[list[str]]) -> list[list[str]]:
    """The flags without those that do not go with one before them."""
    kept: list[list[str]] = []
    for flag in some:
        if not any({flag[0], other[0]} in APART for other in kept):
            kept.append(flag)
    return kept


ARGUMENTS = {
    "show": ["plan.json"],
    "revert": ["plan.json"],
    "merge": ["shard.json"],
    "schema": ["plan"],
    "completion": ["bash"],
    "export": ["+61255500000"],
    "explain": ["+61255500000"],
}


@pytest.mark.parametrize("name", READ_ONLY)
def test_a_read_only_command_never_posts(
    account: Account, git: Git, write: Callable[..., str], reconciler: Run, name: str
) -> None:
    numbers = [f"+6125550000{index}" for index in range(3)]
    account.add(*({"Number": number, "Recording": "Call"} for number in numbers))
    keys = "".join(f"  {number}: {{tags: [sales]}}\n" for number in numbers)
    path = write(f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n{keys}")
    write("version: 1\n", "overlay.yaml")
    git("add", path)
    git("commit", "-qm", "Declare them")
    reconciler("plan", path, "--out", "plan.json")
    reconciler("plan", path, "--shard", "1/1", "--out", "shard.json")
    before = [account.live(number) for number in numbers]
    for combination in combinations(name):
        # Numbers and --all exclude each other.
        whole = name == "export" and "--all" in combination
        arguments = [] if whole else ARGUMENTS.get(name, [path])
        ran = reconciler(name, *arguments, *combination)
        # A sandbox of the command's own has not what is named for export, nor made the plan.
        assert ran.code in (0, 2) or "--sandbox" in combination or "--exclude" in combination, (
            combination,
            ran,
        )
    assert account.stats()["post"] == 0
    assert [account.live(number) for number in numbers] == before
    # What ran against the command's own sandbox was not counted above; nothing was set there.
    assert "Recording" not in reconciler("export", "--all", "--sandbox").out


def test_every_command_is_known_to_be_read_only_or_not() -> None:
    assert set(cli.commands) == {*READ_ONLY, "apply", "sandbox"}
