"""The handlers of /_sandbox: counters, faults, and edits that do not go through the API.

They want no credentials: only this machine reaches them, and the gate keeps web pages out.
"""

from __future__ import annotations

from aiohttp import web

from reconciler.errors import SetupError
from reconciler.sandbox import faultspec, jsontext, shapes
from reconciler.sandbox.faults import Faults
from reconciler.sandbox.gate import answered, posted
from reconciler.sandbox.refusal import Refusal
from reconciler.sandbox.rules import Rulebook
from reconciler.sandbox.stats import Stats
from reconciler.sandbox.store import Store


class Control:
    def __init__(self, store: Store, rules: Rulebook, stats: Stats, faults: Faults) -> None:
        self._store = store
        self._rules = rules
        self._stats = stats
        self._faults = faults

    async def stats(self, _request: web.Request) -> web.Response:
        return answered(jsontext.encoded(self._stats.report()))

    async def reset_stats(self, _request: web.Request) -> web.Response:
        self._stats.reset()
        return answered(jsontext.encoded(self._stats.report()))

    async def faults(self, _request: web.Request) -> web.Response:
        return answered(jsontext.encoded(self._faults.report()))

    async def arm(self, request: web.Request) -> web.Response:
        """Replaces all faults: by all of the body's, or by none where one of them is bad."""
        entries = await _list(request, "faults")
        try:
            self._faults.arm([faultspec.decoded(entry) for entry in entries])
        except SetupError as error:
            raise Refusal(400, "InvalidFault", str(error)) from error
        return await self.faults(request)

    async def disarm(self, request: web.Request) -> web.Response:
        self._faults.arm(())
        return await self.faults(request)

    async def edit(self, request: web.Request) -> web.Response:
        """What somebody else does to a number in the portal; the API's rules don't hold."""
        number = f"+{request.match_info['digits']}"
        changes = await posted(request)
        if not number.isprintable():
            raise Refusal(404, "NumberNotFound", "That is no number.")
        with self._store.writing():
            before = self._store.number(number)
            if before is None:
                raise Refusal(404, "NumberNotFound", f"{number} is not in the sandbox.")
            after = shapes.edited(before, changes, self._rules)
            self._store.save(after)
        return answered(shapes.body(after, self._rules))

    async def put(self, request: web.Request) -> web.Response:
        """Adds or replaces numbers: all of them or none."""
        rows = [shapes.row(entry, self._rules) for entry in await _list(request, "numbers")]
        with self._store.writing():
            for row in rows:
                self._store.save(row)
        return answered(jsontext.encoded({"TotalCount": len(rows)}))

    async def put_flows(self, request: web.Request) -> web.Response:
        """Adds or replaces flows: all of them or none."""
        flows = [shapes.flow(entry) for entry in await _list(request, "flows")]
        with self._store.writing():
            for flow in flows:
                self._store.save_flow(flow)
        return answered(jsontext.encoded({"TotalCount": len(flows)}))


async def _list(request: web.Request, what: str) -> list[object]:
    entries = await posted(request)
    if not isinstance(entries, list):
        raise Refusal(400, "InvalidBody", f"The body must be a JSON list of {what}.")
    return entries
