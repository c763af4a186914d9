"""`tally console`: a Python prompt with a connected, verifying client at hand."""

import code
import sys
from traceback import print_exception
from types import TracebackType
from typing import Any, Final

import click

import tallystick
from cli.errors import EXIT_FAILED, CliError
from cli.ledger import Target
from cli.session import ledger_options
from tallystick import Client, Wallet
from tallystick.errors import TallystickError

PROGRAM_CHARACTERS_MAX: Final = 1024 * 1024
BANNER: Final = """Connected to {urls}
ledger {chain_id}{trust}

  client                  verifies every answer: client.state("CONTRACT", "STORAGE", ...), client.block(1)
  contract(name, party)   a contract's methods: contract("NAME").METHOD(...)
  wallet(party)           who signs: {parties}
  call, tallystick        the rest of the SDK; Ctrl-D ends"""


@click.command()
@click.option("-c", "--command", default=None, help="Run this Python instead of asking for it.")
@click.option("-i", "--interactive", is_flag=True, help="Ask for Python even where standard input is no terminal.")
@ledger_options
def console(target: Target, command: str | None, interactive: bool, as_json: bool) -> None:
    """Open a Python prompt with a client that is connected to the ledger.

    What comes through a pipe is run as a program, as `python -` does: without a prompt, up to the first error that it
    does not catch, which makes the exit code 1.

    \b
    Examples:
      tally console
      tally console -c 'print(client.block(1).certified.header.proposer)'
    """
    if as_json:
        raise click.UsageError("A prompt prints what you ask for; --json means nothing here.")
    with target.blocking_client() as client:
        names = _names(target, client)
        if command is not None:
            _execute(command, "<command>", names)
        elif interactive or sys.stdin.isatty():
            _interact(names, _banner(target, client))
        else:
            _execute(_program(), "<stdin>", names)


def _program() -> str:
    """Return what comes through standard input.

    Raises:
        CliError: when it is no text, or too much.
    """
    try:
        program = sys.stdin.read(PROGRAM_CHARACTERS_MAX + 1)
    except UnicodeDecodeError as error:
        raise CliError(f"standard input is no Python: {error}") from error
    if len(program) > PROGRAM_CHARACTERS_MAX:
        raise CliError(f"standard input is longer than {PROGRAM_CHARACTERS_MAX:,} characters")
    return program


def _execute(program: str, place: str, names: dict[str, Any]) -> None:
    """Run a program; an error that it does not catch is shown as at the prompt, and ends the command with 1."""
    failures: list[type[BaseException]] = []

    def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        failures.append(kind)
        _show_error(kind, error, traceback)

    interpreter = code.InteractiveInterpreter(names)
    shown, sys.excepthook = sys.excepthook, show
    try:
        interpreter.runcode(compile(program, place, "exec"))
    except (SyntaxError, ValueError) as error:
        show(type(error), error, None)
    finally:
        sys.excepthook = shown
    if failures:
        sys.exit(EXIT_FAILED)


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
        return
    while traceback is not None and traceback.tb_frame.f_code.co_filename == code.__file__:
        traceback = traceback.tb_next
    print_exception(kind, error, traceback)
