"""Who moved a field since a commit: told from the files then and now, and the live side. Pure.

There is no state file: what the files declared at a commit is what was agreed on then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

from reconciler.diff import same
from reconciler.model import Change, DesiredNumber, FieldChange, Gone, Origin, Value
from reconciler.references import Unsettled
from reconciler.secret import Secret

Fields = Mapping[str, Value]
_CALLED = "Friendly"


def told(
    changes: Iterable[Change],
    before: Mapping[str, DesiredNumber],
    now: Mapping[str, DesiredNumber],
    phones: Set[str],
) -> tuple[Change, ...]:
    """The changes with the origin of each field; `before` is what was declared at the baseline,
    `now` what is, `phones` names the fields that are compared as phone numbers.

    Where git cannot know what a value stood for, as a variable was in it, the field has drifted if
    the files say it as they did then: they did not change. If they do not, it is declared.
    """
    return tuple(
        _told(change, before.get(change.number), _fields(now, change.number), phones)
        for change in changes
    )


def _fields(numbers: Mapping[str, DesiredNumber], number: str) -> Fields:
    return numbers[number].fields if number in numbers else {}


def _told(change: Change, then: DesiredNumber | None, now: Fields, phones: Set[str]) -> Change:
    agreed = then.fields if then is not None else {}
    fields = {
        name: replace(each, origin=_origin(name, each, agreed, now, phones))
        for name, each in change.fields.items()
    }
    # What was a secret then is one still where it is what is live.
    secrets = [
        name
        for name in fields
        if isinstance(agreed.get(name), Secret) or (then is not None and name in then.sensitive)
    ]
    sensitive = {**dict.fromkeys(secrets), **change.sensitive}
    was_secret = isinstance(agreed.get(_CALLED), Secret) and not now.get(_CALLED)
    friendly = None if was_secret else change.friendly
    return replace(change, fields=fields, sensitive=sensitive, friendly=friendly)


def _origin(name: str, each: FieldChange, then: Fields, now: Fields, phones: Set[str]) -> Origin:
    if name not in then:
        # Nobody had agreed on a value, so the live one cannot have left it.
        return Origin.DECLARED
    agreed = then[name]
    if isinstance(agreed, Unsettled):
        return Origin.DRIFT if agreed == now.get(name) else Origin.DECLARED
    if same(name, agreed, each.after, phones):
        return Origin.DRIFT
    return Origin.DECLARED if same(name, agreed, each.before, phones) else Origin.BOTH


def changed(
    numbers: Iterable[DesiredNumber], before: Mapping[str, DesiredNumber]
) -> list[DesiredNumber]:
    """Those of the numbers that are declared otherwise than before, or were not."""
    return [each for each in numbers if not _alike(each, before.get(each.number))]


def _alike(one: DesiredNumber, other: DesiredNumber | None) -> bool:
    return other is not None and (one.fields, one.guards, one.protect) == (
        other.fields,
        other.guards,
        other.protect,
    )


def gone(now: Mapping[str, DesiredNumber], before: Mapping[str, DesiredNumber]) -> list[Gone]:
    """The numbers that are no longer declared, in the order of `before`."""
    return [Gone(each.number, each.source) for each in before.values() if each.number not in now]
