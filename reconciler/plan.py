"""(desired, live) → Plan, and the guards over it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from enum import Enum, auto

from reconciler.diff import diff, same
from reconciler.model import (
    Change,
    Desired,
    DesiredNumber,
    Failure,
    FieldChange,
    Limit,
    LiveNumber,
    Reading,
)
from reconciler.secret import Secret, matches, plain

DEFAULT_LIMIT_COUNT, DEFAULT_LIMIT_PERCENT = 5, 30
# What is known of a number is too old to be written by after so long: a person may have thought
# about the prompt, or the API have asked for patience.
FRESH_SECONDS = 60.0


def assess(desired: DesiredNumber, reading: Reading, phones: Set[str]) -> Change | Failure | None:
    """What to do about one number: a Change, a Failure to tell of, or None where nothing differs.

    `phones` names the fields that are compared as phone numbers.
    """
    if isinstance(reading, Failure):
        return reading
    if other := stranger(desired.guards, reading):
        return other
    fields = diff(reading.fields, desired.fields, phones)
    if not fields:
        return None
    post = _post(desired, reading, fields)
    return Change(
        number=desired.number,
        fields=fields,
        post=post,
        source=desired.source,
        friendly=_friendly(desired, reading),
        protected=desired.protect,
        guards=desired.guards,
        tags=desired.tags,
        sensitive=dict.fromkeys(name for name in post if _is_secret(desired, name)),
    )


def _is_secret(desired: DesiredNumber, name: str) -> bool:
    return isinstance(desired.fields.get(name), Secret) or name in desired.sensitive


def _friendly(desired: DesiredNumber, live: LiveNumber) -> str | None:
    if _is_secret(desired, "Friendly"):
        return None
    return desired.fields.get("Friendly") or live.fields.get("Friendly")


def stranger(guards: Mapping[str, str], live: LiveNumber) -> Failure | None:
    """A Failure where the number is not of the account or property that the file guards."""
    for name, wanted in guards.items():
        found = live.identity.get(name)
        if wanted != found:
            message = f"Its {name} is {found or 'not given'}, but the file allows only {wanted}."
            return Failure(live.number, f"Other{name.removesuffix('Sid')}", message)
    return None


def _post(
    desired: DesiredNumber, live: LiveNumber, fields: Mapping[str, FieldChange]
) -> dict[str, str]:
    post = {}
    for name, change in fields.items():
        post[name] = change.after or ""
        companion = desired.companions.get(name)
        if companion is not None:
            # A companion that is left alone is sent as it is.
            post[companion] = desired.fields.get(companion, live.fields.get(companion)) or ""
    return post


class Position(Enum):
    """Where a number stands, seen from a change that was planned for it."""

    BEFORE = auto()
    AFTER = auto()
    ELSEWHERE = auto()


def position(change: Change, live: LiveNumber, phones: Set[str]) -> Position:
    """Whether the number is still as it was planned, already as wanted, or neither.

    A companion in the body counts too: had it moved since, writing it would not have been shown.
    """
    wanted = {**change.post, **{name: each.after for name, each in change.fields.items()}}
    planned = {**change.post, **{name: each.before for name, each in change.fields.items()}}
    sealed = {name: each for name, each in change.sensitive.items() if each is not None}
    if not unlike(wanted, live.fields, phones):
        return Position.AFTER
    known = {name: value for name, value in planned.items() if name not in sealed}
    if unlike(known, live.fields, phones):
        return Position.ELSEWHERE
    if all(
        matches(plain(live.fields.get(name), phone=name in phones), each.before)
        for name, each in sealed.items()
    ):
        return Position.BEFORE
    return Position.ELSEWHERE


def unlike(
    wanted: Mapping[str, str | None], live: Mapping[str, str], phones: Set[str]
) -> list[str]:
    """The names of the fields whose live value is not the wanted one, sorted."""
    return sorted(
        name for name, value in wanted.items() if not same(name, value, live.get(name), phones)
    )


def max_changes(desired: Desired, override: Limit | None) -> int:
    """How many numbers one run may write: as told, else the least that a file allows, else the
    larger of 5 and 30 % of the managed numbers."""
    managed = len(desired.numbers)
    if override is not None:
        return override.of(managed)
    if desired.limits:
        return min(limit.of(managed) for limit in desired.limits)
    return max(DEFAULT_LIMIT_COUNT, Limit(DEFAULT_LIMIT_PERCENT, percent=True).of(managed))


def writable(changes: Iterable[Change]) -> list[Change]:
    return [change for change in changes if not change.protected]
