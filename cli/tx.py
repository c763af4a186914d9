"""`tally tx`: send transactions and look at them."""

import click

from chain.crypto import DIGEST_BYTES
from chain.json_values import to_json
from chain.transaction import Call
from cli.calls import call_arguments, methods_text
from cli.completing import complete_contracts, complete_methods
from cli.dry_run import dry_run_option, show_dry_run
from cli.errors import EXIT_USAGE, CliError
from cli.ledger import Target
from cli.output import print_json
from cli.receipts import plain, receipt_json, receipt_text
from cli.session import commit, ledger_options, party_option, run
from tallystick.building import GAS_LIMIT_DEFAULT


@click.group()
def tx() -> None:
    """Send transactions and look at them."""


@tx.command(context_settings={"ignore_unknown_options": True})
@click.argument("contract", shell_complete=complete_contracts)
@click.argument("method", required=False, shell_complete=complete_methods("call"))
@click.argument("arguments", nargs=-1)
@party_option("Who signs: a party of the local cluster, or a key file.", required=False)
@click.option(
    "--gas", "gas_limit", type=int, default=GAS_LIMIT_DEFAULT, show_default=True, help="Gas that the call may use."
)
@dry_run_option
@ledger_options
def send(
    target: Target,
    contract: str,
    method: str | None,
    arguments: tuple[str, ...],
    party: str | None,
    gas_limit: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Call METHOD of CONTRACT with ARGUMENTS and wait for the certified receipt.

    Arguments are given in order or as NAME=VALUE and read by the types of the method's parameters; a record is JSON:
    '{"name": "acme"}'. Without METHOD, the methods are shown with their documentation and error codes. What the
    contract would refuse is not sent. A failed receipt exits with 1: it is committed, and recorded nothing else.
    """
    if method is not None and party is None:
        raise click.UsageError("Missing option '--as'.")
    wallet = None if party is None else target.wallet(party)

    async def work() -> None:
        async with target.client() as client:
            if method is None or wallet is None:
                click.echo(await methods_text(client, contract, "call"))
                return
            args = await call_arguments(client, contract, method, arguments, "call")
            if dry_run:
                call = Call(contract, method, tuple(args))
                await show_dry_run(client, wallet, call, gas_limit, as_json)
                return
            receipt = await commit(client, wallet, contract, method, args, gas_limit)
        if as_json:
            print_json(receipt_json(receipt))
        else:
            click.echo(receipt_text(receipt))
        if not receipt.succeeded:
            raise CliError(f"the transaction failed: {receipt.code}")

    run(work())


@tx.command()
@click.argument("transaction_id")
@ledger_options
def show(target: Target, transaction_id: str, as_json: bool) -> None:
    """Show a committed transaction and its receipt, verified from the genesis hash by the proof the node gives."""
    try:
        digest = bytes.fromhex(transaction_id)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_BYTES:
        raise CliError(f"{transaction_id[:64]!r} is no transaction id of 64 hexadecimal digits", EXIT_USAGE)

    async def work() -> None:
        async with target.client() as client:
            proven = await client.proof(digest)
        body = proven.transaction.body
        calls = [{"contract": call.contract, "method": call.method, "args": to_json(call.args)} for call in body.calls]
        if as_json:
            print_json({**receipt_json(proven.receipt), "calls": calls, "memo": body.memo, "verified": True})
            return
        click.echo(receipt_text(proven.receipt))
        for call in body.calls:
            click.echo(f"call {call.contract}.{call.method}{plain(call.args)}")
        click.echo("verified: signature, both Merkle paths and the certificate, from the genesis hash")

    run(work())
