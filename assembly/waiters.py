"""Who waits for what to be committed: transactions by id, and heights.

A caller waits for all of its transactions with one future, and gets the blocks that hold them as they were applied, so
that answering it reads nothing from the database.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import field
from typing import Final

from assembly.consensus_host import Applied
from chain.types import Digest, Height
from chain.values import dataclass

WAITING_MAX: Final = 200_000
"""Transactions that clients wait for at one time; beyond that a client is told to ask again instead of waiting."""


@dataclass(frozen=True, slots=True)
class Committed:
    """Where a transaction stands that was waited for."""

    applied: Applied
    index: int


@dataclass(slots=True, eq=False)
class _Wait:
    """One caller that waits for some transactions."""

    wanted: int
    done: asyncio.Future[None]
    found: dict[Digest, Committed] = field(default_factory=dict)


class Waiters:
    """Owns the futures of everybody who waits for a block."""

    def __init__(self, height: Height) -> None:
        self._height = height
        self._by_id: dict[Digest, list[_Wait]] = {}
        self._heights: set[tuple[Height, asyncio.Future[None]]] = set()

    def __len__(self) -> int:
        """Return the number of transactions that somebody waits for."""
        return len(self._by_id)

    def applied(self, applied: Applied) -> None:
        """Wake everybody whom a block concerns; its effects can be read by now."""
        self._height = applied.head.height
        if self._by_id:
            for index, transaction_id in enumerate(applied.transaction_ids):
                waits = self._by_id.pop(transaction_id, None)
                if waits is not None:
                    _find(waits, transaction_id, Committed(applied, index))
        for waiting in [entry for entry in self._heights if entry[0] <= self._height]:
            self._heights.discard(waiting)
            if not waiting[1].done():
                waiting[1].set_result(None)

    async def wait_transactions(
        self, transaction_ids: Sequence[Digest], timeout_seconds: float
    ) -> dict[Digest, Committed]:
        """Return those that are committed from now on, once all are or the time is over."""
        wanted = dict.fromkeys(transaction_ids)
        if not wanted or len(self._by_id) + len(wanted) > WAITING_MAX:
            return {}
        wait = _Wait(len(wanted), asyncio.get_running_loop().create_future())
        for transaction_id in wanted:
            self._by_id.setdefault(transaction_id, []).append(wait)
        try:
            await asyncio.wait([wait.done], timeout=timeout_seconds)
        finally:
            for transaction_id in wanted.keys() - wait.found.keys():
                waits = self._by_id[transaction_id]
                waits.remove(wait)
                if not waits:
                    del self._by_id[transaction_id]
        return wait.found

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


def _find(waits: list[_Wait], transaction_id: Digest, committed: Committed) -> None:
    for wait in waits:
        wait.found[transaction_id] = committed
        if len(wait.found) == wait.wanted and not wait.done.done():
            wait.done.set_result(None)
