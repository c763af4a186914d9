"""Events that contracts announced: as pages, and as a stream at the same address."""

from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web

from api.block_cache import KnownBlock
from api.context import context_of
from api.render import event_json
from api.requests import EVENT_STREAM_TYPE, Order, accepts, expect_parameters, limit_of, order_of
from api.responses import height_headers, page_response
from api.streams import serve_stream
from api.walk import Entry, Extract, read_cursor, read_page, write_cursor
from chain.receipt import Receipt
from chain.runtime import Event

KIND: Final = "e"
_Found = tuple[Receipt, Event]


async def list_events(request: web.Request) -> web.StreamResponse:
    """Answer GET /v1/events."""
    expect_parameters(request, "contract", "name", "limit", "order", "cursor")
    extract = _extractor(request.query.get("contract"), request.query.get("name"))
    if accepts(request, EVENT_STREAM_TYPE):
        return await serve_stream(request, KIND, "event", extract, _ascending_json)
    context = context_of(request)
    order, limit = order_of(request), limit_of(request)
    after = read_cursor(KIND, order, request.query.get("cursor"))
    head = context.node.head().height
    page = await read_page(context.blocks, head, order, after, extract, limit, context.limits.scan_blocks_max)
    cursor = None if page.next is None else write_cursor(KIND, order, page.next)
    entries = [_entry_json(entry, order) for entry in page.entries]
    return page_response(request, "events", entries, cursor, height_headers(head))


def _extractor(contract: str | None, name: str | None) -> Extract[_Found]:
    def extract(known: KnownBlock) -> Iterator[tuple[int, int, _Found]]:
        for receipt in known.receipts:
            for number, event in enumerate(receipt.events):
                if contract in (None, event.contract) and name in (None, event.name):
                    yield receipt.index, number, (receipt, event)

    return extract


def _ascending_json(entry: Entry[_Found]) -> dict[str, Any]:
    return _entry_json(entry, Order.ASCENDING)


def _entry_json(entry: Entry[_Found], order: Order) -> dict[str, Any]:
    receipt, event = entry.content
    return {
        "cursor": write_cursor(KIND, order, entry.position),
        "height": receipt.height,
        "time": entry.block.block.header.time,
        "index": receipt.index,
        "event_index": entry.position.event_index,
        "transaction_id": receipt.transaction_id.hex(),
        **event_json(event),
    }
