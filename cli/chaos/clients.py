"""Clients that read, write and swap registers as long as a chaos run lasts, and remember what each was told when."""

import asyncio
import random
from dataclasses import replace
from typing import Final

from chain.receipt import Receipt
from chain.types import Digest
from cli.chaos.linearizability import INITIAL, Kind, Operation
from cli.chaos.register import call_of
from cli.cluster_layout import ClusterLayout
from tallystick import AsyncClient, CommitTimeout, NodeUnavailable, SubmitError, Wallet

OPERATION_SECONDS_MAX: Final = 5.0
"""After that the client does not know what became of its operation, and goes on with another one."""
KEYS: Final = 3
"""Registers in use at a time."""
OPERATIONS_PER_KEY: Final = 60
"""After so many a fresh register takes its place, so that each history stays short enough to be judged."""
PAUSE_SECONDS: Final = 0.02


class Clients:
    """Owns tasks that each carry out one operation after the other; start them, then stop them."""

    def __init__(self, layout: ClusterLayout, seed: int, count: int) -> None:
        self._layout = layout
        self._chance = random.Random(seed)
        self._count = count
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._used = 0
        self._last: dict[str, int] = {}
        self._unique = 0
        self.history: list[Operation] = []
        """Every operation that a node accepted or may have accepted."""
        self.acknowledged: dict[Digest, Receipt] = {}
        self.refused = 0
        """Operations that a node refused before they came near a block."""

    def start(self) -> None:
        """Begin; every client prefers another node."""
        self._tasks = [asyncio.create_task(self._work(number)) for number in range(self._count)]

    async def stop(self) -> None:
        """Let every client finish its operation.

        Raises:
            BaseException: whatever ended a client before its time.
        """
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    async def progress(self, seconds_max: float) -> float | None:
        """Return the seconds until an operation that begins after now is acknowledged; None if none is in time."""
        now = asyncio.get_running_loop().time
        start = now()
        seen = len(self.history)
        while now() - start < seconds_max:
            for operation in self.history[seen:]:
                if operation.returned is not None and operation.invoked >= start:
                    return operation.returned - start
            seen = len(self.history)
            await asyncio.sleep(PAUSE_SECONDS)
        return None

    async def _work(self, number: int) -> None:
        nodes = [node.api for node in self._layout.nodes]
        preferred = number % len(nodes)
        parties = self._layout.parties()
        wallet = Wallet.load(self._layout.party_key(parties[number % len(parties)]))
        urls = nodes[preferred:] + nodes[:preferred]
        async with AsyncClient(urls, genesis_hash=self._layout.chain_id) as client:
            while not self._stopping.is_set():
                await self._operate(client, wallet)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _operate(self, client: AsyncClient, wallet: Wallet) -> None:
        asked = self._choose()
        try:
            transaction = await client.prepare(wallet, call_of(asked))
            (outcome,) = await client.submit_many([transaction], timeout_seconds=OPERATION_SECONDS_MAX)
        except NodeUnavailable:
            # The request may have reached a node that could not answer.
            self.history.append(asked)
            return
        now = asyncio.get_running_loop().time()
        match outcome:
            case SubmitError():
                self.refused += 1
            case CommitTimeout():
                self.history.append(asked)
            case Receipt():
                assert outcome.succeeded, outcome
                self.acknowledged[transaction.transaction_id] = outcome
                self.history.append(replace(asked, returned=now, result=outcome.values[0]))

    def _choose(self) -> Operation:
        """Return the next operation; values are never written twice, so that each read tells whose it was."""
        key = f"r{self._used // OPERATIONS_PER_KEY}-{self._chance.randrange(KEYS)}"
        self._used += 1
        kind = self._chance.choice(list(Kind))
        expected = self._last.get(key, INITIAL)
        if kind is not Kind.READ:
            self._unique += 1
            self._last[key] = self._unique
        return Operation(key, kind, asyncio.get_running_loop().time(), None, self._unique, expected)
