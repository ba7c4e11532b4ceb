"""--baseline and --changed-since: what the files declared at a commit, and what follows from it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import options, screen
from reconciler.cli.options import Selection, option
from reconciler.errors import InputError, SetupError, UsageError
from reconciler.words import quoted

if TYPE_CHECKING:
    from reconciler.flows import Directory
    from reconciler.git import Commit
    from reconciler.model import Baseline, Change, Desired, DesiredNumber, Plan

    Files = Sequence[tuple[str, bytes]]

_BASELINE = option(
    "--baseline",
    metavar="REF",
    help="Tell by the files at this commit who moved each field since: they, or somebody else.",
)
_CHANGED_SINCE = option(
    "--changed-since",
    metavar="REF",
    help="Read only the numbers that were declared otherwise at this commit, and take it for the "
    "baseline.",
)


@dataclass(frozen=True, slots=True)
class Since:
    """The flags as given; `changed_since` is None for the commands without it."""

    baseline: str | None
    changed_since: str | None = None

    @property
    def goes_on(self) -> bool:
        """Whether the command does without a baseline that cannot be had. To a plan it is a help;
        drift would look away from what it is asked for."""
        return False


class _SincePlan(Since):
    __slots__ = ()

    @property
    def goes_on(self) -> bool:
        return True


drift = options.gather(Since, "since", _BASELINE)
plan = options.gather(_SincePlan, "since", _BASELINE, _CHANGED_SINCE)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was declared at the baseline, and what is, so that both compare."""

    baseline: Baseline
    before: Desired
    now: Desired

    def selected(self, numbers: Sequence[DesiredNumber]) -> Sequence[DesiredNumber]:
        """Those of the numbers that are to be read."""
        from reconciler import origin

        if not self.baseline.only_changed:
            return numbers
        now = (self.now.numbers.get(each.number, each) for each in numbers)
        changed = {each.number for each in origin.changed(now, self.before.numbers)}
        return [each for each in numbers if each.number in changed]

    def of(self, numbers: Iterable[DesiredNumber | Change]) -> list[DesiredNumber]:
        """Those of the numbers that were declared, as they were."""
        then = self.before.numbers
        return [then[each.number] for each in numbers if each.number in then]

    def told(
        self,
        made: Plan,
        declared: Desired,
        selection: Selection,
        directories: Mapping[str, Directory],
    ) -> Plan:
        """The plan with where each difference comes from, and what is no longer managed.

        directories: the flows that what was declared by name is to be found among.
        """
        from reconciler import origin, schema
        from reconciler.flows import Flows
        from reconciler.selection import matching

        flows = Flows(directories)
        then = {each.number: flows.agreed(each) for each in self.of(made.changes)}

        gone = origin.gone(declared.numbers, self.before.numbers)
        chosen = matching(
            (self.before.numbers[each.number] for each in gone),
            selection.target,
            selection.exclude,
            selection.tag,
        )
        numbers = {each.number for each in chosen}
        return replace(
            made,
            changes=origin.told(made.changes, then, self.now.numbers, schema.phones()),
            baseline=self.baseline,
            gone=tuple(each for each in gone if each.number in numbers),
        )


def agreed(
    since: Since,
    paths: Sequence[str],
    declared: Desired,
    tell: Callable[[str], None] = screen.tell,
) -> Agreed | None:
    """What the paths declared at the baseline, None where none is asked for.

    A plan goes on where there is no such thing, and a warning says so: without origins where the
    files were not valid then, with all of a path declared since where nothing was there.

    Raises UsageError, SetupError where git has no such commit, and for drift where there is no
    baseline.
    """
    from reconciler import git
    from reconciler.model import Baseline

    ref, only_changed = _asked(since)
    if ref is None:
        return None
    over = [source.path for source in declared.sources if source.overlay]
    commit = git.commit(ref, [*paths, *over])
    baseline = Baseline(ref, commit.hash, only_changed)
    try:
        files = _there(commit, paths, since, tell)
        before, now = _declared(commit, files, git.files(commit, over), declared)
    except InputError as error:
        _complain(f"The files at {quoted(ref)} are no baseline, {_invalid(error)}", since, tell)
        return None
    if not (before.numbers or since.goes_on):
        raise SetupError(f"At {quoted(ref)} no number was declared there. Choose a later commit.")
    return Agreed(baseline, before, now)


def _asked(since: Since) -> tuple[str | None, bool]:
    """The commit, and whether only what changed is to be read. What is on the command line wins
    over what is in the environment."""
    baseline, changed = since.baseline, since.changed_since
    if changed is None or baseline in (None, changed):
        return changed or baseline, changed is not None
    on_line = options.given("baseline"), options.given("changed_since")
    if on_line[0] is on_line[1]:
        raise UsageError("--changed-since has its own baseline; leave --baseline out.")
    return (baseline, False) if on_line[0] else (changed, True)


def _complain(message: str, since: Since, tell: Callable[[str], None]) -> None:
    """Raises SetupError, or warns where the command goes on."""
    if not since.goes_on:
        raise SetupError(message)
    rest = ", and every number is read" if since.changed_since is not None else ""
    tell(f"warning: {message} The plan goes on without a baseline{rest}.")


def _invalid(error: InputError) -> str:
    first, *more = error.problems
    others = f" (and {len(more):,} more)" if more else ""
    return f"as they were not valid: {first}{others}."


def _there(
    commit: Commit, paths: Sequence[str], since: Since, tell: Callable[[str], None]
) -> list[tuple[str, bytes]]:
    """The files at the commit. Had a path been elsewhere then, all drift would pass for declared,
    so that drift refuses it."""
    from reconciler import git

    found: dict[str, tuple[str, bytes]] = {}
    for path in paths:
        files = git.files(commit, [path])
        for each in files:
            found.setdefault(os.path.realpath(each[0]), each)
        told = f"At {quoted(commit.ref)} there was no numbers file at {path}"
        if not files and not since.goes_on:
            raise SetupError(
                f"{told}, so that no drift can be told there. Choose a later commit, in which it "
                "is where it is now."
            )
        if not files:
            tell(f"warning: {told}: all that it declares counts as declared since.")
    return list(found.values())


def _declared(
    commit: Commit, files: Files, overlays: Files, declared: Desired
) -> tuple[Desired, Desired]:
    """What was declared at the commit, and what is. Where that has references which git cannot
    answer, they are left in both, so that one compares with the other."""
    from reconciler import desired, document, git
    from reconciler.references import Committed

    if _unchanged([*files, *overlays], declared):
        return declared, declared
    then = cache(partial(git.content, commit))
    expansion = Committed(content=then)
    prefix = f"{commit.ref}:"
    before = desired.parse(files, prefix=prefix, overlays=overlays, expansion=expansion)
    if not expansion.unsettled:
        return before, declared
    read = document.read_bytes

    def content(path: Path) -> bytes | None:
        return None if then(path) is None else read(path)

    plain, over = (
        [(each.path, read(Path(each.path))) for each in declared.sources if each.overlay is kind]
        for kind in (False, True)
    )
    return before, desired.parse(plain, overlays=over, expansion=Committed(content=content))


def _unchanged(files: Files, declared: Desired) -> bool:
    """Whether the files are what they were, with all that they bring in, and need not be read
    again."""
    then = {(path, hashlib.sha256(data).hexdigest()) for path, data in files}
    same = then == {(source.path, source.sha256) for source in declared.sources}
    return same and not any(b"file:" in data for _path, data in files)
