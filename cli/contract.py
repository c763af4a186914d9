"""`tally contract`: list, read, check and deploy contracts."""

import json
from pathlib import Path
from typing import Any

import click

from chain.identity import is_name
from cli.errors import CliError
from cli.output import print_json, table
from cli.receipts import receipt_json, receipt_text
from cli.session import Target, commit, ledger_options, run
from cli.values import parse_arguments
from contracts.engine.abi import derive_abi
from contracts.engine.errors import Rejected

DEPLOY_GAS = 10_000_000


@click.group()
def contract() -> None:
    """List, read, check and deploy contracts."""


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
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the ABI as JSON.")
def check(file: Path, as_json: bool) -> None:
    """Check the contract in FILE without deploying it; rejections name line, column, rule and way out."""
    _, abi = _checked(file)
    if as_json:
        click.echo(json.dumps(abi, indent=2))
    else:
        click.echo(f"{file} is a valid contract")


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
    args = [name, _checked(file)[0], parse_arguments(arguments)]

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


def _checked(file: Path) -> tuple[str, dict[str, Any]]:
    """Return a contract's source and ABI.

    Raises:
        CliError: when it is no contract; says where and how to write it instead.
    """
    try:
        source = file.read_text(encoding="utf-8")
        return source, derive_abi(source)
    except UnicodeDecodeError as error:
        raise CliError(f"{file} is not text in UTF-8") from error
    except Rejected as error:
        raise CliError(f"{file}: {error}") from error
