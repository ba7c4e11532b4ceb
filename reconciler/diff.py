"""Two configurations of one number → what differs, field by field. The one importer of deepdiff."""

from __future__ import annotations

from collections.abc import Mapping, Set

from reconciler.model import FieldChange, Value


def same(name: str, one: Value, other: Value, phones: Set[str]) -> bool:
    """Whether two values mean the same: exactly, save that phone numbers may lack their plus."""
    if one == other or not (one or other):
        return True
    return bool(name in phones and one and other and _digits(one) == _digits(other))


def diff(
    before: Mapping[str, str], after: Mapping[str, Value], phones: Set[str]
) -> dict[str, FieldChange]:
    """The changes that lead from `before` to `after`, in the order of `after`.

    A field that `after` does not name is not looked at. `phones` names the fields that are
    compared as phone numbers.
    """
    differing = [name for name in after if not same(name, before.get(name), after[name], phones)]
    return _changes(before, after, differing) if differing else {}


def _changes(
    before: Mapping[str, str], after: Mapping[str, Value], names: list[str]
) -> dict[str, FieldChange]:
    # Imported here, as most numbers do not differ and most runs then never need it.
    from deepdiff import DeepDiff

    tree = DeepDiff(
        {name: before.get(name) or None for name in names},
        {name: after[name] or None for name in names},
        view="tree",
    )
    found = {
        level.path(output_format="list")[0]: FieldChange(level.t1, level.t2)
        for levels in tree.values()
        for level in levels
    }
    return {name: found[name] for name in names}


def _digits(text: str) -> str:
    return text.removeprefix("+")
