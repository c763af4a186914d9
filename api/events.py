"""Events that contracts announced: as pages, and as a stream at the same address."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from aiohttp import web

from api.block_cache import KnownBlock
from api.context import context_of
from api.history import HistoryEntry, entry_json, read_history, terms_of
from api.ports import CommittedTransaction
from api.render import event_json
from api.requests import EVENT_STREAM_TYPE, Order, accepts, expect_parameters, limit_of, order_of
from api.responses import height_headers, page_response
from api.streams import serve_stream
from api.transactions import keeper
from api.walk import Entry, Extract, read_cursor, read_page, write_cursor
from chain.index_terms import Term, TermKind, term, words
from chain.receipt import Receipt, decode_receipt
from chain.runtime import Event
from chain.values import dataclass

KIND: Final = "e"
_Found = tuple[Receipt, Event]


async def list_events(request: web.Request) -> web.StreamResponse:
    """Answer GET /v1/events."""
    expect_parameters(request, "contract", "name", "mentions", "sender", "organisation", "limit", "order", "cursor")
    wanted = _Wanted(*(request.query.get(name) for name in ("contract", "name", "mentions")))
    extract = _extractor(wanted)
    context = context_of(request)
    terms = _terms(request, wanted)
    signed = "sender" in request.query or "organisation" in request.query
    if accepts(request, EVENT_STREAM_TYPE):
        keep = keeper(context, frozenset(terms), _receipt) if signed else None
        return await serve_stream(request, KIND, "event", extract, _ascending_json, keep)
    order, limit = order_of(request), limit_of(request)
    after = read_cursor(KIND, order, request.query.get("cursor"))
    head = context.node.head().height
    if terms and (signed or wanted.mentions is not None or context.node.keeps_index):
        found = await read_history(context, terms, order, after, _extractor_of_one(wanted), limit)
        entries = [_found_json(entry, order) for entry in found.entries]
        goes_on = found.next
    else:
        page = await read_page(context.blocks, head, order, after, extract, limit, context.limits.scan_blocks_max)
        entries = [_entry_json(entry, order) for entry in page.entries]
        goes_on = page.next
    cursor = None if goes_on is None else write_cursor(KIND, order, goes_on)
    return page_response(request, "events", entries, cursor, height_headers(head))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What events are asked for."""

    contract: str | None
    name: str | None
    mentions: str | None

    def holds(self, event: Event) -> bool:
        """Tell whether an event is asked for."""
        return (
            self.contract in (None, event.contract)
            and self.name in (None, event.name)
            and (self.mentions is None or self.mentions in words(event.fields.values()))
        )


def _receipt(content: _Found) -> Receipt:
    return content[0]


def _terms(request: web.Request, wanted: _Wanted) -> list[Term]:
    terms = terms_of(request)
    if wanted.contract is not None and wanted.name is not None:
        terms.insert(0, term(TermKind.EVENT, wanted.contract, wanted.name))
    return terms


def _extractor(wanted: _Wanted) -> Extract[_Found]:
    def extract(known: KnownBlock) -> Iterator[tuple[int, int, _Found]]:
        for receipt in known.receipts:
            for number, event in enumerate(receipt.events):
                if wanted.holds(event):
                    yield receipt.index, number, (receipt, event)

    return extract


def _extractor_of_one(wanted: _Wanted) -> Callable[[CommittedTransaction], Iterator[tuple[int, Event]]]:
    def extract(transaction: CommittedTransaction) -> Iterator[tuple[int, Event]]:
        for number, event in enumerate(decode_receipt(transaction.receipt).events):
            if wanted.holds(event):
                yield number, event

    return extract


def _found_json(entry: HistoryEntry[Event], order: Order) -> dict[str, Any]:
    return {
        "cursor": write_cursor(KIND, order, entry.position),
        "event_index": entry.position.event_index,
        **entry_json(entry),
        **event_json(entry.content),
    }


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
