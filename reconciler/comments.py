"""The comments that silence a rule, `# reconciler: ignore[rule]`, and where they stand.

libyaml gives no comments. What looks like one is searched for in the text, and is one unless a
scalar of the parser's spans it. A file that has none costs one search of its bytes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.builder import Events
from reconciler.tree import Place

if TYPE_CHECKING:
    from yaml import Event

_MARK = b"reconciler:"
_LOOKS_SO = re.compile(r"#[ \t]*reconciler:[ \t]*ignore\[([^][#]*)\]")
# What libyaml takes for the end of a line.
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_END: Place = (sys.maxsize, 0)


class Silence(NamedTuple):
    """The name of one rule in a comment, and its place; both count from 1."""

    line: int
    column: int
    rule: str


def watched(events: Events, data: bytes) -> tuple[Events, list[Silence]]:
    """The events of a file, to be taken instead, and a list that fills while they are."""
    if _MARK not in data:
        return events, []
    watcher = _Watcher(events, data.decode("utf-8", "replace").removeprefix("\ufeff"))
    return watcher, watcher.found


class _Watcher:
    """Places count from 0 here, as the parser's marks do."""

    def __init__(self, events: Events, text: str) -> None:
        self._events = events
        self._lookalikes = _lookalikes(text)
        self._next = next(self._lookalikes, None)
        self.found: list[Silence] = []

    def get_event(self) -> Event | None:
        from yaml import ScalarEvent

        event = self._events.get_event()
        if event is None:
            self._pass(_END, _END)
        elif type(event) is ScalarEvent:
            self._pass(*_span(event))
        return event

    def _pass(self, start: Place, end: Place) -> None:
        """A scalar goes by: what stands before it is a comment, what stands within it is none."""
        while self._next is not None and self._next[0] < end:
            at, match = self._next
            if at < start:
                self.found += _silences(at[0], match)
            self._next = next(self._lookalikes, None)


def _span(event: Any) -> tuple[Place, Place]:
    """From where to where a scalar holds text, and no comment can stand."""
    start, end = event.start_mark, event.end_mark
    # After the "|" of a block scalar a comment may follow; its text begins on the next line.
    first = (start.line + 1, 0) if event.style in ("|", ">") else (start.line, start.column)
    return first, (end.line, end.column)


def _lookalikes(text: str) -> Iterator[tuple[Place, re.Match[str]]]:
    for index, line in enumerate(_LINE_END.split(text)):
        for match in _LOOKS_SO.finditer(line):
            yield (index, match.start()), match


def _silences(index: int, match: re.Match[str]) -> Iterator[Silence]:
    column = match.start(1)
    for each in match[1].split(","):
        indent = len(each) - len(each.lstrip())
        yield Silence(index + 1, column + indent + 1, each.strip())
        column += len(each) + 1
