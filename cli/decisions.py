"""What commands that propose and vote share: sending the call, and saying what it has led to."""

from collections.abc import Sequence
from typing import Any, Final

import click

from chain.actions import ACTIONS
from chain.genesis import Governance
from chain.proposals import OPEN, Proposal
from chain.receipt import Receipt
from chain.runtime import SYSTEM
from chain.transaction import Call
from cli.dry_run import show_dry_run
from cli.errors import CliError
from cli.output import print_json
from cli.receipts import moment, receipt_json, receipt_text
from cli.session import commit
from tallystick.building import GAS_LIMIT_DEFAULT
from tallystick.client import AsyncClient
from tallystick.wallet import Wallet

RUNS_CODE: Final = ("deploy", "upgrade")
"""Actions that compile and run a contract, and so may need all the gas that a transaction can have."""


MEANINGS: Final = {
    "not_authorised": "the signer is no administrator of an organisation that decides",
    "too_many_proposals": "the organisation has as many open proposals as it may; withdraw one, or wait",
    "proposal_closed": "it has been decided or withdrawn: tally proposal show",
    "proposal_expired": "its time is over; propose it anew",
    "vote_unchanged": "the organisation has said so already",
    "no_vote": "the organisation has not voted on it",
    "contract_exists": "the name is taken; tally contract upgrade replaces what has it",
    "version_conflict": "another version has come into force; propose it anew",
    "already_frozen": "its calls are suspended already",
    "not_frozen": "its calls are not suspended",
    "no_room_for_code": "deployed contracts take all the room for code; freeze one that nobody uses any more",
    "out_of_gas": "the gas of a transaction covers neither compiling nor the migration",
}
"""What people may want to hear of a code."""


async def gas_for(client: AsyncClient, action: str) -> int:
    """Return a gas limit for a proposal of an action, or for the vote that carries it out."""
    maximum = (await client.genesis()).parameters.transaction_gas_max
    return maximum if action in RUNS_CODE else min(GAS_LIMIT_DEFAULT, maximum)


async def propose_or_show(
    client: AsyncClient, wallet: Wallet, call: Call, action: str, as_json: bool, dry_run: bool
) -> None:
    """Send a call that proposes an action, as `decide` does, or only show it.

    Raises:
        CliError: when it failed, or would certainly.
    """
    gas_limit = await gas_for(client, action)
    if dry_run:
        await show_dry_run(client, wallet, call, gas_limit, as_json)
    else:
        await decide(client, wallet, call, gas_limit, as_json)


async def decide(client: AsyncClient, wallet: Wallet, call: Call, gas_limit: int, as_json: bool) -> Receipt:
    """Send a call that proposes or votes, print its receipt, and for people what it has led to.

    Raises:
        CliError: when it failed; nothing has changed then.
    """
    receipt = await commit(client, wallet, call.contract, call.method, call.args, gas_limit)
    if as_json:
        print_json(receipt_json(receipt))
    else:
        click.echo(receipt_text(receipt))
    if not receipt.succeeded:
        meaning = MEANINGS.get(receipt.code or "")
        raise CliError(f"nothing was changed: {receipt.code}" + (f", {meaning}" if meaning else ""))
    number = _still_open(receipt)
    if number is not None and not as_json:
        found = await client.proposal(number)
        if found is not None:
            click.echo(standing(found.proposal, (await client.genesis()).governance))
    return receipt


def _still_open(receipt: Receipt) -> int | None:
    """Return the number of the proposal that a call has left open."""
    events = [event for event in receipt.events if event.contract == SYSTEM]
    if any(event.name == "ProposalClosed" for event in events):
        return None
    return next((event.fields["proposal"] for event in events if event.name == "ProposalVote"), None)


def standing(proposal: Proposal, governance: Governance) -> str:
    """Return where an open proposal stands."""
    approvals = sum(vote.approves for vote in proposal.votes)
    required = ACTIONS[proposal.action].approvals_required(governance)
    number, until = proposal.number, moment(proposal.expires)
    return f"proposal {number} has {approvals} of {required} approvals and is open until {until}"


def votes_text(proposal: Proposal, approves: bool) -> str:
    """Return who approves a proposal, or who rejects it."""
    return ", ".join(vote.organisation for vote in proposal.votes if vote.approves == approves) or "nobody"


def proposal_table_row(proposal: Proposal, status: str, governance: Governance) -> Sequence[str]:
    """Return a proposal as a row of a table."""
    required = ACTIONS[proposal.action].approvals_required(governance)
    approvals = f"{sum(vote.approves for vote in proposal.votes)} of {required}"
    until = moment(proposal.expires) if status == OPEN else ""
    return str(proposal.number), proposal.action, proposal.subject, proposal.organisation, status, approvals, until


def proposal_json(proposal: Proposal, status: str, governance: Governance) -> dict[str, Any]:
    """Return a proposal for programs, with the names of the API."""
    return {
        "number": proposal.number,
        "action": proposal.action,
        "subject": proposal.subject,
        "organisation": proposal.organisation,
        "proposer": proposal.proposer,
        "height": proposal.height,
        "expires": proposal.expires,
        "status": status,
        "decided_height": proposal.decided_height,
        "approvals_required": ACTIONS[proposal.action].approvals_required(governance),
        "votes": [
            {
                "organisation": vote.organisation,
                "member": vote.member_id,
                "approves": vote.approves,
                "height": vote.height,
            }
            for vote in proposal.votes
        ],
    }
