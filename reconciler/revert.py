"""A plan or journal → what puts back what was there before. Pure."""

from __future__ import annotations

from collections.abc import Set

from reconciler import schema
from reconciler.model import Change, DesiredNumber, Failure, LiveNumber, Reading
from reconciler.plan import Position, assess, position


def undo(change: Change, reading: Reading, phones: Set[str]) -> Change | Failure | None:
    """The change back, None where the number is already as it was before.

    A Failure where it could not be read, or where it has moved on since: what somebody else has
    set is not undone.
    """
    if isinstance(reading, Failure):
        return reading
    where = position(change, reading, phones)
    if where is Position.BEFORE:
        return None
    if where is Position.ELSEWHERE:
        message = "It has been changed again since; it is left as it is."
        return Failure(change.number, "Conflict", message)
    return assess(_as_before(change, reading), reading, phones)


def _as_before(change: Change, live: LiveNumber) -> DesiredNumber:
    """What the number was, as a desired state: with what the API wants sent together."""
    fields = {name: each.before for name, each in change.fields.items()}
    companions = {
        name: parameter.requires[value]
        for name, parameter in schema.parameters().items()
        if (value := fields.get(name)) and value in parameter.requires
    }
    for companion in companions.values():
        fields.setdefault(companion, live.fields.get(companion))
    return DesiredNumber(change.number, fields, change.source, companions, guards=change.guards)
