"""What this node serves of history: blocks, headers, receipts and snapshots; what it lacks it says."""

from assembly.consensus_host import read_certified
from assembly.snapshot_service import SnapshotService
from chain.block_store import BlockStore
from chain.height_ranges import range_at
from chain.types import Height
from network.errors import RefusalError
from network.history_requests import CertifiedHeader, HistorySources
from network.sources import LACKING


def history_sources(blocks: BlockStore, snapshots: SnapshotService) -> HistorySources:
    """Return where answers to peers that join come from."""

    def header(height: Height) -> CertifiedHeader | None:
        found, result, certificate = blocks.header(height), blocks.result(height), blocks.certificate(height)
        if found is None or result is None or certificate is None:
            return None
        return CertifiedHeader(found, result, certificate)

    def receipts(height: Height) -> list[bytes] | None:
        check_held(blocks, height)
        return None if blocks.head is None or height > blocks.head.height else blocks.receipts(height)

    return HistorySources(header, receipts, snapshots.offers, snapshots.manifest, snapshots.chunk)


def certified_block(blocks: BlockStore, height: Height) -> bytes | None:
    """Return a certified block, None beyond the head.

    Raises:
        RefusalError: when this node lacks it.
    """
    check_held(blocks, height)
    return read_certified(blocks, height)


def check_held(blocks: BlockStore, height: int) -> None:
    """Check that a height is in no gap.

    Raises:
        RefusalError: naming the gap.
    """
    gap = range_at(blocks.gaps, height)
    if gap is not None:
        raise RefusalError(f"{LACKING}: blocks {gap[0]} to {gap[1]} are not held here")
