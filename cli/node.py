"""`tally node`: run one node in the foreground from its configuration."""

from pathlib import Path

import click

import node as composition_root
from cli.errors import CliError


@click.group()
def node() -> None:
    """Run a single node."""


@node.command()
@click.argument("config", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def run(config: Path) -> None:
    """Run the node that CONFIG describes until it is told to stop (SIGTERM or Ctrl-C).

    configs/node.sample.toml explains each field; docs/operations.md lists the exit codes.
    """
    code = composition_root.main(["--config", str(config)])
    if code:
        raise CliError(f"the node ended with exit code {code}", code)
