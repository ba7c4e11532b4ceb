"""The pieces that Markdown reports are made of.

All that comes from the data stands in code, within HTML blocks and fences, where no Markdown is
read: there it is no markup, and mentions nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from html import escape

from reconciler.model import Source
from reconciler.render.fit import Item, Part
from reconciler.words import counted, inert

MOST_NAMED = 3
LONGEST_NAME = 60
LONGEST_MESSAGE = 300


def cut(text: str, most: int = LONGEST_NAME) -> str:
    """The text inert, and no longer than that, save for an ellipsis; fit for a fence, save at the
    beginning of a line."""
    shown = inert(text[: most + 1])
    return shown if len(shown) <= most else f"{shown[:most]}…"


def code(text: str, most: int = LONGEST_NAME) -> str:
    """The same within an HTML block."""
    return f"<code>{escape(cut(text, most), quote=False)}</code>"


def bullet(text: str) -> str:
    """A line of a list in a fence, where a name could else end the fence or command a CI."""
    return f"  * {text}\n"


def place(source: Source) -> str:
    return code(f"{cut(source.path)}:{source.line}", LONGEST_NAME + 20)


def names(fields: Collection[str]) -> str:
    """The fields by name, as long as they fit beside a number."""
    if len(fields) > MOST_NAMED:
        return f"{len(fields)} fields"
    return ", ".join(map(code, fields))


def why(name: str | None, message: str | None) -> str:
    """An error's code and message, as far as there are any."""
    told = [code(name)] if name else []
    return ": ".join([*told, code(message, LONGEST_MESSAGE)] if message else told)


def sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def counts(told: Mapping[str, int]) -> str:
    """A table with one row of numbers, under our own words for them."""
    rows = [told, ["---:"] * len(told), [f"{count:,}" for count in told.values()]]
    return "\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows) if told else ""


def more(noun: str, of: str, left: int, others: bool) -> str:
    """How many are left out of a report `of` a plan or result, and where to find them."""
    told = f"and {counted(left, f'more {noun}')}" if others else counted(left, noun)
    return f"<p>{told}; see the full {of} in the job's log or artifact</p>\n"


def table(
    title: str,
    heads: tuple[str, str],
    rows: Sequence[tuple[str, str]],
    *,
    noun: str = "number",
    of: str = "plan",
    advice: str = "",
    folded: bool = False,
) -> Part:
    """Names, and beside each what there is to say, as HTML, if anything; where it is the same for
    many, they are one row."""
    fold = (f"<details>\n<summary>{counted(len(rows), noun)}</summary>\n", "</details>\n")
    before, after = fold if folded else ("", "")
    said = any(told for _, told in rows)
    head = "".join(f"<th>{each}</th>" for each in (heads if said else heads[:1]))
    advised = f"{sentence(advice)}.\n\n" if advice else ""
    return Part(
        title=f"\n#### {title} ({len(rows):,})\n\n{advised}",
        items=_rows(rows, noun),
        count=len(rows),
        more=partial(more, noun, of),
        frame=(f"{before}<table>\n<tr>{head}</tr>\n", f"</table>\n{after}"),
    )


def _rows(rows: Iterable[tuple[str, str]], noun: str) -> Iterator[Item]:
    alike: dict[str, list[str]] = {}
    for name, told in rows:
        alike.setdefault(told, []).append(name)
    for told, found in sorted(alike.items(), key=lambda each: -len(each[1])):
        end = f"</td><td>{told}</td></tr>\n" if told else "</td></tr>\n"
        yield Item(f"<tr><td>{code(found[0])}{end}") if len(found) == 1 else _row(found, end, noun)


def _row(found: Sequence[str], end: str, noun: str) -> Item:
    head = f"<tr><td><details><summary>{counted(len(found), noun)}</summary>\n\n```text\n"
    lines = (bullet(cut(name)) for name in found)
    return Item(head, f"```\n\n</details>{end}", lines, len(found))
