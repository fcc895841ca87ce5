"""``tallyhost completion``: tab completion for a shell."""

from __future__ import annotations

import rich_click as click

from agent.cli.main import cli
from agent.cli.session import Session, with_session

_VARIABLE = "_TALLYHOST_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@with_session()
def completion(session: Session, shell: str) -> None:
    """Print tab completion for bash, zsh or fish.

    bash: eval "$(tallyhost completion bash)" in ~/.bashrc; zsh the same in ~/.zshrc;
    fish: tallyhost completion fish > ~/.config/fish/completions/tallyhost.fish
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(cli, {}, "tallyhost", _VARIABLE).source()
    if session.output.as_json:
        session.output.document({"shell": shell, "script": script})
    else:
        click.echo(script)
