"""Call flows, read before the numbers are: once a run for each property whose flows matter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from reconciler.cli import connect
from reconciler.cli.options import option
from reconciler.words import quoted

if TYPE_CHECKING:
    from reconciler.cli.run import Session
    from reconciler.flows import Directory, Flows
    from reconciler.model import Change, Desired, DesiredNumber, Failure, LiveNumber

Ask = Callable[[str], Awaitable["Directory"]]

no_check = option(
    "--no-check-flows",
    is_flag=True,
    help="Do not check that the property which a file guards has the flows whose ConfigIds it "
    "declares.",
)


async def known(
    session: Session,
    numbers: Collection[DesiredNumber],
    before: Collection[DesiredNumber] = (),
    ask: Ask | None = None,
) -> Flows:
    """What has to be known of flows to plan these numbers.

    before: as numbers were declared once; names in them may mean nothing any more.
    ask: gives the flows of a property, in place of a conversation of our own.

    Raises InputError where a name is not that of one flow, ReconcilerError where that cannot be
    known, Stopping.
    """
    from reconciler.flows import Flows, needed

    checked = needed(numbers, ids=True) if session.checks_flows else set()
    wanted = checked | needed(numbers, ids=False) | needed(before, ids=False)
    new = await read(session, wanted, ask)
    found = Flows(session.directories)
    found.settle(numbers)
    for owner, directory in new.items():
        if directory.refused:
            session.tell(
                f"warning: The flows of the property {owner} cannot be read, so the ConfigIds in "
                f"the files are not checked. {directory.refused}"
            )
    return found


def checked(
    session: Session,
    flows: Flows,
    numbers: Iterable[DesiredNumber],
    changes: Sequence[Change],
    errors: Sequence[Failure],
) -> tuple[list[Change], list[Failure]]:
    """What was planned for the numbers, the flows with their names; those fail that would be sent
    a ConfigId which their property does not have. Where live has it already, a warning says so."""
    from reconciler.flows import warning

    wrong, kept = flows.checked(numbers, changes, errors) if session.checks_flows else ([], [])
    if kept:
        session.tell(f"warning: {warning(kept)}")
    failed = {failure.number for failure in wrong}
    named = [flows.labelled(change) for change in changes if change.number not in failed]
    return named, [*wrong, *errors]


async def spoken(
    session: Session, live: Iterable[LiveNumber], declared: Desired
) -> list[LiveNumber]:
    """The live numbers with names for the ConfigIds of flows that are declared by name. Raises
    ReconcilerError where these cannot be known, Stopping."""
    from reconciler.flows import Flows, needed

    owners = needed(declared.numbers.values(), ids=False)
    await read(session, owners)
    flows = Flows(session.directories)
    flows.demand(owners)
    then = declared.numbers
    return [flows.spoken(each, then[each.number]) if each.number in then else each for each in live]


async def read(
    session: Session, owners: Iterable[str], ask: Ask | None = None
) -> dict[str, Directory]:
    """The flows of those of the properties that this session has not asked for yet."""
    new = sorted(set(owners) - session.directories.keys())
    if not new:
        return {}
    if ask is not None:
        found = {owner: await _asked(ask, owner) for owner in new}
    else:
        from reconciler.lookup import directory

        async with session.conversation("Reading the flows", len(new)) as (api, _):
            found = {owner: await _asked(partial(directory, api), owner) for owner in new}
    session.directories |= found
    return found


async def _asked(ask: Ask, owner: str) -> Directory:
    if connect.SID.fullmatch(owner):
        return await ask(owner)
    from reconciler.flows import Directory

    return Directory(refused=f"{quoted(owner)} is no PropertySid: letters, digits, - and _ are.")
