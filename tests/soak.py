"""Minutes of applies, drifts, edits by others, kills and faults; nothing may be lost.

    python tests/soak.py [--minutes N] [--seed N] [--numbers N]

Each round drifts a part of an account, declares something else of it, applies that by the command
line while faults strike, another hand edits, and now and then a signal comes; checks what is live
against what was shown and said; and goes on without faults until all is as declared and one more
apply sends nothing. Ends with 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from harness import Account
from soak_faults import drawn
from soak_hand import Hand

Numbers = dict[str, dict[str, str]]

SAY_EVERY = 30.0
LONGEST = 120.0  # seconds that one command may take: by then it hangs
GOOD = {"applied", "already_in_place", "protected"}
FLAGS = ["--format", "json", "-q", "--timeout", "0.5", "--retry-for", "1"]
WRITE = ["--auto-approve", "--max-changes", "100%", "--journal", "j.jsonl"]
TO = [f"+6149157{index:04}" for index in range(10)]


class Soak:
    """One account, one file, and what has been counted over all rounds so far."""

    def __init__(self, account: Account, folder: Path, count: int, seed: int) -> None:
        self.account, self.folder, self.random = account, folder, Random(seed)
        self.numbers = [f"+6125551{index:04}" for index in range(count)]
        self.desired: Numbers = {}
        self.protected: set[str] = set()
        self.rounds = self.handled = self.requests = 0
        self.faults: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.lost: list[str] = []
        self.unsaid = 0
        account.add(*({"Number": number, "AddressSid": "kept"} for number in self.numbers))

    def line(self) -> str:
        ends = ", ".join(f"{how} {count}" for how, count in sorted(self.ends.items()))
        return (
            f"{self.rounds} rounds, {self.handled:,} numbers, {self.requests:,} requests, "
            f"{self.faults.total():,} faults, {self.ends['SIGKILL']} kills ({ends}), "
            f"{self.unsaid} written in doubt unsaid, lost = {len(self.lost)}"
        )

    def round(self) -> None:
        self.rounds += 1
        self._declare()
        self._drift()
        path = "numbers.yaml"
        if self.random.random() < 0.4:
            path = "plan.json"
            self._run("plan", "numbers.yaml", "--out", path, code={0})
            self._drift(share=0.05)
        self._struck(path)
        self._heal()

    # What happens.

    def _declare(self) -> None:
        fields = ("Friendly", "Recording", "SendSmsTo", "Attribution_Source")
        for number in self.random.sample(self.numbers, len(self.numbers) // 2):
            some = self.random.sample(fields, self.random.randint(1, 3))
            self.desired[number] = {name: self._value(name) for name in some}
        self.protected = set(self.random.sample(sorted(self.desired), 2))
        lines = ["version: 1", "numbers:"]
        for number, wanted in sorted(self.desired.items()):
            lines.append(f"  {number}:")
            lines += [f"    {name}: {json.dumps(value)}" for name, value in wanted.items()]
            lines += ["    protect: true"] if number in self.protected else []
        (self.folder / "numbers.yaml").write_text("\n".join(lines) + "\n", "utf-8")

    def _value(self, name: str) -> str:
        """Something to declare; the empty text clears."""
        if name == "Recording":
            return self.random.choice(["Off", "Call"])
        if name == "SendSmsTo":
            return self.random.choice([*TO, ""])
        return self.random.choice(["Sales", "::error::", "\u202eevil", "x" * 200, "0412", ""])

    def _drift(self, share: float = 0.2) -> None:
        """Somebody changes what is declared."""
        for number in self.random.sample(sorted(self.desired), int(share * len(self.desired))):
            name = self.random.choice(sorted(self.desired[number]))
            value = {"Recording": self.random.choice(["Off", "Call"]), "SendSmsTo": TO[0]}
            self.account.edit(number, **{name: value.get(name, f"drift {self.rounds}")})

    def _struck(self, path: str) -> None:
        """One apply with all that may happen to it."""
        before = self._live()
        shown = self._shown(path, before)
        specs = drawn(self.random)
        signal = self.random.choice(["", "", "", "SIGKILL", "SIGTERM"])
        posts = self.random.randint(1, 1 + len(shown) // 2)
        self.account.forget_stats()
        self.account.faults(*specs)
        with Hand(self.account, sorted(self.desired), self.random, on=path) as hand:
            ran = self._started("apply", path, *WRITE, signal=signal, posts=posts)
        self._count()
        self.account.no_faults()
        self._until_quiet()
        told = f"round {self.rounds}, {path}, {specs}, {signal or 'no signal'}"
        self._check_live(before, shown, hand, told)
        self._check_said(ran, before, hand, told)

    def _heal(self) -> None:
        """With nothing wrong, the same command ends well, and once more sends nothing."""
        self._run("apply", "numbers.yaml", *WRITE, code={0, 3})
        live = self._live()
        for number in self.desired.keys() - self.protected:
            if not self._is(number, self.desired[number], live):
                self._lose(f"round {self.rounds}: {number} is not as declared: {live[number]}")
        self.account.forget_stats()
        self._run("apply", "numbers.yaml", *WRITE, code={0, 3})
        if self.account.stats()["post"]:
            self._lose(f"round {self.rounds}: the second run sent something")
        self._count()

    # What must hold.

    def _check_live(self, before: Numbers, shown: Numbers, hand: Hand, told: str) -> None:
        """Each live change is one that the plan showed or that the other hand made."""
        for number, now in self._live().items():
            was = before[number]
            for name in was.keys() | now.keys():
                value = now.get(name, "")
                if value in (was.get(name, ""), *hand.values(number, name)):
                    continue
                if number in self.protected or shown.get(number, {}).get(name) != value:
                    self._lose(f"{told}: {number} {name} became {value!r}, which no plan showed")
            if (mark := hand.mark(number)) and now.get("Attribution_Content") != mark:
                self._lose(f"{told}: what another set on {number} is gone")

    def _check_said(
        self, ran: subprocess.CompletedProcess[str], before: Numbers, hand: Hand, told: str
    ) -> None:
        if "Traceback" in ran.stderr:
            self._lose(f"{told}: {ran.stderr}")
        if ran.returncode < 0 or not ran.stdout:
            if ran.returncode not in (-9, 1, 3, 130):
                self._lose(f"{told}: ended with {ran.returncode}, saying {ran.stderr}")
            return
        results = json.loads(ran.stdout)["results"]
        self.handled += len(results)
        live = self._live()
        for result in results:
            self._check_one(result, before, live, hand, told)
        good = all(result["status"] in GOOD for result in results)
        if ran.returncode != 130 and (ran.returncode == 0) != (good and ran.returncode != 3):
            self._lose(f"{told}: ended with {ran.returncode}, though good is {good}")

    def _check_one(
        self, result: dict[str, Any], before: Numbers, live: Numbers, hand: Hand, told: str
    ) -> None:
        number, message = result["number"], result.get("message") or ""
        if hand.touched(number):
            return
        if result["status"] == "applied":
            if not self._is(number, result["posted"], live):
                self._lose(f"{told}: {number} is applied, and shows {live[number]}")
        elif live[number] != before[number] and result["status"] != "not_converged":
            self.unsaid += "not known" not in message

    def _is(self, number: str, wanted: dict[str, str], live: Numbers) -> bool:
        return all(live[number].get(name, "") == value for name, value in wanted.items())

    def _lose(self, what: str) -> None:
        self.lost.append(what)
        print(f"LOST: {what}", flush=True)

    # How it is done.

    def _shown(self, path: str, live: Numbers) -> Numbers:
        """What the plan shows; that of a direct apply is what differs now."""
        if path == "plan.json":
            changes = json.loads((self.folder / path).read_bytes())["changes"]
            return {change["number"]: change["post"] for change in changes}
        return {
            number: {name: to for name, to in wanted.items() if live[number].get(name, "") != to}
            for number, wanted in self.desired.items()
        }

    def _live(self) -> Numbers:
        """A phone number may come without its plus; the plus is put back."""
        found = {number: self.account.live(number) for number in self.numbers}
        for live in found.values():
            if "SendSmsTo" in live:
                live["SendSmsTo"] = "+" + live["SendSmsTo"].removeprefix("+")
        return found

    def _until_quiet(self) -> None:
        """Until no POST is on its way any more, however late."""
        while (now := self.account.stats())["total"] > sum(now["status"].values()):
            pass

    def _count(self) -> None:
        counted = self.account.stats()
        self.requests += counted["total"]
        self.faults.update({kind: n for kind, n in counted["faults"].items() if kind != "total"})

    def _run(self, *arguments: str, code: set[int]) -> None:
        self.account.forget_stats()
        ran = self._started(*arguments)
        if ran.returncode not in code or "Traceback" in ran.stderr:
            told = f"{ran.returncode}: {ran.stderr} {ran.stdout[-2000:]}"
            self._lose(f"round {self.rounds}: {arguments} ended with {told}")

    def _started(
        self, *arguments: str, signal: str = "", posts: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command; `signal` comes once so many POSTs have reached the server."""
        command = [sys.executable, "-m", "reconciler", *arguments, *FLAGS]
        with subprocess.Popen(
            command, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            if signal:
                while process.poll() is None and self.account.stats()["post"] < posts:
                    pass
                process.kill() if signal == "SIGKILL" else process.terminate()
            try:
                out, err = process.communicate(timeout=LONGEST)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                self._lose(f"round {self.rounds}: {arguments} hangs: {err}")
        self.ends["SIGKILL" if process.returncode == -9 else f"exit {process.returncode}"] += 1
        return subprocess.CompletedProcess(command, process.returncode, out, err)


@contextmanager
def served(folder: Path) -> Iterator[Account]:
    """The embedded API in a process of its own, and the environment that points there."""
    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--db", "soak.sqlite"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for _ in range(3):
                name, _, value = process.stdout.readline().split()[1].partition("=")
                os.environ[name] = value
            yield Account(os.environ["RECONCILER_API_URL"])
        finally:
            process.terminate()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--numbers", type=int, default=100)
    options.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    told = options.parse_args()
    began = said = time.monotonic()
    print(f"seed {told.seed}", flush=True)
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as account:
        soak = Soak(account, Path(name), told.numbers, told.seed)
        while time.monotonic() - began < 60 * told.minutes:
            soak.round()
            if time.monotonic() - said >= SAY_EVERY:
                said = time.monotonic()
                print(f"{said - began:4.0f} s: {soak.line()}", flush=True)
    print(f"{time.monotonic() - began:4.0f} s: {soak.line()}")
    print("faults: " + ", ".join(f"{kind} {n:,}" for kind, n in sorted(soak.faults.items())))
    print(f"lost = {len(soak.lost)}")
    return 1 if soak.lost else 0


if __name__ == "__main__":
    sys.exit(main())
