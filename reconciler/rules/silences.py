"""Comments that silence a rule on their line, and the rules about these comments themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler.comments import Silence
from reconciler.errors import Problem
from reconciler.words import NearMisses, quoted

_UNKNOWN, _UNUSED = RULES = ("unknown-rule", "unused-ignore")


def heeded(
    found: Sequence[Problem],
    comments: Mapping[str, Sequence[Silence]],
    known: Collection[str],
    judged: Collection[str],
) -> list[Problem]:
    """The warnings that no comment silences, with those about the comments of each path.

    known: the names of all rules. judged: the paths whose comments ought to silence something.
    """
    silenced = {
        (path, each.line, each.rule) for path, silences in comments.items() for each in silences
    }
    spoken = {_key(warning) for warning in found}
    about = [
        problem
        for path, silences in comments.items()
        for problem in _about(path, silences, spoken if path in judged else None, known)
    ]
    return [warning for warning in (*found, *about) if _key(warning) not in silenced]


def _about(
    path: str,
    silences: Sequence[Silence],
    spoken: Collection[tuple[str, int, str]] | None,
    known: Collection[str],
) -> Iterator[Problem]:
    misses = NearMisses()
    for line, column, rule in silences:
        if rule not in known:
            hint = misses.hint(rule, known)
            yield Problem(path, line, column, f"there is no rule {quoted(rule)}{hint}", _UNKNOWN)
        elif rule not in RULES and spoken is not None and (path, line, rule) not in spoken:
            message = f"{rule} finds nothing on this line; remove it from the comment"
            yield Problem(path, line, column, message, _UNUSED)


def _key(warning: Problem) -> tuple[str, int, str]:
    return warning.path, warning.line, warning.rule
