"""What is valid and still looks wrong, within and across numbers: each rule by its name.

Pure functions of what a run declares, linear in it. A rule that many numbers break in one place
(a template, the defaults) is said once. docs/rules.md has a section for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler import ignores
from reconciler.comments import Silence
from reconciler.declared import Declarations
from reconciler.errors import Problem
from reconciler.rules import companions, hooks, loops, names, phones, silences

_RULES: Mapping[str, Callable[[Declarations], Iterator[Problem]]] = {
    "duplicate-friendly": names.duplicate_friendly,
    "forwarding-loop": loops.forwarding_loops,
    "ignore-expired": ignores.expired,
    "impossible-number": phones.impossible_numbers,
    "no-effect": companions.no_effect,
    "plain-http": hooks.plain_http,
    "unused-template": names.unused_templates,
}
NAMES = (*_RULES, *silences.RULES)


def warnings(run: Declarations, comments: Mapping[str, Sequence[Silence]]) -> tuple[Problem, ...]:
    """All that the rules find, sorted by place, save what a comment silences.

    comments: those of each file, by its path.
    """
    found = [replace(problem, rule=name) for name, rule in _RULES.items() for problem in rule(run)]
    # What lies beneath an overlay may need its comments in a run without it.
    judged = run.overlays[-1:] or comments
    return tuple(sorted(silences.heeded(found, comments, NAMES, judged)))
