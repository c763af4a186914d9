"""Clients that write to a cluster as long as they may, and remember what was acknowledged to them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from cluster_contract import write
from cluster_support import Cluster, until

from chain.block import decode_block
from chain.receipt import Receipt
from chain.recorded_block import RecordedBlock
from chain.transaction import Transaction, transaction_id_of_raw
from chain.types import Digest
from tallystick import AsyncClient, CommitTimeout, NodeUnavailable

PARTIES = ("brightvax.ops", "cityclinic.ops", "clearbank.ops", "fxhouse.ops", "hkwallet.ops", "medidist.ops")
SUBMIT_SECONDS = 20.0
PAUSE_SECONDS = 0.01


class Load:
    """Owns clients that each send one small batch after the other; a context manager.

    A transaction without a receipt is sent again, as it is, until the load ends.
    """

    def __init__(
        self, cluster: Cluster, *names: str, clients: int = 3, batch: int = 3, clock: Callable[[], int] = lambda: 0
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._names = names
        self._clients = clients
        self._batch = batch
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.acknowledged: dict[Digest, Receipt] = {}
        """Transactions of which a certified receipt was returned."""
        self.acknowledged_at: dict[Digest, int] = {}
        """When that was, by the clock that was given."""
        self.sent: set[Digest] = set()

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._write(number)) for number in range(self._clients)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping.set()
        if kind is not None:
            for task in self._tasks:
                task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        if kind is None:
            failures = [outcome for outcome in outcomes if outcome is not None]
            assert not failures, failures

    async def grows(self, count: int = 10) -> None:
        """Return once so many more transactions were acknowledged."""
        target = len(self.acknowledged) + count

        def enough() -> bool:
            ended = [task for task in self._tasks if task.done()]
            assert not ended, [task.exception() for task in ended]
            return len(self.acknowledged) >= target

        await until(enough, f"{count} more transactions are acknowledged")

    async def _write(self, number: int) -> None:
        wallet = self._cluster.wallet(PARTIES[number % len(PARTIES)])
        async with self._cluster.client(*self._names) as client:
            count = 0
            waiting: list[Transaction] = []
            while not self._stopping.is_set():
                while len(waiting) < self._batch:
                    count += 1
                    waiting.append(await client.prepare(wallet, write(f"{number}-{count}-{wallet.public_key.hex()}")))
                waiting = await self._submit(client, waiting)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _submit(self, client: AsyncClient, batch: list[Transaction]) -> list[Transaction]:
        """Submit a batch; return what has to be sent again."""
        self.sent.update(transaction.transaction_id for transaction in batch)
        try:
            outcomes = await client.submit_many(batch, timeout_seconds=SUBMIT_SECONDS)
        except NodeUnavailable:
            return batch
        again: list[Transaction] = []
        for transaction, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Receipt):
                assert outcome.succeeded, outcome
                self.acknowledged[transaction.transaction_id] = outcome
                self.acknowledged_at[transaction.transaction_id] = self._clock()
            else:
                retry = isinstance(outcome, CommitTimeout) or outcome.code in ("not_ready", "mempool_full")
                assert retry, outcome
                again.append(transaction)
        return again


def check_exactly_once(load: Load, blocks: list[RecordedBlock], first_number: int = 1) -> None:
    """Check that every acknowledged transaction stands in the chain once, at its place, and took effect once."""
    places: dict[Digest, tuple[int, int]] = {}
    numbers: list[int] = []
    counts: Counter[Digest] = Counter()
    for recorded in blocks:
        block = decode_block(recorded.block)
        for index, raw in enumerate(block.transactions):
            transaction_id = transaction_id_of_raw(raw)
            counts[transaction_id] += 1
            places[transaction_id] = (block.header.height, index)
        numbers.extend(receipt.values[0] for receipt in recorded.decoded_receipts())
    assert not [found for found, count in counts.items() if count > 1], "a transaction stands in the chain twice"
    lost = load.acknowledged.keys() - places.keys()
    assert not lost, f"{len(lost)} of {len(load.acknowledged)} acknowledged transactions are lost"
    for transaction_id, receipt in load.acknowledged.items():
        assert places[transaction_id] == (receipt.height, receipt.index)
    # Each write returns the number of writes so far, so a gap or a repetition is a write lost or done twice.
    assert numbers == list(range(first_number, first_number + len(numbers)))
