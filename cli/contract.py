"""`tally contract`: write, check, test and deploy contracts."""

import click

from cli import authoring
from cli import contract_lifecycle as lifecycle
from cli import contract_reading as reading
from cli.completing import complete_contracts
from cli.contract_client import client
from cli.contract_cost import cost
from cli.contract_new import new
from cli.contract_subjects import read_subjects
from cli.ledger import Target
from cli.output import print_json, table
from cli.session import ledger_options, run

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
@click.argument("subject", shell_complete=complete_contracts)
@ledger_options
def source(target: Target, subject: str, as_json: bool) -> None:
    """Print the source of a deployed contract, verified: NAME, or NAME@VERSION for one of its versions."""
    (found,) = run(read_subjects(lambda: target, subject))
    if as_json:
        print_json({"subject": found.label, "source": found.source})
    else:
        click.echo(found.source, nl=False)


for command in (lifecycle.deploy, lifecycle.upgrade, lifecycle.freeze, lifecycle.unfreeze, reading.show, reading.diff):
    contract.add_command(command)
contract.add_command(authoring.check)
contract.add_command(authoring.test)
contract.add_command(cost)
contract.add_command(client)
contract.add_command(new)
