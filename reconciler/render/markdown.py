"""Plan and result as Markdown, for comments and step summaries on GitHub and GitLab."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from reconciler.errors import Problem
from reconciler.model import (
    Change,
    Failure,
    FieldChange,
    Gone,
    Origin,
    Plan,
    Result,
    Status,
)
from reconciler.redact import redacted
from reconciler.render import markup
from reconciler.render.excerpt import sides
from reconciler.render.fit import Item, Part, fit, size
from reconciler.render.grouping import grouped
from reconciler.render.markup import bullet, code, cut, place, sentence, table
from reconciler.render.sections import Section, by_field, sections
from reconciler.render.text import ADVICE
from reconciler.words import counted

# So few numbers are unfolded, and need no table of their fields; so many rows are folded.
FEW = 3
MANY = 10
# What a person must do something about; in the order of the report.
OPEN = (Status.FAILED, Status.NOT_CONVERGED, Status.CONFLICT, Status.NOT_ATTEMPTED)

# What is always told has bounds, so that all of it fits into 4,096 bytes.
_LONGEST = 40
_LONGEST_REASON = 200
_FIELDS_BYTES = 1_536


def plan(made: Plan, *, max_bytes: int = 65_536) -> str:
    """What the plan comes to, then its details, as many as fit.

    It has at most `max_bytes` in UTF-8, from 4,096 on; what it comes to is told whole in any case.
    """
    made = redacted(made)
    head = _plan_head(made)
    if not _anything(made):
        return head
    foot = _foot(made.created_at, made)
    few = len(made.changes) <= FEW
    changes = [_section(section, few) for section in sections(made)]
    others = [_gone(made.gone), _unmanaged(made.unmanaged or ()), _warnings(made.warnings)]
    # Errors have the first turn, and stand after the changes.
    parts = [_failures(made.errors), *changes, *others]
    errors, *told = fit(parts, max_bytes - size(head + foot))
    told.insert(len(changes), errors)
    return head + "".join(told) + foot


def result(made: Result, *, max_bytes: int = 65_536) -> str:
    """How the apply ended, then its numbers, as many as fit, those that are still open first.

    It has at most `max_bytes` in UTF-8, from 4,096 on; how it ended is told whole in any case.
    """
    order = [*OPEN, *(status for status in ADVICE if status not in OPEN)]
    counts = {status: count for status in order if (count := made.count(status))}
    head, foot = _result_head(made, counts), _foot(made.finished_at, made)
    parts = [_outcomes(made, status) for status in counts]
    return head + "".join(fit(parts, max_bytes - size(head + foot))) + foot


def _plan_head(made: Plan) -> str:
    shard = f", shard {made.shard.index:,} of {made.shard.count:,}" if made.shard else ""
    verdict = f"### reconciler{shard}: {_verdict(made)}\n"
    told = " ".join(_sentences(made))
    said = f"\n<p>{told}</p>\n" if told else ""
    if not _anything(made):
        return verdict + said
    fields = _fields(by_field(made)) if len(made.changes) > FEW else ""
    return verdict + markup.counts(_counts(made)) + said + fields


def _anything(made: Plan) -> bool:
    return bool(made.changes or made.errors or made.gone or made.unmanaged or made.warnings)


def _verdict(made: Plan) -> str:
    unread = f", {len(made.errors):,} could not be planned" if made.errors else ""
    if made.changes:
        return f"{len(made.changes):,} to change, {made.unchanged:,} unchanged{unread}"
    return f"nothing to change in {made.unchanged:,}{unread}" if unread else "no changes"


def _counts(made: Plan) -> dict[str, int]:
    told = {"To change": len(made.changes)}
    if made.baseline is not None:
        told["Of these drifted"] = made.drifted
    told["Unchanged"] = made.unchanged
    some = {
        "Could not be planned": len(made.errors),
        "No longer managed": len(made.gone),
        "In no file": len(made.unmanaged or ()),
        "Warnings": len(made.warnings),
    }
    return told | {words: count for words, count in some.items() if count}


def _sentences(made: Plan) -> Iterator[str]:
    base = made.baseline
    none_read = base is not None and base.only_changed and not made.numbers
    if base is not None and none_read:
        ref = code(base.ref, _LONGEST)
        yield f"None of the selected numbers is declared otherwise than at {ref}."
    elif not (made.changes or made.errors):
        yield _unchanged(made.numbers)
    if base is not None:
        yield f"The baseline is {code(base.ref, _LONGEST)} ({code(base.commit[:12])})."
        if base.only_changed and not none_read:
            yield "Only what is declared otherwise there was read."
    writes = made.writes
    # The limit is of the whole, and a shard is a part of it.
    if writes > made.max_changes and made.shard is None:
        most = f"more than the {made.max_changes:,} that are allowed without --max-changes"
        yield f"<b>An apply would write {counted(writes, 'number')}, {most}.</b>"


def _unchanged(numbers: int) -> str:
    if not numbers:
        return "There are no numbers in it."
    return f"{'1 number is' if numbers == 1 else f'All {numbers:,} numbers are'} as declared."


def _fields(counts: Mapping[str, int]) -> str:
    rows = [
        f'<tr><td>{code(name, _LONGEST)}</td><td align="right">{count:,}</td></tr>\n'
        for name, count in counts.items()
    ]
    room = _FIELDS_BYTES
    told = [row for row in rows if (room := room - size(row)) >= 0]
    left = len(rows) - len(told)
    more = f'<tr><td colspan="2">and {counted(left, "more field")}</td></tr>\n' if left else ""
    head = "<tr><th>Field</th><th>Numbers</th></tr>\n"
    return f"\n<table>\n{head}{''.join(told)}{more}</table>\n"


def _foot(at: str, made: Plan | Result) -> str:
    """When, and of which account: a comment outlives its job."""
    where = f"account {code(made.account_sid, _LONGEST)} at {code(made.api_url)}"
    return f"\n<p><sub>{code(at, 20)}, {where}</sub></p>\n"


def _section(section: Section, unfolded: bool) -> Part:
    count = len(section.changes)
    groups = sorted(grouped(section.changes, 2), key=len, reverse=True)
    return Part(
        title=f"\n#### {section.title} ({count:,})\n\n" if section.title else "\n",
        items=(_group(group, unfolded) for group in groups),
        count=count,
        more=partial(markup.more, "change", "plan"),
    )


def _group(group: Sequence[Change], unfolded: bool) -> Item:
    first, alone = group[0], len(group) == 1
    who = _who(first) if alone else f"<b>{len(group):,} numbers</b>"
    where = f" ({place(first.source)})" if alone else ""
    shield = ", protected: not written" if first.protected else ""
    summary = f"<summary>{who}: {_what(first.fields)}{shield}{where}</summary>"
    gap = "" if alone else "\n"
    diff = "".join(f"{line}\n" for line in _diff(first.fields))
    return Item(
        head=f"<details{' open' if unfolded else ''}>\n{summary}\n\n```diff\n{diff}{gap}",
        tail="```\n\n</details>\n",
        lines=() if alone else map(_line, group),
        count=len(group),
    )


def _who(change: Change) -> str:
    name = f" {code(change.friendly)}" if change.friendly else ""
    return f"<b>{code(change.number)}</b>{name}"


def _what(fields: Mapping[str, FieldChange]) -> str:
    """The change itself where it is short, else what changes."""
    if len(fields) == 1:
        ((name, each),) = fields.items()
        if max(len(each.before or ""), len(each.after or "")) <= _LONGEST:
            before, after = map(code, sides(each))
            return f"{code(name)} {before} → {after}"
    return markup.names(fields)


def _diff(fields: Mapping[str, FieldChange]) -> Iterator[str]:
    labels = {name: f"{cut(name)}:" for name in fields}
    width = max(map(len, labels.values()))
    for name, each in fields.items():
        label = labels[name].ljust(width)
        if each.origin is Origin.BOTH:
            yield f"! {label} this change declares it, too"
        before, after = sides(each)
        yield f"- {label} {before}"
        yield f"+ {label} {after}"


def _line(change: Change) -> str:
    name = f"  {cut(change.friendly)}" if change.friendly else ""
    where = f"{cut(change.source.path)}:{change.source.line}"
    return bullet(f"{cut(change.number)}{name}  ({where})")


def _failures(failures: Sequence[Failure]) -> Part:
    rows = [(each.number, markup.why(each.code, each.message)) for each in failures]
    return table("Could not be planned", ("Number", "Why"), rows)


def _gone(gone: Sequence[Gone]) -> Part:
    rows = [(each.number, place(each.source)) for each in gone]
    title = "No longer managed, and left as they are"
    return table(title, ("Number", "Was declared at"), rows, folded=len(rows) > MANY)


def _unmanaged(numbers: Sequence[str]) -> Part:
    rows = [(number, "") for number in numbers]
    return table("In no file", ("Number", ""), rows)


def _warnings(warnings: Sequence[Problem]) -> Part:
    rows = [(f"{cut(each.path)}:{each.line}", _warning(each)) for each in warnings]
    heads = ("Place", "Warning")
    return table("Warnings", heads, rows, noun="warning", folded=len(rows) > MANY)


def _warning(each: Problem) -> str:
    rule = f" [{code(each.rule)}]" if each.rule else ""
    return code(each.message, markup.LONGEST_MESSAGE) + rule


def _result_head(made: Result, counts: Mapping[Status, int]) -> str:
    ended = "incomplete" if any(status in OPEN for status in counts) else "complete"
    applied = f"{counts.get(Status.APPLIED, 0):,} of {len(made.outcomes):,} applied"
    verdict = f"### reconciler: apply {ended}, {applied if made.outcomes else 'nothing to do'}\n"
    table = markup.counts({sentence(ADVICE[status][1]): count for status, count in counts.items()})
    why = "" if made.stopped is None else f"<b>Stopped:</b> {code(made.stopped, _LONGEST_REASON)}"
    return verdict + table + (f"\n<p>{why}</p>\n" if why else "")


def _outcomes(made: Result, status: Status) -> Part:
    _, title, advice = ADVICE[status]
    rows = [
        (each.number, markup.why(each.code, each.message) or markup.names(each.posted or ()))
        for each in made.outcomes
        if each.status is status
    ]
    return table(
        sentence(title),
        ("Number", "Why" if status in OPEN else "Sent"),
        rows,
        of="result",
        advice=advice,
        folded=status not in OPEN and len(rows) > FEW,
    )
