"""Workers on other machines, or on this one: the one importer of Dask."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, TypeVar

from reconciler.errors import Outage, SetupError

try:
    import dask
    from distributed import Client, KilledWorker, LocalCluster, Security
    from distributed.client import FutureCancelledError, FuturesCancelledError
except ImportError:
    raise SetupError("--dask needs Dask: pip install 'reconciler[dask]'.") from None

T = TypeVar("T")
LOCAL = "local:"
PRELOAD = "reconciler.remote"
# Seconds: to find a scheduler, to tell all workers something, between looks whether any is left.
CONNECT, TELL, LOOK = 30.0, 10.0, 5.0
# What a cluster of our own has no use for, and nobody else on this machine is to see.
QUIET: dict[str, list[str]] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class Cluster:
    """Workers to hand functions to. `size` is how many there were at first.

    patience: seconds without any worker after which a run fails.
    """

    def __init__(self, client: Client, size: int, patience: float) -> None:
        self.size = size
        self._client = client
        self._patience = patience

    async def run(self, function: Callable[..., T], *arguments: object) -> T | None:
        """What the function returns on some worker; begun again on another one where that dies.

        None where that happened again and again. Raises Outage where no worker or no scheduler
        is left. Cancelled, it is not begun where it has not been.
        """
        future = self._client.submit(function, *arguments, pure=False)
        waiting = asyncio.create_task(_result(future))
        try:
            await self._watch(waiting)
            result: T = waiting.result()
        except KilledWorker:
            return None
        finally:
            waiting.cancel()
            future.release()
        return result

    async def _watch(self, waiting: asyncio.Future[Any]) -> None:
        """Returns when it is done. Raises Outage where there is nobody to do it."""
        clock = asyncio.get_running_loop().time
        seen = clock()
        while not (await asyncio.wait({waiting}, timeout=LOOK))[0]:
            if await self._count():
                seen = clock()
            elif clock() - seen > self._patience:
                raise Outage("NoWorkers", f"No Dask worker was there for {self._patience:g} s.")

    async def _count(self) -> int:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(TELL):
                return len(await self._client.nthreads())
        return 0

    async def everywhere(self, function: Callable[..., object], *arguments: object) -> None:
        """Has every worker run the function now, beside its work, as far as they can be reached."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(TELL):
                await self._client.run(function, *arguments, on_error="ignore")


async def _result(future: Any) -> Any:
    """Where the scheduler is gone, that is not the same as our own being cancelled."""
    try:
        return await future
    except (FutureCancelledError, FuturesCancelledError):
        raise Outage("SchedulerLost", "The connection to the Dask scheduler was lost.") from None


@asynccontextmanager
async def connected(where: str, patience: float) -> AsyncIterator[Cluster]:
    """The workers of a scheduler (tcp://host:port, tls://host:port), or `local:N` processes of
    one thread each, started for as long as it lasts. Raises SetupError where there are none."""
    for name in ("distributed", "distributed.client"):
        # What matters of it is told in our own words; the rest is tracebacks.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    async with AsyncExitStack() as stack:
        target: object = where
        timeout = min(CONNECT, patience)
        if where.startswith(LOCAL):
            stack.enter_context(dask.config.set(QUIET))
            target = await stack.enter_async_context(_local(int(where.removeprefix(LOCAL))))
        try:
            client = await stack.enter_async_context(
                Client(target, asynchronous=True, timeout=timeout, set_as_default=False)
            )
            await client.wait_for_workers(1, timeout=timeout)
        except (OSError, TimeoutError) as error:
            raise SetupError(f"--dask {where}: there is no scheduler with workers.") from error
        yield Cluster(client, len(await client.nthreads()), patience)


def _local(workers: int) -> LocalCluster:
    """Processes that inherit the environment. They speak TLS with a certificate of this run alone:
    whoever can reach a scheduler can have its workers do anything."""
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        asynchronous=True,
        host="127.0.0.1",
        security=_security(),
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        memory_limit=0,
        preload=[PRELOAD],
        silence_logs=logging.CRITICAL,
    )


def _security() -> Security:
    try:
        return Security.temporary()
    except ImportError:
        raise SetupError(
            "--dask local:N needs cryptography: pip install 'reconciler[dask]'."
        ) from None
