"""Who waits for what to be committed: transactions by id, and heights."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from chain.types import Digest, Height

WAITING_MAX: Final = 200_000
"""Transactions that clients wait for at one time; beyond that a client is told to ask again instead of waiting."""


@dataclass(slots=True)
class _Awaited:
    """A transaction that somebody waits for."""

    committed: asyncio.Future[None]
    waiting: int = 0
    """How many wait; the last one to leave clears it away."""


class Waiters:
    """Owns the futures of everybody who waits for a block."""

    def __init__(self, height: Height) -> None:
        self._height = height
        self._by_id: dict[Digest, _Awaited] = {}
        self._heights: set[tuple[Height, asyncio.Future[None]]] = set()

    def __len__(self) -> int:
        """Return the number of transactions that somebody waits for."""
        return len(self._by_id)

    def applied(self, height: Height, transaction_ids: Iterable[Digest]) -> None:
        """Wake everybody whom a block concerns; its effects can be read by now."""
        self._height = height
        for transaction_id in transaction_ids:
            awaited = self._by_id.pop(transaction_id, None)
            if awaited is not None and not awaited.committed.done():
                awaited.committed.set_result(None)
        for waiting in [entry for entry in self._heights if entry[0] <= height]:
            self._heights.discard(waiting)
            if not waiting[1].done():
                waiting[1].set_result(None)

    async def wait_transactions(self, transaction_ids: Sequence[Digest], timeout_seconds: float) -> None:
        """Return when all are committed or the time is over; the caller looks what became of each."""
        wanted = dict.fromkeys(transaction_ids)
        if not wanted or len(self._by_id) + len(wanted) > WAITING_MAX:
            return
        loop = asyncio.get_running_loop()
        entries = {item: self._by_id.setdefault(item, _Awaited(loop.create_future())) for item in wanted}
        for awaited in entries.values():
            awaited.waiting += 1
        try:
            await asyncio.wait([awaited.committed for awaited in entries.values()], timeout=timeout_seconds)
        finally:
            for transaction_id, awaited in entries.items():
                awaited.waiting -= 1
                if not awaited.waiting and self._by_id.get(transaction_id) is awaited:
                    del self._by_id[transaction_id]

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
