"""Where the measuring is done: accounts, servers, and each figure measured once and kept."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import account as accounts
from account import Account
from measure import CommandFailed, Usage, middle, run
from server import sandbox

AT_ONCE = 64
RECONCILER = (sys.executable, "-m", "reconciler")
Server = Mapping[str, str]
BARE = (sys.executable, str(Path(__file__).with_name("bare.py")))


class Lab:
    """All figures come from here; asked twice for the same one, it measures once.

    `octodns` is a Python that has octoDNS and requests, None where there is none.
    """

    def __init__(self, folder: Path, *, quick: bool, octodns: str | None) -> None:
        self.folder = folder
        self.quick = quick
        self.octodns = octodns
        self._accounts: dict[tuple[int, tuple[str, ...]], Account] = {}
        self._figures: dict[tuple[object, ...], Usage] = {}

    @property
    def counts(self) -> tuple[int, ...]:
        """The N over which growth is looked at."""
        return (1_000, 10_000) if self.quick else (1_000, 10_000, 100_000)

    @property
    def starts(self) -> int:
        """How often a start-up is measured."""
        return 3 if self.quick else 7

    def account(self, count: int, names: tuple[str, ...] = ()) -> Account:
        """The files of this many numbers and the database of what is live."""
        key = count, names
        if key not in self._accounts:
            made = Account(count, self.folder / f"{count}-{len(names) or 'all'}", names)
            accounts.write(made)
            with sandbox(made.live, seed=made.seed):
                pass
            self._accounts[key] = made
        return self._accounts[key]

    def repeats(self, count: int) -> int:
        """How often a thing of this size is measured."""
        return 1 if count >= (1_000 if self.quick else 100_000) else 3

    def validate(self, count: int, repeats: int | None = None) -> Usage:
        """Load and check the file."""
        command = (*RECONCILER, "validate", str(self.account(count).declared))
        return self.once(
            ("validate", count), repeats or self.repeats(count), lambda: self.spent(command)
        )

    def plan(self, count: int, latency: float, repeats: int | None = None) -> Usage:
        """The plan that the command makes, checked to have found what differs."""
        return self._beside(count, latency, repeats)[0]

    def bare(self, count: int, latency: float) -> Usage:
        """The same requests from a client that does nothing else."""
        return self._beside(count, latency, None)[1]

    def apply(self, count: int, latency: float) -> Usage:
        """Plan and converge, from the same live state each time."""
        return self.once(
            ("apply", count, latency), self.repeats(count), lambda: self._apply(count, latency)
        )

    def help(self, repeats: int) -> Usage:
        return self.once(("help",), repeats, lambda: self.spent((*RECONCILER, "--help")))

    def spent(self, command: Sequence[str], server: Server | None = None) -> Usage:
        return run(command, environment(server or {})).usage

    def once(self, key: tuple[object, ...], repeats: int, measured: Callable[[], Usage]) -> Usage:
        """The figure of this key, measured where it isn't yet."""
        return self.in_turns([key], repeats, nullcontext({}), lambda _server: (measured(),))[0]

    def in_turns(
        self,
        keys: Sequence[tuple[object, ...]],
        repeats: int,
        serving: AbstractContextManager[Server],
        turn: Callable[[Server], Sequence[Usage]],
    ) -> list[Usage]:
        """The figures of these keys, measured in turns against one server where they aren't yet,
        so that all of them meet the same machine."""
        if keys[0] not in self._figures:
            self.say(", ".join(" ".join(map(str, key)) for key in keys))
            with serving as server:
                turns = [turn(server) for _ in range(repeats)]
            for key, usages in zip(keys, zip(*turns, strict=True), strict=True):
                self._figures[key] = middle(usages)
        return [self._figures[key] for key in keys]

    def known(self, *key: object) -> Usage | None:
        """The figure of this key, None where it was not measured."""
        return self._figures.get(key)

    def say(self, what: str) -> None:
        print(f"... {what}", file=sys.stderr, flush=True)

    def _beside(self, count: int, latency: float, repeats: int | None) -> tuple[Usage, Usage]:
        keys = ("plan", count, latency), ("bare", count, latency)
        made = self.account(count)
        bare = (*BARE, str(accounts.FIRST), str(count), str(AT_ONCE))

        def turn(server: Server) -> tuple[Usage, Usage]:
            return self.planned(made, server), self.spent(bare, server)

        serving = sandbox(made.live, latency)
        plan, other = self.in_turns(keys, repeats or self.repeats(count), serving, turn)
        return plan, other

    def planned(self, made: Account, server: Server, *more: str) -> Usage:
        """One plan against this server, checked; `more` are options that win over the usual."""
        ran = run(plan_command(made, *more), environment(server))
        summary = json.loads(ran.stdout)["summary"]
        if (summary["numbers"], summary["change"]) != (made.count, made.differing):
            raise CommandFailed(f"plan found {summary}; {made.differing} of {made.count} differ.")
        return ran.usage

    def _apply(self, count: int, latency: float) -> Usage:
        made = self.account(count)
        db = self.folder / "apply.sqlite"
        shutil.copy(made.live, db)
        command = [*RECONCILER, "apply", str(made.declared), "-q", "--format", "json"]
        command += ["--parallelism", str(AT_ONCE), "--auto-approve", "--max-changes", "100%"]
        with sandbox(db, latency) as server:
            ran = run(command, environment(server))
        if (applied := json.loads(ran.stdout)["summary"]["applied"]) != made.differing:
            raise CommandFailed(f"apply applied {applied}; {made.differing} differ.")
        return ran.usage


def plan_command(made: Account, *more: str) -> tuple[str, ...]:
    command = (*RECONCILER, "plan", str(made.declared), "-q", "--format", "json")
    return (*command, "--parallelism", str(AT_ONCE), *more)


def environment(server: Server) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")}
    return own | dict(server)
