"""The server itself: its routes, its beginning and its end."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager

from aiohttp import web

from reconciler import schema
from reconciler.errors import SetupError
from reconciler.sandbox import Settings, faults, gate, loopback, rules, seed
from reconciler.sandbox.control import Control
from reconciler.sandbox.faults import Faults
from reconciler.sandbox.numbers import Numbers
from reconciler.sandbox.rules import Rulebook
from reconciler.sandbox.stats import Stats
from reconciler.sandbox.store import Store

# A PUT of a benchmark's numbers is some megabytes.
_MOST_BYTES = 64 * 2**20
_SHUTDOWN_SECONDS = 1.0


def serve(settings: Settings, on_ready: Callable[[str], None]) -> None:
    """See reconciler.sandbox.serve."""
    with _prepared(settings, (), ()) as (app, listener):
        asyncio.run(_foreground(app, listener, on_ready))


@contextmanager
def running(
    settings: Settings,
    numbers: Iterable[Mapping[str, object]] = (),
    flows: Iterable[Mapping[str, object]] = (),
) -> Iterator[str]:
    """See reconciler.sandbox.running."""
    with _prepared(settings, numbers, flows) as (app, listener):
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()

        def work() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(_until(stop, app, listener, lambda: None))

        thread = threading.Thread(target=work, name="sandbox", daemon=True)
        thread.start()
        try:
            # It listens already: a client that is early waits in the socket's queue.
            yield loopback.url(listener)
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()


def application(store: Store, rulebook: Rulebook, settings: Settings) -> web.Application:
    """All routes over one store. Raises SetupError as `faults.checked` does."""
    stats = Stats()
    armed = Faults(stats, rulebook)
    armed.arm(settings.faults)
    numbers = Numbers(store, rulebook, stats, settings.account_sid, wrapped=settings.wrapped_lists)
    control = Control(store, rulebook, stats, armed)
    kinds: gate.Kinds = {
        numbers.read: "get",
        numbers.configure: "post",
        numbers.of_account: "list",
        numbers.of_property: "list",
        numbers.flows: "flows",
    }
    app = web.Application(
        middlewares=[
            gate.counted(stats, kinds),
            armed.middleware(),
            gate.guarded(kinds, settings.account_sid, settings.latency),
        ],
        client_max_size=_MOST_BYTES,
    )
    app.on_shutdown.append(armed.let_go)
    app.add_routes(
        [
            web.get("/v2/Numbers/{digits}", numbers.read, allow_head=False),
            web.post("/v2/Numbers/{digits}", numbers.configure),
            web.get("/v2/Accounts/{AccountSid}/Numbers", numbers.of_account, allow_head=False),
            web.get("/v2/Properties/{PropertySid}/Numbers", numbers.of_property, allow_head=False),
            web.get("/v2/Properties/{PropertySid}/Flows", numbers.flows, allow_head=False),
            web.get("/_sandbox/stats", control.stats, allow_head=False),
            web.delete("/_sandbox/stats", control.reset_stats),
            web.get("/_sandbox/faults", control.faults, allow_head=False),
            web.put("/_sandbox/faults", control.arm),
            web.delete("/_sandbox/faults", control.disarm),
            web.patch("/_sandbox/numbers/{digits}", control.edit),
            web.put("/_sandbox/numbers", control.put),
            web.put("/_sandbox/flows", control.put_flows),
        ]
    )
    return app


@contextmanager
def _prepared(
    settings: Settings,
    numbers: Iterable[Mapping[str, object]],
    flows: Iterable[Mapping[str, object]],
) -> Iterator[tuple[web.Application, socket.socket]]:
    """All that can fail, done before anything runs: SetupError is raised to the caller."""
    if not (math.isfinite(settings.latency) and settings.latency >= 0):
        raise SetupError(f"The latency is in seconds, 0 or more; {settings.latency} is not.")
    rulebook = rules.rulebook(schema.load("number"))
    faults.checked(settings.faults, rulebook)
    sown = seed.Seed() if settings.seed is None else seed.read(settings.seed, rulebook)
    added = seed.of(numbers, flows, rulebook)
    with ExitStack() as stack:
        listener = stack.enter_context(closing(loopback.listen(settings.host, settings.port)))
        store = stack.enter_context(closing(Store(settings.db)))
        try:
            sown.sow(store)
            added.sow(store)
        except sqlite3.Error as error:
            raise SetupError(f"{settings.db} cannot be written: {error}.") from error
        yield application(store, rulebook, settings), listener


async def _foreground(
    app: web.Application, listener: socket.socket, on_ready: Callable[[str], None]
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await _until(stop, app, listener, lambda: on_ready(loopback.url(listener)))


async def _until(
    stop: asyncio.Event,
    app: web.Application,
    listener: socket.socket,
    on_ready: Callable[[], None],
) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=1024).start()
        on_ready()
        await stop.wait()
    finally:
        await runner.cleanup()
