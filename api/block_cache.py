"""Recently read blocks, decoded once for all event streams, listings and proofs that want them."""

from collections import OrderedDict
from typing import Final

from api.ports import LedgerNode
from chain.block import Block
from chain.certificate import Certificate
from chain.proofs import BlockProver
from chain.receipt import BlockResult, Receipt
from chain.recorded_block import RecordedBlock
from chain.types import Digest, Height

CACHED_BYTES_MAX: Final = 64 * 1024 * 1024


class KnownBlock:
    """One decided block; whatever is derived from it is made at the first use and kept."""

    def __init__(self, record: RecordedBlock) -> None:
        self.record = record
        self.block: Block = record.decoded_block()
        self.result: BlockResult = record.decoded_result()
        self.certificate: Certificate = record.decoded_certificate()
        self._receipts: tuple[Receipt, ...] | None = None
        self._prover: BlockProver | None = None

    @property
    def height(self) -> Height:
        """The block's height."""
        return self.block.header.height

    @property
    def block_hash(self) -> Digest:
        """The block's hash."""
        return self.block.block_hash

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """The receipts, in the block's order."""
        if self._receipts is None:
            self._receipts = self.record.decoded_receipts()
        return self._receipts

    @property
    def prover(self) -> BlockProver:
        """What proves this block's transactions."""
        if self._prover is None:
            self._prover = BlockProver(self.record)
        return self._prover

    @property
    def size(self) -> int:
        """Bytes of the block and its receipts."""
        return len(self.record.block) + sum(map(len, self.record.receipts))


class BlockCache:
    """Owns decoded blocks, the least recently used ones dropped first; decided blocks never change."""

    def __init__(self, node: LedgerNode, blocks_max: int) -> None:
        self._node = node
        self._blocks_max = blocks_max
        self._blocks: OrderedDict[Height, KnownBlock] = OrderedDict()
        self._bytes = 0

    async def get(self, height: Height) -> KnownBlock | None:
        """Return a decided block, or None beyond the head.

        Raises:
            Pruned: when the node no longer keeps it.
        """
        known = self._blocks.get(height)
        if known is not None:
            self._blocks.move_to_end(height)
            return known
        record = await self._node.block(height)
        if record is None:
            return None
        known = KnownBlock(record)
        if height not in self._blocks:
            self._blocks[height] = known
            self._bytes += known.size
            self._drop()
        return known

    def _drop(self) -> None:
        while len(self._blocks) > self._blocks_max or (self._bytes > CACHED_BYTES_MAX and len(self._blocks) > 1):
            _, dropped = self._blocks.popitem(last=False)
            self._bytes -= dropped.size
