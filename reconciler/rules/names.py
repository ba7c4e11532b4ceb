"""Names that are given twice, and names that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.declared import Declarations, Declared
from reconciler.errors import Problem
from reconciler.rules.reports import Reports
from reconciler.words import quoted

# The API's page gives it its meaning: what people tell the numbers apart by.
_FRIENDLY = "Friendly"


def duplicate_friendly(run: Declarations) -> Iterator[Problem]:
    """Numbers that are called what another one is called, which is told."""
    reports = Reports()
    first: dict[str, Declared] = {}
    for declared in run.numbers.values():
        name = declared.fields.get(_FRIENDLY)
        if not name or (other := first.setdefault(name, declared)) is declared:
            continue
        place = f"{other.number} ({other.path}:{other.line})"
        reports.add(declared, _FRIENDLY, f"{_FRIENDLY} is the same as that of {place}")
    return reports.problems()


def unused_templates(run: Declarations) -> Iterator[Problem]:
    for name, place in run.templates.items():
        if name not in run.used:
            yield Problem(*place, f"no number uses the template {quoted(name)}")
