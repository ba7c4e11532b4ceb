"""An octoDNS provider for the same API, and the plan that octoDNS's own manager makes with it.

    octodns_provider.py CONFIG       plans, and writes nothing; the CONFIG says where the plan goes

A number is a TXT record whose values are its fields; a zone holds the numbers whose first one it
is named after. Reading is one GET for each number, with requests and kept-alive connections; zones
are read side by side by as many threads as the manager's max_workers says.
"""

# mypy: disable-error-code="import-not-found,import-untyped,misc,unused-ignore"

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import requests
from octodns.manager import Manager
from octodns.provider.base import BaseProvider
from octodns.record import Record

NOT_FIELDS = frozenset({"Number", "AccountSid", "PropertySid"})


class NumbersProvider(BaseProvider):
    SUPPORTS = frozenset({"TXT"})
    SUPPORTS_GEO = False
    SUPPORTS_ROOT_NS = False

    def __init__(self, id: str, a_zone: int, at_once: int) -> None:  # noqa: A002
        self.log = logging.getLogger("NumbersProvider")
        super().__init__(id, root_ns_warnings=False)
        self._a_zone = a_zone
        self._url = os.environ["RECONCILER_API_URL"]
        self._session = requests.Session()
        self._session.auth = os.environ["RECONCILER_ACCOUNT_SID"], os.environ["RECONCILER_TOKEN"]
        self._session.trust_env = False
        self._session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=at_once))

    def populate(self, zone: Any, target: bool = False, lenient: bool = False) -> bool:  # noqa: ARG002
        first = int(zone.name.partition(".")[0])
        for number in range(first, first + self._a_zone):
            data = {"type": "TXT", "ttl": 300, "values": self._values(number)}
            zone.add_record(Record.new(zone, str(number), data, source=self), lenient=lenient)
        return True

    def _values(self, number: int) -> list[str]:
        answer = self._session.get(f"{self._url}/v2/Numbers/{number}", timeout=10)
        answer.raise_for_status()
        fields = answer.json().items()
        return [f"{name}={value}" for name, value in fields if value and name not in NOT_FIELDS]

    def _apply(self, plan: Any) -> None:
        raise NotImplementedError("Only planning is measured.")


def main() -> None:
    logging.basicConfig(level=logging.ERROR)
    Manager(sys.argv[1]).sync(dry_run=True)


if __name__ == "__main__":
    main()
