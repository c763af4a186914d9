"""Whenever an executor or a reader is killed, or hangs, its successor goes on, and everything comes out the same."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from executor_moments import EXECUTOR, READER, tell
from executor_support import HERE, Chain, killed, running

from chain.encoding import encode
from chain.ledger import open_ledger
from chain.receipt import decode_receipt
from chain.state_database import StateDatabase
from chain.store import open_store
from contracts.executor.client import ExecutorClient
from contracts.executor.errors import ExecutorBusy, ExecutorDied
from contracts.executor.worker import STORE_KIND

pytestmark = pytest.mark.asyncio(loop_scope="module")

HANG_SECONDS = 1.0
"""After which a process that works on a request is taken for hung; a busy machine may take some that only work."""
START_SECONDS = 3.0
STARTING = list(EXECUTOR)[:5]
"""Moments that an executor comes to before it is asked for anything."""
DEEDS = ("kill", "hang")
CACHE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Pair:
    """A ledger to which nothing happens, and a client that has to keep up with it."""

    chain: Chain
    client: ExecutorClient
    folder: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    """One executor and reader for all moments; at the end what is on disk is what the ledger holds."""
    folder = tmp_path_factory.mktemp("moments")
    chain = Chain()
    settings: dict[str, Any] = {
        "module": "executor_moments",
        "reader_module": "executor_moments_reader",
        "module_folders": (HERE, str(folder / "state")),
        "block_seconds_max": HANG_SECONDS,
        "replay_seconds_max": HANG_SECONDS,
        "query_seconds_max": HANG_SECONDS,
        "start_seconds_max": START_SECONDS,
        "lock_wait_seconds": 1,
    }
    async with running(folder, chain, **settings) as client:
        yield Pair(chain, client, folder / "state")
    store = open_store(folder / "state", STORE_KIND, chain.genesis.genesis_hash, CACHE_BYTES, create=False)
    with contextlib.closing(store):
        ledger = open_ledger(chain.genesis, StateDatabase(store), chain.runtime)
        assert (ledger.head, ledger.database.root) == (chain.head, chain.ledger.database.root)


def deeds(request: pytest.FixtureRequest, place: int) -> tuple[str, ...]:
    """Return what happens at a moment: one thing in turn, or all of them (--executor-endings all)."""
    return DEEDS if request.config.getoption("--executor-endings") == "all" else (DEEDS[place % 2],)


async def decided(pair: Pair) -> None:
    """Have a block executed and applied, and compare all that comes of it."""
    block = pair.chain.block("increment_both", "increment", "increment_both")
    own = pair.chain.ledger.execute(block, lambda transaction: True)
    executed = await pair.client.execute(block.raw)
    assert executed.result == own.result
    assert [decode_receipt(raw) for raw in executed.receipts] == [decode_receipt(raw) for raw in own.receipts]
    pair.chain.ledger.apply(own)
    assert await pair.client.apply(block.block_hash) == pair.chain.head


async def viewed(pair: Pair) -> None:
    """Ask until there is an answer, and compare it."""
    while True:
        try:
            answer = await pair.client.view("fake", "both_slowly", [3], None, 1_000)
            keys = [b"counter", b"left", b"right"]
            values = (await pair.client.read("fake", keys)).values
        except (ExecutorDied, ExecutorBusy):
            # Given to single questions, whose senders ask again; on a busy machine they also wait too long.
            continue
        height = pair.chain.head.height
        assert (answer.height, answer.value) == (height, [2 * height, 2 * height])
        assert values == tuple(map(encode, (height, 2 * height, 2 * height)))
        return


@pytest.mark.parametrize("moment", EXECUTOR)
async def test_the_executor_ends_or_hangs(pair: Pair, request: pytest.FixtureRequest, moment: str) -> None:
    """Blocks, views and a replay come out as if nothing had been."""
    for deed in deeds(request, list(EXECUTOR).index(moment)):
        restarts = pair.client.restarts
        told = tell(pair.folder, deed, "executor", moment)
        if moment in STARTING:
            await killed(pair.client)
        await decided(pair)
        await viewed(pair)
        certified = [pair.chain.decide("increment_both", "increment", "increment_both") for _ in range(2)]
        assert await pair.client.replay(certified) == pair.chain.head
        await viewed(pair)
        assert not told.exists(), "nothing came to the moment"
        assert pair.client.restarts > restarts


@pytest.mark.parametrize("moment", READER)
async def test_the_reader_ends_or_hangs(pair: Pair, request: pytest.FixtureRequest, moment: str) -> None:
    """No block and no executor notices, and the reader after it answers."""
    for deed in deeds(request, list(READER).index(moment)):
        await viewed(pair)
        executor, restarts = pair.client.pid, pair.client.reader_restarts
        told = tell(pair.folder, deed, "reader", moment)
        assert pair.client.reader_pid is not None
        os.kill(pair.client.reader_pid, signal.SIGKILL)
        while pair.client.reader_restarts < restarts + 2:
            await decided(pair)
            await viewed(pair)
        await viewed(pair)
        assert not told.exists(), "nothing came to the moment"
        assert pair.client.pid == executor
