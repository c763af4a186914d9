"""`tally epcis`: record EPCIS 2.0 documents as their users already have them."""

from pathlib import Path

import click

from chain.receipt import Receipt
from cli.colours import bad, good
from cli.errors import CliError
from cli.ledger import Target
from cli.output import print_json
from cli.receipts import receipt_json
from cli.session import commit, ledger_options, party_option, run
from gateway.epcis.capture import PreparedEvent, prepare
from gateway.epcis.errors import EpcisError


@click.group()
def epcis() -> None:
    """Record EPCIS 2.0 events."""


@epcis.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@party_option("Who signs: a party of the local cluster, or a key file.")
@ledger_options
def capture(target: Target, file: Path, party: str, as_json: bool) -> None:
    """Check the EPCIS 2.0 JSON-LD document FILE, record each event, and show the receipts.

    The whole document is checked before anything is sent. The ledger then judges event by event; one that breaks a
    custody rule gets a failed receipt with the reason, and the command exits with 1.
    """
    wallet = target.wallet(party)
    events = prepare_file(file)

    async def work() -> list[tuple[PreparedEvent, Receipt]]:
        receipts = []
        async with target.client() as client:
            for event in events:
                receipt = await commit(client, wallet, event.contract, event.method, event.args, event.gas_limit)
                receipts.append((event, receipt))
                if not as_json:
                    click.echo(describe(event.summary, receipt))
        return receipts

    done = run(work())
    if as_json:
        print_json([{"event_hash": event.event_hash, **receipt_json(receipt)} for event, receipt in done])
    failed = sum(not receipt.succeeded for _, receipt in done)
    if failed:
        raise CliError(f"{failed} of {len(done)} events failed")


def prepare_file(file: Path) -> list[PreparedEvent]:
    """Read and check a document.

    Raises:
        CliError: with code, place and reason when it is refused.
    """
    try:
        return prepare(file.read_bytes())
    except EpcisError as error:
        raise CliError(f"{file} is refused: {error}") from error


def describe(summary: str, receipt: Receipt) -> str:
    """Return one line on what became of a call."""
    outcome = f"{'ok' if receipt.succeeded else f'FAILED {receipt.code}':<28}"
    return f"block {receipt.height:>5}  {(good if receipt.succeeded else bad)(outcome)} {summary}"
