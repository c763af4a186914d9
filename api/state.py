"""The state as it is stored: keys of a contract, single ones with proof, and their history."""

from typing import Any, Final

from aiohttp import web

from api.context import ApiContext, context_of
from api.ports import StateReply
from api.problems import Problem, not_ready
from api.render import key_json, leaf_json, stored_value_json
from api.requests import (
    BINARY_TYPE,
    accepts,
    contract_from,
    digest_from,
    expect_parameters,
    flag_of,
    key_from,
    limit_of,
)
from api.responses import base64_text, binary_response, height_headers, json_response, page_response
from chain.proofs import StateProof, certified_header_of
from chain.state_leaf import decode_leaf

HEAD_SECONDS: Final = 5.0


async def list_keys(request: web.Request) -> web.Response:
    """Answer GET /v1/state/{contract}."""
    expect_parameters(request, "prefix", "limit", "cursor")
    context = context_of(request)
    limit = limit_of(request)
    prefix = key_from(request.query["prefix"]) if "prefix" in request.query else b""
    start = prefix
    if "cursor" in request.query:
        start = _after_cursor(request.query["cursor"], prefix)
    reply = await context.node.scan(contract_from(request), start, prefix + b"\xff", limit=limit + 1)
    entries = [
        {"key": key_json(key), "key_raw": "0x" + key.hex(), "value": stored_value_json(value)}
        for key, value in reply.entries[:limit]
    ]
    cursor = "0x" + reply.entries[limit - 1][0].hex() if len(reply.entries) > limit else None
    return page_response(request, "entries", entries, cursor, height_headers(reply.height))


def _after_cursor(text: str, prefix: bytes) -> bytes:
    try:
        last = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise Problem("invalid_cursor", f"{text[:64]!r} was not issued for this listing") from error
    if not last.startswith(prefix):
        raise Problem("invalid_cursor", "the cursor was issued for another prefix")
    return last + b"\x00"


async def get_key(request: web.Request) -> web.Response:
    """Answer GET /v1/state/{contract}/{key}."""
    expect_parameters(request, "proof")
    context = context_of(request)
    contract, key = contract_from(request), key_from(request.match_info["key"])
    as_bytes = accepts(request, BINARY_TYPE)
    with_proof = flag_of(request, "proof") or as_bytes
    reply = await context.node.state(contract, key, with_proof=with_proof)
    proof = await _certified_proof(context, contract, key, reply) if with_proof else None
    if as_bytes and proof is not None:
        response = binary_response(proof)
        response.headers.update(height_headers(reply.height))
        return response
    answer: dict[str, Any] = {"height": reply.height, "contract": contract, "key": key_json(key)}
    answer["leaf"] = None if reply.leaf is None else leaf_json(reply.leaf, decode_leaf(reply.leaf))
    if proof is not None:
        answer["proof"] = base64_text(proof)
    return json_response(answer, headers=height_headers(reply.height))


async def _certified_proof(context: ApiContext, contract: str, key: bytes, reply: StateReply) -> bytes:
    assert reply.proof is not None, "a proof was asked for"
    if reply.height == 0:
        raise Problem("not_certified", "the state of genesis is certified by the first block, which is not there yet")
    if reply.height > context.node.head().height:
        # The state may be read a moment before the node has taken the block as its head.
        await context.unless_stopping(context.node.wait_height(reply.height), HEAD_SECONDS)
    block = await context.blocks.get(reply.height)
    if block is None:
        raise not_ready((f"the node has not caught up with its state at height {reply.height}",))
    return StateProof(contract, key, reply.proof, certified_header_of(block.record)).encoded()


async def get_history(request: web.Request) -> web.Response:
    """Answer GET /v1/state/{contract}/{key}/history; `complete` says whether the first version is among them."""
    expect_parameters(request, "limit", "version")
    version = None if "version" not in request.query else digest_from(request.query["version"], "version")
    contract, key = contract_from(request), key_from(request.match_info["key"])
    reply = await context_of(request).node.state_history(contract, key, limit=limit_of(request), version=version)
    versions = [leaf_json(encoded, decode_leaf(encoded)) for encoded in reply.leaves]
    answer = {"height": reply.height, "contract": contract, "key": key_json(key)}
    return json_response(
        {**answer, "versions": versions, "complete": reply.complete}, headers=height_headers(reply.height)
    )
