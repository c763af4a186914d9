"""Restores a node's block database from an export or another source: everything is checked before it counts.

The blocks are written to a folder beside their place, which gets its name only when the whole history has passed. A
node that starts on it runs all contracts again and compares every result, so its state database needs no restoring.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from audit.auditor import run_audit
from audit.mismatch import Level, Mismatch
from audit.seeing import ProgressListener, Seen
from audit.source import BlockSource
from audit.verdict import Outcome, Verdict
from chain.block_store import BlockRecord, BlockStore
from chain.genesis import Genesis
from chain.ledger import open_ledger
from chain.state_database import StateDatabase
from chain.storage import MemoryStore
from chain.store import open_store
from chain.transaction import transaction_id_of_raw
from chain.types import Height
from contracts.engine.runtime import Engine

CACHE_BYTES: Final = 32 * 1024 * 1024
UNFINISHED: Final = ".importing"


class RestoreError(Exception):
    """A folder that cannot be restored into; the message says why and what to do."""


class Writer:
    """Implements audit.seeing.Watcher: keeps each block that was checked."""

    def __init__(self, blocks: BlockStore) -> None:
        self._blocks = blocks

    def see(self, seen: Seen) -> Iterable[Mismatch]:
        """Append a block, and find nothing."""
        record, block = seen.record, seen.block
        ids = [transaction_id_of_raw(raw) for raw in block.transactions]
        parts = (block.raw, record.certificate, record.result, record.receipts)
        self._blocks.append(BlockRecord(seen.height, block.block_hash, *parts, ids, block.header.encoded()))
        return ()


def restore_blocks(
    folder: Path, genesis: Genesis, source: BlockSource, processes: int, on_progress: ProgressListener
) -> Verdict:
    """Write a source's history into the block database of `folder`, if all of it is true; there must be none yet.

    Raises:
        RestoreError: when there is something already.
        SourceUnreadable, StoreError: when the source cannot be read or the disk refuses.
    """
    unfinished = folder.with_name(folder.name + UNFINISHED)
    if folder.exists():
        raise RestoreError(f"{folder} is there already; move it away to restore the node from an export")
    if unfinished.exists():
        raise RestoreError(f"{unfinished} was left by an import that did not end; remove it and import again")
    store = open_store(unfinished, "blocks", genesis.genesis_hash, CACHE_BYTES, create=True)
    try:
        blocks = BlockStore(store)
        blocks.append(_genesis_record(genesis))
        verdict = run_audit(
            source,
            genesis_hash=genesis.genesis_hash,
            processes=processes,
            on_progress=on_progress,
            level=Level.RECEIPTS,
            watchers=[Writer(blocks)],
        )
        store.close()
        if verdict.outcome is Outcome.OK:
            unfinished.rename(folder)
        return verdict
    finally:
        store.close()
        shutil.rmtree(unfinished, ignore_errors=True)


def _genesis_record(genesis: Genesis) -> BlockRecord:
    result = open_ledger(genesis, StateDatabase(MemoryStore()), Engine()).head.result
    return BlockRecord(Height(0), genesis.genesis_hash, genesis.encoded(), b"", result.encoded(), (), (), b"")
