"""plan --all: the numbers of the account that no file names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reconciler.cli import options, run, screen
from reconciler.cli.options import Selection, option
from reconciler.cli.run import Session
from reconciler.errors import ApiError, ReconcilerError, UsageError

if TYPE_CHECKING:
    from reconciler.model import Plan


@dataclass(slots=True)
class Census:
    """Whether all of the account is looked at, and whether that could be done."""

    everything: bool
    _failed: bool = field(default=False, init=False)

    def refuse(self, selection: Selection, shared: bool) -> None:
        """Raises UsageError where the flags do not go together; `shared` among many machines."""
        if self.everything and shared:
            raise UsageError("--all lists the account once; leave --shard and --dask out.")
        if self.everything and selection.tag:
            raise UsageError("A number that no file names has no tags; leave --tag or --all out.")

    def told(self, made: Plan, session: Session, managed: Collection[str], of: Selection) -> Plan:
        """The plan with the numbers that are not managed; one that cannot be listed is as it was,
        and why is said."""
        if not self.everything:
            return made
        try:
            found = run.asyncio_run(_others(session, managed))
        except ApiError as error:
            self._failed = True
            screen.tell(f"The account's numbers cannot be listed. {error.code}: {error.message}")
            return made
        from reconciler.selection import named

        chosen = (number for number in found if named(number, of.target, of.exclude))
        return replace(made, unmanaged=tuple(sorted(chosen)))

    def fail(self) -> None:
        """Raises ReconcilerError where the account could not be listed."""
        if self._failed:
            raise ReconcilerError("Which numbers no file names is not known.")


census = options.gather(
    Census,
    "census",
    option(
        "--all",
        "everything",
        is_flag=True,
        help="Tell of the account's numbers that no file names, too; they are left alone.",
    ),
)


async def _others(session: Session, managed: Collection[str]) -> set[str]:
    """The account's numbers that are not managed, with their plus. Raises ApiError."""
    from reconciler.model import canonical_number

    async with session.conversation("Listing", 0) as (api, seen):
        others = set()
        async for row in api.list_numbers():
            seen.advance()
            number = canonical_number(str(row["Number"]))
            if number not in managed:
                others.add(number)
    return others
