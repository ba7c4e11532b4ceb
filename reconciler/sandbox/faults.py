"""The faults that are armed, and the middleware by which they strike."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from reconciler.errors import SetupError
from reconciler.sandbox import faultspec
from reconciler.sandbox.acts import ACTS, Strike
from reconciler.sandbox.armed import Armed
from reconciler.sandbox.byhand import Patience
from reconciler.sandbox.fault import Fault
from reconciler.sandbox.gate import CONTROL
from reconciler.sandbox.rules import Rulebook
from reconciler.sandbox.stats import Stats

# Each that strikes is one call deeper.
_MOST = 100


class Faults:
    """What is wrong with one server. Several may strike one request, in their order.

    An earlier one is further from the API: what it does not let through, the later ones do not see.
    """

    def __init__(
        self, stats: Stats, rules: Rulebook, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stats = stats
        self._rules = rules
        self._clock = clock
        self._armed: tuple[Armed, ...] = ()
        self._patience = Patience()

    def arm(self, faults: Iterable[Fault | str]) -> None:
        """These and no others, with their counters at nought. Raises SetupError, and changes none.

        A request that is being held back stays so.
        """
        self._armed = tuple(Armed(fault, self._clock) for fault in checked(faults, self._rules))

    def report(self) -> list[dict[str, object]]:
        """Each fault in order, see Armed.report."""
        return [armed.report() for armed in self._armed]

    async def let_go(self, _app: web.Application) -> None:
        """The server is to end: nothing is held back any longer, nor answered."""
        self._patience.is_over = True

    def middleware(self) -> Middleware:
        # Not a coroutine of its own: while nothing is armed, a request pays for one look.
        @web.middleware
        def middleware(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
            if not self._armed or request.path.startswith(CONTROL):
                return handler(request)
            return self._through(self._armed, request, handler)

        return middleware

    async def _through(
        self, armed: tuple[Armed, ...], request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        digits = request.match_info.get("digits")
        for place, each in enumerate(armed, start=1):
            if each.strikes(request.method, digits):
                self._stats.strike(each.fault.kind)
                onward = partial(self._through, armed[place:], request, handler)
                strike = Strike(each.fault, request, onward, self._patience)
                return await ACTS[each.fault.kind](strike)
        return await handler(request)


def checked(faults: Iterable[Fault | str], rules: Rulebook) -> tuple[Fault, ...]:
    """The faults, SPECs parsed. Raises SetupError for one that is none, and where they are many."""
    found = tuple(map(faultspec.checked, faults))
    if len(found) > _MOST:
        raise SetupError(f"There may be {_MOST} faults at once; these are {len(found)}.")
    known = [name for name, parameter in rules.parameters.items() if parameter.writable]
    for fault in found:
        if fault.field is not None and fault.field not in known:
            raise SetupError(
                f"The field of the fault {fault.kind} must be one that a POST can have: "
                f"{', '.join(known)}."
            )
    return found
