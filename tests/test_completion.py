"""What a shell completes, asked of real shells where they are there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from harness import Run
from test_readme import shell


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_of_its_own(name: str, reconciler: Run) -> None:
    ran = reconciler("completion", name)
    assert ran.code == 0
    assert f"_RECONCILER_COMPLETE={name}_complete" in ran.out


def test_a_shell_that_is_not_known_is_refused(reconciler: Run) -> None:
    assert reconciler("completion", "cmd").code == 64


def completed(words: str, tmp_path: Path) -> list[str]:
    """What bash offers at the end of a command line."""
    script = f"""
        eval "$(reconciler completion bash)"
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _reconciler_completion reconciler; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert shutil.which("bash")
    ran = shell(f"bash -c '{script.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}'", tmp_path)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def test_bash_completes_commands(tmp_path: Path) -> None:
    assert completed("reconciler re", tmp_path) == ["revert"]


def test_bash_completes_flags_and_their_values(tmp_path: Path) -> None:
    assert "--baseline" in completed("reconciler plan --b", tmp_path)
    assert completed("reconciler plan --format mark", tmp_path) == ["markdown"]


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_reads_its_script(tmp_path: Path, reconciler: Run) -> None:
    script = reconciler("completion", "zsh").out
    subprocess.run(["zsh", "-n"], input=script, text=True, check=True, cwd=tmp_path)
