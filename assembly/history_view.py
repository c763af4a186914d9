"""Questions of history, as the HTTP API asks them: answered from the index, once it has reached the head."""

from collections.abc import Callable, Sequence
from typing import Final

from api.ports import ActivityReply, NotIndexed, NotReady, Pruned
from assembly.back_fill import describe
from assembly.indexing import Indexer
from chain.block_store import BlockStore, TransactionPlace
from chain.height_ranges import overlap
from chain.history_index import Found
from chain.index_terms import Term
from chain.types import Height, Milliseconds

WAIT_SECONDS: Final = 5.0


class HistoryView:
    """Answers from the index of one node, which may have none."""

    def __init__(self, blocks: BlockStore, indexer: Indexer | None, head: Callable[[], Height]) -> None:
        self._blocks = blocks
        self._indexer = indexer
        self._head = head

    @property
    def exists(self) -> bool:
        """Whether there is an index."""
        return self._indexer is not None

    async def find(
        self, terms: Sequence[Term], low: TransactionPlace, high: TransactionPlace, *, limit: int, descending: bool
    ) -> Found:
        """Return places with all these terms; a page ends before blocks that this node lacks.

        Raises:
            NotIndexed, NotReady, Pruned: as api.ports.LedgerNode says.
        """
        head = self._head()
        index = (await self._current(head)).index
        low = max(low, TransactionPlace(Height(1), 0))
        high = min(high, TransactionPlace(Height(head + 1), 0))
        if low >= high:
            return Found((), None)
        last = high.height if high.index else high.height - 1
        gaps = list(overlap(self._blocks.gaps, low.height, last))
        if not gaps:
            return index.find(terms, low, high, limit=limit, descending=descending)
        if descending:
            held = TransactionPlace(Height(gaps[-1][1] + 1), 0)
            begins_in_gap = gaps[-1][1] == last
            found = index.find(terms, held, high, limit=limit, descending=True)
        else:
            held = TransactionPlace(gaps[0][0], 0)
            begins_in_gap = gaps[0][0] == low.height
            found = index.find(terms, low, held, limit=limit, descending=False)
        if begins_in_gap:
            lacking = describe(self._blocks.gaps)
            raise Pruned(f"this node joined by a snapshot and lacks blocks {lacking}; ask another one")
        return found if found.next is not None else Found(found.places, held)

    async def words(self, prefix: str, limit: int) -> list[str]:
        """Return words that begin with a text."""
        return (await self._current(self._head())).index.words(prefix, limit)

    async def activity(self, resolution: Milliseconds, start: Milliseconds, end: Milliseconds) -> ActivityReply:
        """Return how much happened in periods."""
        head = self._head()
        index = (await self._current(head)).index
        periods = tuple((Milliseconds(time), activity) for time, activity in index.activity(resolution, start, end))
        return ActivityReply(head, index.totals, periods)

    async def _current(self, head: Height) -> Indexer:
        """Return the indexer once it has reached the head."""
        indexer = self._indexer
        if indexer is None:
            raise NotIndexed("this node keeps no index of history (index = false in its configuration)")
        if not await indexer.reached(head, WAIT_SECONDS):
            if indexer.failure is not None:
                raise NotReady([f"the history index cannot be used: {indexer.failure}"])
            raise NotReady([f"the history index has reached block {(indexer.missing() or head + 1) - 1} of {head}"])
        return indexer
