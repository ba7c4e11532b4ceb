"""Where the API is, and who asks."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API is and who asks.

    timeout: in seconds, for one request as a whole.
    loopback: whether it is on this machine. name: what it is known by, if not by its URL.
    ca_file: certificates to trust in place of the usual ones.
    """

    url: str
    account_sid: str
    token: str
    timeout: float = 10.0
    loopback: bool = False
    name: str | None = None
    ca_file: Path | None = None

    @property
    def known_as(self) -> str:
        """What plans and journals record it by."""
        return self.name or self.url

    def __reduce__(self) -> NoReturn:
        raise TypeError("This holds the token, and is not to leave the process.")

    @property
    def basic(self) -> str:
        """The credentials as HTTP Basic sends them."""
        return base64.b64encode(f"{self.account_sid}:{self.token}".encode()).decode()

    def __repr__(self) -> str:
        return f"Access(url={self.url!r}, account_sid={self.account_sid!r})"
