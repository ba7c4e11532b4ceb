"""How the API says no, and the envelope that it says it in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.sandbox import jsontext

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Refusal(Exception):
    """One request is refused: HTTP status, the API's error code, and a sentence for a person."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers

    def body(self) -> bytes:
        """{"ResponseStatus": {"ErrorCode": "…", "Message": "…"}}"""
        return jsontext.encoded(
            {"ResponseStatus": {"ErrorCode": self.code, "Message": self.message}}
        )
