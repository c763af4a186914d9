"""A state made from a snapshot goes on exactly as the one that it was taken from: results, window, proofs."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from chain_maker import BLOCK_MILLISECONDS, ChainMaker, make_genesis
from snapshot_support import SMALL, leaves_of
from test_store_gaps import bare, full, with_genesis

from chain.block import make_block
from chain.block_store import BlockStore
from chain.genesis import Parameters
from chain.header_chain import chain_at
from chain.ledger import Ledger, open_ledger
from chain.snapshot_files import StoredSnapshot, open_snapshot
from chain.snapshot_state import SnapshotState
from chain.snapshot_window import window_rows, window_start
from chain.snapshot_writer import SnapshotHead, SnapshotWriter
from chain.state_database import StateDatabase, VersionMissingError
from chain.state_keys import encode_key
from chain.state_proof import verify_proof
from chain.storage import Head as StoreHead
from chain.storage import MemoryStore, StoreDamaged, Write
from chain.transaction import decode_transaction, verify_transaction
from chain.types import Height
from chain.validity import InvalidBlock
from contracts.engine.runtime import Engine

WINDOW_BLOCKS = 5
PARAMETERS = Parameters(validity_window_max=WINDOW_BLOCKS * BLOCK_MILLISECONDS)
SNAPSHOT_HEIGHT = 14


class Source:
    """A ledger that grew, and its snapshot at a height below its head."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.maker = ChainMaker(make_genesis(parameters=PARAMETERS))
        self.maker.ledger = open_ledger(self.maker.genesis, StateDatabase(self.store), Engine())
        for height in range(SNAPSHOT_HEIGHT):
            self.grow(f"key {height}")
        self.stored = self.take(folder)
        for height in range(4):
            self.grow(f"late key {height}")

    def grow(self, key: str) -> None:
        valid_until = self.maker.head.time + PARAMETERS.validity_window_max
        self.maker.decide(
            self.maker.transfer(valid_until=valid_until, idempotency_key=key),
            self.maker.transfer(to=f"party {key}", valid_until=valid_until),
        )

    def take(self, folder: Path) -> StoredSnapshot:
        head = self.maker.head
        snapshot_head = SnapshotHead(head.chain_id, head.height, head.block_hash, head.result.state_root)
        writer = SnapshotWriter(folder / str(head.height), snapshot_head, SMALL)
        for _ in writer.steps(leaves_of(self.store.freeze())):
            pass
        return open_snapshot(folder, head.height)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return Source(tmp_path_factory.mktemp("snapshots"))


def blocks_for(source: Source, height: int) -> BlockStore:
    """Return a store with all headers up to a height and the bodies of its window."""
    maker = source.maker
    blocks = with_genesis(maker, MemoryStore())
    blocks.append_headers([bare(record) for record in maker.records[:height]])
    start = window_start(blocks, Height(height), PARAMETERS.validity_window_max)
    blocks.fill([full(record) for record in maker.records[start - 1 : height]])
    return blocks


def installed(source: Source, blocks: BlockStore) -> MemoryStore:
    store = MemoryStore()
    install(source, blocks, store)
    return store


def install(source: Source, blocks: BlockStore, store: MemoryStore) -> None:
    """Put the snapshot in, going on where an earlier attempt ended."""
    state = SnapshotState(store)
    manifest = source.stored.manifest
    state.begin(manifest)
    for number in state.missing():
        state.put(number, source.stored.chunk(number))
    chain = chain_at(blocks, source.maker.genesis, manifest.height)
    start = window_start(blocks, manifest.height, PARAMETERS.validity_window_max)
    state.finish(chain.head, chain.frontier, window_rows(blocks, store, start, manifest.height))


def everything(store: MemoryStore) -> dict[bytes, bytes]:
    """Return all that a store holds."""
    return {key: value for table in range(1, 255) for key, value in store.scan(bytes([table]), bytes([table + 1]))}


def reopened(source: Source, store: MemoryStore) -> Ledger:
    return open_ledger(source.maker.genesis, StateDatabase(store), Engine())


def test_the_window_begins_a_window_before_the_snapshot(source: Source) -> None:
    blocks = blocks_for(source, SNAPSHOT_HEIGHT)
    assert window_start(blocks, Height(SNAPSHOT_HEIGHT), PARAMETERS.validity_window_max) == SNAPSHOT_HEIGHT - 5
    assert window_start(blocks, Height(3), PARAMETERS.validity_window_max) == 1
    assert blocks.gaps == ((1, SNAPSHOT_HEIGHT - 6),)


def test_it_executes_what_follows_to_the_same_results(source: Source) -> None:
    store = installed(source, blocks_for(source, SNAPSHOT_HEIGHT))
    ledger = reopened(source, store)
    assert ledger.origin == SNAPSHOT_HEIGHT and source.maker.ledger.origin == 0
    for record in source.maker.records[SNAPSHOT_HEIGHT:]:
        execution = ledger.execute(record.decoded_block(), verify_transaction)
        assert execution.result.encoded() == record.result and execution.receipts == record.receipts
        ledger.apply(execution)
    assert ledger.head == source.maker.head
    assert not list(store.scan(b"xsnapshot", b"xsnapshou")), "nothing of the work is left"
    key = encode_key(("balances", "zenith.bob"))
    proven = ledger.database.get_with_proof("token", key)
    leaf = verify_proof(proven.head.state_root, "token", key, proven.proof)
    assert leaf == proven.leaf and leaf is not None and leaf.value is not None


def test_the_window_refuses_what_was_committed_before_the_snapshot(source: Source) -> None:
    """Ids and idempotency keys of the window's blocks are taken, as they are on the nodes that saw them."""
    maker = ChainMaker(source.maker.genesis)
    maker.ledger = reopened(source, installed(source, blocks_for(source, SNAPSHOT_HEIGHT)))
    within, before = f"key {SNAPSHOT_HEIGHT - 2}", "key 1"
    (old, _) = source.maker.records[SNAPSHOT_HEIGHT - 2].decoded_block().transactions
    header = maker.header([decode_transaction(old, size_max=len(old))])
    with pytest.raises(InvalidBlock, match="repeated_transaction"):
        maker.ledger.execute(make_block(header, [old]), verify_transaction)
    soon = maker.head.time + PARAMETERS.validity_window_max
    for key, code in ((within, "idempotency_key_used"), (before, None)):
        _, receipts = maker.decide(maker.transfer(idempotency_key=key, valid_until=soon, nonce=key.encode().ljust(16)))
        assert [receipt.code for receipt in receipts] == [code]


def test_what_history_is_lacking_is_said(source: Source) -> None:
    ledger = reopened(source, installed(source, blocks_for(source, SNAPSHOT_HEIGHT)))
    versions = ledger.database.history("token", encode_key(("balances", "zenith.bob")))
    assert next(versions).value is not None
    with pytest.raises(VersionMissingError):
        next(versions)


class CrashError(Exception):
    """The process ends here."""


class CrashingStore(MemoryStore):
    """A store of which one write is never carried out."""

    def __init__(self, crash_at: int) -> None:
        super().__init__()
        self.writes_left = crash_at

    def write(self, writes: Iterable[Write], head: StoreHead | None = None) -> None:
        self.writes_left -= 1
        if self.writes_left == 0:
            raise CrashError
        super().write(writes, head)


def test_a_crash_at_any_write_leaves_what_can_be_gone_on_with(source: Source) -> None:
    blocks = blocks_for(source, SNAPSHOT_HEIGHT)
    expected = everything(installed(source, blocks))
    for crash_at in range(1, 400):
        store = CrashingStore(crash_at)
        try:
            install(source, blocks, store)
        except CrashError:
            assert store.head is None, "without a head it is never taken for a state"
            install(source, blocks, store)
            assert everything(store) == expected, f"after a crash at write {crash_at}"
        else:
            assert crash_at > len(source.stored.manifest.subtrees) > 10
            return
    pytest.fail("there are more writes than were expected")


def test_a_missing_member_or_block_is_damage(source: Source) -> None:
    blocks = blocks_for(source, SNAPSHOT_HEIGHT)
    with pytest.raises(StoreDamaged, match="member"):
        list(window_rows(blocks, MemoryStore(), Height(SNAPSHOT_HEIGHT), Height(SNAPSHOT_HEIGHT)))
    with pytest.raises(StoreDamaged, match="missing"):
        list(window_rows(blocks, MemoryStore(), Height(2), Height(3)))
