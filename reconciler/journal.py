"""The record of an apply: what each number was before it was written, and what came of it.

JSON lines, only ever appended, each on the disk before the run goes on. A line that a crash cut
short is passed over on reading, and left as it is.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.errors import InputError, Problem, SetupError
from reconciler.model import Change, FieldChange, Outcome, Plan, Source
from reconciler.secret import hidden

FORMAT_VERSION = 1


class Journal:
    """One run's lines in a file that may hold other runs'. Methods raise SetupError where the
    file fails: what cannot be recorded is not to be written."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._handle = handle
        self._run = uuid.uuid4().hex
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def begin(self, plan: Plan, digest: str) -> None:
        await self._add(
            "begin",
            api_url=plan.api_url,
            account_sid=plan.account_sid,
            plan=digest,
            user=_user(),
            host=socket.gethostname(),
            commit=_commit(),
        )

    async def intend(self, change: Change) -> None:
        """On the disk before the request is sent; sensitive values never get there."""
        secret = change.sensitive
        before = {name: each.before for name, each in change.fields.items()}
        after = {name: each.after for name, each in change.fields.items()}
        await self._add(
            "intent",
            number=change.number,
            before=hidden(before, secret),
            after=hidden(after, secret),
            post=hidden(change.post, secret),
            sensitive=sorted(secret),
            source={"path": change.source.path, "line": change.source.line},
            friendly=change.friendly,
            guards=dict(change.guards),
        )

    async def conclude(self, outcome: Outcome) -> None:
        await self._add(
            "outcome",
            number=outcome.number,
            status=outcome.status.value,
            attempts=outcome.attempts,
            code=outcome.code,
            message=outcome.message,
        )

    async def _add(self, event: str, **what: Any) -> None:
        """Lines that come while others are on their way to the disk go there together."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        line = {
            "format_version": FORMAT_VERSION,
            "at": now,
            "run": self._run,
            "event": event,
            **what,
        }
        written = asyncio.get_running_loop().create_future()
        self._waiting.append(((json.dumps(line) + "\n").encode(), written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._drain())
        await asyncio.shield(written)

    async def _drain(self) -> None:
        while self._waiting:
            lines, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(_write, self._handle, b"".join(line for line, _ in lines))
                failure = None
            except OSError as error:
                failure = SetupError(
                    f"The journal {self._path} cannot be written: {error.strerror}."
                )
            for _, written in lines:
                if failure is None:
                    written.set_result(None)
                elif not written.cancelled():
                    written.set_exception(failure)
        self._writer = None


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    """The journal in a file, made where there is none, readable by its owner alone.

    Raises SetupError, before anything is written to the API.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SetupError(f"The journal {path} cannot be opened: {error.strerror}.") from None
    try:
        if _was_cut(handle):
            _write(handle, b"\n")
        yield Journal(path, handle)
    finally:
        os.close(handle)


def _was_cut(handle: int) -> bool:
    size = os.fstat(handle).st_size
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
    os.fsync(handle)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The last run of a journal that wrote anything; `cut` counts lines that were passed over."""

    api_url: str
    account_sid: str
    changes: tuple[Change, ...]
    cut: int


def read(path: Path) -> Recorded:
    """What the last run in a journal set out to write. Raises InputError where there is none."""
    runs: dict[str, dict[str, Any]] = {}
    changes: dict[str, dict[str, Change]] = {}
    cut = 0
    for line in _lines(path):
        entry = _entry(line)
        if entry is None:
            cut += 1
        elif entry["event"] == "begin":
            runs[entry["run"]] = entry
        elif entry["event"] == "intent":
            # A number that is tried again within a run was first as its first intent says.
            changes.setdefault(entry["run"], {}).setdefault(entry["number"], _change(entry))
    told = [run for run in changes if run in runs]
    if not told:
        raise InputError([Problem(str(path), 1, 1, "no run in this journal has written anything")])
    last = told[-1]
    found = tuple(sorted(changes[last].values(), key=lambda change: change.number))
    return Recorded(runs[last]["api_url"], runs[last]["account_sid"], found, cut)


def is_journal(path: Path) -> bool:
    """Whether a file's first whole line is one of a journal's."""
    return any(_entry(line) is not None for line in _lines(path)[:1])


def _lines(path: Path) -> list[bytes]:
    try:
        return [line for line in path.read_bytes().split(b"\n") if line]
    except OSError as error:
        problem = Problem(str(path), 1, 1, f"this cannot be read: {error.strerror}")
        raise InputError([problem]) from None


def _entry(line: bytes) -> dict[str, Any] | None:
    """A line of a journal, None where it was cut short or is something else."""
    try:
        entry = json.loads(line)
        known = entry["format_version"] == FORMAT_VERSION and entry["event"] and entry["run"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry if known else None


def _change(entry: Mapping[str, Any]) -> Change:
    before, after = entry["before"], entry["after"]
    return Change(
        number=entry["number"],
        fields={name: FieldChange(before[name], after[name]) for name in before},
        post=entry["post"],
        source=Source(**entry["source"]),
        friendly=entry["friendly"],
        guards=entry["guards"],
        sensitive=dict.fromkeys(entry.get("sensitive", ())),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _commit() -> str | None:
    """The commit of the checkout that the run is made in, None outside one."""
    try:
        ran = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip()
