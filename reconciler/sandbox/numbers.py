"""The handlers of /v2: what the API does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from aiohttp import web

from reconciler.sandbox import amend, jsontext, shapes
from reconciler.sandbox.gate import answered, posted
from reconciler.sandbox.paging import MOST, Page, page
from reconciler.sandbox.refusal import Refusal
from reconciler.sandbox.rules import Rulebook
from reconciler.sandbox.stats import Stats
from reconciler.sandbox.store import Row, Store

_FLOWS_A_PAGE = 50
_BODIES_KEPT = 4096


class Numbers:
    """The API over one store. `wrapped` is the shape of its lists, see Settings."""

    def __init__(
        self, store: Store, rules: Rulebook, stats: Stats, account: str, *, wrapped: bool
    ) -> None:
        self._store = store
        self._rules = rules
        self._stats = stats
        self._account = account
        self._wrapped = wrapped

        # Kept by the row's whole content, so that no write, of whichever process, makes it stale.
        @lru_cache(maxsize=_BODIES_KEPT)
        def body(row: Row) -> bytes:
            return shapes.body(row, rules)

        self._body = body

    async def read(self, request: web.Request) -> web.Response:
        return answered(self._body(self._found(_number(request))))

    async def configure(self, request: web.Request) -> web.Response:
        number = _number(request)
        asked = await posted(request)
        with self._store.writing():
            before = self._found(number)
            current = json.loads(before.fields)
            fields = amend.amended(current, self._rules.configured(current, asked))
            after = before._replace(fields=shapes.stored(fields))
            self._store.save(after)
        self._stats.carry_out()
        return answered(self._body(after))

    async def of_account(self, request: web.Request) -> web.Response:
        asked = _page(request, MOST)
        if request.match_info["AccountSid"] != self._account:
            raise Refusal(403, "Forbidden", "These credentials are not that account's.")
        with self._store.reading():
            rows = self._store.numbers(self._account, None, asked.count, asked.skip)
            total = self._store.count_numbers(self._account, None)
        return self._listed("Numbers", [self._body(row) for row in rows], total)

    async def of_property(self, request: web.Request) -> web.Response:
        asked = _page(request, MOST)
        owner = _property(request)
        with self._store.reading():
            rows = self._store.numbers(self._account, owner, asked.count, asked.skip)
            total = self._store.count_numbers(self._account, owner)
        if total == 0:
            raise _unknown_property(owner)
        return self._listed("Numbers", [self._body(row) for row in rows], total)

    async def flows(self, request: web.Request) -> web.Response:
        asked = _page(request, _FLOWS_A_PAGE)
        owner = _property(request)
        with self._store.reading():
            flows = self._store.flows(owner, asked.count, asked.skip)
            total = self._store.count_flows(owner)
            known = total or self._store.count_numbers(self._account, owner)
        if not known:
            raise _unknown_property(owner)
        bodies = [jsontext.encoded(json.loads(flow)) for flow in flows]
        return self._listed("Flows", bodies, total)

    def _found(self, number: str) -> Row:
        row = self._store.number(number)
        if row is None or row.account != self._account:
            raise Refusal(404, "NumberNotFound", f"{number} is not a number of this account.")
        return row

    def _listed(self, name: str, bodies: Sequence[bytes], total: int) -> web.Response:
        bare = b"[" + b",".join(bodies) + b"]"
        if not self._wrapped:
            return answered(bare)
        return answered(b'{"%s":%s,"TotalCount":%d}' % (name.encode(), bare, total))


def _number(request: web.Request) -> str:
    digits = request.match_info["digits"]
    if not (digits.isascii() and digits.isdigit()):
        raise Refusal(
            404, "NumberNotFound", f"{digits} is no number: it is digits only, without the plus."
        )
    return f"+{digits}"


def _property(request: web.Request) -> str:
    owner = request.match_info["PropertySid"]
    if not owner.isprintable():
        raise _unknown_property(owner)
    return owner


def _unknown_property(owner: str) -> Refusal:
    return Refusal(404, "PropertyNotFound", f"{owner} is not a property with anything in it.")


def _page(request: web.Request, default_count: int) -> Page:
    return page(list(request.query.items()), default_count)
