"""completion: what a shell needs to complete commands, flags and their values."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from reconciler.cli import screen

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete reconciler's commands and flags.

    \b
    bash  eval "$(reconciler completion bash)" in ~/.bashrc
    zsh   eval "$(reconciler completion zsh)" in ~/.zshrc
    fish  reconciler completion fish > ~/.config/fish/completions/reconciler.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    name = "reconciler"
    screen.emit(kind(context.find_root().command, {}, name, f"_{name.upper()}_COMPLETE").source())
