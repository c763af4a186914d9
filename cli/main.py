"""The `tally` command: its verb groups, and the place where an expected error becomes a message and an exit code."""

import sys
from typing import Any, Final

import click

from cli.errors import CliError
from cli.lazy_group import LazyGroup

GROUPS: Final = {
    "audit": ("cli.audit", "audit"),
    "bench": ("cli.bench.command", "bench"),
    "cluster": ("cli.cluster", "cluster"),
    "completion": ("cli.completion", "completion"),
    "console": ("cli.console", "console"),
    "contract": ("cli.contract", "contract"),
    "doctor": ("cli.doctor", "doctor"),
    "epcis": ("cli.epcis", "epcis"),
    "evidence": ("cli.evidence", "evidence"),
    "export": ("cli.export", "export"),
    "import": ("cli.importing", "import_blocks"),
    "index": ("cli.index", "index"),
    "iso20022": ("cli.iso20022", "iso20022"),
    "keys": ("cli.keys", "keys"),
    "node": ("cli.node", "node"),
    "proposal": ("cli.proposal", "proposal"),
    "prove": ("cli.prove", "prove"),
    "query": ("cli.query", "query"),
    "simulate": ("cli.simulate", "simulate"),
    "story": ("cli.story", "story"),
    "tx": ("cli.tx", "tx"),
    "verify": ("cli.verify", "verify"),
    "witness": ("cli.witness", "witness"),
}
"""Verb group, module and the name of its command there; modules are imported when they are used, to start quickly."""


@click.group(cls=LazyGroup, lazy=GROUPS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tallystick", prog_name="tally")
def tally() -> None:
    """Run, use and audit a Tallystick ledger.

    Data goes to standard output, messages to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 an audit
    found a mismatch.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run `tally`; the console script's entry point."""
    try:
        return tally.main(args=arguments, prog_name="tally", standalone_mode=True)
    except CliError as error:
        click.echo(f"tally: {error}", err=True)
        sys.exit(error.exit_code)
