"""Where the measuring is done: accounts, servers, and each figure measured once and kept."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import account as accounts
from account import Account
from measure import CommandFailed, Usage, middle, run
from server import sandbox

AT_ONCE = 64
RECONCILER = (sys.executable, "-m", "reconciler")
BARE = (sys.executable, str(Path(__file__).with_name("bare.py")))


class Lab:
    """All figures come from here; asked twice for the same one, it measures once.

    `octodns` is a Python that has octoDNS and requests, None where there is none.
    """

    def __init__(self, folder: Path, *, quick: bool, octodns: str | None) -> None:
        self.folder = folder
        self.quick = quick
        self.octodns = octodns
        self._accounts: dict[int, Account] = {}
        self._figures: dict[tuple[object, ...], Usage] = {}

    def account(self, count: int) -> Account:
        """The files of this many numbers and the database of what is live."""
        if count not in self._accounts:
            made = Account(count, self.folder / str(count))
            accounts.write(made)
            with sandbox(made.live, seed=made.seed):
                pass
            self._accounts[count] = made
        return self._accounts[count]

    def repeats(self, count: int) -> int:
        """How often a thing of this size is measured."""
        return 1 if count >= (10_000 if self.quick else 100_000) else 3

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

    def spent(self, command: Sequence[str], server: Mapping[str, str] | None = None) -> Usage:
        return run(command, environment(server or {})).usage

    def once(self, key: tuple[object, ...], repeats: int, measured: Callable[[], Usage]) -> Usage:
        """The figure of this key, measured where it isn't yet."""
        if key not in self._figures:
            self.say(" ".join(map(str, key)))
            self._figures[key] = middle([measured() for _ in range(repeats)])
        return self._figures[key]

    def say(self, what: str) -> None:
        print(f"... {what}", file=sys.stderr, flush=True)

    def _beside(self, count: int, latency: float, repeats: int | None) -> tuple[Usage, Usage]:
        """Plan and bare client in turns against one server, so that both meet the same machine."""
        keys = ("plan", count, latency), ("bare", count, latency)
        if keys[0] not in self._figures:
            self.say(f"plan of {count:,} at {latency * 1000:g} ms")
            with sandbox(self.account(count).live, latency) as server:
                turns = [self._turn(count, server) for _ in range(repeats or self.repeats(count))]
            for key, usages in zip(keys, zip(*turns, strict=True), strict=True):
                self._figures[key] = middle(usages)
        return self._figures[keys[0]], self._figures[keys[1]]

    def _turn(self, count: int, server: Mapping[str, str]) -> tuple[Usage, Usage]:
        bare = (*BARE, str(accounts.FIRST), str(count), str(AT_ONCE))
        return self._plan(count, server), self.spent(bare, server)

    def _plan(self, count: int, server: Mapping[str, str]) -> Usage:
        made = self.account(count)
        command = (*RECONCILER, "plan", str(made.declared), "-q", "--format", "json")
        ran = run((*command, "--parallelism", str(AT_ONCE)), environment(server))
        summary = json.loads(ran.stdout)["summary"]
        if (summary["numbers"], summary["change"]) != (count, made.differing):
            raise CommandFailed(f"plan found {summary}; {made.differing} of {count} differ.")
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


def environment(server: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")}
    return own | dict(server)
