"""One apply at a time over the same files: an advisory lock on the folders that hold them.

The operating system holds it for the process, so a dead process leaves no lock behind, and no
file is made. It is about this machine alone; across machines, the reading just before each
write is the guard.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reconciler.errors import Refused

POLL = 0.1


@contextmanager
def held(folders: Iterable[Path], timeout: float, warn: Callable[[str], None]) -> Iterator[None]:
    """Holds all the folders, waiting up to `timeout` seconds. Raises Refused where another does.

    `warn` is told of a folder whose file system has no locks; the run goes on without.
    """
    until = time.monotonic() + timeout
    with ExitStack() as stack:
        for folder in sorted({Path(os.path.realpath(folder)) for folder in folders}):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, handle)
            _lock(folder, handle, until, warn)
        yield


def _lock(folder: Path, handle: int, until: float, warn: Callable[[str], None]) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Refused(
                    f"Another apply is under way for {folder}; nothing was written. "
                    "Wait for it with --lock-timeout SECONDS."
                ) from None
            time.sleep(POLL)
        except OSError as error:
            warn(f"warning: {folder} cannot be locked ({error.strerror}); going on without.")
            return
        else:
            return
