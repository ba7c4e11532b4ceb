"""--shard I/N: one of many runs that share the numbers among them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import ParamType, option

if TYPE_CHECKING:
    from reconciler.model import DesiredNumber, Plan

Part = tuple[int, int]
_WRITTEN = re.compile(r"([0-9]{1,6})/([0-9]{1,6})", re.ASCII)


class PartType(ParamType[Part]):
    """I/N, as (I, N)."""

    name = "I/N"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Part:
        written = _WRITTEN.fullmatch(str(value))
        index, count = map(int, written.groups()) if written else (0, 0)
        if not 1 <= index <= count:
            self.fail(f"{value!r} is no shard: 3/8 is the third of eight", param, ctx)
        return index, count


shard = option(
    "--shard",
    type=PartType(),
    help="Only the numbers of the I-th of N shards; `merge` puts their plans together.",
)


def chosen(numbers: Sequence[DesiredNumber], part: Part | None) -> Sequence[DesiredNumber]:
    """Those of the numbers that are this run's."""
    from reconciler import shard

    return numbers if part is None else shard.part(numbers, *part)


def marked(made: Plan, part: Part | None, numbers: Sequence[DesiredNumber]) -> Plan:
    """The plan with which part it is, of all the `numbers` that were selected."""
    from reconciler.model import Shard

    return made if part is None else replace(made, shard=Shard(*part, len(numbers)))
