"""`tally proposal`: what the electorate is asked, and the votes of its organisations."""

from collections.abc import Callable
from typing import Any, Final

import click

from chain.json_values import to_json
from chain.proposals import OPEN, Motion, Proposal
from chain.transaction import Call
from chain.types import Milliseconds
from cli.comparing import comparison_text
from cli.completing import complete_parties
from cli.contract_subjects import Subject, fetch
from cli.decisions import decide, gas_for, proposal_json, proposal_table_row, standing, votes_text
from cli.errors import CliError
from cli.ledger import Target
from cli.output import print_json, table
from cli.receipts import plain, printable
from cli.session import NO_PARTY, default_party, ledger_options, run
from tallystick import decisions
from tallystick.client import AsyncClient
from tallystick.decisions import ProposalState
from tallystick.errors import ApiError

COLUMNS: Final = ("NUMBER", "ACTION", "SUBJECT", "BY", "STATUS", "APPROVALS", "OPEN UNTIL")
ARGUMENTS: Final = {
    "deploy": ("contract", "source", "arguments of @init"),
    "upgrade": ("contract", "version", "source", "arguments of @migrate"),
    "freeze": ("contract",),
    "unfreeze": ("contract",),
    "schedule_protocol": ("protocol version", "from height"),
    "cancel_protocol": ("protocol version", "from height"),
}
"""Names of the arguments of each action."""
TEXT_CHARACTERS_MAX: Final = 120
"""Arguments that are longer, such as sources, are shown by their length."""


@click.group()
def proposal() -> None:
    """Look at what the electorate is asked, and vote."""


@proposal.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are no longer open.")
@click.option("--count", default=20, show_default=True, type=click.IntRange(1, 1_000), help="How many to look at.")
@ledger_options
def list_proposals(target: Target, everything: bool, count: int, as_json: bool) -> None:
    """List the proposals that are open, the newest first, verified."""

    async def work() -> None:
        async with target.client() as client:
            governance = (await client.genesis()).governance
            time = await _block_time(client)
            found = [(each, each.status_at(time)) for each in await _proposals(client, count)]
        chosen = [(each, status) for each, status in found if everything or status == OPEN]
        if as_json:
            print_json({"proposals": [proposal_json(each, status, governance) for each, status in chosen]})
        elif chosen:
            click.echo(table(COLUMNS, [proposal_table_row(each, status, governance) for each, status in chosen]))
        else:
            click.echo("no proposals" if everything else "no open proposals; --all shows the others", err=True)

    run(work())


@proposal.command()
@click.argument("number", type=click.IntRange(1))
@ledger_options
def show(target: Target, number: int, as_json: bool) -> None:
    """Show proposal NUMBER, verified: what it asks for, who says what, and for a new version what it changes."""

    async def work() -> None:
        async with target.client() as client:
            found = await _proposal(client, number)
            governance = (await client.genesis()).governance
            status = found.proposal.status_at(await _block_time(client))
            if as_json:
                motion = {"args": to_json(found.motion.args), "reason": found.motion.reason}
                print_json({**proposal_json(found.proposal, status, governance), **motion})
                return
            click.echo("\n".join(_lines(found.proposal, found.motion, status)))
            if status == OPEN:
                click.echo(standing(found.proposal, governance))
            comparison = await _comparison(client, found)
            if comparison is not None:
                click.echo(f"\n{comparison}")

    run(work())


def _lines(made: Proposal, motion: Motion, status: str) -> list[str]:
    lines = [f"proposal {made.number}: {made.action} {made.subject}", f"by {made.proposer} in block {made.height}"]
    if motion.reason:
        lines.append(f"reason: {printable(motion.reason)}")
    names = ARGUMENTS.get(made.action, ("argument",) * len(motion.args))
    lines += [f"{name}: {_short(argument)}" for name, argument in zip(names, motion.args, strict=False)]
    decided = "" if made.decided_height is None else f" in block {made.decided_height}"
    lines.append(f"status: {status}{decided}")
    return [*lines, f"approved by: {votes_text(made, True)}", f"rejected by: {votes_text(made, False)}"]


def _short(argument: Any) -> str:
    text = plain(argument)
    if isinstance(argument, str) and ("\n" in argument or len(argument) > TEXT_CHARACTERS_MAX):
        return f"({len(argument)} characters)"
    return text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[:TEXT_CHARACTERS_MAX]}..."


async def _comparison(client: AsyncClient, found: ProposalState) -> str | None:
    """Return what a new version changes, None for other proposals."""
    if found.proposal.action != "upgrade":
        return None
    name, version, source, _ = found.motion.args
    before = await fetch(client, name, version - 1)
    assert before is not None, "the version before was there when this was proposed"
    new = Subject(f"proposal {found.proposal.number}", source, None)
    return comparison_text(Subject(f"{name}@{version - 1}", before.source, before), new)


def _voting(name: str, call: Callable[[int], Call], text: str) -> click.Command:
    """Return the verb that votes in one way."""

    @click.command(name, help=text)
    @click.argument("number", type=click.IntRange(1))
    @click.option(
        "--as",
        "parties",
        multiple=True,
        shell_complete=complete_parties,
        help="An administrator of the electorate; with several each votes, until the proposal is decided.",
    )
    @ledger_options
    def vote(target: Target, number: int, parties: tuple[str, ...], as_json: bool) -> None:
        signers = parties or tuple(filter(None, [default_party()]))
        if not signers:
            raise click.UsageError(NO_PARTY)
        wallets = [target.wallet(party) for party in signers]

        async def work() -> None:
            async with target.client() as client:
                found = await _proposal(client, number)
                for wallet in wallets:
                    gas_limit = await gas_for(client, found.proposal.action)
                    receipt = await decide(client, wallet, call(number), gas_limit, as_json)
                    if receipt.values != (OPEN,):
                        break

        run(work())

    return vote


proposal.add_command(
    _voting("approve", decisions.approve, "Vote for proposal NUMBER; the vote that it lacks carries it out.")
)
proposal.add_command(_voting("reject", decisions.reject, "Vote against proposal NUMBER."))
proposal.add_command(
    _voting(
        "withdraw", decisions.withdraw, "Take a vote on proposal NUMBER back; whoever made it withdraws it altogether."
    )
)


async def _proposal(client: AsyncClient, number: int) -> ProposalState:
    try:
        found = await client.proposal(number)
    except ApiError as error:
        if error.code != "not_certified":
            raise
        found = None
    if found is None:
        raise CliError(f"there is no proposal {number}")
    return found


async def _proposals(client: AsyncClient, count: int) -> list[Proposal]:
    try:
        return await client.proposals(count)
    except ApiError as error:
        # Before the first block there is nothing that anybody could have proposed.
        if error.code != "not_certified":
            raise
        return []


async def _block_time(client: AsyncClient) -> Milliseconds:
    """Return the time of the last block, by which proposals expire."""
    document = await client.read("/v1/network")
    return Milliseconds(document["head"]["time"])
