"""Reads a history from a node's block database, which nothing else has open.

The database is not trusted: it hands out bytes, like any other source. What its checksums find damaged cannot be
read; what it never had, because the node joined by a snapshot, is said.
"""

from collections.abc import Iterator

from audit.mismatch import SourceUnreadable
from chain.block_store import BlockStore
from chain.recorded_block import RecordedBlock


class DataSource:
    """Implements audit.source.BlockSource over an open block database."""

    def __init__(self, blocks: BlockStore) -> None:
        self._blocks = blocks

    def genesis(self) -> bytes:
        """Return the canonical bytes of the genesis.

        Raises:
            SourceUnreadable: when the node had not come to write it.
        """
        genesis = self._blocks.block(0)
        if genesis is None:
            raise SourceUnreadable("the block database is empty: this node has never run")
        return genesis

    def head_height(self) -> int:
        """Return the height of the last block."""
        return 0 if self._blocks.head is None else self._blocks.head.height

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the recorded blocks from height `first` to `last`.

        Raises:
            SourceUnreadable: when the node does not hold one of them.
            StoreError: when the database cannot be read as it was written.
        """
        for height in range(first, last + 1):
            block, result = self._blocks.block(height), self._blocks.result(height)
            certificate = self._blocks.certificate(height)
            if block is None or result is None or certificate is None:
                gaps = ", ".join(f"{start} to {end}" for start, end in self._blocks.gaps) or "none that it knows of"
                raise SourceUnreadable(
                    f"this node does not hold block {height}; it lacks {gaps}: audit a node that has everything"
                )
            yield RecordedBlock(block, result, certificate, tuple(self._blocks.receipts(height))).encoded()
