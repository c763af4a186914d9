"""Search over everything that has a name: hashes, heights, accounts, organisations, contracts, items, transfers."""

import re
from typing import Any, Final

from aiohttp import web

from api.accounts import find_account
from api.context import ApiContext, context_of
from api.item_names import is_item, spellings
from api.problems import Problem
from api.requests import expect_parameters, integer_of
from api.responses import height_headers, json_response
from chain.crypto import DIGEST_BYTES
from chain.encoding import INT_MAX
from chain.identity import is_name, member_key, organisation_key
from chain.index_terms import WORD_BYTES_MAX, WORD_BYTES_MIN
from chain.runtime import SYSTEM
from chain.state_keys import contract_key
from chain.state_leaf import decode_leaf
from chain.types import Digest, Height

RESULTS_MAX: Final = 50
RESULTS_DEFAULT: Final = 10
TYPES: Final = ("block", "transaction", "account", "organisation", "contract", "item", "transfer", "word")
UETR: Final = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
_ACCOUNT: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}\.[a-z][a-z0-9_-]{0,31}")


async def search(request: web.Request) -> web.Response:
    """Answer GET /v1/search: exact matches first, then words that begin with the text."""
    expect_parameters(request, "q", "limit")
    context = context_of(request)
    text = request.query.get("q", "").strip()
    if not text or len(text.encode("utf-8", "replace")) > WORD_BYTES_MAX:
        raise Problem("invalid_parameter", f"q is a text of 1 to {WORD_BYTES_MAX} bytes", parameter="q")
    limit = integer_of(request, "limit", RESULTS_DEFAULT, 1, RESULTS_MAX)
    head = context.node.head().height
    results = await _exact(context, text, head)
    for spelling in spellings(text):
        if context.node.keeps_index and len(spelling.encode("utf-8", "replace")) >= WORD_BYTES_MIN:
            results += [await _word(context, word) for word in await context.node.words(spelling, limit)]
    distinct = list({(item["type"], item["id"]): item for item in results}.values())
    answer = {"query": text, "indexed": context.node.keeps_index, "results": distinct[:limit]}
    return json_response(answer, headers=height_headers(head))


async def _exact(context: ApiContext, text: str, head: Height) -> list[dict[str, Any]]:
    lower = text.lower()
    if re.fullmatch(rf"[0-9a-f]{{{2 * DIGEST_BYTES}}}", lower):
        return await _by_digest(context, bytes.fromhex(lower), head)
    digits = text.lstrip("#").replace(",", "")
    if digits.isascii() and digits.isdigit() and len(digits) < len(str(INT_MAX)) and 1 <= int(digits) <= head:
        return [_result("block", str(int(digits)), f"block {int(digits)}")]
    if _ACCOUNT.fullmatch(lower):
        account = await _account(context, lower)
        return [] if account is None else [account]
    found = []
    if is_name(lower):
        if await _holds(context, organisation_key(lower)):
            found.append(_result("organisation", lower, "organisation"))
        if await _holds(context, contract_key(lower)):
            found.append(_result("contract", lower, "contract"))
    return found


async def _by_digest(context: ApiContext, digest: bytes, head: Height) -> list[dict[str, Any]]:
    known = digest.hex()
    height = await context.node.height_of_block(Digest(digest))
    if height is not None and 1 <= height <= head:
        return [_result("block", str(height), f"block {height}")]
    if await context.node.transaction(Digest(digest)) is not None:
        return [_result("transaction", known, "transaction")]
    member = await _holds(context, member_key(digest))
    return [_result("account", known, "key of an account")] if member else []


async def _holds(context: ApiContext, key: bytes) -> bool:
    reply = await context.node.state(SYSTEM, key, with_proof=False)
    return reply.leaf is not None and decode_leaf(reply.leaf).value is not None


async def _account(context: ApiContext, name: str) -> dict[str, Any] | None:
    known = await find_account(context, name)
    return _result("account", name, f"account of {known[0].member.organisation}") if known else None


async def _word(context: ApiContext, word: str) -> dict[str, Any]:
    if UETR.fullmatch(word):
        return _result("transfer", word, "transfer")
    if is_item(word):
        return _result("item", word, "item")
    account = await _account(context, word) if _ACCOUNT.fullmatch(word) else None
    if account is not None:
        return account
    return _result("word", word, "named in transactions")


def _result(kind: str, identity: str, description: str) -> dict[str, Any]:
    assert kind in TYPES
    return {"type": kind, "id": identity, "description": description}
