"""A plan as it may be shown and saved: sensitive values hidden, by field. Pure.

All that is told of a plan is told of its redacted form; only an apply has the values themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from reconciler import schema
from reconciler.errors import InputError, Problem
from reconciler.model import Change, Desired, FieldChange, Plan
from reconciler.secret import HIDDEN, Sealed, digest, hidden, matches, plain


def redacted(plan: Plan) -> Plan:
    """The plan with (sensitive) for every sensitive value, and a digest in its place. What is
    redacted already stays as it is."""
    if not any(change.sensitive for change in plan.changes):
        return plan
    # Equal plans have equal salts, so that they are equal to the byte.
    files = "".join(source.sha256 for source in plan.sources)
    salt = hashlib.sha256(f"{plan.api_url} {plan.account_sid} {files}".encode()).hexdigest()[:32]
    return replace(plan, changes=tuple(_redacted(change, salt) for change in plan.changes))


def _redacted(change: Change, salt: str) -> Change:
    if not change.sensitive:
        return change
    sealed = {name: each or _sealed(change, name, salt) for name, each in change.sensitive.items()}
    fields = {
        name: _hidden(each) if name in sealed else each for name, each in change.fields.items()
    }
    return replace(change, fields=fields, post=hidden(change.post, sealed), sensitive=sealed)


def _sealed(change: Change, name: str, salt: str) -> Sealed:
    if name not in change.fields:
        # It goes with another field, and is sent as it is.
        same = digest(_plain(name, change.post[name]), salt)
        return Sealed(same, same)
    each = change.fields[name]
    before, after = (digest(_plain(name, value), salt) for value in (each.before, each.after))
    return Sealed(before, after)


def _plain(name: str, value: str | None) -> str | None:
    return plain(value, phone=name in schema.phones())


def _hidden(each: FieldChange) -> FieldChange:
    before, after = each.before and HIDDEN, each.after and HIDDEN
    return replace(each, before=before, after=after, before_name=None, after_name=None)


def lacks(plan: Plan) -> bool:
    """Whether a saved plan hides a value that it would write. That it unsets one is in it."""
    sealed = (each for change in plan.changes for each in change.sensitive.values())
    return any(each is None or each.after is not None for each in sealed)


def restored(plan: Plan, desired: Desired) -> Plan:
    """A saved plan with the values that it hides, as the files and the environment have them now.

    Raises InputError where they are not those that the plan was made with.
    """
    problems: list[Problem] = []
    changes = tuple(_restored(change, desired, problems) for change in plan.changes)
    if problems:
        raise InputError(problems)
    return replace(plan, changes=changes)


def _restored(change: Change, desired: Desired, problems: list[Problem]) -> Change:
    declared = desired.numbers.get(change.number)
    values: dict[str, str | None] = {}
    for name, sealed in change.sensitive.items():
        value = declared.fields.get(name) if declared is not None else None
        if sealed is None or not matches(_plain(name, value), sealed.after):
            message = (
                f"{change.number}: {name} is sensitive, and not what the plan was made with; "
                "set the environment as it was, or plan again"
            )
            problems.append(Problem(change.source.path, change.source.line, 1, message))
        values[name] = value
    fields = {
        name: replace(each, after=values[name]) if name in values else each
        for name, each in change.fields.items()
    }
    post = {name: values.get(name, value) or "" for name, value in change.post.items()}
    return replace(change, fields=fields, post=post)
