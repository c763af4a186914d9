"""`tally query`: run views of contracts, and read the state with its proof."""

import click

from chain.json_values import to_json
from cli.calls import call_arguments, methods_text
from cli.completing import complete_contracts, complete_methods, complete_storage
from cli.errors import EXIT_USAGE, CliError
from cli.ledger import Target
from cli.output import print_json
from cli.receipts import plain
from cli.session import ledger_options, party_option, run
from cli.values import parse_arguments


@click.group()
def query() -> None:
    """Read from the ledger."""


@query.command(context_settings={"ignore_unknown_options": True})
@click.argument("contract", shell_complete=complete_contracts)
@click.argument("method", required=False, shell_complete=complete_methods("view"))
@click.argument("arguments", nargs=-1)
@party_option("Ask as this party; without it, as nobody.", required=False)
@ledger_options
def view(
    target: Target, contract: str, method: str | None, arguments: tuple[str, ...], party: str | None, as_json: bool
) -> None:
    """Run the view METHOD of CONTRACT; one node computes the answer, which cannot be proven.

    Arguments are given as to `tally tx send`. Without METHOD, the views are shown with their documentation.
    """
    signer = None if party is None else target.wallet(party)

    async def work() -> None:
        async with target.client() as client:
            if method is None:
                click.echo(await methods_text(client, contract, "view"))
                return
            args = await call_arguments(client, contract, method, arguments, "view")
            value = await client.evaluate(contract, method, *args, signer=signer)
        if as_json:
            print_json({"value": to_json(value)})
        else:
            click.echo(plain(value))

    run(work())


@query.command(context_settings={"ignore_unknown_options": True})
@click.argument("contract", shell_complete=complete_contracts)
@click.argument("storage", shell_complete=complete_storage)
@click.argument("key", nargs=-1)
@ledger_options
def state(target: Target, contract: str, storage: str, key: tuple[str, ...], as_json: bool) -> None:
    """Show what STORAGE of CONTRACT holds, under KEY if it is a map, verified by its proof.

    The parts of a composite key are given one after the other: tally query state shop orders EU 1000.
    """
    parts = parse_arguments(key)
    for part in parts:
        if not isinstance(part, bool | int | str | bytes):
            raise CliError(
                f"{plain(part)} is no key; give the parts of a composite key one after the other", EXIT_USAGE
            )

    async def work() -> None:
        async with target.client() as client:
            found = await client.state(contract, storage, *parts)
        if as_json:
            fields = {"found": found.found, "value": to_json(found.value), "changed_height": found.changed_height}
            print_json({**fields, "height": found.height, "verified": True})
        elif found.found:
            click.echo(
                f"{plain(found.value)}\nchanged in block {found.changed_height}; proven at height {found.height}"
            )
        else:
            click.echo(f"no value there; its absence is proven at height {found.height}")

    run(work())


@query.command()
@click.argument("path")
@ledger_options
def get(target: Target, path: str, as_json: bool) -> None:
    """Print the JSON that a node serves at PATH, such as /v1/blocks (docs/api.md lists them); not verified."""

    async def work() -> None:
        async with target.client() as client:
            print_json(await client.read(path))

    run(work())
