"""What commands that talk to a ledger share: which nodes, which genesis, who signs, and errors as messages."""

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import click

from chain.receipt import Receipt
from chain.transaction import Call
from chain.values import dataclass
from cli import cluster_layout
from cli.errors import EXIT_USAGE, CliError
from cli.keys import open_wallet
from cli.profile import FILES, FOLDER_DEFAULT, load_profile
from tallystick.access import OPEN, AccessError, ReaderAccess
from tallystick.client import AsyncClient
from tallystick.errors import CommitTimeout, SubmitError, TallystickError
from tallystick.wallet import Wallet

DEFAULT_FOLDER: Final = FOLDER_DEFAULT
NOTHING: Final[Mapping[str, str | None]] = MappingProxyType({})
"""Shows nothing beyond what the settings say."""
NOTICE_SECONDS: Final = 3.0
"""How long somebody at a terminal waits without a word."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """The ledger that a command works on."""

    urls: tuple[str, ...]
    genesis_hash: str | None
    """None if it has to be taken from the first node: then answers are verified, but not anchored."""
    layout: cluster_layout.ClusterLayout | None
    """The local cluster, whose parties' keys are at hand; None for another ledger."""
    access: ReaderAccess = OPEN
    """What is shown to nodes that do not let everybody read."""

    def client(self) -> AsyncClient:
        """Return a client that fails over between the nodes and verifies what they answer."""
        try:
            return AsyncClient(self.urls, genesis_hash=self.genesis_hash, access=self.access)
        except (AccessError, ValueError) as error:
            raise CliError(str(error), EXIT_USAGE) from error

    def wallet(self, party: str) -> Wallet:
        """Return the wallet of a demo party, or of a key file.

        Raises:
            CliError: when there is neither.
        """
        if self.layout is not None and self.layout.party_key(party).exists():
            return open_wallet(self.layout.party_key(party))
        if Path(party).is_file():
            return open_wallet(Path(party))
        known = "" if self.layout is None else f"; parties here: {', '.join(self.layout.parties())}"
        raise CliError(f"{party!r} is neither a party of this cluster nor a key file{known}")


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
    )

    @functools.wraps(command)
    def with_finder(*, folder: Path | None, urls: tuple[str, ...], genesis_hash: str | None, **others: Any) -> Any:
        access = {name: others.pop(name) for name in FILES}
        return command(find_target=lambda: choose_target(folder, urls, genesis_hash, access), **others)

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


def choose_target(
    folder: Path | None, urls: tuple[str, ...], genesis_hash: str | None, access: Mapping[str, str | None] = NOTHING
) -> Target:
    """Return the ledger at the given addresses, otherwise the local cluster, otherwise what the settings name.

    Raises:
        CliError: when there is none, or a setting is wrong.
    """
    given = {"url": urls, "dir": folder, "genesis_hash": genesis_hash, **access}
    profile = load_profile({name: value for name, value in given.items() if value}, os.environ, Path.cwd())
    if profile.urls:
        layout = cluster_layout.load(profile.folder) if cluster_layout.exists(profile.folder) else None
        return Target(profile.urls, profile.genesis_hash, layout, profile.access)
    layout = cluster_layout.load(profile.folder)
    urls = tuple(node.api for node in layout.nodes)
    return Target(urls, profile.genesis_hash or layout.chain_id, layout, profile.access)


def party_option(text: str, *, required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option that says who signs; the command receives `party`."""
    return click.option("--as", "party", required=required, default=default_party, help=text)


def default_party() -> str | None:
    """Return who signs where no flag says so."""
    return load_profile({}, os.environ, Path.cwd()).party


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
        code = getattr(error, "code", None)
        named = not code or str(error).startswith(f"{code}:")
        raise CliError(str(error) if named else f"{code}: {error}") from error


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
