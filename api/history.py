"""Listings from the index: only what has all the terms asked for, without looking through blocks.

Cursors are the same positions in the ledger that walking uses, so a page goes on wherever it is served from, whatever
is indexed meanwhile.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from aiohttp import web

from api.context import ApiContext
from api.ports import CommittedTransaction
from api.problems import Problem
from api.requests import Order
from api.walk import INDEX_MAX, Position, end_of_block
from chain.block_store import TransactionPlace
from chain.index_terms import WORD_BYTES_MAX, WORD_BYTES_MIN, Term, TermKind, term
from chain.types import Height
from chain.values import dataclass

T = TypeVar("T")

FILTERS: Final = {
    "sender": TermKind.SENDER,
    "organisation": TermKind.ORGANISATION,
    "contract": TermKind.CONTRACT,
    "mentions": TermKind.WORD,
}
"""Query parameters that the index answers, and the tables that they ask."""

HEIGHT_END: Final = Height(2**63 - 1)


@dataclass(frozen=True, slots=True)
class HistoryEntry(Generic[T]):
    """One entry of a listing from the index."""

    position: Position
    transaction: CommittedTransaction
    content: T


@dataclass(frozen=True, slots=True)
class HistoryPage(Generic[T]):
    """Entries in the order asked for, and the position after which the next page goes on; None at the end."""

    entries: Sequence[HistoryEntry[T]]
    next: Position | None


def terms_of(request: web.Request) -> list[Term]:
    """Return what a listing is filtered by; nothing if it is not.

    Raises:
        Problem: invalid_parameter, for a text that the index cannot hold.
    """
    terms = []
    for name, kind in FILTERS.items():
        text = request.query.get(name)
        if text is None:
            continue
        if not WORD_BYTES_MIN <= len(text.encode("utf-8", "replace")) <= WORD_BYTES_MAX and kind is TermKind.WORD:
            detail = f"{name} is a text of {WORD_BYTES_MIN} to {WORD_BYTES_MAX} bytes"
            raise Problem("invalid_parameter", detail, parameter=name)
        terms.append(term(kind, text))
    return terms


async def read_history(
    context: ApiContext,
    terms: Sequence[Term],
    order: Order,
    after: Position | None,
    extract: Callable[[CommittedTransaction], Iterable[tuple[int, T]]],
    limit: int,
) -> HistoryPage[T]:
    """Return what `extract` gives of the transactions with all terms that follow a position.

    Raises:
        NotIndexed, NotReady, Pruned: as the node says.
    """
    descending = order is Order.DESCENDING
    low, high = _bounds(after, descending)
    found = await context.node.find(terms, low, high, limit=limit + 1, descending=descending)
    entries: list[HistoryEntry[T]] = []
    for place in found.places:
        transaction = await context.node.committed_at(place)
        contents = list(extract(transaction))
        for event_index, content in reversed(contents) if descending else contents:
            position = Position(place.height, place.index, event_index)
            if after is not None and (position >= after if descending else position <= after):
                continue
            if len(entries) == limit:
                return HistoryPage(entries, entries[-1].position)
            entries.append(HistoryEntry(position, transaction, content))
        # Blocks may be large: others get their turn between two.
        await asyncio.sleep(0)
    return HistoryPage(entries, None if found.next is None else _position_at(found.next, descending))


def _bounds(after: Position | None, descending: bool) -> tuple[TransactionPlace, TransactionPlace]:
    """Return the places to search, the one of `after` included where some of its events may be still to come."""
    low, high = TransactionPlace(Height(1), 0), TransactionPlace(HEIGHT_END, 0)
    if after is None:
        return low, high
    height, index = after.height, after.transaction_index
    if not descending:
        if index >= INDEX_MAX:
            return TransactionPlace(Height(height + 1), 0), high
        return TransactionPlace(Height(height), index), high
    if index >= INDEX_MAX:
        return low, TransactionPlace(Height(height + 1), 0)
    return low, TransactionPlace(Height(height), index + 1 if after.event_index else index)


def _position_at(place: TransactionPlace, descending: bool) -> Position:
    """Return the position after which a search goes on at a place (chain.history_index.Found.next)."""
    if descending:
        return Position(place.height, place.index, 0)
    if place.index:
        return Position(place.height, place.index - 1, INDEX_MAX)
    return end_of_block(place.height - 1)


def entry_json(entry: HistoryEntry[Any]) -> dict[str, Any]:
    """Return where an entry stands."""
    transaction = entry.transaction
    return {
        "height": transaction.height,
        "time": transaction.time,
        "index": transaction.index,
        "transaction_id": transaction.transaction_id.hex(),
    }
