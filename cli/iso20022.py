"""`tally iso20022`: submit pacs.008 credit transfers as banks already have them."""

import dataclasses
from pathlib import Path

import click

from chain.receipt import Receipt
from cli.epcis import describe
from cli.errors import CliError
from cli.ledger import Target
from cli.output import print_json
from cli.receipts import receipt_json
from cli.session import commit, ledger_options, party_option, run
from gateway.iso20022.corridor import DEMO_PARTIES, STEP_GAS, fit_corridor
from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.submit import PreparedTransfer, prepare
from gateway.iso20022.travel_rule import SecretFileError, load_secret
from tallystick.client import AsyncClient


@click.group()
def iso20022() -> None:
    """Submit ISO 20022 payment messages."""


@iso20022.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@party_option("Who signs: a party of the local cluster, or a key file.")
@click.option("--quote", "quote_id", default=None, help="The FX quote to use; otherwise the one the message names.")
@click.option(
    "--fit-corridor",
    "fit",
    is_flag=True,
    help="First create institutions, corridor, funds and a quote that fit the message (local cluster only).",
)
@ledger_options
def submit(target: Target, file: Path, party: str, quote_id: str | None, fit: bool, as_json: bool) -> None:
    """Check the pacs.008 message FILE, accept its transfers on the ledger, and show the receipts.

    The message is checked before anything else is looked at. Names and addresses stay with the gateway; the ledger
    gets a salted hash of the travel-rule data, whose secret is kept beside the party's key.
    """
    transfers = prepare_file(file, secret_path(target, party), quote_id)
    wallet = target.wallet(party)
    if fit and target.layout is None:
        raise CliError("--fit-corridor signs for all demo parties and works only with a local cluster")

    async def work() -> list[tuple[PreparedTransfer, Receipt]]:
        done = []
        async with target.client() as client:
            if fit:
                await _fit(client, target, transfers, party, quiet=as_json)
            for transfer in transfers:
                receipt = await commit(
                    client, wallet, transfer.contract, transfer.method, transfer.args, transfer.gas_limit
                )
                done.append((transfer, receipt))
                if not as_json:
                    click.echo(describe(transfer.summary, receipt))
        return done

    done = run(work())
    if as_json:
        print_json([{"uetr": transfer.uetr, **receipt_json(receipt)} for transfer, receipt in done])
    failed = sum(not receipt.succeeded for _, receipt in done)
    if failed:
        raise CliError(f"{failed} of {len(done)} transfers failed")


def prepare_file(file: Path, secret: Path, quote_id: str | None = None) -> list[PreparedTransfer]:
    """Read and check a message.

    Raises:
        CliError: with code, place and reason when it is refused.
    """
    try:
        return prepare(file.read_bytes(), secret=load_secret(secret), quote_id=quote_id)
    except Iso20022Error as error:
        raise CliError(f"{file} is refused: {error}") from error
    except SecretFileError as error:
        raise CliError(str(error)) from error


def secret_path(target: Target, party: str) -> Path:
    """Return where the secret behind a party's hashes is kept: beside its key."""
    if target.layout is not None and target.layout.party_key(party).exists():
        return target.layout.party_key(party).with_suffix(".travel-rule-secret")
    return Path(f"{party}.travel-rule-secret")


async def _fit(
    client: AsyncClient, target: Target, transfers: list[PreparedTransfer], party: str, *, quiet: bool
) -> None:
    parties = dataclasses.replace(DEMO_PARTIES, sender=party)
    for step in fit_corridor(transfers, parties):
        wallet = target.wallet(step.member)
        receipt = await commit(client, wallet, step.contract, step.method, step.args, STEP_GAS)
        if not quiet:
            click.echo(describe(f"{step.member} {step.method}", receipt))
        if not receipt.succeeded:
            raise CliError(f"the corridor cannot be fitted: {step.method} failed with {receipt.code}")
