"""`tally console`: a Python prompt with a connected, verifying client at hand."""

import code
import sys
from types import TracebackType
from typing import Any

import click

import tallystick
from cli.errors import CliError
from cli.session import Target, ledger_options
from tallystick import Client, Wallet
from tallystick.errors import TallystickError

BANNER = """Connected to {urls}
ledger {chain_id}{trust}

  client                  verifies every answer: client.state("CONTRACT", "STORAGE", ...), client.block(1)
  contract(name, party)   a contract's methods: contract("NAME").METHOD(...)
  wallet(party)           who signs: {parties}
  call, tallystick        the rest of the SDK; Ctrl-D ends"""


@click.command()
@click.option("-c", "--command", default=None, help="Run this Python instead of asking for it.")
@ledger_options
def console(target: Target, command: str | None, as_json: bool) -> None:
    """Open a Python prompt with a client that is connected to the ledger.

    \b
    Example:
      tally console -c 'print(client.block(1).certified.header.proposer)'
    """
    if as_json:
        raise click.UsageError("A prompt prints what you ask for; --json means nothing here.")
    with Client(target.urls, genesis_hash=target.genesis_hash, access=target.access) as client:
        names = _names(target, client)
        if command is not None:
            exec(compile(command, "<command>", "exec"), names)  # noqa: S102 - this is what the user asks for
            return
        _interact(names, _banner(target, client))


def _names(target: Target, client: Client) -> dict[str, Any]:
    def wallet(party: str) -> Wallet:
        """Return the wallet of a party of the local cluster, or of a key file."""
        return target.wallet(party)

    def contract(name: str, party: str | None = None) -> tallystick.Contract:
        """Return a contract as an object; its calls are signed by the party."""
        return client.contract(name, None if party is None else wallet(party))

    names = {"client": client, "wallet": wallet, "contract": contract, "call": tallystick.call}
    return {**names, "tallystick": tallystick, "__name__": "__console__"}


def _banner(target: Target, client: Client) -> str:
    trust = "" if client.anchored else " (as its first node says; --genesis-hash makes sure)"
    parties = "a key file" if target.layout is None else f"{', '.join(target.layout.parties()[:3])}, ..., or a key file"
    return BANNER.format(urls=", ".join(target.urls), chain_id=client.chain_id().hex(), trust=trust, parties=parties)


def _interact(names: dict[str, Any], banner: str) -> None:
    if sys.stdin.isatty():
        try:
            import readline
            import rlcompleter

            readline.set_completer(rlcompleter.Completer(names).complete)
            readline.parse_and_bind("tab: complete")
        except ImportError:
            pass  # A Python without readline has a prompt without completion.
    shown, sys.excepthook = sys.excepthook, _show_error
    try:
        code.interact(banner=banner, local=names, exitmsg="")
    finally:
        sys.excepthook = shown


def _show_error(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Show an error of the SDK in one line: its traceback would tell of the SDK's inside."""
    if isinstance(error, TallystickError | CliError):
        click.echo(f"{kind.__name__}: {error}", err=True)
    else:
        sys.__excepthook__(kind, error, traceback)
