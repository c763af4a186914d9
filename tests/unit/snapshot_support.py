"""States and snapshots of them for tests: many small chunks, so that every cut is met with a few hundred leaves."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chain.database_keys import TABLE_LIVE, TABLE_NODE, TABLE_TOMBSTONE
from chain.snapshot_files import StoredSnapshot, open_snapshot
from chain.snapshot_writer import SnapshotHead, SnapshotSizes, SnapshotWriter
from chain.state import BlockState
from chain.state_database import StateDatabase
from chain.state_leaf import decode_leaf
from chain.storage import FrozenView, MemoryStore
from chain.types import Digest, Height

CHAIN = Digest(b"c" * 32)
SMALL = SnapshotSizes(leaf_bytes_max=600, sorted_bytes_max=2_000, data_file_bytes_max=8_000)
TABLES = (TABLE_LIVE, TABLE_TOMBSTONE, TABLE_NODE, b"s")


def block_hash(height: int) -> Digest:
    return Digest(b"b" + height.to_bytes(31, "big"))


@dataclass
class Grown:
    """A state that grew over some blocks."""

    store: MemoryStore
    database: StateDatabase

    @property
    def head(self) -> SnapshotHead:
        head = self.database.head
        assert head is not None
        return SnapshotHead(CHAIN, max(head.height, Height(1)), head.block_hash, head.state_root)


def grow(grown: Grown, chance: random.Random, blocks: int, keys: int) -> None:
    """Apply blocks that write, replace and delete keys."""
    for _ in range(blocks):
        height = Height(0 if grown.database.head is None else grown.database.head.height + 1)
        state = BlockState(grown.database, height)
        for index in range(3):
            own = state.begin_transaction()
            for _ in range(keys):
                name = b"%05d" % chance.randrange(4 * keys)
                value = None if chance.random() < 0.2 else chance.randbytes(chance.randrange(1, 90))
                own.put(chance.choice(("alpha", "beta", "system")), name, value)
            state.commit_transaction(own, index)
        grown.database.apply(state.finish(), height, block_hash(height))


def state_of(values: dict[bytes, bytes]) -> Grown:
    """Return the state of a block that writes these values."""
    store = MemoryStore()
    database = StateDatabase(store)
    state = BlockState(database, Height(0))
    own = state.begin_transaction()
    for key, value in values.items():
        own.put("alpha", key, value)
    state.commit_transaction(own, 0)
    database.apply(state.finish(), Height(0), block_hash(0))
    return Grown(store, database)


def grown_state(seed: int = 1, blocks: int = 3, keys: int = 25) -> Grown:
    store = MemoryStore()
    grown = Grown(store, StateDatabase(store))
    grow(grown, random.Random(seed), blocks, keys)
    return grown


def leaves_of(view: FrozenView) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield contract, key and encoded leaf of a whole state, as it lies in the database."""
    for table in (TABLE_LIVE, TABLE_TOMBSTONE):
        for _, encoded in view.scan(table, bytes([table[0] + 1])):
            leaf = decode_leaf(encoded)
            yield leaf.contract, leaf.key, encoded


def write_snapshot(folder: Path, grown: Grown, sizes: SnapshotSizes = SMALL) -> StoredSnapshot:
    """Write the snapshot of a state and open it."""
    height = grown.head.height
    writer = SnapshotWriter(folder / str(height), grown.head, sizes)
    for _ in writer.steps(leaves_of(grown.store)):
        pass
    return open_snapshot(folder, height)


def content(store: MemoryStore) -> dict[bytes, bytes]:
    """Return what makes up a state in a database: leaves, tree nodes, root."""
    return {key: value for table in TABLES for key, value in store.scan(table, bytes([table[0] + 1]))}
