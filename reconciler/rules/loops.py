"""Numbers that pass calls, or texts, on to one another without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.declared import Declarations
from reconciler.errors import Problem
from reconciler.model import Value
from reconciler.secret import Secret

_LONGEST_SHOWN = 12

# The API's page gives these their meaning: what passes a call, or a text, on to another number.
_CALLS = ("RoutingMethod", "Endpoint", "EndpointNumber")
_TEXTS = "SendSmsTo"


def forwarding_loops(run: Declarations) -> Iterator[Problem]:
    """Each loop once, at its smallest number."""
    method, endpoint, target = _CALLS
    numbers = run.numbers
    calls = {
        number: declared.fields.get(target)
        for number, declared in numbers.items()
        if declared.fields.get(method) == endpoint
    }
    texts = {number: declared.fields.get(_TEXTS) for number, declared in numbers.items()}
    for what, name, passed_on in (("calls", target, calls), ("texts", _TEXTS, texts)):
        # A loop is spelled out, and what is secret is not.
        shown_on = {one: to for one, to in passed_on.items() if not isinstance(to, Secret)}
        for loop in loops(shown_on):
            shown = loop if len(loop) <= _LONGEST_SHOWN else [*loop[:_LONGEST_SHOWN], "…"]
            way = " -> ".join([*shown, loop[0]])
            yield Problem(*numbers[loop[0]].place(name), f"{what} go round in a loop: {way}")


def loops(passed_on: Mapping[str, Value]) -> Iterator[list[str]]:
    """The loops where each number leads to one at most, each from its smallest number."""
    done: set[str] = set()
    for start in passed_on:
        way: dict[str, None] = {}
        number: Value = start
        while number is not None and number in passed_on and number not in done:
            done.add(number)
            way[number] = None
            number = passed_on[number]
        if number is not None and number in way:
            steps = list(way)
            loop = steps[steps.index(number) :]
            first = loop.index(min(loop))
            yield loop[first:] + loop[:first]
