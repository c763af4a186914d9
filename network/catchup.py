"""Catching up: fetches certified blocks that this node missed, from one peer at a time, and trusts none of them.

Every block is checked by the injected `apply`; network/sources.py says what becomes of peers that do not serve well.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import field

from chain.types import Height, ValidatorId
from chain.values import dataclass
from network.limits import MIB
from network.requests import BLOCKS_MAX, BlocksRequest, RequestKind, decode_blocks
from network.sources import Requester, SetAside, SourceChoice, SourceLimits


class BlockRefusedError(Exception):
    """`apply` raises this when a certified block is false: malformed, badly certified, or not the next one."""


@dataclass(frozen=True, slots=True)
class CatchUpLimits:
    """Local bounds of catching up."""

    check_seconds: float = 1.0
    """A node that is behind and made no progress for this long starts by itself."""
    blocks_max: int = BLOCKS_MAX
    bytes_max: int = 2 * MIB
    sources: SourceLimits = field(default_factory=SourceLimits)


@dataclass(frozen=True, slots=True)
class CatchUpStatus:
    """A snapshot for status and metrics."""

    source: ValidatorId | None
    """The peer that is being asked, while this node catches up."""
    target: Height
    """The highest head that any peer announced."""
    fetched_blocks: int
    set_aside: dict[ValidatorId, str]
    """Peers that are not asked at the moment, and why."""
    lacking: frozenset[ValidatorId]
    """Those of them that do not hold the blocks that this node needs."""


class CatchUp:
    """Owns the choice of the peer to ask."""

    def __init__(
        self,
        requester: Requester,
        own_height: Callable[[], Height],
        apply: Callable[[bytes], Awaitable[None]],
        limits: CatchUpLimits,
        clock: Callable[[], float],
    ) -> None:
        """Take the seams.

        `apply` checks a certified block and makes it the node's own: it raises BlockRefusedError for a false one, does
        nothing for a height that the node has by now, and `own_height` has grown when it returns.
        """
        self._requester = requester
        self._own_height = own_height
        self._apply = apply
        self._limits = limits
        self._sources = SourceChoice(requester, limits.sources, clock)
        self._wanted = asyncio.Event()
        self._source: ValidatorId | None = None
        self._fetched_blocks = 0

    def wake(self) -> None:
        """Start at once if a peer announced a higher head, for instance because a message came from far ahead."""
        self._wanted.set()

    async def run(self) -> None:
        """Catch up whenever this node is behind, until cancelled."""
        height_seen = Height(-1)
        while True:
            try:
                async with asyncio.timeout(self._limits.check_seconds):
                    await self._wanted.wait()
            except TimeoutError:
                # Being one block behind for a moment is normal; consensus will bring it.
                if self._own_height() != height_seen:
                    height_seen = self._own_height()
                    continue
            self._wanted.clear()
            try:
                await self._catch_up()
            finally:
                self._source = None
            height_seen = self._own_height()

    def status(self) -> CatchUpStatus:
        """Return a snapshot."""
        target = max(self._requester.heads().values(), default=Height(0))
        lacking = frozenset(self._sources.aside_for(SetAside.LACKING))
        return CatchUpStatus(self._source, target, self._fetched_blocks, self._sources.aside(), lacking)

    async def _catch_up(self) -> None:
        while (source := self._sources.choose(self._own_height())) is not None:
            self._source = source
            first = Height(self._own_height() + 1)
            limits, impatience = self._limits, self._sources.impatience
            wanted = BlocksRequest(first, max(1, limits.blocks_max >> impatience), limits.bytes_max >> impatience)
            blocks = await self._sources.ask(source, RequestKind.BLOCKS, wanted.encoded(), decode_blocks)
            if blocks is None:
                continue
            lie = await self._apply_all(blocks[: wanted.blocks_max])
            if lie is not None:
                self._sources.set_aside(source, SetAside.LIED, lie)
            elif self._own_height() < first:
                detail = f"{len(blocks)} blocks, none of height {first}"
                self._sources.set_aside(source, SetAside.SERVED_NOTHING, detail)

    async def _apply_all(self, blocks: list[bytes]) -> str | None:
        """Apply blocks; return why one of them is false."""
        for block in blocks:
            try:
                await self._apply(block)
            except BlockRefusedError as error:
                return str(error)
            self._fetched_blocks += 1
        return None
