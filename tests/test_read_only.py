"""No flag combination of a read-only command ever sends a POST."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import click
import pytest
from harness import Account, Run

from reconciler.cli import cli

READ_ONLY = ("validate", "plan", "drift", "export", "revert", "show", "schema", "merge")
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
}
# Flags that would point the command elsewhere.
# tests/test_dask.py holds --dask to the same.
ELSEWHERE = {"--dask", "--api-url", "--account-sid", "--token-file", "--ca-file", "--help"}


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
        found.append([name] if takes_none else [name, VALUES[name]])
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
    return [[word for flag in some for word in flag] for some in chosen]


ARGUMENTS = {
    "show": ["plan.json"],
    "revert": ["plan.json"],
    "merge": ["shard.json"],
    "schema": ["plan"],
    "export": ["+61255500000"],
}


@pytest.mark.parametrize("name", READ_ONLY)
def test_a_read_only_command_never_posts(
    account: Account, write: Callable[..., str], reconciler: Run, name: str
) -> None:
    numbers = [f"+6125550000{index}" for index in range(3)]
    account.add(*({"Number": number, "Recording": "Call"} for number in numbers))
    keys = "".join(f"  {number}: {{tags: [sales]}}\n" for number in numbers)
    path = write(f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n{keys}")
    reconciler("plan", path, "--out", "plan.json")
    reconciler("plan", path, "--shard", "1/1", "--out", "shard.json")
    before = [account.live(number) for number in numbers]
    for combination in combinations(name):
        # Numbers and --all exclude each other.
        arguments = [] if "--all" in combination else ARGUMENTS.get(name, [path])
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
