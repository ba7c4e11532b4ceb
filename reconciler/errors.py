"""Everything that can end a run, and the exit code it ends with.

ReconcilerError                  1  it could not be done
├── InputError                   1  a file says something that it must not; carries Problems
├── SetupError                   1  credentials, settings or this installation
├── ApiError                     1  the API could not be used
│   ├── Stopping                 1  stops the whole run: every other request would end so too
│   │   ├── Unauthorized         1  401 or 403
│   │   │   └── Forbidden        1  403: these credentials are not good for it
│   │   └── Outage               1  many requests in a row have failed, all for the same reason
│   ├── Rejected                 1  the API answered, and said no (400, 404, 3xx …)
│   └── Transient                1  may pass by itself: worth another try
│       ├── Throttled            1  429: the request was refused before it was looked at
│       ├── Unreachable          1  no connection, or no answer in time
│       ├── ServerFailed         1  500, 502, 503, 504
│       └── Unreadable           1  an answer that is cut, not JSON, or not what was asked for
├── Differences                  2  plan --detailed-exitcode, drift: nothing failed, but it differs
├── Refused                      3  a guard said no; nothing was written
├── PartlyConverged              4  some numbers failed, conflicted or were not attempted
├── UsageError                  64  the command line itself
└── Interrupted                130  a person or a scheduler ended the run
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ReconcilerError(Exception):
    """The base of all: its text is a sentence for a person; `exit_code` ends the process."""

    exit_code = 1
    title = "Error"

    def lines(self) -> list[str]:
        """What a person is told; nothing where all has been said already."""
        return [f"{self.title}: {self}"] if str(self) else []


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong at a place in a file; both count from 1."""

    path: str
    line: int
    column: int
    message: str
    rule: str = ""

    def __str__(self) -> str:
        told = f"{self.path}:{self.line}:{self.column}: {self.message}"
        return f"{told} [{self.rule}]" if self.rule else told


class InputError(ReconcilerError):
    """One or more Problems, all that were found in one run."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        return [str(problem) for problem in self.problems]


class SetupError(ReconcilerError):
    """Credentials, settings or the installation."""


class ApiError(ReconcilerError):
    """The API could not be used for one request.

    `code` is the API's own error code where it gave one, else ours; `attempts` counts requests.
    """

    def __init__(self, code: str, message: str, *, attempts: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.attempts = attempts


class Stopping(ApiError):
    """Every further request would end the same way, so none is made."""


class Unauthorized(Stopping):
    """401 or 403."""


class Forbidden(Unauthorized):
    """403: these credentials are not good for it, whatever else they are good for."""


class Outage(Stopping):
    """Many requests in a row have failed for the same reason."""


class Rejected(ApiError):
    """The API answered and said no; asking again would not change that."""


class Transient(ApiError):
    """May pass by itself. `retry_after` is in seconds, None where the API did not say."""

    def __init__(
        self, code: str, message: str, *, attempts: int = 1, retry_after: float | None = None
    ) -> None:
        super().__init__(code, message, attempts=attempts)
        self.retry_after = retry_after


class Throttled(Transient):
    """429: refused before it was looked at, so sending it again cannot do anything twice."""


class Unreachable(Transient):
    """No connection, or no whole answer in time."""


class ServerFailed(Transient):
    """500, 502, 503 or 504."""


class Unreadable(Transient):
    """An answer that is cut, not JSON, or not about what was asked for."""


class Differences(ReconcilerError):
    exit_code = 2


class Refused(ReconcilerError):
    exit_code = 3
    title = "Refused"


class PartlyConverged(ReconcilerError):
    exit_code = 4


class UsageError(ReconcilerError):
    exit_code = 64


class Interrupted(ReconcilerError):
    exit_code = 130

    def lines(self) -> list[str]:
        return [str(self)]
