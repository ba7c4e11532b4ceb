"""The API token, from a file or the environment of the process that sends it."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.errors import SetupError


def token(file: Path | None) -> str:
    """What the file holds, else RECONCILER_TOKEN. Raises SetupError where there is none."""
    found = os.environ.get("RECONCILER_TOKEN", "").strip() if file is None else _in(file)
    if not found:
        raise SetupError("No token is given: set RECONCILER_TOKEN or use --token-file.")
    if not (found.isascii() and found.isprintable()):
        raise SetupError("The token holds characters that no token has; was it copied whole?")
    return found


def _in(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SetupError(f"--token-file {file} cannot be read.") from None
