"""A plan or journal → what puts back what was there before. Pure."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from reconciler import schema
from reconciler.model import Change, DesiredNumber, Failure, LiveNumber, Reading
from reconciler.plan import Position, assess, position
from reconciler.secret import matches


def undo(change: Change, reading: Reading, phones: Set[str]) -> Change | Failure | None:
    """The change back of all fields but those that `unkept` tells of, None where the number is
    already as it was before.

    A Failure where it could not be read, where no field is left, or where it has moved on since:
    what somebody else has set is not undone.
    """
    if isinstance(reading, Failure):
        return reading
    known = _known(change)
    if not known.fields:
        return Failure(change.number, "Sensitive", f"{unkept(change)}.")
    where = position(_shown(known), reading, phones)
    if where is Position.BEFORE:
        return None
    if where is Position.ELSEWHERE or _was_replaced(known, reading):
        message = "It has been changed again since; it is left as it is."
        return Failure(change.number, "Conflict", message)
    made = assess(_as_before(known, reading), reading, phones)
    return _secretive(made, change) if isinstance(made, Change) else made


def unkept(change: Change) -> str:
    """What is told of the sensitive fields whose values before are not kept, nothing for none."""
    lost = _lost(change)
    if not lost:
        return ""
    one = len(lost) == 1
    told = "was sensitive, and its value" if one else "were sensitive, and their values"
    bound = ", ".join(_bound(change, lost))
    along = f" ({bound} would go with {'it' if one else 'them'})" if bound else ""
    return (
        f"{', '.join(lost)} {told} before {'is' if one else 'are'} not kept{along}; put back "
        "what the files said"
    )


def _lost(change: Change) -> Sequence[str]:
    """That a field was unset is kept, even of a sensitive one."""
    secret = change.sensitive
    return [name for name, each in change.fields.items() if name in secret and each.before]


def _bound(change: Change, lost: Sequence[str]) -> Sequence[str]:
    """The other fields whose value before the API takes only together with one of these."""
    needs = {name: schema.parameters()[name].requires for name in change.fields}
    return [
        name
        for name, each in change.fields.items()
        if name not in lost and needs[name].get(each.before or "") in lost
    ]


def _known(change: Change) -> Change:
    lost = _lost(change)
    return _without(change, {*lost, *_bound(change, lost)})


def _shown(change: Change) -> Change:
    """The change without what is sensitive, whose values cannot be compared."""
    return replace(_without(change, change.sensitive.keys()), sensitive={})


def _without(change: Change, names: Set[str]) -> Change:
    fields = {name: each for name, each in change.fields.items() if name not in names}
    post = {name: value for name, value in change.post.items() if name not in names}
    return replace(change, fields=fields, post=post)


def _was_replaced(change: Change, live: LiveNumber) -> bool:
    """Whether a sensitive field has yet another value. A plan can tell; a journal cannot."""
    return any(
        sealed and live.fields.get(name) and not matches(live.fields[name], sealed.after)
        for name, sealed in change.sensitive.items()
        if name in change.fields
    )


def _secretive(made: Change, change: Change) -> Change:
    """The change back, in which what was sensitive is so still."""
    sensitive = dict.fromkeys(name for name in made.post if name in change.sensitive)
    is_told = change.friendly and "Friendly" not in change.sensitive
    return replace(made, sensitive=sensitive, friendly=made.friendly if is_told else None)


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
    return DesiredNumber(
        number=change.number,
        fields=fields,
        source=change.source,
        companions=companions,
        tags=change.tags,
        guards=change.guards,
    )
