"""`tally completion`: prints what a shell needs to complete commands and options."""

import click
from click.shell_completion import get_completion_class

from cli.errors import CliError

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion of SHELL.

    \b
    bash:  tally completion bash > ~/.local/share/bash-completion/completions/tally
    zsh:   tally completion zsh > "${fpath[1]}/_tally"
    fish:  tally completion fish > ~/.config/fish/completions/tally.fish
    """
    found = get_completion_class(shell)
    assert found is not None, "click knows these shells"
    try:
        click.echo(found(ctx.find_root().command, {}, "tally", "_TALLY_COMPLETE").source())
    except RuntimeError as error:
        raise CliError(str(error)) from error
