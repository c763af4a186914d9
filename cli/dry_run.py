"""`--dry-run`: everything that comes before a transaction is sent, and then what would have been sent, instead."""

from collections.abc import Callable
from typing import Any, Final

import click

from chain.json_values import to_json
from chain.runtime import SYSTEM
from chain.transaction import Call
from cli.contract_subjects import read_subject
from cli.errors import CliError
from cli.output import print_json
from cli.receipts import moment, plain
from tallystick.client import AsyncClient
from tallystick.errors import ApiError
from tallystick.wallet import Wallet

TEXT_CHARACTERS_MAX: Final = 200
"""Of an argument that people are shown; a contract's source is longer."""


def dry_run_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option; the command receives `dry_run`."""
    text = "Check everything and show what would be signed and submitted; submit nothing."
    return click.option("--dry-run", "-n", is_flag=True, help=text)(command)


async def show_dry_run(client: AsyncClient, wallet: Wallet, call: Call, gas_limit: int, as_json: bool) -> None:
    """Print what `tally` would submit; the caller has held the call against the contract's interface.

    The signature is made and dropped: what is printed moves nothing, whoever finds it.

    Raises:
        CliError: when the ledger would refuse it: the contract is frozen, or the name of a deployment is taken.
        InvalidCall: when an argument is no value that a contract can take.
    """
    await _refuse_what_is_certain(client, call)
    transaction = await client.prepare(wallet, call, gas_limit=gas_limit)
    body = transaction.body
    document: dict[str, Any] = {
        "submitted": False,
        "chain_id": body.chain_id.hex(),
        "sender_key": body.sender_key.hex(),
        "calls": [
            {"contract": each.contract, "method": each.method, "args": to_json(each.args)} for each in body.calls
        ],
        "gas_limit": body.gas_limit,
        "valid_until": body.valid_until,
        "bytes": len(transaction.raw),
    }
    if as_json:
        print_json(document)
        return
    for each in body.calls:
        click.echo(f"call {each.contract}.{each.method}[{', '.join(_shortened(item) for item in each.args)}]")
    click.echo(f"signed by the key {document['sender_key']}")
    click.echo(f"for the ledger {document['chain_id']}")
    click.echo(f"gas at most {body.gas_limit}, valid until {moment(body.valid_until)}, {document['bytes']} bytes")
    click.echo("dry run: nothing was submitted; whether the contract accepts it shows only when it runs", err=True)


async def _refuse_what_is_certain(client: AsyncClient, call: Call) -> None:
    if call.contract != SYSTEM:
        subject = await read_subject(client, call.contract)
        if subject.found is not None and subject.found.frozen:
            raise CliError(f"{call.contract} is frozen: the ledger would refuse the call (contract_frozen)")
        return
    taken = _deployed_name(call)
    if taken is not None and await _exists(client, taken):
        raise CliError(f"the name {taken} is taken (contract_exists); tally contract upgrade replaces what has it")


def _deployed_name(call: Call) -> str | None:
    """Return the name under which a call deploys, or proposes to."""
    if call.method == "deploy":
        return str(call.args[0])
    if call.method == "propose" and call.args[0] == "deploy":
        return str(call.args[1][0])
    return None


async def _exists(client: AsyncClient, name: str) -> bool:
    try:
        await client.read(f"/v1/contracts/{name}")
    except ApiError as error:
        if error.code == "unknown_contract":
            return False
        raise
    return True


def _shortened(argument: Any) -> str:
    if isinstance(argument, (list, tuple)):
        return f"[{', '.join(_shortened(item) for item in argument)}]"
    text = plain(argument)
    if len(text) <= TEXT_CHARACTERS_MAX:
        return text
    return f"({len(argument) if isinstance(argument, str) else len(text)} characters)"
