"""The block store: contiguous heights, everything of a height at once, indexes, and proofs over the whole history."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from chain.block_store import BlockConflictError, BlockGapError, BlockRecord, BlockStore, TransactionPlace
from chain.database_keys import TABLE_HASH_AT, height_key, history_key
from chain.merkle import merkle_root, verify_consistency, verify_inclusion
from chain.storage import Head, MemoryStore, StoreDamaged
from chain.store import open_store
from chain.types import Digest, Height


def hash_of(height: int) -> Digest:
    return Digest(b"h" + height.to_bytes(31, "big"))


def record_at(height: int, transactions: Sequence[bytes] = ()) -> BlockRecord:
    return BlockRecord(
        height=Height(height),
        block_hash=hash_of(height),
        block=b"block %d" % height,
        certificate=b"certificate %d" % height,
        result=b"result %d" % height,
        receipts=[b"receipt of " + name for name in transactions],
        transaction_ids=[name.ljust(32) for name in transactions],
        header=b"header %d" % height,
    )


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def blocks(store: MemoryStore) -> BlockStore:
    blocks = BlockStore(store)
    for height in range(11):
        assert blocks.append(record_at(height, [b"%d/%d" % (height, index) for index in range(height % 4)]))
    return blocks


def test_an_empty_store_has_no_head() -> None:
    blocks = BlockStore(MemoryStore())
    assert blocks.head is None and blocks.history.size == 0
    assert blocks.block(0) is None and blocks.height_of(hash_of(0)) is None


def test_what_was_appended_is_found(blocks: BlockStore) -> None:
    assert blocks.head == Head(Height(10), hash_of(10))
    assert blocks.block(7) == b"block 7" and blocks.block(11) is None
    assert blocks.certificate(7) == b"certificate 7" and blocks.result(7) == b"result 7"
    assert blocks.receipts(7) == [b"receipt of 7/0", b"receipt of 7/1", b"receipt of 7/2"]
    assert blocks.receipts(4) == [] and blocks.receipt(7, 1) == b"receipt of 7/1"
    assert blocks.receipt(7, 3) is None
    assert blocks.height_of(hash_of(7)) == 7 and blocks.block_hash(7) == hash_of(7)
    assert blocks.height_of(bytes(32)) is None and blocks.block_hash(11) is None


def test_transactions_are_found_by_id(blocks: BlockStore) -> None:
    assert blocks.find_transaction(b"7/2".ljust(32)) == TransactionPlace(Height(7), 2)
    assert blocks.find_transaction(b"7/3".ljust(32)) is None


def test_ranges_of_blocks(blocks: BlockStore) -> None:
    assert list(blocks.blocks(9, 20)) == [(9, b"block 9"), (10, b"block 10")]
    assert [height for height, _ in blocks.blocks(0, 3)] == [0, 1, 2]
    assert list(blocks.blocks(5, 5)) == []


def test_a_gap_is_refused_and_changes_nothing(blocks: BlockStore) -> None:
    with pytest.raises(BlockGapError, match="block 12 does not follow block 10"):
        blocks.append(record_at(12))
    assert blocks.head == Head(Height(10), hash_of(10)) and blocks.block(12) is None
    with pytest.raises(BlockGapError):
        BlockStore(MemoryStore()).append(record_at(1))


def test_the_same_block_again_changes_nothing(blocks: BlockStore) -> None:
    assert not blocks.append(replace(record_at(7), certificate=b"of other signers"))
    assert blocks.certificate(7) == b"certificate 7" and blocks.history.size == 11


def test_another_block_at_a_decided_height_is_refused(blocks: BlockStore) -> None:
    with pytest.raises(BlockConflictError, match="stands at height 7"):
        blocks.append(replace(record_at(7), block_hash=hash_of(99)))
    with pytest.raises(BlockConflictError):
        blocks.append(replace(record_at(7), block_hash=hash_of(6)))
    assert blocks.block(7) == b"block 7"


def test_every_old_block_proves_against_every_later_history(blocks: BlockStore) -> None:
    hashes = [hash_of(height) for height in range(11)]
    assert blocks.history.root() == merkle_root(hashes)
    for size in range(1, 12):
        for height in range(size):
            path = blocks.prove_block(height, size)
            verify_inclusion(merkle_root(hashes[:size]), size, height, hashes[height], path)
        path = blocks.prove_extension(size, 11)
        verify_consistency(size, merkle_root(hashes[:size]), 11, merkle_root(hashes), path)


def test_a_reopened_store_goes_on_where_it_was(store: MemoryStore, blocks: BlockStore) -> None:
    reopened = BlockStore(store)
    assert (reopened.head, reopened.history) == (blocks.head, blocks.history)
    reopened.append(record_at(11))
    assert reopened.history.root() == merkle_root([hash_of(height) for height in range(12)])


def test_a_missing_part_of_the_history_is_damage(store: MemoryStore, blocks: BlockStore) -> None:
    store.write([(history_key(3, 0), None), (height_key(TABLE_HASH_AT, 7), None)])
    with pytest.raises(StoreDamaged, match="subtree 0 at level 3"):
        BlockStore(store)
    with pytest.raises(StoreDamaged, match="hash of block 7"):
        blocks.append(record_at(7))


def test_blocks_on_disk_survive_reopening(tmp_path: Path) -> None:
    for start in (0, 5):
        blocks = BlockStore(open_store(tmp_path / "blocks", "blocks", bytes(32), 1 << 20, create=True))
        for height in range(start, start + 5):
            blocks.append(record_at(height, [b"%d" % height]))
        blocks.close()
    blocks = BlockStore(open_store(tmp_path / "blocks", "blocks", bytes(32), 1 << 20, create=False))
    assert blocks.head == Head(Height(9), hash_of(9)) and len(list(blocks.blocks(0, 10))) == 10
    assert blocks.find_transaction(b"3".ljust(32)) == TransactionPlace(Height(3), 0)
    blocks.close()
