"""Fields that need something else to be declared, and fields that do nothing without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler import schema
from reconciler.declared import Declarations, Declared
from reconciler.errors import Problem
from reconciler.named import Named
from reconciler.rules.reports import Reports
from reconciler.words import quoted


def missing_targets(numbers: Iterable[Declared]) -> Iterator[Problem]:
    """An error: a field whose value needs another field, which is not declared or is empty."""
    reports = Reports()
    needing = [each for each in schema.parameters().values() if each.requires]
    for declared in numbers:
        for parameter in needing:
            value = declared.fields.get(parameter.name) or ""
            target = parameter.requires.get(value)
            if target and not declared.fields.get(target):
                reports.add(
                    declared,
                    parameter.name,
                    f"{parameter.name} {quoted(value)} needs {target}; declare it too",
                )
    return reports.problems()


def missing_properties(numbers: Iterable[Declared]) -> Iterator[Problem]:
    """An error: a flow by its name, where the number's file does not say of which property."""
    reports = Reports()
    for declared in numbers:
        if "property" in declared.file:
            continue
        for name in schema.flows():
            if isinstance(declared.fields.get(name), Named):
                sentence = f'{name} is given by name, which needs "property:" in {declared.path}'
                reports.add(declared, name, sentence)
    return reports.problems()


def no_effect(run: Declarations) -> Iterator[Problem]:
    """Fields that are declared and do nothing while another is as it is declared, or is not."""
    reports = Reports()
    choosing = [each for each in schema.parameters().values() if each.requires]
    idle = [(p.name, p.idle_without) for p in schema.parameters().values() if p.idle_without]
    for declared in run.numbers.values():
        fields = declared.fields
        for parameter in choosing:
            if parameter.name in fields:
                _report_unused_targets(reports, declared, parameter)
        for name, needed in idle:
            if fields.get(name) and not fields.get(needed):
                state = "is unset" if needed in fields else "is not declared"
                reports.add(declared, name, f"{name} has no effect while {needed} {state}")
    return reports.problems()


def _report_unused_targets(
    reports: Reports, declared: Declared, parameter: schema.Parameter
) -> None:
    chosen = declared.fields[parameter.name]
    used = parameter.requires.get(chosen or "")
    state = f"is {quoted(chosen)}" if chosen else "is unset"
    for target in parameter.requires.values():
        if target != used and declared.fields.get(target):
            sentence = f"{target} has no effect while {parameter.name} {state}"
            reports.add(declared, target, sentence)
