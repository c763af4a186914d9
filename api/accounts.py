"""Accounts by name: the keys that sign, or have signed, for a member."""

from typing import Any, Final, NamedTuple

from aiohttp import web

from api.context import ApiContext, context_of
from api.history import HEIGHT_END
from api.problems import Problem
from api.render import member_json
from api.requests import LIMIT_MAX, expect_parameters
from api.responses import height_headers, json_response
from chain.block_store import TransactionPlace
from chain.identity import Member, decode_member, member_key
from chain.index_terms import TermKind, term
from chain.receipt import decode_receipt
from chain.runtime import SYSTEM
from chain.state_leaf import decode_leaf
from chain.types import Height

REGISTERED: Final = "MemberRegistered"
"""The event that announces a key, beside those of genesis."""


class AccountKey(NamedTuple):
    """A key and whom it signs for."""

    key: bytes
    member: Member


async def get_account(request: web.Request) -> web.Response:
    """Answer GET /v1/accounts/{account}."""
    expect_parameters(request)
    context = context_of(request)
    name = request.match_info["account"]
    keys = await find_account(context, name)
    if not keys:
        raise Problem("unknown_account", f"there is no account {name[:80]!r}")
    answer: dict[str, Any] = {
        "id": name,
        "organisation": keys[0].member.organisation,
        "active": any(known.member.active for known in keys),
        "keys": [member_json(known.key, known.member) for known in keys],
    }
    return json_response(answer, headers=height_headers(context.node.head().height))


async def find_account(context: ApiContext, name: str) -> list[AccountKey]:
    """Return the keys of the account with a name, those of genesis first; none if there is no such account.

    Raises:
        NotIndexed: when only the index could tell.
    """
    keys = [member.key for member in context.node.genesis.members if member.member_id == name]
    # Who is registered later is found where it was announced.
    low, high = TransactionPlace(Height(1), 0), TransactionPlace(HEIGHT_END, 0)
    terms = [term(TermKind.WORD, name), term(TermKind.EVENT, SYSTEM, REGISTERED)]
    if context.node.keeps_index or not keys:
        found = await context.node.find(terms, low, high, limit=LIMIT_MAX, descending=False)
        for place in found.places:
            receipt = decode_receipt((await context.node.committed_at(place)).receipt)
            announced = (event.fields for event in receipt.events if event.name == REGISTERED)
            keys += [fields["key"] for fields in announced if fields["member"] == name]
    known = []
    for key in dict.fromkeys(keys):
        member = await member_of(context, key)
        if member is not None:
            known.append(AccountKey(key, member))
    return known


async def member_of(context: ApiContext, key: bytes) -> Member | None:
    """Return the member with a public key, None if it is nobody's."""
    reply = await context.node.state(SYSTEM, member_key(key), with_proof=False)
    value = None if reply.leaf is None else decode_leaf(reply.leaf).value
    return None if value is None else decode_member(value)
