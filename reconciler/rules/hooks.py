"""Requests that anybody on their way can read and change."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler import schema
from reconciler.declared import Declarations
from reconciler.errors import Problem
from reconciler.rules.reports import Reports


def plain_http(run: Declarations) -> Iterator[Problem]:
    """URLs that begin with http://; on this machine too, for it is the API that requests them."""
    reports = Reports()
    urls = [each.name for each in schema.parameters().values() if each.url]
    for declared in run.numbers.values():
        for name in urls:
            value = declared.fields.get(name)
            if value and value[:5].lower() == "http:":
                reports.add(declared, name, f"{name} is requested over plain http; use https")
    return reports.problems()
