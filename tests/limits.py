"""Servers that limit, and a client that drives a Pacer against them; all in virtual time."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, TypeVar

import virtual

from reconciler.pace import Pacer, Turn, Verdict

Result = TypeVar("Result")
SENDING = 0.0003  # seconds of CPU for one request: the client sends them one after another


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """asyncio.run, in virtual time."""
    return virtual.run(main)[0]


class Server(Protocol):
    """Any limit."""

    def ask(self, now: float, /) -> float | None:
        """None where the request is served, else the seconds until one would be."""


@dataclass
class Bucket:
    """`rate` tokens a second, at most `burst` of them kept."""

    rate: float
    burst: float
    tokens: float = math.inf
    last: float = 0.0

    def ask(self, now: float) -> float | None:
        self.tokens = min(self.burst, self.tokens + (now - self.last) * self.rate)
        self.last = now
        if self.tokens < 1 - 1e-9:
            return (1 - self.tokens) / self.rate
        self.tokens -= 1
        return None


@dataclass
class Window:
    """`limit` in every `seconds` by the server's clock, which is `offset` ahead of ours."""

    limit: int
    offset: float = 0.0
    seconds: float = 1.0
    window: int = -1
    served: int = 0

    def ask(self, now: float) -> float | None:
        window = math.floor((now + self.offset) / self.seconds)
        if window != self.window:
            self.window, self.served = window, 0
        if self.served >= self.limit:
            return (window + 1) * self.seconds - now - self.offset
        self.served += 1
        return None


@dataclass
class Sliding:
    """`limit` in any `seconds`."""

    limit: int
    seconds: float = 1.0
    log: deque[float] = field(default_factory=deque)

    def ask(self, now: float) -> float | None:
        while self.log and self.log[0] <= now - self.seconds:
            self.log.popleft()
        if len(self.log) >= self.limit:
            return self.log[0] + self.seconds - now
        self.log.append(now)
        return None


@dataclass
class Both:
    """Two limits at once; what one of them refuses may still count for the other."""

    one: Server
    other: Server

    def ask(self, now: float) -> float | None:
        waits = [wait for limit in (self.one, self.other) if (wait := limit.ask(now)) is not None]
        return max(waits, default=None)


@dataclass
class Changing:
    """One limit until `moment`, another from then on."""

    before: Server
    after: Server
    moment: float

    def ask(self, now: float) -> float | None:
        return (self.before if now < self.moment else self.after).ask(now)


class Unlimited:
    def ask(self, _now: float) -> float | None:
        return None


@dataclass
class Down:
    """Refuses all from `begin` to `end`."""

    begin: float
    end: float

    def ask(self, now: float) -> float | None:
        return self.end - now if self.begin <= now < self.end else None


@dataclass
class Flaky:
    """Fails at random."""

    share: float
    random: Random = field(default_factory=lambda: Random(1))

    def ask(self, _now: float) -> float | None:
        return 0.0 if self.random.random() < self.share else None


@dataclass
class Crowded:
    """Refuses while `limit` requests are under way. The one server that is told of answers."""

    limit: int
    under_way: int = 0

    def ask(self, _now: float) -> float | None:
        if self.under_way >= self.limit:
            return 0.0
        self.under_way += 1
        return None

    def answered(self) -> None:
        self.under_way -= 1


Told = Callable[[float, float], float | None]


def nothing(_wait: float, _now: float) -> None:
    """No Retry-After."""


def seconds(wait: float, _now: float) -> float:
    """Retry-After in whole seconds, rounded up."""
    return math.ceil(wait)


def date(wait: float, now: float) -> float:
    """Retry-After as a date, which has whole seconds, by a clock that is 0.37 s ahead."""
    return math.ceil(now + 0.37 + wait) - (now + 0.37)


@dataclass
class Log:
    """What came of a run."""

    started: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    refused: int = 0
    most_tries: int = 0
    most_at_once: int = 0

    @property
    def end(self) -> float:
        return self.served[-1]

    @property
    def share_refused(self) -> float:
        return self.refused / len(self.started)

    def rate(self, begin: float, end: float) -> float:
        """Served a second between two moments."""
        return sum(begin <= moment < end for moment in self.served) / (end - begin)


@dataclass
class Client:
    """Works off numbers as a run does: `workers` coroutines, each number until it is served."""

    pacer: Pacer
    server: Server
    latency: float = 0.05
    told: Told = nothing
    failing: Verdict = Verdict.REFUSED
    sending: float = SENDING
    until: float = math.inf
    log: Log = field(default_factory=Log)

    async def work_off(self, numbers: int, workers: int = 64) -> Log:
        self._line = asyncio.Lock()
        self._under_way = 0
        todo = iter(range(numbers))
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work(todo))
        return self.log

    async def _work(self, todo: Iterator[int]) -> None:
        for _ in todo:
            tries = 1
            while not await self._served():
                tries += 1
            self.log.most_tries = max(self.log.most_tries, tries)
            if asyncio.get_running_loop().time() >= self.until:
                return

    async def _served(self) -> bool:
        turn = await self.pacer.enter()
        with self._counted(turn):
            wait = await self._ask()
        now = asyncio.get_running_loop().time()
        if wait is None:
            self.log.served.append(now)
            self.pacer.leave(turn, Verdict.WELL)
            return True
        self.log.refused += 1
        self.pacer.leave(turn, self.failing, self.told(wait, now))
        return False

    @contextmanager
    def _counted(self, turn: Turn) -> Iterator[None]:
        self.log.started.append(turn.began)
        self._under_way += 1
        self.log.most_at_once = max(self.log.most_at_once, self._under_way)
        yield
        self._under_way -= 1

    async def _ask(self) -> float | None:
        """The request itself: sent in its turn, half the latency either way."""
        if self.sending:
            async with self._line:
                await asyncio.sleep(self.sending)
        await asyncio.sleep(self.latency / 2)
        wait = self.server.ask(asyncio.get_running_loop().time())
        await asyncio.sleep(self.latency / 2)
        if wait is None and isinstance(self.server, Crowded):
            self.server.answered()
        return wait


def work_off(numbers: int, server: Server, **how: Any) -> Log:
    """A whole run, with a Pacer of 64 at once unless told otherwise."""
    pacer = how.pop("pacer", None) or Pacer(64)
    return run(Client(pacer, server, **how).work_off(numbers))
