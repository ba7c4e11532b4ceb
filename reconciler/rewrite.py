"""Files of a person's own, with new content: all of them or none, each whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from reconciler.errors import SetupError


def rewrite(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> None:
    """Puts `new` in the place of `old`, by path. Mode and owner stay; a link stays, and what it
    leads to is written.

    Raises SetupError, where a file is no longer as it was read too.
    """
    with ExitStack() as stack:
        ready = [(_prepared(Path(path), old[path], new[path], stack), path) for path in new]
        for prepared, path in ready:
            try:
                prepared.replace(os.path.realpath(path))
            except OSError as error:
                raise _unwritable(path, error) from None


def _prepared(path: Path, old: bytes, new: bytes, stack: ExitStack) -> Path:
    """A file beside the one at `path`, to take its place; gone with the stack if it does not."""
    try:
        target = path.resolve()
        told = target.stat()
        if not stat.S_ISREG(told.st_mode) or target.read_bytes() != old:
            raise SetupError(f"{path} was changed meanwhile; nothing was written. Run it again.")
        if not os.access(target, os.W_OK):
            raise SetupError(f"{path} is read-only; nothing was written.")
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        prepared = Path(name)
        stack.callback(prepared.unlink, missing_ok=True)
        with os.fdopen(handle, "wb") as file:
            file.write(new)
            file.flush()
            with suppress(PermissionError):
                os.fchown(handle, told.st_uid, told.st_gid)
            os.fchmod(handle, stat.S_IMODE(told.st_mode))
            os.fsync(handle)
    except OSError as error:
        raise _unwritable(str(path), error) from None
    return prepared


def _unwritable(path: str, error: OSError) -> SetupError:
    return SetupError(f"{path} cannot be written: {error.strerror}.")
