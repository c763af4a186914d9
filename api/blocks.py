"""Decided blocks: listings and streams of them, single ones, and their raw bytes for exporters and auditors."""

from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

from api.block_cache import KnownBlock
from api.context import ApiContext, context_of
from api.ports import Pruned
from api.problems import Problem
from api.render import block_json, block_summary_json
from api.requests import (
    BINARY_TYPE,
    EVENT_STREAM_TYPE,
    MSGPACK_TYPES,
    Order,
    accepts,
    digest_from,
    expect_parameters,
    height_from,
    integer_of,
    limit_of,
    order_of,
)
from api.responses import (
    IMMUTABLE,
    NO_CACHE,
    base64_text,
    binary_response,
    form_headers,
    height_headers,
    json_response,
    not_modified,
    page_response,
)
from api.streams import serve_stream
from api.walk import Entry, read_cursor, read_page, write_cursor
from chain.crypto import DIGEST_BYTES
from chain.encoding import INT_MAX
from chain.recorded_block import encode_range
from chain.types import Height

KIND: Final = "b"
RANGE_BLOCKS_MAX: Final = 1_000


async def list_blocks(request: web.Request) -> web.StreamResponse:
    """Answer GET /v1/blocks."""
    expect_parameters(request, "limit", "order", "cursor")
    if accepts(request, EVENT_STREAM_TYPE):
        return await serve_stream(request, KIND, "block", _one, _ascending_json)
    context = context_of(request)
    order, limit = order_of(request), limit_of(request)
    after = read_cursor(KIND, order, request.query.get("cursor"))
    head = context.node.head().height
    page = await read_page(context.blocks, head, order, after, _one, limit, context.limits.scan_blocks_max)
    cursor = None if page.next is None else write_cursor(KIND, order, page.next)
    entries = [_entry_json(entry, order) for entry in page.entries]
    return page_response(request, "blocks", entries, cursor, height_headers(head))


async def get_block(request: web.Request) -> web.Response:
    """Answer GET /v1/blocks/{block}."""
    expect_parameters(request)
    context = context_of(request)
    known = await _find(request, context)
    headers = form_headers(request, known.block_hash.hex(), _caching(request))
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    if accepts(request, BINARY_TYPE):
        return binary_response(known.record.encoded(), headers=headers)
    return json_response(block_json(known), headers=headers)


async def get_block_raw(request: web.Request) -> web.Response:
    """Answer GET /v1/blocks/{block}/raw: block, result, certificate and receipts as chain.recorded_block has them."""
    expect_parameters(request)
    known = await _find(request, context_of(request))
    headers = {"ETag": f'"{known.block_hash.hex()}"', "Cache-Control": _caching(request)}
    return not_modified(request, headers) or binary_response(known.record.encoded(), headers=headers)


def _caching(request: web.Request) -> str:
    """Return how long an answer holds: a hash names one block for ever, a height one in each ledger at this address."""
    return IMMUTABLE if len(request.match_info["block"]) == 2 * DIGEST_BYTES else NO_CACHE


async def get_block_history(request: web.Request) -> web.Response:
    """Answer GET /v1/blocks/{block}/history: the proof that a later header commits to this block."""
    expect_parameters(request, "height")
    context = context_of(request)
    known = await _find(request, context)
    head = context.node.head().height
    if known.height >= head:
        raise Problem("unknown_block", f"no later block commits to block {known.height} yet")
    anchor = await context.blocks.get(Height(integer_of(request, "height", head, known.height + 1, head)))
    assert anchor is not None, "blocks up to the head exist"
    # The header at height h holds the root over genesis and the blocks 1 to h - 1, that is, of h leaves.
    path = await context.node.history_path(known.height, anchor.height)
    extension = await context.node.history_extension(known.height, anchor.height)
    certified = anchor.prover.certified
    return json_response(
        {
            "block_hash": known.block_hash.hex(),
            "index": known.height,
            "size": anchor.height,
            "path": [digest.hex() for digest in path],
            "consistency": [digest.hex() for digest in extension],
            "root": anchor.block.header.history_root.hex(),
            "header": base64_text(certified.header),
            "result": base64_text(certified.result),
            "certificate": base64_text(certified.certificate),
        }
    )


async def get_checkpoint(request: web.Request) -> web.Response:
    """Answer GET /v1/checkpoint: the head as a note, signed by this validator."""
    expect_parameters(request)
    note = context_of(request).node.checkpoint()
    if note is None:
        raise Problem("not_signed", "there is no block yet, or this node is an observer and has no key to sign with")
    return web.Response(text=note, content_type="text/plain", charset="utf-8", headers={"Cache-Control": "no-store"})


async def get_raw_blocks(request: web.Request) -> web.Response:
    """Answer GET /v1/blocks/raw: consecutive recorded blocks, bounded in number and bytes, at least one."""
    expect_parameters(request, "from", "limit")
    context = context_of(request)
    first = integer_of(request, "from", 1, 1, INT_MAX)
    limit = integer_of(request, "limit", RANGE_BLOCKS_MAX, 1, RANGE_BLOCKS_MAX)
    head = context.node.head().height
    records: list[bytes] = []
    size = 0
    for height in range(first, min(head, first + limit - 1) + 1):
        # Past the cache: an export would only displace what others read.
        try:
            record = await context.node.block(Height(height))
        except Pruned:
            if records:
                break
            raise
        assert record is not None, "blocks up to the head exist"
        encoded = record.encoded()
        size += len(encoded)
        if records and size > context.limits.range_bytes_max:
            break
        records.append(encoded)
    response = binary_response(encode_range(first, records), content_type=min(MSGPACK_TYPES))
    response.headers.update(height_headers(head))
    return response


async def _find(request: web.Request, context: ApiContext) -> KnownBlock:
    text = request.match_info["block"]
    head = context.node.head().height
    if text == "latest":
        height: Height | None = head
    elif len(text) == 2 * DIGEST_BYTES:
        height = await context.node.height_of_block(digest_from(text, "block"))
    else:
        height = height_from(text, "block")
    if height == 0:
        raise Problem("unknown_block", "block 0 is the genesis: see /v1/genesis")
    known = None if height is None or height > head else await context.blocks.get(height)
    if known is None:
        raise Problem("unknown_block", f"there is no block {text}; the last one is {head}")
    return known


def _one(known: KnownBlock) -> Iterable[tuple[int, int, None]]:
    return ((0, 0, None),)


def _ascending_json(entry: Entry[None]) -> dict[str, Any]:
    return _entry_json(entry, Order.ASCENDING)


def _entry_json(entry: Entry[None], order: Order) -> dict[str, Any]:
    return {"cursor": write_cursor(KIND, order, entry.position), **block_summary_json(entry.block)}
