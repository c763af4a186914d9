"""Decided blocks on top of a store, with certificates, results, receipts and the indexes that find them.

Invariant: headers, results and certificates are contiguous from genesis to the head; so are blocks and receipts but for
the gaps, which a node has that did not fetch all of history. Everything of a height is written in one batch with the
head. Nothing is ever replaced; a gap may be filled. The store knows bytes and hashes; what they mean is for others to
check beforehand.
"""

from collections.abc import Iterator, Sequence

from chain.database_keys import (
    GAPS_KEY,
    TABLE_BLOCK,
    TABLE_BLOCK_HASH,
    TABLE_CERTIFICATE,
    TABLE_HASH_AT,
    TABLE_HEADER,
    TABLE_RESULT,
    TABLE_TRANSACTION,
    height_key,
    height_of_key,
    history_key,
    receipt_key,
)
from chain.encoding import DecodeError
from chain.height_ranges import HeightRange, add_range, decode_ranges, encode_ranges, range_at, remove_height
from chain.merkle import EMPTY_FRONTIER, Frontier, consistency_path, inclusion_path, load_frontier
from chain.storage import Head, Store, StoreDamaged, Write
from chain.types import Digest, Height
from chain.values import dataclass


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
    header: bytes
    """The block's header once more: it is asked for far more often than the body. Empty at height 0."""


@dataclass(frozen=True, slots=True)
class HeaderRecord:
    """What is kept of a decided block whose body and receipts are lacking."""

    height: Height
    block_hash: Digest
    header: bytes
    certificate: bytes
    result: bytes


@dataclass(frozen=True, slots=True, order=True)
class TransactionPlace:
    """Where a committed transaction stands; places compare in the order of the ledger."""

    height: Height
    index: int


class BlockStore:
    """Owns a store that holds blocks."""

    def __init__(self, store: Store) -> None:
        """Read the head, the gaps and the tree over all blocks.

        Raises:
            StoreDamaged: when parts of what the head promises are missing.
        """
        self._store = store
        self._head = store.head
        self._gaps = _read_gaps(store)
        self._history = EMPTY_FRONTIER if self._head is None else load_frontier(self._head.height + 1, self._node)

    @property
    def head(self) -> Head | None:
        """The last decided block, None before genesis."""
        return self._head

    @property
    def history(self) -> Frontier:
        """The Merkle tree over the hashes of all blocks up to the head; its root belongs in the next header."""
        return self._history

    @property
    def gaps(self) -> tuple[HeightRange, ...]:
        """Heights, ascending, of which header, result and certificate are held, but neither block nor receipts."""
        return self._gaps

    def lacks(self, height: int) -> bool:
        """Tell whether a decided block's body and receipts are lacking here."""
        return bool(self._gaps) and range_at(self._gaps, height) is not None

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
        history, history_writes = _grown(self._history, record.block_hash)
        head = Head(record.height, record.block_hash)
        self._store.write([*_record_writes(record), *history_writes], head)
        self._head, self._history = head, history
        return True

    def append_headers(self, records: Sequence[HeaderRecord]) -> None:
        """Write the next heights durably in one batch, without blocks and receipts: they become a gap.

        Raises:
            BlockGapError: when heights before them, or between them, are missing.
        """
        assert records and self._head is not None, "genesis is held whole"
        expected = self._head.height + 1
        history, writes = self._history, []
        for number, record in enumerate(records):
            if record.height != expected + number:
                raise BlockGapError(f"header {record.height} does not follow block {expected + number - 1}")
            history, history_writes = _grown(history, record.block_hash)
            writes.extend(_header_writes(record))
            writes.extend(history_writes)
        last = records[-1]
        gaps = add_range(self._gaps, expected, last.height)
        head = Head(last.height, last.block_hash)
        self._store.write([*writes, (GAPS_KEY, encode_ranges(gaps))], head)
        self._head, self._history, self._gaps = head, history, gaps

    def fill(self, records: Sequence[BlockRecord]) -> None:
        """Write blocks and receipts of gaps durably in one batch; what is held already is passed over.

        Raises:
            BlockConflictError: when another block stands at a height.
        """
        gaps, writes = self._gaps, []
        for record in records:
            assert len(record.receipts) == len(record.transaction_ids)
            self._check_same(record.height, record.block_hash)
            if range_at(gaps, record.height) is None:
                continue
            gaps = remove_height(gaps, record.height)
            # The certificate that is held stays: those of one block differ between nodes, and one is enough.
            writes.extend(_body_writes(record))
        if writes:
            self._store.write([*writes, (GAPS_KEY, encode_ranges(gaps))], self._head)
            self._gaps = gaps

    def block(self, height: int) -> bytes | None:
        """Return a block's bytes, None where they are lacking; at height 0 those of genesis."""
        return self._store.get(height_key(TABLE_BLOCK, height))

    def header(self, height: int) -> bytes | None:
        """Return the header of a block, whether its body is held or not; None at height 0."""
        return self._store.get(height_key(TABLE_HEADER, height)) if height else None

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

    def history_at(self, height: int) -> Frontier:
        """Return the tree over the hashes of all blocks up to a height."""
        self._check_size(height + 1)
        return load_frontier(height + 1, self._node)

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


def _read_gaps(store: Store) -> tuple[HeightRange, ...]:
    stored = store.get(GAPS_KEY)
    if stored is None:
        return ()
    try:
        return decode_ranges(stored)
    except DecodeError as error:
        raise StoreDamaged(f"the gaps of the block database cannot be read: {error}") from error


def _grown(history: Frontier, block_hash: Digest) -> tuple[Frontier, list[Write]]:
    """Return the tree over all blocks with one more, and what has to be written of it."""
    grown, completed = history.append_with_nodes(block_hash)
    return grown, [(history_key(node.level, node.index), node.digest) for node in completed]


def _record_writes(record: BlockRecord) -> list[Write]:
    height, block_hash = record.height, record.block_hash
    proof = _proof_writes(height, block_hash, record.header, record.certificate, record.result)
    return [*proof, *_body_writes(record)]


def _header_writes(record: HeaderRecord) -> list[Write]:
    height, block_hash = record.height, record.block_hash
    return _proof_writes(height, block_hash, record.header, record.certificate, record.result)


def _proof_writes(height: Height, block_hash: Digest, header: bytes, certificate: bytes, result: bytes) -> list[Write]:
    return [
        (height_key(TABLE_HEADER, height), header),
        (height_key(TABLE_CERTIFICATE, height), certificate),
        (height_key(TABLE_RESULT, height), result),
        (height_key(TABLE_HASH_AT, height), block_hash),
        (TABLE_BLOCK_HASH + block_hash, height.to_bytes(8, "big")),
    ]


def _body_writes(record: BlockRecord) -> list[Write]:
    height = record.height
    writes: list[Write] = [(height_key(TABLE_BLOCK, height), record.block)]
    for index, (transaction_id, receipt) in enumerate(zip(record.transaction_ids, record.receipts, strict=True)):
        place = height.to_bytes(8, "big") + index.to_bytes(4, "big")
        writes.append((TABLE_TRANSACTION + transaction_id, place))
        writes.append((receipt_key(height, index), receipt))
    return writes
