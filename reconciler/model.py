"""The nouns of the project, as frozen data: desired, live, change, plan, result.

A field's value is text, or None where the field is unset; the API's absent, null and "" are one.
A desired field that is not in `fields` is unmanaged: never a difference, never sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.errors import Problem
from reconciler.secret import Sealed

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
    """A file that the run read; an `overlay` is merged over the others, in their order."""

    path: str
    sha256: str
    overlay: bool = False


@dataclass(frozen=True, slots=True)
class DesiredNumber:
    """One number as declared, after defaults and templates.

    `companions` says which fields the API wants together: {"RoutingMethod": "Flow"} means that
    Flow is sent whenever RoutingMethod is. `guards` are read-only fields and what they must be:
    {"AccountSid": "AC1"}. `sensitive` names the fields that a secret stands beneath: what is live
    may well be that secret.
    """

    number: str
    fields: Mapping[str, Value]
    source: Source
    companions: Mapping[str, str]
    tags: tuple[str, ...] = ()
    protect: bool = False
    guards: Mapping[str, str] = field(default_factory=dict)
    sensitive: frozenset[str] = frozenset()


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


class Origin(StrEnum):
    """Who moved a field since the baseline: the file, somebody in the portal, or both."""

    DECLARED = "declared"
    DRIFT = "drift"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`origin` is None where there is no baseline to tell it by. The names are what people call
    the two values, None where that is not known; they are to be shown, and no difference."""

    before: Value
    after: Value
    origin: Origin | None = None
    before_name: str | None = field(default=None, compare=False)
    after_name: str | None = field(default=None, compare=False)

    def data(self) -> dict[str, str | None]:
        """As documents have it, without what is not known."""
        more = {
            "before_name": self.before_name,
            "after_name": self.after_name,
            "origin": self.origin and self.origin.value,
        }
        known = {name: told for name, told in more.items() if told}
        return {"before": self.before, "after": self.after, **known}


@dataclass(frozen=True, slots=True)
class Change:
    """What differs on one number, and the exact body that converges it.

    `guards` are read-only fields that must read so when it is written: {"AccountSid": "AC1"}.
    `sensitive` names the fields of the body that are never shown, each with the digests that a
    saved plan has in place of its values.
    """

    number: str
    fields: Mapping[str, FieldChange]
    post: Mapping[str, str]
    source: Source
    friendly: str | None = None
    protected: bool = False
    guards: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    sensitive: Mapping[str, Sealed | None] = field(default_factory=dict)

    @property
    def drifted(self) -> bool:
        """Whether the live side moved; without a baseline, every difference is taken for that."""
        return any(each.origin is not Origin.DECLARED for each in self.fields.values())


@dataclass(frozen=True, slots=True)
class Gone:
    """A number that the baseline declared and the files no longer do; `source` is at that commit.

    It is told of, and never written.
    """

    number: str
    source: Source


@dataclass(frozen=True, slots=True)
class Baseline:
    """The commit that a plan tells origins by: as it was asked for, and its full hash.

    `only_changed` says that what is declared as it was at the commit has not been read.
    """

    ref: str
    commit: str
    only_changed: bool = False


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
    `shard` is None where it is the whole. `gone` are the numbers that are no longer managed since
    the `baseline`, which is None where there is none. `unmanaged` are the account's numbers that
    no file names, sorted, and as the API has them; None where they were not asked for."""

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
    baseline: Baseline | None = None
    gone: tuple[Gone, ...] = ()
    unmanaged: tuple[str, ...] | None = None

    @property
    def unchanged(self) -> int:
        return self.numbers - len(self.changes) - len(self.errors)

    @property
    def writes(self) -> int:
        """How many numbers an apply would write: those that are not protected."""
        return sum(not change.protected for change in self.changes)

    @property
    def drifted(self) -> int:
        """How many numbers the live side of which moved."""
        return sum(change.drifted for change in self.changes)


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
