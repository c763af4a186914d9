"""Decided blocks on top of a store, with certificates, results, receipts and the indexes that find them.

Invariant: heights are contiguous from genesis to the head, and everything of a height is written in one batch with the
head. Nothing is ever replaced. The store knows bytes and hashes; what they mean is for others to check beforehand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chain.database_keys import (
    TABLE_BLOCK,
    TABLE_BLOCK_HASH,
    TABLE_CERTIFICATE,
    TABLE_HASH_AT,
    TABLE_RESULT,
    TABLE_TRANSACTION,
    height_key,
    height_of_key,
    history_key,
    receipt_key,
)
from chain.merkle import EMPTY_FRONTIER, Frontier, consistency_path, inclusion_path, load_frontier
from chain.storage import Head, Store, StoreDamaged, Write
from chain.types import Digest, Height


class BlockGapError(Exception):
    """A block does not follow the one that the store holds last."""


class BlockConflictError(Exception):
    """The store holds another block at the same height."""


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """Everything that is kept of one decided block; genesis is the record at height 0, without a certificate."""

    height: Height
    block_hash: Digest
    block: bytes
    certificate: bytes
    result: bytes
    receipts: Sequence[bytes]
    transaction_ids: Sequence[bytes]
    """As many as receipts, in the order of the block."""


@dataclass(frozen=True, slots=True)
class TransactionPlace:
    """Where a committed transaction stands."""

    height: Height
    index: int


class BlockStore:
    """Owns a store that holds blocks."""

    def __init__(self, store: Store) -> None:
        """Read the head and the tree over all blocks.

        Raises:
            StoreDamaged: when parts of what the head promises are missing.
        """
        self._store = store
        self._head = store.head
        self._history = EMPTY_FRONTIER if self._head is None else load_frontier(self._head.height + 1, self._node)

    @property
    def head(self) -> Head | None:
        """The last decided block, None before genesis."""
        return self._head

    @property
    def history(self) -> Frontier:
        """The Merkle tree over the hashes of all blocks up to the head; its root belongs in the next header."""
        return self._history

    def append(self, record: BlockRecord) -> bool:
        """Write the next block durably; return False if that very block is already there.

        Raises:
            BlockGapError: when blocks before it are missing.
            BlockConflictError: when another block stands at its height.
        """
        assert len(record.receipts) == len(record.transaction_ids)
        expected = 0 if self._head is None else self._head.height + 1
        if record.height > expected:
            raise BlockGapError(f"block {record.height} does not follow block {expected - 1}")
        if record.height < expected:
            self._check_same(record.height, record.block_hash)
            return False
        history, completed = self._history.append_with_nodes(record.block_hash)
        writes = _record_writes(record)
        writes.extend((history_key(node.level, node.index), node.digest) for node in completed)
        head = Head(record.height, record.block_hash)
        self._store.write(writes, head)
        self._head, self._history = head, history
        return True

    def block(self, height: int) -> bytes | None:
        """Return a block's bytes; at height 0 those of genesis."""
        return self._store.get(height_key(TABLE_BLOCK, height))

    def blocks(self, start: int, end: int) -> Iterator[tuple[Height, bytes]]:
        """Yield heights and blocks with start <= height < end."""
        for key, block in self._store.scan(height_key(TABLE_BLOCK, start), height_key(TABLE_BLOCK, end)):
            yield Height(height_of_key(key)), block

    def block_hash(self, height: int) -> Digest | None:
        """Return a block's hash."""
        block_hash = self._store.get(height_key(TABLE_HASH_AT, height))
        return None if block_hash is None else Digest(block_hash)

    def certificate(self, height: int) -> bytes | None:
        """Return the certificate of a block."""
        return self._store.get(height_key(TABLE_CERTIFICATE, height))

    def result(self, height: int) -> bytes | None:
        """Return the execution result of a block."""
        return self._store.get(height_key(TABLE_RESULT, height))

    def receipts(self, height: int) -> list[bytes]:
        """Return the receipts of a block, in its order."""
        return [receipt for _, receipt in self._store.scan(receipt_key(height, 0), receipt_key(height + 1, 0))]

    def receipt(self, height: int, index: int) -> bytes | None:
        """Return one receipt."""
        return self._store.get(receipt_key(height, index))

    def height_of(self, block_hash: bytes) -> Height | None:
        """Return the height of the block with a hash."""
        place = self._store.get(TABLE_BLOCK_HASH + block_hash)
        return None if place is None else Height(int.from_bytes(place, "big"))

    def find_transaction(self, transaction_id: bytes) -> TransactionPlace | None:
        """Return where a transaction was committed, None if it was not."""
        place = self._store.get(TABLE_TRANSACTION + transaction_id)
        if place is None:
            return None
        return TransactionPlace(Height(int.from_bytes(place[:8], "big")), int.from_bytes(place[8:], "big"))

    def prove_block(self, height: int, size: int) -> list[Digest]:
        """Return the path that proves block `height` in the history of the first `size` blocks, genesis included.

        A header at height h states the history root of size h.
        """
        self._check_size(size)
        return inclusion_path(height, size, self._node)

    def prove_extension(self, old_size: int, new_size: int) -> list[Digest]:
        """Return the path that proves that the history of `new_size` blocks extends that of `old_size`."""
        self._check_size(new_size)
        return consistency_path(old_size, new_size, self._node)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _node(self, level: int, index: int) -> bytes:
        digest = self._store.get(history_key(level, index))
        if digest is None:
            raise StoreDamaged(f"the history has no subtree {index} at level {level}")
        return digest

    def _check_size(self, size: int) -> None:
        assert size <= self._history.size, f"{size} blocks are more than the {self._history.size} held"

    def _check_same(self, height: int, block_hash: bytes) -> None:
        held = self.block_hash(height)
        if held is None:
            raise StoreDamaged(f"the hash of block {height} is missing")
        if held != block_hash:
            raise BlockConflictError(f"block {held.hex()} stands at height {height}, not {block_hash.hex()}")


def _record_writes(record: BlockRecord) -> list[Write]:
    height = record.height
    writes: list[Write] = [
        (height_key(TABLE_BLOCK, height), record.block),
        (height_key(TABLE_CERTIFICATE, height), record.certificate),
        (height_key(TABLE_RESULT, height), record.result),
        (height_key(TABLE_HASH_AT, height), record.block_hash),
        (TABLE_BLOCK_HASH + record.block_hash, height.to_bytes(8, "big")),
    ]
    for index, (transaction_id, receipt) in enumerate(zip(record.transaction_ids, record.receipts, strict=True)):
        place = height.to_bytes(8, "big") + index.to_bytes(4, "big")
        writes.append((TABLE_TRANSACTION + transaction_id, place))
        writes.append((receipt_key(height, index), receipt))
    return writes
