"""What a node that joins writes: certified headers and bodies into its block store, chunks into an incoming state.

Implements network.chunks.JoinStore; its methods are called one at a time, in threads.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from chain.block_store import BlockStore
from chain.genesis import Genesis
from chain.header_chain import HeaderChain, chain_at, check_body
from chain.height_ranges import HeightRange, overlap
from chain.snapshot import Manifest, SnapshotError, manifest_hash_of
from chain.snapshot_state import SnapshotState
from chain.snapshot_window import window_rows, window_start
from chain.storage import Store, StoreDamaged
from chain.types import Digest, Height
from network.history_requests import CertifiedHeader


class IncomingDamagedError(Exception):
    """What was put into the incoming state does not read as it was written; it has to be fetched again."""


class JoinLedger:
    """Owns the head of headers and the incoming state while a node joins."""

    def __init__(self, genesis: Genesis, blocks: BlockStore, open_incoming: Callable[[], Store]) -> None:
        """`open_incoming` opens the store of the incoming state, which is made if there is none.

        Raises:
            StoreError: when the block store cannot be read.
        """
        assert blocks.head is not None, "genesis is written before anything is fetched"
        self._genesis = genesis
        self._blocks = blocks
        self._open_incoming = open_incoming
        self._chain: HeaderChain = chain_at(blocks, genesis, blocks.head.height)
        self._store: Store | None = None
        self._state: SnapshotState | None = None
        self._bodies_from = Height(1)
        """The lowest height whose body is needed."""

    def need_window_of(self, height: Height) -> None:
        """Have the bodies fetched that the window after a block needs, and all that follow.

        Raises:
            StoreError: when headers are missing.
        """
        self._bodies_from = window_start(self._blocks, height, self._genesis.parameters.validity_window_max)

    def need_from(self, height: Height) -> None:
        """Have all bodies from a height on fetched."""
        self._bodies_from = height

    def whole_height(self) -> Height | None:
        """Return the height of an incoming state that is whole and was not installed, if there is one.

        Raises:
            StoreError: when it cannot be read.
        """
        with _incoming_damage():
            if self._store is None:
                self._store = self._open_incoming()
        return None if self._store.head is None else self._store.head.height

    def is_certified(self, height: Height, block_hash: Digest, result_hash: Digest) -> bool:
        """Tell whether a block with a result is the certified one; its header is held."""
        head = chain_at(self._blocks, self._genesis, height).head
        return (head.block_hash, head.result.result_hash) == (block_hash, result_hash)

    def head(self) -> Height:
        """Return the height of the last header that is held."""
        return self._chain.head.height

    def append_headers(self, headers: Sequence[CertifiedHeader]) -> None:
        """Check the next headers and write them durably.

        Raises:
            HeaderRefusedError: when one is false; those before it are written.
            CertifiedConflictError: when one is certified and does not continue the blocks that are held.
            StoreError: when they cannot be written.
        """
        records = []
        try:
            for item in headers:
                records.append(self._chain.append(item.header, item.result, item.certificate))
        finally:
            if records:
                self._blocks.append_headers(records)

    def manifest_hash(self) -> Digest | None:
        """Return the hash of the manifest whose chunks are being put in, if any."""
        manifest = self._incoming().manifest
        return None if manifest is None else manifest_hash_of(manifest.encoded())

    def incoming_height(self) -> Height:
        """Return the height of the snapshot whose chunks are being put in, 0 if there is none."""
        manifest = self._incoming().manifest
        return Height(0) if manifest is None else manifest.height

    def believe(self, manifest: Manifest) -> None:
        """Compare a manifest with the certified header of its height, and take it up.

        Raises:
            SnapshotError: when it is not of the certified state.
            StoreError: when it cannot be written.
        """
        head = chain_at(self._blocks, self._genesis, manifest.height).head
        claimed = (manifest.chain_id, manifest.block_hash, manifest.state_root)
        if claimed != (head.chain_id, head.block_hash, head.result.state_root):
            raise SnapshotError(f"the snapshot of block {manifest.height} is not of the state that is certified")
        if manifest.height < self.incoming_height():
            raise SnapshotError(f"the snapshot of block {manifest.height} is older than the one that was begun")
        with _incoming_damage():
            self._incoming().begin(manifest)
        self.need_window_of(manifest.height)

    def bodies_missing(self) -> Sequence[HeightRange]:
        """Return the heights whose bodies and receipts have to be fetched."""
        return list(overlap(self._blocks.gaps, self._bodies_from, self.head()))

    def fill(self, first: Height, bodies: Sequence[tuple[bytes, list[bytes]]]) -> None:
        """Check blocks and their receipts from a height on, and write them durably.

        Raises:
            HeaderRefusedError: when one is false; those before it are written.
            StoreError: when they cannot be written.
        """
        fill_bodies(self._blocks, first, bodies)

    def chunks_missing(self) -> list[int]:
        """Return the numbers of the chunks that have to be fetched."""
        return self._incoming().missing()

    def put_chunk(self, number: int, data: bytes) -> None:
        """Check a chunk and write it durably.

        Raises:
            SnapshotError: when it is false.
            StoreError: when it cannot be written.
        """
        with _incoming_damage():
            self._incoming().put(number, data)

    def finish(self) -> None:
        """Make the incoming store, whose chunks are all in, a state, and close it.

        Raises:
            StoreError: when it cannot be written, or is not what it should be.
        """
        state = self._incoming()
        manifest, store = state.manifest, self._store
        assert manifest is not None and store is not None, "a snapshot was put in"
        chain = chain_at(self._blocks, self._genesis, manifest.height)
        start = window_start(self._blocks, manifest.height, self._genesis.parameters.validity_window_max)
        with _incoming_damage():
            state.finish(chain.head, chain.frontier, window_rows(self._blocks, store, start, manifest.height))
        self.close()

    def close(self) -> None:
        """Close the incoming state; what was put in stays."""
        if self._store is not None:
            self._store.close()
            self._store = self._state = None

    def _incoming(self) -> SnapshotState:
        with _incoming_damage():
            if self._store is None:
                self._store = self._open_incoming()
            if self._state is None:
                self._state = SnapshotState(self._store)
        return self._state


@contextlib.contextmanager
def _incoming_damage() -> Iterator[None]:
    """Tell damage of the incoming state from damage of what the node lives on."""
    try:
        yield
    except StoreDamaged as error:
        raise IncomingDamagedError(str(error)) from error


def fill_bodies(blocks: BlockStore, first: Height, bodies: Sequence[tuple[bytes, list[bytes]]]) -> None:
    """Check blocks and receipts against the certified headers from a height on, and write them durably.

    Raises:
        HeaderRefusedError: when one is false; those before it are written.
        StoreError: when they cannot be written.
    """
    records = []
    try:
        for number, (raw, receipts) in enumerate(bodies):
            records.append(check_body(blocks, Height(first + number), raw, receipts))
    finally:
        blocks.fill(records)
