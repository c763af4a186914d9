"""Proposals: opened, voted on, and carried out in the transaction that reaches the threshold.

An organisation of the electorate has one vote a proposal, cast by any of its administrators and changed at will while
the proposal is open; proposing is approving. A decision is carried out at once by the vote that completes it, so that
its outcome stands in one receipt: if it fails, that vote was not cast either and the proposal stays open.
"""

from dataclasses import replace
from typing import Any, Final

from chain.actions import ACTIONS, SystemAccess
from chain.codes import (
    INVALID_ARGUMENTS,
    NO_VOTE,
    NOT_AUTHORISED,
    OUT_OF_GAS,
    PROPOSAL_CLOSED,
    PROPOSAL_EXPIRED,
    PROPOSAL_TOO_LARGE,
    TOO_MANY_PROPOSALS,
    UNKNOWN_ACTION,
    UNKNOWN_PROPOSAL,
    VOTE_UNCHANGED,
)
from chain.encoding import decode, encode
from chain.identity import ADMINISTRATOR
from chain.proposals import (
    CARRIED_OUT,
    OPEN,
    PROPOSAL_COUNT_KEY,
    REJECTED,
    WITHDRAWN,
    Motion,
    Proposal,
    Vote,
    decode_motion,
    decode_open,
    decode_proposal,
    encode_open,
    motion_key,
    open_proposals_key,
    proposal_key,
)
from chain.runtime import SYSTEM, CallContext, CallOutcome, Event
from chain.types import Milliseconds

REASON_CHARACTERS_MAX: Final = 1_024
MOTION_BYTES_MAX: Final = 192 * 1024
"""Bytes of an encoded motion: the largest source with the largest arguments, and the reason."""


def is_elector(access: SystemAccess) -> bool:
    """Tell whether the sender may propose and vote: an administrator of an organisation of the electorate."""
    context = access.context
    return ADMINISTRATOR in context.roles and context.organisation in access.genesis.governance.electorate


def propose(access: SystemAccess, action_name: str, args: list[Any], reason: str, gas_limit: int) -> CallOutcome:
    """Open a proposal and cast the own organisation's approval; return its number."""
    if not is_elector(access):
        return _failed(NOT_AUTHORISED)
    action = ACTIONS.get(action_name)
    if action is None:
        return _failed(UNKNOWN_ACTION)
    subject = action.subject(args)
    if subject is None or len(reason) > REASON_CHARACTERS_MAX:
        return _failed(INVALID_ARGUMENTS)
    context, governance = access.context, access.genesis.governance
    encoded = Motion(tuple(args), reason, context.roles).encoded()
    if len(encoded) > MOTION_BYTES_MAX:
        return _failed(PROPOSAL_TOO_LARGE)
    gas_used = len(encoded) * access.prices.motion_byte
    if gas_used > gas_limit:
        return _failed(OUT_OF_GAS, gas_limit)
    entries = _open_entries(access, context.organisation)
    if len(entries) >= governance.open_proposals_max:
        return _failed(TOO_MANY_PROPOSALS, gas_used)
    if action.approvals_required(governance) > 1:
        # Otherwise the own approval carries it out now, and that checks as much.
        checked = action.check(access, args, gas_limit - gas_used)
        gas_used += checked.gas_used
        if checked.code is not None:
            return _failed(checked.code, gas_used)
    number = _next_number(access)
    expires = Milliseconds(context.time + governance.proposal_expiry)
    member, organisation = context.sender, context.organisation
    proposal = Proposal(
        number,
        action_name,
        subject,
        organisation,
        member,
        context.height,
        expires,
        OPEN,
        (_own_vote(context, True),),
        None,
    )
    access.state.put(SYSTEM, PROPOSAL_COUNT_KEY, encode(number))
    access.state.put(SYSTEM, motion_key(number), encoded)
    access.state.put(SYSTEM, open_proposals_key(organisation), encode_open([*entries, (number, expires)]))
    fields = {"proposal": number, "action": action_name, "subject": subject, "proposer": member, "expires": expires}
    events = (Event(SYSTEM, "ProposalOpened", fields), _vote_event(proposal, organisation, "approve"))
    return _settled(access, proposal, number, events, gas_used, gas_limit)


def approve(access: SystemAccess, number: int, gas_limit: int) -> CallOutcome:
    """Cast the own organisation's vote for a proposal; return the proposal's status."""
    return _cast(access, number, True, gas_limit)


def reject(access: SystemAccess, number: int, gas_limit: int) -> CallOutcome:
    """Cast the own organisation's vote against a proposal; return the proposal's status."""
    return _cast(access, number, False, gas_limit)


def withdraw(access: SystemAccess, number: int) -> CallOutcome:
    """Take the own organisation's vote back; the organisation that proposed thereby withdraws the proposal itself."""
    proposal = _votable(access, number)
    if isinstance(proposal, str):
        return _failed(proposal)
    organisation = access.context.organisation
    if proposal.vote_of(organisation) is None and organisation != proposal.organisation:
        return _failed(NO_VOTE)
    votes = tuple(vote for vote in proposal.votes if vote.organisation != organisation)
    proposal = replace(proposal, votes=votes)
    events = (_vote_event(proposal, organisation, "withdraw"),)
    if organisation == proposal.organisation:
        return _closed(access, proposal, WITHDRAWN, WITHDRAWN, events, 0)
    access.state.put(SYSTEM, proposal_key(number), proposal.encoded())
    return CallOutcome(None, OPEN, events, 0)


def _cast(access: SystemAccess, number: int, approves: bool, gas_limit: int) -> CallOutcome:
    proposal = _votable(access, number)
    if isinstance(proposal, str):
        return _failed(proposal)
    organisation = access.context.organisation
    earlier = proposal.vote_of(organisation)
    if earlier is not None and earlier.approves == approves:
        return _failed(VOTE_UNCHANGED)
    others = [vote for vote in proposal.votes if vote.organisation != organisation]
    votes = sorted([*others, _own_vote(access.context, approves)], key=lambda vote: vote.organisation)
    proposal = replace(proposal, votes=tuple(votes))
    events = (_vote_event(proposal, organisation, "approve" if approves else "reject"),)
    return _settled(access, proposal, None, events, 0, gas_limit)


def _votable(access: SystemAccess, number: int) -> Proposal | str:
    """Return the proposal if the sender may vote on it now, otherwise the code that says why not."""
    if not is_elector(access):
        return NOT_AUTHORISED
    stored = access.state.get(SYSTEM, proposal_key(number))
    if stored is None:
        return UNKNOWN_PROPOSAL
    proposal = decode_proposal(stored)
    if proposal.status != OPEN:
        return PROPOSAL_CLOSED
    return PROPOSAL_EXPIRED if access.context.time > proposal.expires else proposal


def _settled(
    access: SystemAccess,
    proposal: Proposal,
    value: int | None,
    events: tuple[Event, ...],
    gas_used: int,
    gas_limit: int,
) -> CallOutcome:
    """Record a proposal with a new vote, and decide it if that vote does; `value` is returned instead of its status."""
    governance = access.genesis.governance
    action = ACTIONS[proposal.action]
    required = action.approvals_required(governance)
    said = [vote.approves for vote in proposal.votes if vote.organisation in governance.electorate]
    approvals, rejections = said.count(True), said.count(False)
    if approvals >= required:
        closed = _closed(access, proposal, CARRIED_OUT, value or CARRIED_OUT, events, gas_used)
        return _carried_out(access, proposal, closed, gas_limit)
    if rejections > len(governance.electorate) - required:
        return _closed(access, proposal, REJECTED, value or REJECTED, events, gas_used)
    access.state.put(SYSTEM, proposal_key(proposal.number), proposal.encoded())
    return CallOutcome(None, value or OPEN, events, gas_used)


def _carried_out(access: SystemAccess, proposal: Proposal, closed: CallOutcome, gas_limit: int) -> CallOutcome:
    """Do what was decided, as the proposer: whoever casts the last vote lends the decision nothing of its own."""
    stored = access.state.get(SYSTEM, motion_key(proposal.number))
    assert stored is not None, "a proposal has a motion"
    motion = decode_motion(stored)
    own = access.context
    context = own._replace(sender=proposal.proposer, organisation=proposal.organisation, roles=motion.roles)
    action = ACTIONS[proposal.action]
    outcome = action.carry_out(replace(access, context=context), motion.args, gas_limit - closed.gas_used)
    gas_used = closed.gas_used + outcome.gas_used
    if outcome.code is not None:
        return _failed(outcome.code, gas_used)
    return CallOutcome(None, closed.value, (*closed.events, *outcome.events), gas_used)


def _closed(
    access: SystemAccess, proposal: Proposal, status: str, value: int | str, events: tuple[Event, ...], gas_used: int
) -> CallOutcome:
    """Record that a proposal is no longer open."""
    number, organisation = proposal.number, proposal.organisation
    closed = replace(proposal, status=status, decided_height=access.context.height)
    access.state.put(SYSTEM, proposal_key(number), closed.encoded())
    entries = [entry for entry in _open_entries(access, organisation) if entry[0] != number]
    access.state.put(SYSTEM, open_proposals_key(organisation), encode_open(entries) if entries else None)
    event = Event(SYSTEM, "ProposalClosed", {"proposal": number, "action": proposal.action, "status": status})
    return CallOutcome(None, value, (*events, event), gas_used)


def _open_entries(access: SystemAccess, organisation: str) -> list[tuple[int, int]]:
    """Return number and expiry of the organisation's proposals that can still be voted on."""
    stored = access.state.get(SYSTEM, open_proposals_key(organisation))
    entries = [] if stored is None else decode_open(stored)
    return [(number, expires) for number, expires in entries if expires >= access.context.time]


def _next_number(access: SystemAccess) -> int:
    stored = access.state.get(SYSTEM, PROPOSAL_COUNT_KEY)
    return 1 if stored is None else int(decode(stored)) + 1


def _own_vote(context: CallContext, approves: bool) -> Vote:
    return Vote(context.organisation, context.sender, approves, context.height)


def _vote_event(proposal: Proposal, organisation: str, vote: str) -> Event:
    fields = {"proposal": proposal.number, "organisation": organisation, "vote": vote}
    return Event(SYSTEM, "ProposalVote", fields)


def _failed(code: str, gas_used: int = 0) -> CallOutcome:
    return CallOutcome(code, None, (), gas_used)
