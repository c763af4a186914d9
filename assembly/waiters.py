"""Who waits for what to be committed: transactions by id, and heights."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from chain.types import Digest, Height

WAITING_MAX: Final = 200_000
"""Transactions that clients wait for at one time; beyond that a client is told to ask again instead of waiting."""


class Waiters:
    """Owns the futures of everybody who waits for a block."""

    def __init__(self, height: Height) -> None:
        self._height = height
        self._by_id: dict[Digest, asyncio.Future[None]] = {}
        self._heights: set[tuple[Height, asyncio.Future[None]]] = set()

    def applied(self, height: Height, transaction_ids: Iterable[Digest]) -> None:
        """Wake everybody whom a block concerns; its effects can be read by now."""
        self._height = height
        for transaction_id in transaction_ids:
            future = self._by_id.pop(transaction_id, None)
            if future is not None and not future.done():
                future.set_result(None)
        for waiting in [entry for entry in self._heights if entry[0] <= height]:
            self._heights.discard(waiting)
            if not waiting[1].done():
                waiting[1].set_result(None)

    async def wait_transactions(self, transaction_ids: Sequence[Digest], timeout_seconds: float) -> None:
        """Return when all are committed or the time is over; the caller looks what became of each."""
        if len(self._by_id) + len(transaction_ids) > WAITING_MAX:
            return
        loop = asyncio.get_running_loop()
        futures = []
        for transaction_id in transaction_ids:
            if transaction_id not in self._by_id:
                self._by_id[transaction_id] = loop.create_future()
            futures.append(self._by_id[transaction_id])
        if futures:
            await asyncio.wait(futures, timeout=timeout_seconds)

    def forget(self, transaction_ids: Iterable[Digest]) -> None:
        """Stop waiting for transactions that can no longer be committed, and wake who waits for them."""
        self.applied(self._height, transaction_ids)

    async def wait_height(self, height: Height) -> None:
        """Return once a block of at least this height was applied."""
        if self._height >= height:
            return
        entry = (height, asyncio.get_running_loop().create_future())
        self._heights.add(entry)
        try:
            await entry[1]
        finally:
            self._heights.discard(entry)
