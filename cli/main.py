"""The `tally` command: its verb groups, and the place where an expected error becomes a message and an exit code."""

import os
import sys
from typing import Any, Final

import click

from cli.colours import bad, colour_choice
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

SUMMARIES: Final = {
    "audit": "Check a history completely, and trust nobody for it.",
    "bench": "Measure fresh local networks of real nodes, with TLS and synced disks; nothing of an existing cluster is "
    "touched.",
    "cluster": "Run a local cluster of validator nodes on loopback.",
    "completion": "Print the completion of SHELL.",
    "console": "Open a Python prompt with a client that is connected to the ledger.",
    "contract": "Write, check, test and deploy contracts.",
    "doctor": "Tell why nothing is being committed, or what else is wrong, with what to do; the likeliest cause first.",
    "epcis": "Record EPCIS 2.0 events.",
    "evidence": "Show and check what validators have provably done.",
    "export": "Export genesis and all certified blocks of a node.",
    "import": "Restore a node from SOURCE: an export's folder, another node's URL, or the folder of a stopped node.",
    "index": "Keep the history of a ledger in a database, for analysts.",
    "iso20022": "Submit ISO 20022 payment messages.",
    "keys": "Create and show key files.",
    "node": "Make, run and ask a single node.",
    "proposal": "Look at what the electorate is asked, and vote.",
    "prove": "Write a proof file, for somebody who trusts neither you nor your node.",
    "query": "Read from the ledger.",
    "simulate": "Run simulated clusters and check every promise of the ledger after every event.",
    "story": "Play the sample stories.",
    "tx": "Send transactions and look at them.",
    "verify": "Check a proof file; nothing is asked of any node.",
    "witness": "Follow nodes of a ledger and cosign its head while all of them show one history.",
}
"""What the overview says of each, so that it need not import them all; a test compares."""


@click.group(cls=LazyGroup, lazy=GROUPS, summaries=SUMMARIES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tallystick", prog_name="tally")
@click.option("--no-input", is_flag=True, help="Never ask for anything: fail where a passphrase is needed.")
@click.pass_context
def tally(ctx: click.Context, /, no_input: bool) -> None:
    """Run, use and audit a Tallystick ledger.

    Data goes to standard output, messages to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 an audit
    found a mismatch.
    """
    # cli.keys asks the context for `no_input` where it would ask the user.
    ctx.color = colour_choice(os.environ)


def main(arguments: list[str] | None = None) -> Any:
    """Run `tally`; the console script's entry point."""
    try:
        return tally.main(args=arguments, prog_name="tally", standalone_mode=True)
    except CliError as error:
        click.echo(f"{bad('tally:')} {error}", err=True, color=colour_choice(os.environ))
        sys.exit(error.exit_code)
