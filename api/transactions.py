"""Transactions: what became of them, their proofs, and the list of all."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from aiohttp import web

from api.accounts import member_of
from api.block_cache import KnownBlock
from api.context import ApiContext, context_of
from api.history import HistoryEntry, read_history, terms_of
from api.ports import CommittedTransaction
from api.problems import Problem
from api.render import content_json, receipt_json, transaction_json
from api.requests import (
    BINARY_TYPE,
    EVENT_STREAM_TYPE,
    Order,
    accepts,
    digest_from,
    expect_parameters,
    limit_of,
    order_of,
)
from api.responses import (
    base64_text,
    binary_response,
    form_headers,
    height_headers,
    json_response,
    not_modified,
    page_response,
)
from api.streams import Keep, serve_stream
from api.walk import Entry, read_cursor, read_page, write_cursor
from chain.identity import Member
from chain.index_terms import Term, transaction_terms
from chain.receipt import Receipt
from chain.transaction import decode_transaction
from chain.types import Digest, PublicKey

T = TypeVar("T")

KIND: Final = "t"
SENDERS_KEPT: Final = 1_024
"""Members that a filtered stream remembers; whose key it is never changes."""


async def get_transaction(request: web.Request) -> web.Response:
    """Answer GET /v1/transactions/{id}."""
    expect_parameters(request)
    context = context_of(request)
    transaction_id = digest_from(request.match_info["id"], "id")
    known = await context.node.transaction(transaction_id)
    if known is None:
        raise _unknown(transaction_id)
    return json_response(transaction_json(known))


async def get_transaction_proof(request: web.Request) -> web.Response:
    """Answer GET /v1/transactions/{id}/proof."""
    expect_parameters(request)
    context = context_of(request)
    transaction_id = digest_from(request.match_info["id"], "id")
    known = await context.node.transaction(transaction_id)
    if known is None:
        raise _unknown(transaction_id)
    if not isinstance(known, CommittedTransaction):
        raise Problem("not_committed", f"transaction {transaction_id.hex()} waits to be committed")
    headers = form_headers(request, f"{known.block_hash.hex()}-{known.index}")
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    if accepts(request, BINARY_TYPE):
        return binary_response(await _prove(context, known), headers=headers)
    block = await _block_of(context, known)
    proof = block.prover.prove(known.index)
    return json_response(
        {
            "id": transaction_id.hex(),
            "height": known.height,
            "index": proof.index,
            "count": proof.count,
            "transaction": base64_text(proof.transaction),
            "transactions_path": [digest.hex() for digest in proof.transactions_path],
            "receipt": base64_text(proof.receipt),
            "receipts_path": [digest.hex() for digest in proof.receipts_path],
            "header": base64_text(proof.certified.header),
            "result": base64_text(proof.certified.result),
            "certificate": base64_text(proof.certified.certificate),
            "proof": base64_text(proof.encoded()),
        },
        headers=headers,
    )


async def _prove(context: ApiContext, known: CommittedTransaction) -> bytes:
    block = await _block_of(context, known)
    return block.prover.prove(known.index).encoded()


async def _block_of(context: ApiContext, known: CommittedTransaction) -> KnownBlock:
    block = await context.blocks.get(known.height)
    assert block is not None, "a committed transaction stands in a block"
    return block


def _unknown(transaction_id: Digest) -> Problem:
    return Problem("unknown_transaction", f"neither committed nor waiting here: {transaction_id.hex()}")


async def list_transactions(request: web.Request) -> web.StreamResponse:
    """Answer GET /v1/transactions."""
    expect_parameters(request, "sender", "organisation", "contract", "mentions", "limit", "order", "cursor")
    context = context_of(request)
    terms = terms_of(request)
    if accepts(request, EVENT_STREAM_TYPE):
        keep = keeper(context, frozenset(terms), _receipt) if terms else None
        return await serve_stream(request, KIND, "transaction", _extract, _ascending_json, keep)
    order, limit = order_of(request), limit_of(request)
    after = read_cursor(KIND, order, request.query.get("cursor"))
    head = context.node.head().height
    entries: list[dict[str, Any]]
    if terms:
        found = await read_history(context, terms, order, after, _whole, limit)
        entries = [_found_json(entry, order) for entry in found.entries]
        goes_on = found.next
    else:
        page = await read_page(context.blocks, head, order, after, _extract, limit, context.limits.scan_blocks_max)
        entries = [_entry_json(entry, order) for entry in page.entries]
        goes_on = page.next
    cursor = None if goes_on is None else write_cursor(KIND, order, goes_on)
    return page_response(request, "transactions", entries, cursor, height_headers(head))


def _whole(transaction: CommittedTransaction) -> Iterable[tuple[int, None]]:
    return ((0, None),)


def _found_json(entry: HistoryEntry[None], order: Order) -> dict[str, Any]:
    return {"cursor": write_cursor(KIND, order, entry.position), **transaction_json(entry.transaction)}


def _extract(known: KnownBlock) -> Iterable[tuple[int, int, Receipt]]:
    return ((receipt.index, 0, receipt) for receipt in known.receipts)


def _receipt(content: Receipt) -> Receipt:
    return content


def keeper(context: ApiContext, wanted: frozenset[Term], receipt_of: Callable[[T], Receipt]) -> Keep[T]:
    """Return what tells transactions with all these terms, as the index would, but without waiting for it."""
    senders: dict[PublicKey, Member | None] = {}

    async def keep(entry: Entry[T]) -> bool:
        receipt = receipt_of(entry.content)
        raw = entry.block.block.transactions[receipt.index]
        body = decode_transaction(raw, size_max=len(raw)).body
        if body.sender_key not in senders:
            if len(senders) >= SENDERS_KEPT:
                senders.clear()
            senders[body.sender_key] = await member_of(context, body.sender_key)
        return wanted <= transaction_terms(body, receipt, senders[body.sender_key])

    return keep


def _ascending_json(entry: Entry[Receipt]) -> dict[str, Any]:
    return _entry_json(entry, Order.ASCENDING)


def _entry_json(entry: Entry[Receipt], order: Order) -> dict[str, Any]:
    receipt, record = entry.content, entry.block.record
    raw = entry.block.block.transactions[receipt.index]
    return {
        "cursor": write_cursor(KIND, order, entry.position),
        "id": receipt.transaction_id.hex(),
        "status": "committed",
        "height": receipt.height,
        "index": receipt.index,
        "block_hash": entry.block.block_hash.hex(),
        "time": entry.block.block.header.time,
        "receipt": receipt_json(record.receipts[receipt.index], receipt),
        **content_json(decode_transaction(raw, size_max=len(raw))),
    }
