"""A place in a history from which contracts can go on: the state as a snapshot, proven before anything is run on it.

Nothing in a checkpoint is believed. Its block is read from the source again and has to bear a certificate; the state is
made from the snapshot's chunks, each of which is proven against the state root in the certified result; the window is
rebuilt from the source's blocks; and the tree over all blocks has to have the root that the certified header states.
So a checkpoint that somebody has altered is refused, whoever wrote it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from audit.block_checks import (
    Agreement,
    DecodedRecord,
    check_certified,
    check_receipts,
    check_signatures,
    decode_record,
)
from audit.mismatch import AuditMismatch, Mismatch
from audit.seeing import Seen
from audit.source import BlockSource
from chain.block import decode_block
from chain.encoding import DecodeError
from chain.genesis import Genesis
from chain.ledger import Ledger, open_ledger
from chain.merkle import Frontier
from chain.protocol import first_schedule
from chain.recorded_block import decode_recorded_block
from chain.runtime import ContractRuntime
from chain.snapshot import SnapshotError
from chain.snapshot_files import heights_held, open_snapshot, remove_snapshot, snapshot_folder
from chain.snapshot_state import SnapshotState
from chain.snapshot_window import window_rows, window_start
from chain.snapshot_writer import SnapshotHead, SnapshotTooLargeError, SnapshotWriter
from chain.state_database import StateDatabase
from chain.storage import Store, StoreDamaged
from chain.transaction import transactions_root_of
from chain.types import Height
from chain.validity import Head

BLOCKS_READ_AT_ONCE: Final = 64


class CheckpointError(Exception):
    """A checkpoint that cannot be used: it is not what was written, or not of this history."""


def write_checkpoint(folder: Path, ledger: Ledger) -> None:
    """Write the state at a ledger's head as a snapshot beneath a folder; one that is there already stays.

    Raises:
        CheckpointError: when the disk refuses, or the state is too large for a snapshot.
    """
    head = ledger.head
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if head.height in heights_held(folder):
            return
        place = SnapshotHead(head.chain_id, head.height, head.block_hash, head.result.state_root)
        for _ in SnapshotWriter(snapshot_folder(folder, head.height), place).steps(ledger.database.leaves()):
            pass
    except (OSError, SnapshotTooLargeError) as error:
        raise CheckpointError(f"the state of block {head.height} cannot be written to {folder}: {error}") from error


class CheckpointWatcher:
    """Implements audit.seeing.Watcher: writes the state at some heights, for audits that begin there."""

    def __init__(self, folder: Path, every: int) -> None:
        self._folder = folder
        self._every = every

    def see(self, seen: Seen) -> Iterable[Mismatch]:
        """Write the state if its height is one of those; find nothing.

        Raises:
            CheckpointError: when the disk refuses.
        """
        if seen.ledger is not None and seen.height % self._every == 0 and seen.height < seen.head_height:
            write_checkpoint(self._folder, seen.ledger)
        return ()


def drop_other_checkpoints(folder: Path, height: int) -> None:
    """Remove all snapshots beneath a folder but the one of a height."""
    for held in heights_held(folder):
        if held != height:
            remove_snapshot(folder, held)


def certified_block(source: BlockSource, genesis: Genesis, height: int) -> DecodedRecord:
    """Return a block of the source whose certificate, transactions and receipts are good.

    Raises:
        CheckpointError: when the source shows no such block.
    """
    data = next(source.blocks(height, height), None)
    if data is None:
        raise CheckpointError(f"the source does not show block {height}")
    try:
        decoded = decode_record(height, data)
        check_certified(decoded, Agreement(genesis.genesis_hash, genesis.validators))
        check_signatures(decoded)
        check_receipts(decoded)
    except AuditMismatch as error:
        raise CheckpointError(f"block {height} of the source is no certified block: {error}") from error
    return decoded


def head_at(decoded: DecodedRecord, genesis: Genesis, before: Frontier) -> tuple[Head, Frontier]:
    """Return the head that a certified block is, and the tree up to it; `before` is the tree over all blocks before.

    Raises:
        CheckpointError: when the tree is not the one that the header states.
    """
    header = decoded.block.header
    if before.size != header.height or before.root() != header.history_root:
        raise CheckpointError(f"the tree over the blocks before {header.height} is not the one that its header states")
    frontier = before.append(decoded.block.block_hash)
    links = (decoded.result, header.time, header.proposer, genesis.validators, frontier.root())
    schedule = first_schedule(header.version)
    return Head(genesis.genesis_hash, header.height, decoded.block.block_hash, *links, schedule), frontier


def open_checkpoint(
    folder: Path,
    height: int,
    genesis: Genesis,
    source: BlockSource,
    before: Frontier,
    runtime: ContractRuntime,
    store: Store,
) -> Ledger:
    """Return the ledger at a height, its state put into an empty store and proven.

    Raises:
        CheckpointError: when any part of it is not proven by the source's certified blocks.
        SourceUnreadable: when the source cannot be read.
    """
    head, frontier = head_at(certified_block(source, genesis, height), genesis, before)
    blocks = SourceBlocks(source, height, head.block_hash)
    try:
        snapshot = open_snapshot(folder, height)
        manifest = snapshot.manifest
        if (manifest.chain_id, manifest.height, manifest.block_hash, manifest.state_root) != (
            head.chain_id,
            head.height,
            head.block_hash,
            head.result.state_root,
        ):
            raise CheckpointError(f"the snapshot in {snapshot.folder} is of another block or state")
        state = SnapshotState(store)
        state.begin(manifest)
        for number in state.missing():
            state.put(number, snapshot.chunk(number))
        start = window_start(blocks, Height(height), genesis.parameters.validity_window_max)
        state.finish(head, frontier, window_rows(blocks, store, start, Height(height)))
        return open_ledger(genesis, StateDatabase(store), runtime)
    except (SnapshotError, StoreDamaged, DecodeError) as error:
        raise CheckpointError(f"the state of block {height} is not proven: {error}") from error


class SourceBlocks:
    """Reads single blocks of a source below one that is proven; implements chain.header_chain.HeaderReader.

    Each block has to have the hash that the block above names as its parent, and its transactions the header's root.
    """

    def __init__(self, source: BlockSource, top: int, block_hash: bytes) -> None:
        self._source = source
        self._top = top
        self._first = top + 1
        self._expected_hash = block_hash
        self._blocks: dict[int, bytes] = {}

    def block(self, height: int) -> bytes | None:
        """Return a block's bytes, None beyond the top.

        Raises:
            CheckpointError: when the source shows others than those that lead to the top.
        """
        if not 0 < height <= self._top:
            return None
        while height < self._first:
            self._read_below()
        return self._blocks[height]

    def header(self, height: int) -> bytes | None:
        """Return the header of a block, None beyond the top."""
        raw = self.block(height)
        return None if raw is None else decode_block(raw).header.encoded()

    def _read_below(self) -> None:
        last = self._first - 1
        first = max(1, last - BLOCKS_READ_AT_ONCE + 1)
        raws = [decode_recorded_block(data).block for data in self._source.blocks(first, last)]
        if len(raws) != last - first + 1:
            raise CheckpointError(f"the source does not show the blocks {first} to {last}")
        for height, raw in zip(range(last, first - 1, -1), reversed(raws), strict=True):
            block = decode_block(raw)
            roots = (transactions_root_of(block.transactions), block.header.transactions_root)
            if block.block_hash != self._expected_hash or roots[0] != roots[1]:
                raise CheckpointError(f"block {height} of the source is not the one that later blocks build on")
            self._expected_hash = block.header.parent_hash
            self._blocks[height] = raw
        self._first = first
