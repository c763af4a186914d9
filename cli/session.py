"""What commands that talk to a ledger share: the options that choose it, who signs, and errors as messages."""

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from chain.receipt import Receipt
from chain.transaction import Call
from cli.completing import complete_parties, complete_profiles
from cli.errors import CliError
from cli.ledger import LEDGER_PARAMETERS, Target, ledger_flags, target_of
from cli.profile import FOLDER_DEFAULT, load_profile
from tallystick.client import AsyncClient
from tallystick.errors import CommitTimeout, SubmitError, TallystickError
from tallystick.wallet import Wallet

DEFAULT_FOLDER: Final = FOLDER_DEFAULT
NO_PARTY: Final = "Missing option '--as', and no setting that holds for this ledger says who signs."
NOTICE_SECONDS: Final = 3.0
"""How long somebody at a terminal waits without a word."""
T = TypeVar("T")


profile_option = click.option(
    "--profile",
    default=None,
    help="Profile to use, from tally.toml or the user's configuration.",
    shell_complete=complete_profiles,
)


def ledger_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a ledger; the command receives `target` and `as_json`."""

    def with_target(*, find_target: Callable[[], Target], **others: Any) -> Any:
        return command(target=find_target(), **others)

    return ledger_if_needed(functools.wraps(command)(with_target))


def ledger_if_needed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a ledger to a command that can do without one.

    It receives `find_target`, which returns the target or raises CliError, and `as_json`.
    """
    options = (
        click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output."),
        click.option("--genesis-hash", default=None, help="Trust only the ledger with this genesis hash."),
        click.option("--url", "urls", multiple=True, help="A node's address; repeat it for fail-over."),
        click.option(
            "--dir",
            "folder",
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder of the local cluster to use when no --url is given.  [default: .tally]",
        ),
        profile_option,
    )

    @functools.wraps(command)
    def with_finder(**given: Any) -> Any:
        others = {name: value for name, value in given.items() if name not in LEDGER_PARAMETERS}
        return command(find_target=lambda: target_of(ledger_flags(given)), **others)

    for option in options:
        with_finder = option(with_finder)
    return with_access_options(with_finder)


def with_access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options with what is shown to nodes that do not let everybody read, named as cli.profile.FILES."""
    helps = {
        "node_ca": "PEM file of the authorities of the nodes' https certificates.",
        "certificate_key": "PEM file of the certificate's key, if it stands apart.",
        "certificate": "PEM file of a reader's certificate.",
        "token_file": "File of a reader's token.",
    }
    for name, help_ in helps.items():
        command = click.option("--" + name.replace("_", "-"), name, type=click.Path(dir_okay=False), help=help_)(
            command
        )
    return command


def party_option(text: str, *, required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option that says who signs; the command, which is given `ledger_options` too, receives `party`."""
    option = click.option("--as", "party", default=None, help=text, shell_complete=complete_parties)

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_party(*arguments: Any, party: str | None, **others: Any) -> Any:
            found = party or default_party()
            if required and found is None:
                raise click.UsageError(NO_PARTY)
            return command(*arguments, party=found, **others)

        return option(with_party)

    return decorate


def default_party() -> str | None:
    """Return who signs by the settings that hold for the running command, where no flag says so."""
    return load_profile(ledger_flags(click.get_current_context().params), os.environ, Path.cwd()).party


def run(work: Awaitable[T]) -> T:
    """Run a coroutine; errors of the SDK become messages.

    Raises:
        CliError: with the error's stable code where it has one.
    """

    async def awaited() -> T:
        return await work

    try:
        return asyncio.run(awaited())
    except TallystickError as error:
        raise CliError(str(error)) from error


async def commit(
    client: AsyncClient, wallet: Wallet, contract: str, method: str, args: Sequence[Any], gas_limit: int
) -> Receipt:
    """Submit one call and return its certified receipt, be it of success or failure.

    Raises:
        SubmitError: when the transaction was refused.
        CliError: when no receipt came in time.
    """
    transaction = await client.prepare(wallet, Call(contract, method, tuple(args)), gas_limit=gas_limit)
    submitting = asyncio.create_task(client.submit_many([transaction]))
    done, _ = await asyncio.wait({submitting}, timeout=NOTICE_SECONDS)
    if not done:
        click.echo(f"not committed yet{await _troubles(client)}; still waiting ...", err=True)
    (outcome,) = await submitting
    if isinstance(outcome, CommitTimeout):
        raise CliError(f"{outcome}\nLook later what became of it: tally tx show {transaction.transaction_id.hex()}")
    if isinstance(outcome, SubmitError):
        raise outcome
    return outcome


async def _troubles(client: AsyncClient) -> str:
    """Return why the node that answers is not ready, as the rest of a sentence."""
    try:
        document = await client.read("/v1/network")
    except TallystickError as error:
        return f" ({error})"
    reasons = document["node"]["not_ready_reasons"]
    return f" ({'; '.join(reasons)})" if reasons else ""
