"""The machine that runs a CI job: it has pip, and in time the reconciler that a job installs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEN_MINUTES = 600


def wheel(out: Path) -> Path:
    """reconciler as a team vendors it."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    return next(out.glob("*.whl"))


@dataclass
class Machine:
    """What pip installs goes into its folder. What that depends on is here already, so that no
    registry is asked."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "bin").mkdir()
        self.program("python", f'exec "{sys.executable}" "$@"')
        self.program("pip", f'exec "{sys.executable}" -m pip "$@"')

    @property
    def installed(self) -> Path:
        return self.folder / "installed"

    def program(self, name: str, line: str) -> None:
        """Puts a program on its PATH."""
        (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        (self.folder / "bin" / name).chmod(0o755)

    def environment(self, home: Path, *first: str) -> dict[str, str]:
        """All that is set on it; the folders in `first` stand first in the PATH."""
        own = [str(self.folder / "bin"), str(self.installed / "bin")]
        return {
            "PATH": os.pathsep.join([*first, *own, "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "CI": "true",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_COMPILE": "1",
            "PIP_NO_DEPS": "1",
            "PIP_NO_INDEX": "1",
            "PIP_TARGET": str(self.installed),
            "PYTHONPATH": str(self.installed),
        }


def bash(
    flags: list[str], script: str, folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Runs a script from a file, as CI does; stdout has stderr in it."""
    file = folder.with_name(f"{folder.name}.sh")
    file.write_text(script, "utf-8")
    return subprocess.run(
        ["bash", *flags, str(file)],
        cwd=folder,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TEN_MINUTES,
        check=False,
    )
