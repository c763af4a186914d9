"""Joining: a node fetches what it lacks to take part, from genesis' trust on: headers, recent bodies, a state.

    1. a snapshot is chosen among those that peers offer, unless the state is here already
    2. headers with certificates from the last one held up to the snapshot's block; only now is the manifest believed
    3. blocks and receipts that the window of the snapshot needs, and whatever else `JoinStore` asks for
    4. the chunks, from all peers that offer the very same manifest, each verified before it is written

Everything is checked and written by the injected JoinStore, step by step and durably, so that an interruption costs at
most the step that was under way. Who lies is set aside at its first false byte and another is asked; if nobody offers
the snapshot any more, a newer one is taken up, and what is the same in it is kept. Joining goes on until it is done.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from chain.certificate import split_certified_block
from chain.encoding import SIZE_MAX
from chain.header_chain import HeaderRefusedError
from chain.height_ranges import heights_in
from chain.snapshot import Manifest, SnapshotError, decode_manifest, manifest_hash_of
from chain.types import Height, ValidatorId
from network.chunks import ChunkFetch, JoinProgress, JoinStore, in_thread
from network.history_requests import (
    HistoryKind,
    Offer,
    RangeRequest,
    decode_bytes,
    decode_headers,
    decode_offers,
    decode_receipts,
    encode_manifest_request,
    encode_snapshots_request,
)
from network.limits import MIB
from network.requests import BLOCKS_MAX, BlocksRequest, RequestKind, decode_blocks
from network.sources import SetAside, SourceChoice

LOG = logging.getLogger("tallystick.joining")

WAIT_SECONDS: Final = 0.5
"""Pause when nobody can be asked."""
OFFERS_SECONDS: Final = 2.0
"""Pause between two rounds of asking for snapshots."""
OFFER_ROUNDS_MAX: Final = 30
"""Rounds of asking for snapshots in which nobody has one, or is making one; asking has it made."""
HEADER_ROUNDS_MAX: Final = 20
"""Pauses after which a height that nobody has the header of is taken for invented."""
BODY_ROUNDS_MAX: Final = 120
"""Pauses after which bodies that nobody has are given up, for the time being."""
RANGE_BYTES_MAX: Final = 2 * MIB
HEADERS_A_REQUEST: Final = 256
"""Each costs a quorum of signature checks, and all of an answer are checked before the next is asked for."""


class Joining:
    """Owns the course of joining."""

    def __init__(self, sources: SourceChoice, store: JoinStore, progress: JoinProgress, hurry: float = 1.0) -> None:
        """`hurry` divides all pauses; tests are in a hurry."""
        self._sources = sources
        self._store = store
        self._progress = progress
        self._wait_seconds = WAIT_SECONDS / hurry
        self._offers_seconds = OFFERS_SECONDS / hurry

    async def snapshot(self, above: Height) -> bool:
        """Fetch everything for a state above a height; return True when all chunks of a snapshot are in.

        False means that for a while nobody has offered one.

        Raises:
            StoreError, CertifiedConflictError: when the node's own data cannot be gone on with; so do those below.
        """
        while (chosen := await self._manifest(above)) is not None:
            manifest, offering = chosen
            if not await self.headers(manifest.height):
                self._accuse(offering, f"nobody has the header of block {manifest.height}, whose snapshot it offers")
                continue
            try:
                await in_thread(self._store.believe, manifest)
            except SnapshotError as error:
                self._accuse(offering, str(error))
                continue
            if not await self.bodies():
                continue
            chunks = ChunkFetch(self._sources, self._store, self._progress, manifest, self._offers_seconds)
            if await chunks.run():
                return True
            LOG.info("nobody offers the snapshot of block %d any more; looking for another", manifest.height)
            above = max(above, Height(manifest.height - 1))
        return False

    async def headers(self, target: Height) -> bool:
        """Fetch certified headers up to a height; return False when nobody has them for a while."""
        progress = self._progress
        progress.target = target
        head = await in_thread(self._store.head)
        progress.enter("headers", head, target, "headers")
        rounds = 0
        while head < target:
            peer = self._sources.choose(head)
            if peer is None:
                rounds += 1
                if rounds > HEADER_ROUNDS_MAX:
                    return False
                await asyncio.sleep(self._wait_seconds)
                continue
            progress.sources = (peer,)
            impatience = self._sources.impatience
            count = min(HEADERS_A_REQUEST >> impatience, target - head)
            wanted = RangeRequest(Height(head + 1), count, RANGE_BYTES_MAX >> impatience)
            headers = await self._sources.ask(peer, HistoryKind.HEADERS, wanted.encoded(), decode_headers)
            if headers is None:
                continue
            headers = headers[:count]
            await self._take(peer, partial(self._store.append_headers, headers), bool(headers))
            grown = await in_thread(self._store.head)
            rounds = 0 if grown > head else rounds
            progress.done = head = grown
        return True

    async def bodies(self) -> bool:
        """Fetch the blocks and receipts that the store lacks; return False when nobody has them for a while."""
        missing = await in_thread(self._store.bodies_missing)
        self._progress.enter("blocks", 0, heights_in(missing), "blocks")
        rounds = 0
        while missing:
            first, last = missing[0]
            peer = self._sources.choose(first - 1)
            self._progress.sources = () if peer is None else (peer,)
            if peer is None:
                rounds += 1
                if rounds > BODY_ROUNDS_MAX:
                    return False
                await asyncio.sleep(self._wait_seconds)
                continue
            bodies = await fetch_bodies(self._sources, peer, first, last)
            if bodies is not None:
                await self._take(peer, partial(self._store.fill, first, bodies), bool(bodies))
            missing = await in_thread(self._store.bodies_missing)
            done = self._progress.total - heights_in(missing)
            rounds = 0 if done > self._progress.done else rounds
            self._progress.done = done
        return True

    async def _manifest(self, above: Height) -> tuple[Manifest, set[ValidatorId]] | None:
        """Return a manifest, as it was offered, and who offers it; None when nobody does for a while."""
        self._progress.enter("snapshot", 0, 0, "")
        rounds = 0
        while rounds < OFFER_ROUNDS_MAX:
            found, is_making = await find_offers(self._sources, above)
            rounds += not is_making
            current = await in_thread(self._store.manifest_hash)
            # What was begun is gone on with as long as anybody has it.
            best = max(found, key=lambda offer: (offer.manifest_hash == current, offer.height), default=None)
            if best is None:
                await asyncio.sleep(self._offers_seconds)
                continue
            manifest = await self._fetch_manifest(best, sorted(found[best]))
            if manifest is not None:
                return manifest, found[best]
        return None

    async def _fetch_manifest(self, offer: Offer, offering: list[ValidatorId]) -> Manifest | None:
        for peer in offering:
            request = encode_manifest_request(offer.manifest_hash)
            data = await self._sources.ask(peer, HistoryKind.MANIFEST, request, decode_bytes)
            if data is None:
                continue
            try:
                if manifest_hash_of(data) != offer.manifest_hash:
                    raise SnapshotError("the manifest is not the one that was offered")
                manifest = await in_thread(decode_manifest, data)
                if manifest.height != offer.height:
                    raise SnapshotError(f"the manifest is of height {manifest.height}, not {offer.height}")
            except SnapshotError as error:
                self._sources.set_aside(peer, SetAside.LIED, str(error))
                continue
            return manifest
        return None

    def _accuse(self, peers: set[ValidatorId], detail: str) -> None:
        for peer in peers:
            self._sources.set_aside(peer, SetAside.LIED, detail)

    async def _take(self, peer: ValidatorId, write: Callable[[], None], is_something: bool) -> None:
        """Write what a peer sent; a false part, or nothing at all, is held against it."""
        if not is_something:
            self._sources.set_aside(peer, SetAside.SERVED_NOTHING, "an empty answer")
            return
        try:
            await in_thread(write)
        except HeaderRefusedError as error:
            self._sources.set_aside(peer, SetAside.LIED, str(error))


async def fetch_bodies(
    sources: SourceChoice, peer: ValidatorId, first: Height, last: Height
) -> list[tuple[bytes, list[bytes]]] | None:
    """Return blocks with their receipts from height `first` on, unchecked; None when the peer was set aside."""
    impatience = sources.impatience
    count = max(1, min(BLOCKS_MAX, last - first + 1) >> impatience)
    size = RANGE_BYTES_MAX >> impatience
    blocks = await sources.ask(peer, RequestKind.BLOCKS, BlocksRequest(first, count, size).encoded(), _decode_bodies)
    if not blocks:
        return blocks if blocks is None else []
    blocks = blocks[:count]
    wanted = RangeRequest(first, len(blocks), RANGE_BYTES_MAX)
    receipts = await sources.ask(peer, HistoryKind.RECEIPTS, wanted.encoded(), decode_receipts)
    return None if receipts is None else list(zip(blocks, receipts, strict=False))


async def find_offers(sources: SourceChoice, above: Height) -> tuple[dict[Offer, set[ValidatorId]], bool]:
    """Ask all peers that are ahead for snapshots above a height; return who offers which, and if more are made."""
    request = encode_snapshots_request(above)
    peers = sources.usable(above)
    answers = await asyncio.gather(
        *(sources.ask(peer, HistoryKind.SNAPSHOTS, request, decode_offers) for peer in peers)
    )
    found: dict[Offer, set[ValidatorId]] = {}
    given = [(peer, offers) for peer, offers in zip(peers, answers, strict=True) if offers is not None]
    for peer, offers in given:
        for offer in offers.offers:
            if offer.height > above:
                found.setdefault(offer, set()).add(peer)
    return found, any(offers.is_making for _, offers in given)


def _decode_bodies(payload: bytes) -> list[bytes]:
    """Return the blocks of an answer with certified blocks, without results and certificates; raises DecodeError."""
    return [split_certified_block(item, size_max=SIZE_MAX)[0] for item in decode_blocks(payload)]
