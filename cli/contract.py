"""`tally contract`: write, check, test and deploy contracts."""

from pathlib import Path

import click

from chain.identity import is_name
from cli import authoring
from cli.contract_files import read_contract
from cli.errors import CliError
from cli.output import print_json, table
from cli.receipts import receipt_json, receipt_text
from cli.session import Target, commit, ledger_options, run
from cli.values import parse_arguments

DEPLOY_GAS = 10_000_000


@click.group()
def contract() -> None:
    """Write, check, test and deploy contracts."""


@contract.command("list")
@ledger_options
def list_contracts(target: Target, as_json: bool) -> None:
    """List the deployed contracts."""

    async def work() -> None:
        async with target.client() as client:
            document = await client.read("/v1/contracts", limit="200")
        if as_json:
            print_json(document)
            return
        rows = [
            (item["name"], str(item["version"]), item["deployer"], str(item["height"]))
            for item in document["contracts"]
        ]
        click.echo(table(("CONTRACT", "VERSION", "DEPLOYER", "HEIGHT"), rows))

    run(work())


@contract.command()
@click.argument("name")
@ledger_options
def source(target: Target, name: str, as_json: bool) -> None:
    """Print the source of a deployed contract."""

    async def work() -> None:
        async with target.client() as client:
            document = await client.read(f"/v1/contracts/{name}")
        if as_json:
            print_json(document)
        else:
            click.echo(document["source"], nl=False)

    run(work())


@contract.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("arguments", nargs=-1)
@click.option("--as", "party", required=True, help="An administrator: of the local cluster, or a key file.")
@ledger_options
def deploy(target: Target, name: str, file: Path, arguments: tuple[str, ...], party: str, as_json: bool) -> None:
    """Deploy the contract in FILE under NAME, with ARGUMENTS for its @init."""
    wallet = target.wallet(party)
    if not is_name(name):
        raise CliError(f"{name!r} cannot name a contract: lower-case letters, digits, - and _, a letter first")
    args = [name, read_contract(file), parse_arguments(arguments)]

    async def work() -> None:
        async with target.client() as client:
            receipt = await commit(client, wallet, "system", "deploy", args, DEPLOY_GAS)
        if as_json:
            print_json(receipt_json(receipt))
        else:
            click.echo(receipt_text(receipt))
        if not receipt.succeeded:
            raise CliError(f"the deployment failed: {receipt.code}")

    run(work())


contract.add_command(authoring.check)
contract.add_command(authoring.test)
