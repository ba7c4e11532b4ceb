"""Messages to people, wherever they are: the one importer of Apprise.

A URL of Apprise's holds passwords, so it is never told: not in an error, not in a log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from reconciler.bulletin import Message
from reconciler.errors import SetupError, UsageError

try:
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
    from apprise.common import OverflowMode
except ImportError:
    raise SetupError("--notify needs Apprise: pip install 'reconciler[notify]'.") from None


class Channel:
    """One URL, and the message that is `owed` to it: the last one that has not been sent yet."""

    def __init__(self, name: str, service: Apprise) -> None:
        self.name = name
        self.owed: Message | None = None
        self._service = service

    async def deliver(self) -> bool:
        """Sends what is owed; whether nothing is any more."""
        if self.owed is not None and await asyncio.to_thread(self._sent, self.owed):
            self.owed = None
        return self.owed is None

    def _sent(self, message: Message) -> bool:
        try:
            sent = self._service.notify(
                body=message.body,
                title=message.title,
                notify_type=NotifyType.SUCCESS if message.good else NotifyType.WARNING,
                body_format=NotifyFormat.TEXT,
            )
        except Exception:  # noqa: BLE001 - whatever it is, its words may hold the URL
            return False
        return bool(sent)


def channels(urls: Sequence[str]) -> list[Channel]:
    """One for each URL. Raises UsageError for one that Apprise cannot use."""
    log = logging.getLogger("apprise")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    return [_channel(f"--notify number {place}", url) for place, url in enumerate(urls, 1)]


def _channel(name: str, url: str) -> Channel:
    asset = AppriseAsset(app_id="reconciler", app_desc="reconciler")
    service = Apprise.instantiate(url, asset=asset)
    if service is None:
        raise UsageError(
            f"{name} is no URL that Apprise can use, as slack://… or mailto://…; it is not shown, "
            "as it may hold a password. They stand at https://github.com/caronc/apprise/wiki."
        )
    if service.overflow_mode is OverflowMode.UPSTREAM:
        # What a service has no room for it would refuse, now and at every further try.
        service.overflow_mode = OverflowMode.TRUNCATE
    sending = Apprise(asset=asset)
    sending.add(service)
    return Channel(name, sending)
