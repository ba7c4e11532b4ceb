"""The nouns of the project, as frozen data: desired, live, change, plan, result.

A field's value is text, or None where the field is unset; the API's absent, null and "" are one.
A desired field that is not in `fields` is unmanaged: never a difference, never sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.errors import Problem

Value = str | None


def canonical_number(text: str) -> str:
    """E.164 with its plus, which the API may leave out: "61255500001" -> "+61255500001"."""
    return text if text.startswith("+") else f"+{text}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a number is declared; the line counts from 1."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DesiredNumber:
    """One number as declared, after defaults and templates.

    `companions` says which fields the API wants together: {"RoutingMethod": "Flow"} means that
    Flow is sent whenever RoutingMethod is. `guards` are read-only fields and what they must be:
    {"AccountSid": "AC1"}.
    """

    number: str
    fields: Mapping[str, Value]
    source: Source
    companions: Mapping[str, str]
    tags: tuple[str, ...] = ()
    protect: bool = False
    guards: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limit:
    """A count of numbers, or a percentage of the managed ones."""

    amount: int
    percent: bool = False

    def of(self, managed: int) -> int:
        """How many numbers that is; a percentage allows one at least, unless it is 0."""
        if not self.percent:
            return self.amount
        return max(managed * self.amount // 100, min(self.amount, 1))


@dataclass(frozen=True, slots=True)
class Desired:
    """All that the files of one run declare; `numbers` is sorted by number."""

    numbers: Mapping[str, DesiredNumber]
    sources: tuple[SourceFile, ...]
    limits: tuple[Limit, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveNumber:
    """One number as the API has it: `fields` that are set, and the read-only ones in `identity`."""

    number: str
    fields: Mapping[str, str]
    identity: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """A number that could not be read: never the same as a number with nothing set."""

    number: str
    code: str
    message: str
    attempts: int = 1


Reading = LiveNumber | Failure


@dataclass(frozen=True, slots=True)
class FieldChange:
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Change:
    """What differs on one number, and the exact body that converges it.

    `guards` are read-only fields that must read so when it is written: {"AccountSid": "AC1"}.
    """

    number: str
    fields: Mapping[str, FieldChange]
    post: Mapping[str, str]
    source: Source
    friendly: str | None = None
    protected: bool = False
    guards: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of a run over many machines a plan is: `index` of `count`, from 1.

    `numbers` counts those of all shards together.
    """

    index: int
    count: int
    numbers: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes and errors, each sorted by number; `numbers` counts those that were planned for,
    `managed` all that the files declare; `max_changes` is how many of them may be written.
    `shard` is None where it is the whole."""

    created_at: str
    api_url: str
    account_sid: str
    sources: tuple[SourceFile, ...]
    numbers: int
    managed: int
    max_changes: int
    changes: tuple[Change, ...]
    errors: tuple[Failure, ...]
    warnings: tuple[Problem, ...] = ()
    shard: Shard | None = None

    @property
    def unchanged(self) -> int:
        return self.numbers - len(self.changes) - len(self.errors)


class Status(StrEnum):
    """How one number's turn in an apply ended."""

    APPLIED = "applied"
    ALREADY_IN_PLACE = "already_in_place"
    CONFLICT = "conflict"
    FAILED = "failed"
    NOT_CONVERGED = "not_converged"
    PROTECTED = "protected"
    NOT_ATTEMPTED = "not_attempted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One number's turn: `posted` is the body that was sent, None where nothing was."""

    number: str
    status: Status
    posted: Mapping[str, str] | None = None
    attempts: int = 0
    code: str | None = None
    message: str | None = None


def outcomes_of(plan: Plan, end: Callable[[str], Outcome]) -> tuple[Outcome, ...]:
    """The `end` of every number that changes, and one for each that could not be read; sorted."""
    unread = [
        Outcome(failure.number, Status.FAILED, code=failure.code, message=failure.message)
        for failure in plan.errors
    ]
    ended = [end(change.number) for change in plan.changes]
    return tuple(sorted([*unread, *ended], key=lambda outcome: outcome.number))


@dataclass(frozen=True, slots=True)
class Result:
    """What an apply did, sorted by number; `stopped` says why it ended early, if it did."""

    finished_at: str
    api_url: str
    account_sid: str
    outcomes: tuple[Outcome, ...]
    stopped: str | None = None

    def count(self, status: Status) -> int:
        return sum(outcome.status is status for outcome in self.outcomes)
