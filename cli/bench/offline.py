"""Makes a ledger offline, with the product's own writers, so that a network can be measured on a history that it has.

Blocks are executed by the contract engine, certified with the validators' own keys and written to the databases of one
node, which other nodes get a copy of. What comes out is what a network that had decided these blocks would hold: it can
be replayed, fetched and audited. Only the signatures of transactions are not checked: they were made here a moment ago.
"""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from assembly.data_folder import DataFolder
from assembly.indexing import Indexer, open_index
from assembly.reconcile import store_genesis
from chain.block import Block
from chain.block_store import BlockRecord, BlockStore
from chain.certificate import Certificate, Phase, Subject, sign_vote
from chain.execution import Execution
from chain.genesis import Genesis
from chain.ledger import Ledger, open_ledger
from chain.next_block import next_block
from chain.state_database import StateDatabase
from chain.store import open_store
from chain.transaction import Transaction
from chain.types import Digest, Height, ValidatorId, View
from chain.validity import Head
from cli.cluster_layout import ClusterLayout, NodePlace
from configs.node_config import load_genesis
from consensus.files import OsFileSystem
from consensus.log import create_log
from contracts.engine.runtime import Engine

CACHE_BYTES: Final = 64 * 1024 * 1024
QUIET_SECONDS: Final = 0.5
SETTLING_SECONDS_MAX: Final = 1_800.0
STORES: Final = ("blocks", "state", "index")
"""Folders of a node's data that a copy consists of."""


@dataclass(slots=True)
class OfflineLedger:
    """Owns the open databases of one node that does not run, and moves them on block by block."""

    ledger: Ledger
    blocks: BlockStore
    seeds: dict[ValidatorId, bytes] = field(repr=False)
    """The consensus keys of a quorum of validators."""

    @property
    def genesis(self) -> Genesis:
        """The agreement that the ledger started from."""
        return self.ledger.genesis

    @property
    def head(self) -> Head:
        """The last block."""
        return self.ledger.head

    def decide(self, batch: Sequence[Transaction], milliseconds: int) -> Execution:
        """Execute, certify and store the next block, so long after the last one.

        Raises:
            InvalidBlock: when a transaction cannot stand in it.
        """
        block = next_block(self.head, batch, self.head.time + milliseconds)
        execution = self.ledger.execute(block, lambda transaction: True)
        self.blocks.append(self._record(block, execution, [transaction.transaction_id for transaction in batch]))
        self.ledger.apply(execution)
        return execution

    async def index(self, data: Path) -> None:
        """Bring the history index of the node's data up to the last block, as its background task would.

        Raises:
            IndexUnusable, StoreError: when it cannot be written.
        """
        history = open_index(data, self.genesis.genesis_hash)
        try:
            indexer = Indexer(self.blocks, history, lambda: self.head.height, self._read, lambda: False)
            while (height := indexer.missing()) is not None:
                await indexer.index_from(height)
        finally:
            history.close()

    async def _read(self, contract: str, key: bytes) -> bytes | None:
        return self.ledger.database.get(contract, key)

    def _record(self, block: Block, execution: Execution, ids: Sequence[Digest]) -> BlockRecord:
        header, result = block.header, execution.result
        place = (header.height, View(0), block.block_hash, result.result_hash)
        subject = Subject(self.genesis.genesis_hash, header.epoch, *place)
        votes = tuple((name, sign_vote(seed, Phase.COMMIT, subject)) for name, seed in self.seeds.items())
        certificate = Certificate(Phase.COMMIT, subject, votes).encoded()
        parts = (block.raw, certificate, result.encoded(), execution.receipts, ids, header.encoded())
        return BlockRecord(header.height, block.block_hash, *parts)


@contextmanager
def offline_ledger(layout: ClusterLayout) -> Iterator[OfflineLedger]:
    """Open the ledger of a cluster's first node, which does not run; in the end index its history, and close it.

    Raises:
        StoreError: when its databases cannot be used.
    """
    genesis = load_genesis(layout.genesis)
    data = DataFolder(layout.nodes[0].folder)
    store = open_store(data.state, "state", genesis.genesis_hash, CACHE_BYTES, create=True)
    database = StateDatabase(store, seeker=store)
    try:
        blocks = BlockStore(open_store(data.blocks, "blocks", genesis.genesis_hash, CACHE_BYTES, create=True))
        try:
            ledger = open_ledger(genesis, database, Engine())
            if blocks.head is None:
                store_genesis(blocks, genesis, ledger.head.result)
            quorum = genesis.validators.ids[: genesis.validators.quorum]
            offline = OfflineLedger(ledger, blocks, {name: _seed(layout.find(name)) for name in quorum})
            yield offline
            asyncio.run(offline.index(data.root))
        finally:
            blocks.close()
    finally:
        database.close()


def settle(layout: ClusterLayout) -> None:
    """Let the first node's databases finish putting their files in order: a node that runs has done so all along.

    Raises:
        StoreError: when they cannot be used.
    """
    for kind in STORES:
        folder = layout.nodes[0].folder / kind
        store = open_store(folder, kind, None, CACHE_BYTES, create=False)
        try:
            _wait_unchanged(folder)
        finally:
            store.close()


def _wait_unchanged(folder: Path) -> None:
    deadline = time.monotonic() + SETTLING_SECONDS_MAX
    before, since = _sizes(folder), time.monotonic()
    while time.monotonic() < min(deadline, since + QUIET_SECONDS):
        time.sleep(QUIET_SECONDS / 10)
        now = _sizes(folder)
        if now != before:
            before, since = now, time.monotonic()


def _sizes(folder: Path) -> dict[Path, int]:
    found = {}
    for path in _files(folder):
        with contextlib.suppress(FileNotFoundError):
            found[path] = path.stat().st_size
    return found


def copy_ledger(layout: ClusterLayout, height: Height) -> None:
    """Give every node the databases of the first one, which end at a height, and a log of votes that begins behind it.

    Without such a log a validator that holds blocks takes its votes for lost, and is right to do so.
    """
    first, *others = layout.nodes
    for node in others:
        for store in STORES:
            shutil.copytree(first.folder / store, node.folder / store)
    for node in layout.validators:
        create_log(OsFileSystem(DataFolder(node.folder).log), Height(height + 1)).close()


def drop_cached(folder: Path) -> None:
    """Write everything below a folder to disk and have the kernel forget its pages, which no process may have mapped.

    This needs no rights, and leaves what other programs have cached alone.
    """
    for path in _files(folder):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def read_cached(folder: Path) -> int:
    """Read everything below a folder, so that the kernel has it in memory if it fits; return the bytes."""
    total = 0
    for path in _files(folder):
        with path.open("rb", buffering=0) as file:
            while piece := file.read(1 << 20):
                total += len(piece)
    return total


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in sorted(names))


def _seed(node: NodePlace) -> bytes:
    return bytes.fromhex((node.folder / "keys" / "consensus.seed").read_text(encoding="ascii").strip())
