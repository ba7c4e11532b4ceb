"""What else would change with a numbers file, besides the fields that are meant to. Pure.

Two texts are compared by what they say. An anchor ties places together that look apart: what is
written at one of them would be said at the others too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from reconciler import document
from reconciler.errors import Problem
from reconciler.tree import Block, Node, as_block

_NUMBERS = "numbers"
_TIED = "{} would change too, as an alias ties it to what changes; write it out without the alias"
_ODD = "{} is written in a way that cannot be changed from here; change it by hand"


def problems(
    path: str, before: bytes, after: bytes, meant: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Each place in the text before at which more would change than the fields that are `meant`,
    by their number. A number that was not there before may come as a whole.
    """
    old = as_block(document.parse(path, before).root)
    found, wrong = document.examine(path, after)
    new = as_block(found.root) if found and not wrong else None
    numbers = as_block(old.get(_NUMBERS))
    if new is None or new.keys() - old.keys() - {_NUMBERS}:
        odd = [number for number in numbers if number in meant]
        yield from (_problem(_ODD, path, numbers, number) for number in odd)
        if not odd:
            yield Problem(path, 1, 1, _ODD.format("this file"))
        return
    for key, node in old.items():
        if key != _NUMBERS and new.get(key) != node:
            yield _problem(_TIED, path, old, key)
    yield from _numbers(path, numbers, as_block(new.get(_NUMBERS)), meant)


def _numbers(
    path: str, old: Block, new: Block, meant: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    for number, entry in old.items():
        if number not in meant and new.get(number) != entry:
            yield _problem(_TIED, path, old, number)
        elif _less(new.get(number), meant.get(number)) != _less(entry, meant.get(number)):
            yield _problem(_ODD, path, old, number)
    if others := new.keys() - old.keys() - meant.keys():
        yield Problem(path, 1, 1, f"{min(others)} would be declared too")


def _less(entry: Node, fields: Collection[str] | None) -> Mapping[str, Node]:
    return {name: node for name, node in as_block(entry).items() if name not in (fields or ())}


def _problem(sentence: str, path: str, block: Block, key: str) -> Problem:
    return Problem(path, *block.key_at(key), sentence.format(key))
