"""Proposals: what the electorate is asked, who said what, and what became of it."""

from typing import Any, Final

from aiohttp import web

from api.context import context_of
from api.problems import Problem
from api.requests import expect_parameters, integer_of, limit_of, number_from
from api.responses import height_headers, json_response, page_response
from chain.actions import ACTIONS
from chain.encoding import INT_MAX
from chain.json_values import to_json
from chain.proposals import EXPIRED, STATUSES, Proposal, decode_motion, decode_proposal, motion_key, proposal_key
from chain.runtime import SYSTEM
from chain.state_keys import encode_key
from chain.state_leaf import decode_leaf
from chain.types import Milliseconds

_PROPOSALS: Final = encode_key(("proposal",))
"""What the keys of all proposals begin with."""


async def list_proposals(request: web.Request) -> web.Response:
    """Answer GET /v1/proposals, newest first; with a filter a page may be short without being the last."""
    expect_parameters(request, "status", "limit", "cursor")
    context = context_of(request)
    status, limit = request.query.get("status"), limit_of(request)
    if status not in (None, EXPIRED, *STATUSES):
        detail = f"status is {', '.join(STATUSES)} or {EXPIRED}"
        raise Problem("invalid_parameter", detail, parameter="status")
    last = integer_of(request, "cursor", INT_MAX, 1, INT_MAX)
    reply = await context.node.scan(SYSTEM, _PROPOSALS, proposal_key(last) + b"\x00", limit=limit + 1, reverse=True)
    found = [decode_proposal(value) for _, value in reply.entries]
    cursor = str(found[limit].number) if len(found) > limit else None
    time = context.node.head().time
    entries = [_summary(request, proposal, time) for proposal in found[:limit]]
    chosen = [entry for entry in entries if status in (None, entry["status"])]
    return page_response(request, "proposals", chosen, cursor, height_headers(reply.height))


async def get_proposal(request: web.Request) -> web.Response:
    """Answer GET /v1/proposals/{number}."""
    expect_parameters(request)
    node = context_of(request).node
    text = request.match_info["number"]
    number = number_from(text)
    reply = await node.state(SYSTEM, proposal_key(number), with_proof=False)
    value = None if reply.leaf is None else decode_leaf(reply.leaf).value
    if value is None:
        raise Problem("unknown_proposal", f"there is no proposal {text[:64]}")
    content = await node.state(SYSTEM, motion_key(number), with_proof=False)
    stored = None if content.leaf is None else decode_leaf(content.leaf).value
    assert stored is not None, "a proposal has a motion"
    motion = decode_motion(stored)
    summary = _summary(request, decode_proposal(value), node.head().time)
    document = {**summary, "args": to_json(motion.args), "reason": motion.reason, "roles": list(motion.roles)}
    return json_response(document, headers=height_headers(reply.height))


def _summary(request: web.Request, proposal: Proposal, time: Milliseconds) -> dict[str, Any]:
    governance = context_of(request).node.genesis.governance
    return {
        "number": proposal.number,
        "action": proposal.action,
        "subject": proposal.subject,
        "organisation": proposal.organisation,
        "proposer": proposal.proposer,
        "height": proposal.height,
        "expires": proposal.expires,
        "status": proposal.status_at(time),
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
