"""Fetches, in the background and at leisure, the blocks and receipts that this node lacks.

The newest first, because they are asked for most. Blocks are checked in a thread and written on the loop, in pieces
small enough that nobody waits for them.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from chain.block_store import BlockRecord, BlockStore
from chain.header_chain import HeaderRefusedError, check_body
from chain.types import Height
from network.chunks import in_thread
from network.joining import fetch_bodies
from network.limits import KIB, MIB
from network.sources import SetAside, SourceChoice

LOG = logging.getLogger("tallystick.catch_up")

BLOCKS_A_TURN: Final = 64
WRITE_BYTES_MAX: Final = 256 * KIB
BYTES_PER_SECOND: Final = 2 * MIB
WAIT_SECONDS: Final = 5.0
"""Pause when nobody can be asked."""
FULL_PAUSE_SECONDS: Final = 1.0


class BackFill:
    """Owns the filling of gaps."""

    def __init__(self, blocks: BlockStore, sources: SourceChoice) -> None:
        self._blocks = blocks
        self._sources = sources

    async def run(self) -> None:
        """Fill gaps until none is left.

        Raises:
            StoreError: when the node's own blocks cannot be read or written.
        """
        if self._blocks.gaps:
            LOG.info("blocks that this node lacks are fetched in the background: %s", describe(self._blocks.gaps))
        while self._blocks.gaps:
            first, last = self._blocks.gaps[-1]
            first = Height(max(first, last - BLOCKS_A_TURN + 1))
            peer = self._sources.choose(last - 1)
            if peer is None:
                await asyncio.sleep(WAIT_SECONDS)
                continue
            bodies = await fetch_bodies(self._sources, peer, first, last)
            if not bodies:
                if bodies is not None:
                    self._sources.set_aside(peer, SetAside.SERVED_NOTHING, "an empty answer")
                continue
            try:
                await self._take(first, bodies)
            except HeaderRefusedError as error:
                self._sources.set_aside(peer, SetAside.LIED, str(error))
        LOG.debug("no block is lacking")

    async def _take(self, first: Height, bodies: Sequence[tuple[bytes, list[bytes]]]) -> None:
        """Check and write bodies, and rest for as long as so many bytes may take.

        Raises:
            HeaderRefusedError: when one is false; some before it may be written.
        """
        waiting: list[BlockRecord] = []
        size = 0
        for number, (raw, receipts) in enumerate(bodies):
            started = time.monotonic()
            waiting.append(await in_thread(check_body, self._blocks, Height(first + number), raw, receipts))
            size += len(raw) + sum(map(len, receipts))
            if size >= WRITE_BYTES_MAX or number == len(bodies) - 1:
                self._blocks.fill(waiting)
                rest = max(size / BYTES_PER_SECOND, time.monotonic() - started)
                await asyncio.sleep(min(rest, FULL_PAUSE_SECONDS * len(waiting)))
                waiting, size = [], 0


def describe(gaps: Sequence[tuple[int, int]]) -> str:
    """Return stretches of heights in words."""
    return ", ".join(f"{first} to {last}" for first, last in gaps)
