"""Plan and result as a person reads them at a terminal, in Terraform's habits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.model import Change, Failure, FieldChange, Outcome, Plan, Result, Status
from reconciler.words import inert, value

Piece = tuple[str, str]
Line = tuple[Piece, ...]

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
MOST_LISTED = 20
MOST_NAMED = 3


def plan(made: Plan, *, color: bool = False) -> str:
    """The changes, then what could not be read, then one line that sums up."""
    return _text(_plan_lines(made), color)


def result(made: Result, *, color: bool = False) -> str:
    """The numbers grouped by how they ended, with what to do next, then one line that sums up."""
    return _text(_result_lines(made), color)


def _plan_lines(made: Plan) -> Iterator[Line]:
    for change in made.changes:
        yield from _change(change)
    for failure in made.errors:
        yield _failure(failure)
    if made.errors:
        yield ()
    part = f"Shard {made.shard.index} of {made.shard.count}. " if made.shard else ""
    yield ((part + _summary(made), "bold"),)


def _change(change: Change) -> Iterator[Line]:
    name = f"  {inert(change.friendly)}" if change.friendly else ""
    shield: tuple[Piece, ...] = (
        (("  protected: not written", "yellow"),) if change.protected else ()
    )
    where = f"  ({inert(change.source.path)}:{change.source.line})"
    yield (("~ ", "yellow"), (change.number, "bold"), (name, ""), (where, "dim"), *shield)
    width = max(len(field) for field in change.fields)
    for field, each in change.fields.items():
        yield _field(field, each, width)
    yield ()


def _field(name: str, each: FieldChange, width: int) -> Line:
    return (
        (f"    {inert(name)}:{' ' * (width - len(name))} ", ""),
        (value(each.before), "red" if each.before else "dim"),
        (" -> ", ""),
        (value(each.after), "green" if each.after else "dim"),
    )


def _failure(failure: Failure) -> Line:
    told = f"  {inert(failure.code)}: {inert(failure.message)}"
    return (("! ", "red"), (inert(failure.number), "bold"), (told, ""))


def _summary(made: Plan) -> str:
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
            (outcome.number, "bold"),
            (f"  {code}{inert(outcome.message or '')}", ""),
        )
    for outcome in quiet[:MOST_LISTED]:
        fields = _named(list(outcome.posted or ()))
        yield (("    ", ""), (outcome.number, "bold"), (f"  {fields}" if fields else "", "dim"))
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


def _text(lines: Iterable[Line], color: bool) -> str:
    if color:
        return _colored(lines)
    return "".join("".join(text for text, _ in line) + "\n" for line in lines)


def _colored(lines: Iterable[Line]) -> str:
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    page = StringIO()
    console = Console(file=page, force_terminal=True, color_system="standard", highlight=False)
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True)
    return page.getvalue()
