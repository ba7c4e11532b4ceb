"""Plan and result as a person reads them at a terminal, in Terraform's habits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

from reconciler.errors import Problem
from reconciler.model import Change, Failure, Outcome, Plan, Result, Source, Status
from reconciler.render import fields
from reconciler.render.folding import LEAST, Line, hanging, length, shortened
from reconciler.render.grouping import FROM, grouped
from reconciler.render.sections import by_field, sections
from reconciler.words import as_line, counted, inert

# What each status means to the reader, and what to do about it; in the order of the report.
ADVICE = {
    Status.APPLIED: ("green", "applied", ""),
    Status.ALREADY_IN_PLACE: ("green", "already in place", "nothing was sent"),
    Status.CONFLICT: ("yellow", "conflict", "changed since they were read; plan again to see how"),
    Status.NOT_CONVERGED: ("red", "not converged", "written, but the API shows something else"),
    Status.FAILED: ("red", "failed", "run the same command again when the cause is gone"),
    Status.PROTECTED: ("yellow", "protected", "skipped; remove `protect: true` to write them"),
    Status.NOT_ATTEMPTED: ("yellow", "not attempted", "run the same command again to go on"),
}
WIDTH = 80
MOST_LISTED = 20
MOST_NAMED = 3


def plan(made: Plan, *, color: bool = False, width: int = WIDTH, expand: bool = False) -> str:
    """The changes, then what could not be read, then one line that sums up.

    Numbers that change alike are told together, and what long values have in common is shortened,
    unless `expand`. What is longer than `width` characters is told over several lines.
    """
    return page(_plan_lines(made, width, expand), color)


def result(made: Result, *, color: bool = False) -> str:
    """The numbers grouped by how they ended, with what to do next, then one line that sums up."""
    return page(_result_lines(made), color)


def _plan_lines(made: Plan, width: int, expand: bool) -> Iterator[Line]:
    for section in sections(made):
        if section.title:
            yield ((section.title, "bold underline"),)
            yield ()
        for group in grouped(section.changes, FROM if not expand else len(made.changes) + 1):
            yield from (
                _change(group[0], width, expand) if len(group) == 1 else _group_of(group, width)
            )
            yield ()
    yield from _gone(made, width)
    yield from _unmanaged(made, width)
    for failure in made.errors:
        yield _failure(failure)
    if made.errors:
        yield ()
    if len(made.changes) > MOST_LISTED:
        yield from _by_field(made)
    if made.writes > made.max_changes and made.shard is None:
        yield from _over(made)
    part = f"Shard {made.shard.index} of {made.shard.count}. " if made.shard else ""
    yield ((part + summary(made), "bold"),)


def _change(change: Change, width: int, expand: bool) -> Iterator[Line]:
    number = (("~ ", "yellow"), (change.number, "bold"))
    yield from headed(number, change.friendly, change.source, width, _shield(change))
    yield from fields.lines(change.fields, width, whole=expand)


def headed(
    number: Line, friendly: str | None, source: Source, width: int, notes: Line = ()
) -> Iterator[Line]:
    """A number with what people call it and its place, which has a line of its own if need be."""
    name = f"  {inert(friendly)}" if friendly else ""
    place = f"({inert(source.path)}:{source.line})"
    room = width - length(number) - length(notes)
    beside = room - len(place) - 2
    if beside >= min(len(name), LEAST):
        yield (*number, (shortened(name, beside), ""), (f"  {place}", "dim"), *notes)
    else:
        yield (*number, (shortened(name, room), ""), *notes)
        yield from hanging((("    ", ""),), ((place, "dim"),), width)


def _group_of(changes: Sequence[Change], width: int) -> Iterator[Line]:
    """Changes that are alike: what they are, and every number that they are of."""
    first = changes[0]
    head: Line = (("~ ", "yellow"), (f"{len(changes):,} numbers", "bold"))
    told = [
        (*head, (f": {inert(name)} ", ""), *fields.arrow(each), *_shield(first))
        for name, each in first.fields.items()
    ]
    if len(told) == 1 and length(told[0]) <= width:
        yield told[0]
    else:
        yield (*head, *_shield(first))
        yield from fields.lines(first.fields, width, whole=False)
    numbers = " ".join(change.number for change in changes)
    for line in wrap(numbers, width, initial_indent="    ", subsequent_indent="    "):
        yield ((line, "dim"),)


def _shield(change: Change) -> Line:
    return (("  protected: not written", "yellow"),) if change.protected else ()


def _over(made: Plan) -> Iterator[Line]:
    told = f"An apply would write {made.writes:,} numbers, and {made.max_changes:,} are allowed."
    yield ((f"{told} --max-changes allows more.", "yellow"),)
    yield ()


def _by_field(made: Plan) -> Iterator[Line]:
    counts = by_field(made)
    names = max(map(len, counts))
    yield (("Numbers that change, by field", "bold"),)
    for name, count in counts.items():
        yield ((f"    {inert(name):{names}}  {count:>7,}", ""),)
    yield ()


def _gone(made: Plan, width: int) -> Iterator[Line]:
    told = (
        (gone.number, f"  ({inert(gone.source.path)}:{gone.source.line})") for gone in made.gone
    )
    yield from _listing("No longer managed, and left as they are", list(told), width)


def _unmanaged(made: Plan, width: int) -> Iterator[Line]:
    """The numbers that no file names; all of them, as they were asked for."""
    if made.unmanaged is None:
        return
    if not made.unmanaged:
        yield (("Every number of the account is in a file.", ""),)
        yield ()
    else:
        numbers = [(number, "") for number in made.unmanaged]
        yield from _listing("In the account, and in no file", numbers, width, len(numbers))


def _listing(
    title: str, items: Sequence[tuple[str, str]], width: int, most: int = MOST_LISTED
) -> Iterator[Line]:
    if not items:
        return
    yield ((title, "bold underline"),)
    yield ()
    for number, where in items[:most]:
        yield from hanging((("  ", ""), (inert(number), "bold")), ((where, "dim"),), width)
    if len(items) > most:
        yield ((f"  and {len(items) - most:,} more", "dim"),)
    yield ()


def _failure(failure: Failure) -> Line:
    told = f"  {inert(failure.code)}: {inert(failure.message)}"
    return (("! ", "red"), (inert(failure.number), "bold"), (told, ""))


def problems(errors: Sequence[Problem], counts: Mapping[str, int]) -> str:
    """How much is valid; what is wrong stands on stderr."""
    if errors:
        return ""
    told = " in ".join(counted(count, name.removesuffix("s")) for name, count in counts.items())
    return f"Valid: {told}.\n"


def summary(made: Plan) -> str:
    """What the plan comes to in a few sentences, the counts in the first."""
    if made.baseline is not None and made.baseline.only_changed and not made.numbers:
        ref = inert(made.baseline.ref)
        return f"No changes. None of the selected numbers is declared otherwise than at {ref}."
    return _counts(made) + _origins(made) + _unread(made)


def _origins(made: Plan) -> str:
    if made.baseline is None or not made.changes:
        return ""
    return f" Drifted since {inert(made.baseline.ref)}: {made.drifted:,} of those."


def _unread(made: Plan) -> str:
    if made.baseline is None or not made.baseline.only_changed:
        return ""
    return f" Only what is declared otherwise than at {inert(made.baseline.ref)} was read."


def _counts(made: Plan) -> str:
    unread = f", {len(made.errors):,} could not be planned" if made.errors else ""
    if made.changes:
        return f"Plan: {len(made.changes):,} to change, {made.unchanged:,} unchanged{unread}."
    if made.errors:
        return f"Plan: nothing to change in {made.unchanged:,}{unread}."
    if not made.numbers:
        return "No changes. There are no numbers in it."
    return f"No changes. {_numbers(made.numbers)} as declared."


def _numbers(count: int) -> str:
    return "1 number is" if count == 1 else f"All {count:,} numbers are"


def _result_lines(made: Result) -> Iterator[Line]:
    for status in ADVICE:
        group = [outcome for outcome in made.outcomes if outcome.status is status]
        if group:
            yield from _group(status, group)
            yield ()
    if made.stopped is not None:
        yield (("Stopped: ", "red"), (inert(made.stopped), ""))
    yield ((_verdict(made), "bold"),)


def _group(status: Status, group: list[Outcome]) -> Iterator[Line]:
    style, title, advice = ADVICE[status]
    yield ((f"{title} ({len(group):,})", style), (f": {advice}" if advice else "", ""))
    told = [outcome for outcome in group if outcome.message]
    quiet = [outcome for outcome in group if not outcome.message]
    for outcome in told:
        code = f"{inert(outcome.code)}: " if outcome.code else ""
        yield (
            ("    ", ""),
            (inert(outcome.number), "bold"),
            (f"  {code}{inert(outcome.message or '')}", ""),
        )
    for outcome in quiet[:MOST_LISTED]:
        named = _named(list(outcome.posted or ()))
        yield (
            ("    ", ""),
            (inert(outcome.number), "bold"),
            (f"  {named}" if named else "", "dim"),
        )
    if len(quiet) > MOST_LISTED:
        yield ((f"    and {len(quiet) - MOST_LISTED:,} more", "dim"),)


def _named(fields: list[str]) -> str:
    """The fields by name, as long as they fit beside a number."""
    if len(fields) > MOST_NAMED:
        return f"{len(fields)} fields"
    return ", ".join(map(inert, fields))


def _verdict(made: Result) -> str:
    counts = [
        f"{made.count(status):,} {title}"
        for status, (_, title, _) in ADVICE.items()
        if made.count(status)
    ]
    good = {Status.APPLIED, Status.ALREADY_IN_PLACE, Status.PROTECTED}
    whole = all(outcome.status in good for outcome in made.outcomes)
    head = "Apply complete" if whole else "Apply incomplete"
    return f"{head}: {', '.join(counts) or 'nothing to do'}."


def page(lines: Iterable[Line], color: bool) -> str:
    """Lines as text, inert; with colours where they are wanted."""
    if color:
        return _colored(lines)
    return "".join(as_line("".join(text for text, _ in line)) + "\n" for line in lines)


def _colored(lines: Iterable[Line]) -> str:
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    page = StringIO()
    console = Console(file=page, force_terminal=True, color_system="standard", highlight=False)
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True)
    return page.getvalue()
