"""A plan as GitLab's merge request widget reads it, from `artifacts:reports:terraform`."""

from __future__ import annotations

import json

from reconciler.model import Plan


def plan(made: Plan) -> str:
    """How many numbers an apply would write, in one line of JSON: none is created or deleted.

    Where not all could be planned there are no counts, so that the widget says that the report
    failed: a 0 would read as "no changes".
    """
    counts = {"create": 0, "update": made.writes, "delete": 0}
    if made.errors:
        counts = {"error": len(made.errors)}
    return json.dumps(counts, separators=(",", ":")) + "\n"
