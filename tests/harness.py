"""The command line as a person runs it, and an account to run it against."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Account:
    """A live account in the embedded API, and what a person could do to it in a portal."""

    def __init__(self, url: str) -> None:
        self.url = url

    def add(self, *numbers: dict[str, Any]) -> None:
        self._control("PUT", "/_sandbox/numbers", list(numbers))

    def flows(self, names: Mapping[str, str], owner: str = "PRsandbox") -> None:
        """Adds flows to a property, or gives them other names, each by its ConfigId."""
        flows = [{"PropertySid": owner, "ConfigId": c, "Name": n} for c, n in names.items()]
        self._control("PUT", "/_sandbox/flows", flows)

    def edit(self, number: str, **fields: Any) -> None:
        self._control("PATCH", f"/_sandbox/numbers/{number.removeprefix('+')}", fields)

    def stats(self) -> dict[str, Any]:
        told: dict[str, Any] = self._control("GET", "/_sandbox/stats")
        return told

    def faults(self, *specs: str) -> None:
        """Arms these faults, in place of any before."""
        self._control("PUT", "/_sandbox/faults", list(specs))

    def no_faults(self) -> None:
        self._control("DELETE", "/_sandbox/faults")

    def forget_stats(self) -> None:
        self._control("DELETE", "/_sandbox/stats")

    def live(self, number: str) -> dict[str, Any]:
        """A number's set fields, read as any client of the API would."""
        request = urllib.request.Request(f"{self.url}/v2/Numbers/{number.removeprefix('+')}")
        request.add_header("Authorization", "Basic QUNzYW5kYm94OnNhbmRib3g=")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return {name: value for name, value in json.load(answer).items() if value}

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None


Run = Callable[..., Ran]
Git = Callable[..., str]
