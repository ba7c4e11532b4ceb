"""Which of the declared numbers a run is about: --target, --exclude and --tag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from reconciler.errors import SetupError
from reconciler.model import DesiredNumber
from reconciler.words import quoted


def select(
    numbers: Iterable[DesiredNumber],
    targets: Sequence[str] = (),
    excludes: Sequence[str] = (),
    tags: Sequence[str] = (),
) -> list[DesiredNumber]:
    """The numbers that match any target (a number or a glob; the plus may be left out) and carry
    any of the tags, less the excluded ones, in the order given.

    Raises SetupError for a target, exclude or tag that matches no number at all: a mistyped one
    would otherwise read as "no changes".
    """
    declared = list(numbers)
    _refuse_idle(declared, targets, excludes, tags)
    return matching(declared, targets, excludes, tags)


def matching(
    numbers: Iterable[DesiredNumber],
    targets: Sequence[str],
    excludes: Sequence[str],
    tags: Sequence[str],
) -> list[DesiredNumber]:
    """As `select`, and a pattern may match nothing."""
    return [
        number
        for number in numbers
        if named(number.number, targets, excludes)
        and (not tags or any(tag in number.tags for tag in tags))
    ]


def named(number: str, targets: Sequence[str], excludes: Sequence[str]) -> bool:
    """Whether a number, declared or not, matches any target, and no exclude."""
    return (not targets or any(_matches(number, pattern) for pattern in targets)) and not any(
        _matches(number, pattern) for pattern in excludes
    )


def _matches(number: str, pattern: str) -> bool:
    return fnmatchcase(number.removeprefix("+"), pattern.removeprefix("+"))


def _refuse_idle(
    declared: Sequence[DesiredNumber],
    targets: Sequence[str],
    excludes: Sequence[str],
    tags: Sequence[str],
) -> None:
    idle = [
        (option, pattern)
        for option, patterns in (("--target", targets), ("--exclude", excludes))
        for pattern in patterns
        if not any(_matches(number.number, pattern) for number in declared)
    ]
    carried = {tag for number in declared for tag in number.tags}
    idle += [("--tag", tag) for tag in tags if tag not in carried]
    if idle:
        sentences = (
            f"{option} {quoted(text)} matches none of the numbers." for option, text in idle
        )
        raise SetupError(" ".join(sentences))
