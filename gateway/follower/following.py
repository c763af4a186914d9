"""From the nodes into a database: verified blocks in order, written in batches, from where the last run stopped.

Fetching and writing overlap by a bounded queue. Nothing is remembered but what the database holds, so it does not
matter how a run ends.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Final, Self, TypeVar

from chain.encoding import encode
from chain.identity import Member, decode_member
from chain.runtime import SYSTEM
from gateway.follower.database import IndexDatabase, Place
from gateway.follower.errors import FollowerError
from gateway.follower.rows import Rows, rows_of
from gateway.follower.schema import ROW_TABLES
from tallystick.client import AsyncClient
from tallystick.errors import ApiError, NodeUnavailable
from tallystick.proof import VerifiedBlock

T = TypeVar("T")

BATCH_BLOCKS_MAX: Final = 200
BATCH_TRANSACTIONS_MAX: Final = 5_000
"""Of a transaction of the database; a block with more goes alone."""
QUEUE_BLOCKS_MAX: Final = 400
MEMBERS_MAX: Final = 10_000
"""Senders that are remembered."""
RETRY_SECONDS: Final = 1.0

Progress = Callable[[int], None]
"""Is told the height up to which everything is done."""


class DatabaseThread:
    """Owns the one thread that uses a database, so that the event loop never waits for a disk or a server."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "follower-database")

    async def run(self, work: Callable[..., T], *values: Any) -> T:
        """Return what blocking work returns; a write that was begun ends before the next one, also when cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *values)

    def close(self, database: IndexDatabase) -> None:
        """Close the database once it does nothing any more."""
        self._executor.submit(database.__exit__).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()


class Senders:
    """Owns what is known of who holds which key; proven by the ledger's state, where a key's owner never changes."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._known: dict[bytes, Member] = {}

    async def of(self, block: VerifiedBlock) -> dict[bytes, Member]:
        """Return the members who signed the transactions of a block."""
        found: dict[bytes, Member] = {}
        for transaction in block.transactions:
            key = transaction.body.sender_key
            if key not in found:
                member = self._known.get(key) or await self._ask(key)
                if member is not None:
                    found[key] = member
        return found

    async def _ask(self, key: bytes) -> Member | None:
        while True:
            try:
                state = await self._client.state(SYSTEM, "member", key)
                break
            except NodeUnavailable:
                # Whoever follows waits for the nodes to come back, however long it takes.
                pass
            except ApiError as error:
                if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
            await asyncio.sleep(RETRY_SECONDS)
        if state.value is None:
            return None
        if len(self._known) >= MEMBERS_MAX:
            del self._known[next(iter(self._known))]
        member = self._known[key] = decode_member(encode(state.value))
        return member


async def blocks_after(client: AsyncClient, place: Place, until: int | None) -> AsyncGenerator[VerifiedBlock, None]:
    """Yield the verified blocks that follow a place, up to a height or for ever.

    Raises:
        FollowerError: when the first one does not stand on the place's block.
    """
    if until is not None and place.height >= until:
        return
    expected: str | None = place.block_hash
    async with aclosing(client.blocks(place.height)) as blocks:
        async for block in blocks:
            header = block.certified.header
            if expected is not None and header.parent_hash.hex() != expected:
                raise FollowerError(
                    f"block {header.height} does not stand on the block {expected} that was followed before: "
                    "the nodes show another history than they did; see who is right with tally audit"
                )
            expected = None
            yield block
            if header.height == until:
                return


async def keep_index(
    client: AsyncClient, database: IndexDatabase, thread: DatabaseThread, until: int | None, progress: Progress
) -> None:
    """Write what the ledger brings to the database, up to a height or for ever.

    Raises:
        FollowerError: when the database fails, or another follower writes to it.
        TallystickError: when no node can be believed.
    """
    senders = Senders(client)
    place = await thread.run(database.indexed)
    async with aclosing(blocks_after(client, place, until)) as blocks, aclosing(batches(blocks)) as ready:
        async for batch in ready:
            rows: Rows = {table: [] for table in ROW_TABLES}
            for block in batch:
                for table, added in rows_of(block, await senders.of(block)).items():
                    rows[table] += added
            certified = batch[-1].certified
            place = Place(certified.header.height, certified.block_hash.hex())
            await thread.run(database.write, rows, place)
            progress(place.height)


async def batches(blocks: AsyncIterator[VerifiedBlock]) -> AsyncGenerator[list[VerifiedBlock], None]:
    """Yield the blocks that have come while the last batch was written, within bounds; at least one."""
    queue: asyncio.Queue[VerifiedBlock | None] = asyncio.Queue()
    room = asyncio.Semaphore(QUEUE_BLOCKS_MAX)

    async def fetch() -> None:
        try:
            async for block in blocks:
                await room.acquire()
                queue.put_nowait(block)
        finally:
            queue.put_nowait(None)

    fetching = asyncio.create_task(fetch())
    try:
        ended = False
        while not ended and (block := await queue.get()) is not None:
            batch = [block]
            transactions = len(block.transactions)
            while not queue.empty() and len(batch) < BATCH_BLOCKS_MAX and transactions < BATCH_TRANSACTIONS_MAX:
                following = queue.get_nowait()
                if following is None:
                    ended = True
                    break
                batch.append(following)
                transactions += len(following.transactions)
            for _ in batch:
                room.release()
            yield batch
        await fetching
    finally:
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)
