"""Catching up: fetches certified blocks that this node missed, from one peer at a time, and trusts none of them.

Every block is checked by the injected `apply`, so a peer can lie only to its own cost: whoever serves a false block,
serves nothing although it announced more, or is too slow is set aside for a while under a named reason, and another is
asked. When answers do not come in time, smaller pieces are asked for with more patience, because the slow link may be
our own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from chain.encoding import DecodeError
from chain.types import Height, ValidatorId
from network.errors import PeerUnavailableError, RequestError, RequestTimeoutError
from network.limits import MIB
from network.requests import BLOCKS_MAX, BlocksRequest, RequestKind, decode_blocks

_IMPATIENCE_MAX: Final = 4
"""Requests get up to 16 times smaller and 16 times more time."""


class BlockRefusedError(Exception):
    """`apply` raises this when a certified block is false: malformed, badly certified, or not the next one."""


class SetAside(StrEnum):
    """Why a peer is not asked for a while."""

    LIED = "lied"
    """It served bytes that are no certified block of this chain at that height."""
    SERVED_NOTHING = "served-nothing"
    """It announced a height and did not serve it."""
    SLOW = "slow"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


class Requester(Protocol):
    """The part of the peer network that catching up needs."""

    async def request(self, peer_id: ValidatorId, kind: int, payload: bytes, timeout_seconds: float) -> bytes:
        """Ask one peer; raises RequestError."""
        ...

    def heads(self) -> Mapping[ValidatorId, Height]:
        """Return connected peers and the heads that they announced."""
        ...


@dataclass(frozen=True, slots=True)
class CatchUpLimits:
    """Local bounds of catching up."""

    check_seconds: float = 1.0
    """A node that is behind and made no progress for this long starts by itself."""
    blocks_max: int = BLOCKS_MAX
    bytes_max: int = 2 * MIB
    request_seconds_max: float = 5.0
    liar_seconds: float = 60.0
    slow_seconds: float = 5.0
    unavailable_seconds: float = 0.5


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
        self._clock = clock
        self._wanted = asyncio.Event()
        self._source: ValidatorId | None = None
        self._active = False
        self._aside: dict[ValidatorId, tuple[float, str]] = {}
        self._impatience = 0
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
                self._active = True
                await self._catch_up()
            finally:
                self._active = False
            height_seen = self._own_height()

    def status(self) -> CatchUpStatus:
        """Return a snapshot."""
        now = self._clock()
        aside = {peer: why for peer, (until, why) in self._aside.items() if until > now}
        target = max(self._requester.heads().values(), default=Height(0))
        return CatchUpStatus(self._source if self._active else None, target, self._fetched_blocks, aside)

    async def _catch_up(self) -> None:
        while (source := self._choose()) is not None:
            self._source = source
            first = Height(self._own_height() + 1)
            try:
                blocks = await self._fetch(source, first)
            except RequestTimeoutError as error:
                self._impatience = min(self._impatience + 1, _IMPATIENCE_MAX)
                self._set_aside(source, SetAside.SLOW, error.detail, self._limits.slow_seconds)
            except PeerUnavailableError as error:
                self._set_aside(source, SetAside.UNAVAILABLE, error.detail, self._limits.unavailable_seconds)
            except RequestError as error:
                self._set_aside(source, SetAside.REFUSED, error.detail, self._limits.slow_seconds)
            except DecodeError as error:
                self._set_aside(source, SetAside.LIED, str(error), self._limits.liar_seconds)
            else:
                self._impatience = max(self._impatience - 1, 0)
                await self._apply_all(source, blocks)
                if self._own_height() < first and source not in self._aside:
                    detail = f"{len(blocks)} blocks, none of height {first}"
                    self._set_aside(source, SetAside.SERVED_NOTHING, detail, self._limits.slow_seconds)

    async def _fetch(self, source: ValidatorId, first: Height) -> list[bytes]:
        limits, impatience = self._limits, self._impatience
        wanted = BlocksRequest(first, max(1, limits.blocks_max >> impatience), limits.bytes_max >> impatience)
        seconds_max = limits.request_seconds_max * 2**impatience
        answer = await self._requester.request(source, RequestKind.BLOCKS, wanted.encoded(), seconds_max)
        return decode_blocks(answer)[: wanted.blocks_max]

    async def _apply_all(self, source: ValidatorId, blocks: list[bytes]) -> None:
        for block in blocks:
            try:
                await self._apply(block)
            except BlockRefusedError as error:
                self._set_aside(source, SetAside.LIED, str(error), self._limits.liar_seconds)
                return
            self._fetched_blocks += 1

    def _choose(self) -> ValidatorId | None:
        """Return the peer to ask next, or None when nobody usable is ahead; a source that serves well is kept."""
        now, own = self._clock(), self._own_height()
        self._aside = {peer: entry for peer, entry in self._aside.items() if entry[0] > now}
        ahead = sorted(peer for peer, head in self._requester.heads().items() if head > own and peer not in self._aside)
        if not ahead:
            return None
        if self._source is None or self._source in ahead:
            return self._source or ahead[0]
        return next((peer for peer in ahead if peer > self._source), ahead[0])

    def _set_aside(self, peer: ValidatorId, why: SetAside, detail: str, seconds: float) -> None:
        self._aside[peer] = (self._clock() + seconds, f"{why}: {detail}")
