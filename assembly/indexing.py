"""Keeps the history index beside the blocks: follows the head in small slices, and never makes consensus wait.

What is indexed lags behind what is decided, by milliseconds as a rule, by more under full load; whoever asks waits for
it or is told. The index is made from blocks and member records alone, so a damaged one is thrown away and made anew.
"""

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from assembly.consensus_host import Applied
from chain.block import decode_block
from chain.block_store import BlockStore
from chain.history_index import Activity, HistoryIndex, IndexedBlock
from chain.identity import Member, decode_member, member_key
from chain.index_terms import place_keys, transaction_terms
from chain.receipt import own_receipt
from chain.runtime import SYSTEM
from chain.storage import StoreDamaged, StoreError, StoreForeign, StoreFormatUnknown
from chain.store import open_store
from chain.transaction import TransactionBody, decode_transaction
from chain.types import Digest, Height, PublicKey
from chain.values import dataclass
from contracts.executor.errors import ExecutorBusy, ExecutorDied, ExecutorFault
from network.chunks import in_thread

LOG = logging.getLogger("tallystick.index")

FOLDER: Final = "index"
SLICE_SECONDS: Final = 0.002
"""After so much work in one piece others get their turn."""
REST_BUSY: Final = 9.0
"""How long to rest after a slice, in slices, while transactions wait to be ordered: a tenth of the time is for this."""
REST_IDLE: Final = 0.5
BATCH_KEYS_MAX: Final = 20_000
BATCH_BLOCKS_MAX: Final = 500
POLL_SECONDS: Final = 2.0
"""Blocks that fill a gap are noticed at this pace; new ones at once."""
GATHER_SECONDS: Final = 0.5
"""Blocks are indexed together that come within this time, unless somebody waits for the index: so its work is not done
while a block's answers are still to be given, and less often."""
RETRY_SECONDS: Final = 1.0
MEMBERS_MAX: Final = 50_000
RECENT_TRANSACTIONS_MAX: Final = 5_000
"""Decoded transactions of the last blocks that are kept until they are indexed; others are read and decoded again."""
CACHE_BYTES: Final = 8 * 1024 * 1024

ReadState = Callable[[str, bytes], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class _Content:
    """What the index reads of a block."""

    time: int
    bodies: Iterable[TransactionBody]
    """To be gone through once."""
    receipts: Sequence[bytes]


class IndexUnusable(Exception):
    """The index's own database failed."""

    def __init__(self, cause: StoreError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def open_index(data: Path, chain_id: Digest) -> HistoryIndex:
    """Open the index of a node, or begin a new one where it cannot be used.

    Raises:
        StoreError: when the folder cannot be used at all.
    """
    folder = data / FOLDER
    try:
        return HistoryIndex(open_store(folder, "index", chain_id, CACHE_BYTES, create=True))
    except (StoreDamaged, StoreForeign, StoreFormatUnknown) as error:
        LOG.warning("the history index is made anew: %s", error)
        shutil.rmtree(folder)
        return HistoryIndex(open_store(folder, "index", chain_id, CACHE_BYTES, create=True))


class Indexer:
    """Owns the following of the head by the index."""

    def __init__(
        self,
        blocks: BlockStore,
        index: HistoryIndex,
        head: Callable[[], Height],
        read: ReadState,
        busy: Callable[[], bool],
    ) -> None:
        self._blocks = blocks
        self.index: Final = index
        self._head = head
        self._read = read
        self._busy = busy
        self._members: dict[PublicKey, Member] = {}
        self._recent: dict[Height, _Content] = {}
        self._recent_transactions = 0
        self._applied = asyncio.Event()
        self._progress = asyncio.Condition()
        self._asked = asyncio.Event()
        """Set while somebody waits for the index."""
        self._asking = 0
        self.failure: StoreError | None = None
        """Why the index can no longer be used; the node goes on without it."""

    def applied(self, block: Applied) -> None:
        """Note that there is a new block."""
        if block.transactions:
            header = block.block.header
            bodies = [transaction.body for transaction in block.transactions]
            self._recent[header.height] = _Content(header.time, bodies, block.receipts)
            self._recent_transactions += len(block.receipts)
            while self._recent_transactions > RECENT_TRANSACTIONS_MAX:
                self._forget(next(iter(self._recent)))
        self._applied.set()

    async def run(self) -> None:
        """Index blocks until cancelled; a failing disk ends this, not the node.

        Raises:
            StoreError: when the node's own blocks cannot be read.
        """
        while True:
            self._applied.clear()
            height = self.missing()
            if height is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._applied.wait()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._asked.wait()
            try:
                await self.index_from(height)
            except (ExecutorBusy, ExecutorDied, ExecutorFault):
                # Whether the executor comes back is for others to see to.
                await asyncio.sleep(RETRY_SECONDS)
            except IndexUnusable as error:
                self.failure = error.cause
                LOG.error("the history index cannot be written and is closed: %s", error)
                async with self._progress:
                    self._progress.notify_all()
                return

    async def reached(self, height: Height, timeout_seconds: float) -> bool:
        """Wait until every block up to a height that this node holds is indexed; tell whether that is so."""
        self._asking += 1
        self._asked.set()
        try:
            async with asyncio.timeout(timeout_seconds), self._progress:
                await self._progress.wait_for(lambda: self.failure is not None or self._missing(height) is None)
        except TimeoutError:
            return False
        finally:
            self._asking -= 1
            if not self._asking:
                self._asked.clear()
        return self.failure is None

    def missing(self) -> Height | None:
        """Return the first block that is held and not indexed."""
        return self._missing(self._head())

    def _missing(self, head: Height) -> Height | None:
        height = self.index.first_missing()
        while height <= head and self._blocks.lacks(height):
            gap = next(last for first, last in self._blocks.gaps if first <= height <= last)
            height = self.index.first_missing(gap + 1)
        return height if height <= head else None

    async def index_from(self, height: Height) -> None:
        """Index blocks from a height on that is held and not indexed, as many as one batch holds.

        Raises:
            IndexUnusable: when the index cannot be written.
        """
        head = self._head()
        batch: list[IndexedBlock] = []
        keys = 0
        while height <= head and len(batch) < BATCH_BLOCKS_MAX and keys < BATCH_KEYS_MAX:
            if self._blocks.lacks(height) or self.index.covers(height):
                break
            batch.append(await self._entries(height))
            keys += len(batch[-1].places)
            height = Height(height + 1)
        try:
            writes, covered, totals = self.index.prepare(batch)
            # In a thread: the database may have to put its files in order first.
            await in_thread(self.index.write, writes)
        except StoreError as error:
            raise IndexUnusable(error) from error
        self.index.written(covered, totals)
        async with self._progress:
            self._progress.notify_all()

    async def _entries(self, height: Height) -> IndexedBlock:
        content = self._forget(height) or self._read_content(height)
        places: list[bytes] = []
        failed = events = 0
        started = time.monotonic()
        for index, (body, stored) in enumerate(zip(content.bodies, content.receipts, strict=True)):
            receipt = own_receipt(stored)
            terms = transaction_terms(body, receipt, await self._member(body.sender_key))
            places.extend(place_keys(terms, height, index))
            failed += not receipt.succeeded
            events += len(receipt.events)
            spent = time.monotonic() - started
            if spent >= SLICE_SECONDS:
                await asyncio.sleep(spent * (REST_BUSY if self._busy() else REST_IDLE))
                started = time.monotonic()
        await asyncio.sleep(0)
        activity = Activity(1, len(content.receipts), failed, events)
        return IndexedBlock(height, content.time, activity, places)

    def _forget(self, height: Height) -> _Content | None:
        """Return what is kept of a recent block, which is not kept any longer."""
        content = self._recent.pop(height, None)
        if content is not None:
            self._recent_transactions -= len(content.receipts)
        return content

    def _read_content(self, height: Height) -> _Content:
        raw = self._blocks.block(height)
        assert raw is not None, "a block that is not lacking is held"
        block = decode_block(raw)
        bodies = (decode_transaction(item, size_max=len(item)).body for item in block.transactions)
        return _Content(block.header.time, bodies, self._blocks.receipts(height))

    async def _member(self, key: PublicKey) -> Member | None:
        """Return the member who owns a key; whose key it is never changes."""
        member = self._members.get(key)
        if member is None:
            stored = await self._read(SYSTEM, member_key(key))
            if stored is None:
                return None
            member = decode_member(stored)
            if len(self._members) >= MEMBERS_MAX:
                del self._members[next(iter(self._members))]
            self._members[key] = member
        return member
