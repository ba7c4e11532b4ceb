"""The flows of a property, read from the API; that they cannot be read is told as data."""

from __future__ import annotations

from reconciler import wire
from reconciler.api import Api
from reconciler.errors import ApiError, Forbidden, Stopping
from reconciler.flows import Directory


async def directory(api: Api, owner: str) -> Directory:
    """The flows of the property with that PropertySid.

    Raises Stopping where every other request would end the same way.
    """
    try:
        return Directory(dict(map(wire.flow, await api.list_flows(owner))))
    except ApiError as error:
        # Who may not read the flows may still read the numbers.
        if isinstance(error, Stopping) and not isinstance(error, Forbidden):
            raise
        return Directory(refused=f"{error.code}: {error.message}")
