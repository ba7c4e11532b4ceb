"""The watch's metrics and its health over HTTP: the one importer of prometheus_client."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from reconciler.errors import SetupError
from reconciler.watch import Round, Verdict, by_field, waiting

# When a counter was made is nobody's question here, and twice as many series.
disable_created_metrics()


class Metrics:
    """What the rounds found. A failed round leaves the counts as they were: see the timestamp."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._managed = self._gauge("numbers_managed", "Numbers that were looked at.")
        self._drifted = self._gauge(
            "numbers_drifted", "Numbers that were drifted when the last round ended."
        )
        self._waiting = self._gauge(
            "numbers_waiting", "Numbers with a declared change that nobody has applied yet."
        )
        self._unreadable = self._gauge("numbers_unreadable", "Numbers that could not be read.")
        self._fields = self._gauge(
            "fields_drifted", "Numbers that were drifted in this field.", "field"
        )
        self._seconds = self._gauge("round_seconds", "How long the last round took.")
        self._success = self._gauge(
            "last_success_timestamp_seconds",
            "When a round last read every number, in Unix time; 0 where none has.",
        )
        self._rounds = self._counter("rounds", "Rounds, by what they amounted to.", "outcome")
        self._healed = self._counter("healed", "Numbers that were healed.")
        self._seen: set[str] = set()
        for verdict in Verdict:
            self._rounds.labels(verdict.value)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"reconciler_{name}", says, labels, registry=self.registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"reconciler_{name}", says, labels, registry=self.registry)

    def record(self, round_: Round) -> None:
        self._rounds.labels(round_.verdict.value).inc()
        self._seconds.set(round_.seconds)
        self._healed.inc(len(round_.healed))
        if round_.plan is None:
            return
        left = round_.left
        self._managed.set(round_.plan.numbers)
        self._drifted.set(len(left))
        self._waiting.set(waiting(round_.plan))
        self._unreadable.set(len(round_.plan.errors))
        fields = by_field(left)
        # A field that no longer drifts goes to 0: a series that only ends hides that it did.
        self._seen |= fields.keys()
        for name in self._seen:
            self._fields.labels(name).set(fields.get(name, 0))
        if round_.verdict is not Verdict.FAILED:
            self._success.set_to_current_time()


class Pulse:
    """Whether the watch goes on: something has happened within the last `patience` seconds.

    A round that fails is something, too: an API that is down is no reason to restart the watch.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self.beat()

    def beat(self) -> None:
        self._last = self._clock()

    @property
    def still(self) -> float | None:
        """For how many seconds nothing has happened, None where all is well."""
        since = self._clock() - self._last
        return since if since > self._patience else None


@asynccontextmanager
async def served(metrics: Metrics, pulse: Pulse, port: int) -> AsyncIterator[int]:
    """Serves /metrics and /healthz on every interface, as whoever asks is another machine; yields
    the port, a free one for 0. Raises SetupError where it is taken."""

    async def show(request: web.Request) -> web.Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(metrics.registry), headers={"Content-Type": kind})

    async def health(_: web.Request) -> web.Response:
        if (still := pulse.still) is not None:
            return web.Response(status=503, text=f"Nothing has happened for {still:.0f} s.\n")
        return web.Response(text="ok\n")

    app = web.Application()
    app.add_routes([web.get("/metrics", show), web.get("/healthz", health)])
    with _listening(port) as listener:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            yield listener.getsockname()[1]
        finally:
            await runner.cleanup()


def _listening(port: int) -> socket.socket:
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        return socket.create_server(("", port))
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise SetupError(f"--metrics-port {port} cannot be listened on: {why}.") from None
