"""Snapshots that this node makes and serves: made when a peer asks and none is recent, at a pace blocks do not feel.

The executor makes them in steps of milliseconds, and this file paces the steps: it waits for twice as long as a step
took, its wait for blocks included, so that a busy executor is asked less. All nodes that are asked at once begin at the
same height where blocks come in, so that a newcomer can fetch from all of them.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from chain.snapshot import SnapshotError
from chain.snapshot_files import StoredSnapshot, heights_held, open_snapshot
from chain.types import Digest, Height
from contracts.executor.errors import ExecutorBusy, ExecutorDied, ExecutorFault
from contracts.executor.protocol import SnapshotMaking
from network.chunks import in_thread
from network.errors import RefusalError
from network.history_requests import Offer, Offers
from network.limits import TokenBucket
from network.sources import LACKING

LOG = logging.getLogger("tallystick.snapshots")

ALIGN_BLOCKS: Final = 16
"""Snapshots are made at multiples of this height, as long as blocks come in."""
ALIGN_SECONDS: Final = 3.0
"""After so long without such a height one is made at the head."""
STEP_MICROSECONDS: Final = 4_000
PAUSE_PER_STEP: Final = 2.0
"""Seconds of rest for each second that a step took."""
AGAIN_SECONDS: Final = 30.0
"""Time between the end of one and the begin of the next, however many peers ask."""


class SnapshotExecutor(Protocol):
    """The executor process, as far as snapshots go."""

    async def snapshot_begin(self, align: int) -> SnapshotMaking:
        """Have one made at the next height that `align` divides."""
        ...

    async def snapshot_step(self, microseconds: int) -> SnapshotMaking:
        """Work for about this long."""
        ...


class SnapshotService:
    """Owns the snapshots in a folder, and when the next one is made."""

    def __init__(
        self,
        executor: SnapshotExecutor,
        folder: Path,
        head: Callable[[], Height],
        clock: Callable[[], float],
        bytes_per_second_max: int,
    ) -> None:
        """`folder` is where the executor puts them; chunks go out at `bytes_per_second_max` to all peers together."""
        self._executor = executor
        self._folder = folder
        self._head = head
        self._clock = clock
        self._rate = TokenBucket(bytes_per_second_max, clock())
        self._stored: dict[Digest, StoredSnapshot] = {}
        self._wanted = asyncio.Event()
        self._is_making = False
        self._next_at = 0.0
        self.failure: str | None = None
        """Why the last one could not be made, if it could not."""

    def offers(self, above: Height) -> Offers:
        """Return the snapshots above a height; if there is none, one is made."""
        offers = [
            Offer(stored.manifest.height, manifest_hash, len(stored.encoded), stored.manifest.size)
            for manifest_hash, stored in self._stored.items()
            if stored.manifest.height > above
        ]
        if not offers and self._head() > above:
            self._wanted.set()
        return Offers(tuple(sorted(offers)), self._is_making or self._wanted.is_set())

    async def manifest(self, manifest_hash: Digest) -> bytes:
        """Return a manifest.

        Raises:
            RefusalError: when it is not held.
        """
        stored = self._find(manifest_hash)
        await self._spend(len(stored.encoded))
        return stored.encoded

    async def chunk(self, manifest_hash: Digest, number: int) -> bytes:
        """Return a chunk, as soon as the rate allows it.

        Raises:
            RefusalError: when it is not held, or no longer as it was written.
        """
        stored = self._find(manifest_hash)
        if number >= len(stored.places):
            raise RefusalError(f"chunk {number} of {len(stored.places)}")
        await self._spend(stored.places[number].size)
        try:
            return await in_thread(stored.chunk, number)
        except SnapshotError as error:
            LOG.warning("%s; the snapshot is not offered any more", error)
            self._stored.pop(manifest_hash, None)
            raise RefusalError(f"{LACKING}: this snapshot is gone") from error

    async def run(self) -> None:
        """Make snapshots whenever they are wanted, until cancelled."""
        await self._look()
        while True:
            await self._wanted.wait()
            await asyncio.sleep(max(0.0, self._next_at - self._clock()))
            self._is_making = True
            self._wanted.clear()
            try:
                await self._make()
            except (ExecutorBusy, ExecutorDied, ExecutorFault) as error:
                # Whether the process can be kept alive is its supervisor's business.
                self.failure = str(error)
            finally:
                self._is_making = False
                self._next_at = self._clock() + AGAIN_SECONDS
            await self._look()

    async def _make(self) -> None:
        making = await self._executor.snapshot_begin(ALIGN_BLOCKS)
        give_up_aligning = self._clock() + ALIGN_SECONDS
        begun = self._clock()
        while making.is_open:
            started = self._clock()
            making = await self._executor.snapshot_step(STEP_MICROSECONDS)
            elapsed = self._clock() - started
            await asyncio.sleep(max(elapsed, STEP_MICROSECONDS / 1_000_000) * PAUSE_PER_STEP)
            if making.is_open and not making.dealt_bytes and self._clock() > give_up_aligning:
                making = await self._executor.snapshot_begin(1)
        self.failure = making.failure
        if making.failure is not None:
            LOG.warning("the snapshot of block %d was given up: %s", making.height, making.failure)
        else:
            LOG.info("the snapshot of block %d took %.1f s", making.height, self._clock() - begun)

    async def _look(self) -> None:
        """Open what the executor has put into the folder."""
        stored: dict[Digest, StoredSnapshot] = {}
        for height in heights_held(self._folder):
            try:
                snapshot = await in_thread(open_snapshot, self._folder, height)
            except SnapshotError as error:
                LOG.warning("a snapshot cannot be offered: %s", error)
                continue
            stored[snapshot.manifest_hash] = snapshot
        self._stored = stored

    async def _spend(self, size: int) -> None:
        await asyncio.sleep(self._rate.take(size, self._clock()))

    def _find(self, manifest_hash: Digest) -> StoredSnapshot:
        stored = self._stored.get(manifest_hash)
        if stored is None:
            raise RefusalError(f"{LACKING}: no snapshot with this manifest is held here")
        return stored
