"""Notices that this node is too far behind to execute its way forward, and finds out whether a snapshot can be had.

Until one can, blocks are fetched and executed as always; a node that gets there that way needs none.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from assembly.join_need import JoinNeed, worthwhile_above
from chain.types import Height
from network.joining import find_offers
from network.sources import SourceChoice

LOG = logging.getLogger("tallystick.catch_up")

LOOK_SECONDS: Final = 1.0
ROUNDS_LACKING_MAX: Final = 3
"""Looks in a row at which no peer had the next block, before a snapshot is taken for the only way."""


class SnapshotScout:
    """Owns the judgement whether a snapshot is needed."""

    def __init__(
        self,
        sources: SourceChoice,
        own_height: Callable[[], Height],
        others_height: Callable[[], Height],
        nobody_has_next: Callable[[], bool],
        after_blocks: int,
        found: Callable[[JoinNeed], None],
    ) -> None:
        """`others_height` is what the others credibly stand at, `found` is called once with what to do."""
        self._sources = sources
        self._own_height = own_height
        self._others_height = others_height
        self._nobody_has_next = nobody_has_next
        self._after_blocks = after_blocks
        self._found = found

    async def run(self) -> None:
        """Look until a snapshot is needed and can be had; never, if snapshots are not wanted."""
        rounds_lacking = 0
        while self._after_blocks:
            await asyncio.sleep(LOOK_SECONDS)
            own, others = self._own_height(), self._others_height()
            rounds_lacking = rounds_lacking + 1 if others > own and self._nobody_has_next() else 0
            is_far = others - own > self._after_blocks
            if not is_far and rounds_lacking < ROUNDS_LACKING_MAX:
                continue
            above = worthwhile_above(own, others, self._after_blocks) if is_far else own
            offers, _ = await find_offers(self._sources, above)
            if any(offer.height <= others for offer in offers):
                why = f"{others - own} blocks behind" if is_far else "no peer holds the next block any more"
                self._found(JoinNeed(f"this node is at height {own}, {why}; it takes a snapshot", own, None, above))
                return
