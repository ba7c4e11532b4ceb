"""What `explain` shows: text in columns, as `git blame` has it, and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

from reconciler.model import Failure, Source, Value
from reconciler.named import Named
from reconciler.provenance import Explanation, Field, Word
from reconciler.render import json
from reconciler.render.folding import Line, hanging, length
from reconciler.render.text import WIDTH, headed, page
from reconciler.words import counted, inert, value

# A longer value has its place below it, and a longer place does not widen its column.
_WIDEST = 36
_KINDS = {"default": "default of"}


class _Row(NamedTuple):
    """A line in columns; what counts stands out, what is beneath it is dim."""

    mark: str
    label: str
    text: str
    place: str = ""
    note: str = ""
    style: str = ""


def as_text(
    made: Explanation, failure: Failure | None, *, color: bool = False, width: int = WIDTH
) -> str:
    """A line for each field, with its value and where that comes from; below it what it overrides
    and, where that differs, what live has. `failure` is why live could not be read.

    What is longer than `width` characters is told over several lines."""
    return page(_lines(made, failure, width), color)


def as_json(made: Explanation, failure: Failure | None) -> str:
    """The same as data."""
    live = made.others is not None
    told: dict[str, Any] = {"number": made.number, "source": asdict(made.source)}
    if made.protected is not None:
        told["protected"] = asdict(made.protected)
    told["fields"] = [_field(each, live=live) for each in made.fields]
    if made.others is not None:
        told["not_declared"] = dict(made.others)
    if failure is not None:
        told["error"] = asdict(failure)
    return json.document(told)


def _lines(made: Explanation, failure: Failure | None, width: int) -> Iterator[Line]:
    yield from headed(((made.number, "bold"),), made.friendly, made.source, width)
    if made.protected is not None:
        told = f"protected: planned, and never written ({_place(made.protected)})"
        yield from hanging((), ((told, "yellow"),), width)
    yield from _aligned([row for each in made.fields for row in _rows(each)], width)
    if not made.fields:
        yield ((f"{made.asked} is not declared." if made.asked else "No field is declared.", ""),)
    yield from _besides(made, width)
    if failure is not None:
        yield (("! ", "red"), (f"live: {inert(failure.code)}: {inert(failure.message)}", ""))
    elif made.fields and made.others is not None:
        yield ((_verdict(made), "bold"),)


def _rows(each: Field) -> Iterator[_Row]:
    word = each.word
    mark = "~ " if each.differs else "  "
    yield _Row(mark, each.name, value(word.value), _place(word.source), _note(word))
    for over in each.over:
        yield _Row("  ", "  over", value(over.value), _place(over.source), _note(over), "dim")
    if each.leave is not None:
        why = f"until {inert(each.leave.until)}: {inert(each.leave.reason)}"
        yield _Row("  ", "  ignored", why, style="yellow")
    if each.same is False:
        yield _Row("  ", "  live", value(each.live), style="yellow" if each.differs else "")


def _besides(made: Explanation, width: int) -> Iterator[Line]:
    if made.others:
        yield (("Live and not declared, so left alone:", ""),)
        rows = [_Row("  ", name, value(text)) for name, text in made.others.items()]
        yield from _aligned(rows, width)
    elif made.asked and not made.fields and made.others is not None:
        yield (("Live it is unset.", ""),)


def _aligned(rows: list[_Row], width: int) -> Iterator[Line]:
    labels = max((len(row.label) for row in rows), default=0)
    texts = _widest(row.text for row in rows if row.place)
    places = _widest(row.place for row in rows)
    for row in rows:
        head = ((row.mark, "yellow"), (f"{row.label:{labels}}  ", row.style))
        if not row.place:
            yield from hanging(head, ((row.text, row.style),), width)
            continue
        tail = f"  {row.place:{places}}  {row.note}"
        line = (*head, (f"{row.text:{texts}}", row.style), (tail, "dim"))
        if len(row.text) <= texts and length(line) <= width:
            yield line
        else:
            yield from hanging(head, ((row.text, row.style),), width)
            under = max(min(length(head) + texts, width - len(tail)), 0)
            yield from hanging(((" " * (under + 2), ""),), ((tail[2:], "dim"),), width)


def _widest(texts: Iterable[str]) -> int:
    """Of a column; what is too long for one has no say in it."""
    return max((len(text) for text in texts if len(text) <= _WIDEST), default=0)


def _note(word: Word) -> str:
    told = [word.kind, *(["overlay"] if word.overlay else [])]
    told += [f"{_KINDS.get(kind, kind)} {name}" for kind, name in word.origins]
    return ", ".join(map(inert, told))


def _verdict(made: Explanation) -> str:
    differing = sum(each.differs for each in made.fields)
    if not differing:
        return "Live is as declared."
    return f"Live differs in {differing} of {counted(len(made.fields), 'declared field')}."


def _place(source: Source) -> str:
    return f"{inert(source.path)}:{source.line}"


def _field(each: Field, *, live: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"name": each.name, **_word(each.word)}
    told["over"] = [_word(word) for word in each.over]
    if each.leave is not None:
        told["ignored"] = asdict(each.leave)
    if live:
        told |= {"live": _plain(each.live), "as_declared": each.same}
    return told


def _word(word: Word) -> dict[str, Any]:
    told = {"value": _plain(word.value), "source": asdict(word.source), "kind": word.kind}
    origins = [{"kind": kind, "name": name} for kind, name in word.origins]
    return {**told, "overlay": word.overlay, "origins": origins}


def _plain(told: Value) -> Any:
    return {"name": str(told)} if isinstance(told, Named) else told
