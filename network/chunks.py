"""Fetching the chunks of one snapshot from all peers that offer it, and the seams that joining shares.

Each peer is asked for one chunk at a time. A chunk that is false, late or refused goes back to the others, and the peer
is set aside; so the pace is that of the honest ones together.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from chain.height_ranges import HeightRange
from chain.snapshot import Manifest, SnapshotError, manifest_hash_of
from chain.types import Digest, Height, ValidatorId
from network.history_requests import (
    CertifiedHeader,
    HistoryKind,
    decode_bytes,
    decode_offers,
    encode_chunk_request,
    encode_snapshots_request,
)
from network.sources import SetAside, SourceChoice

CHUNK_SOURCES_MAX: Final = 4
"""Peers from which chunks come at a time."""
ROUNDS_WITHOUT_OFFER_MAX: Final = 3
"""After so many rounds in which nobody offers the snapshot it is given up for another."""

T = TypeVar("T")


class JoinStore(Protocol):
    """What joining builds: the node's blocks and a state. Every method may block, and is called in a thread."""

    def head(self) -> Height:
        """Return the height of the last header that is held."""
        ...

    def append_headers(self, headers: Sequence[CertifiedHeader]) -> None:
        """Check the next headers and write them durably.

        Raises:
            HeaderRefusedError: when one is false; those before it are written.
        """
        ...

    def manifest_hash(self) -> Digest | None:
        """Return the hash of the manifest whose chunks are being put in, if any."""
        ...

    def believe(self, manifest: Manifest) -> None:
        """Compare a manifest with the certified header of its height, and take it up.

        Raises:
            SnapshotError: when it is not of the certified state.
        """
        ...

    def bodies_missing(self) -> Sequence[HeightRange]:
        """Return the heights whose bodies and receipts have to be fetched."""
        ...

    def fill(self, first: Height, bodies: Sequence[tuple[bytes, list[bytes]]]) -> None:
        """Check blocks and their receipts from a height on, and write them durably.

        Raises:
            HeaderRefusedError: when one is false; those before it are written.
        """
        ...

    def chunks_missing(self) -> list[int]:
        """Return the numbers of the chunks that have to be fetched."""
        ...

    def put_chunk(self, number: int, data: bytes) -> None:
        """Check a chunk and write it durably.

        Raises:
            SnapshotError: when it is false.
        """
        ...


@dataclass(slots=True)
class JoinProgress:
    """How far joining is; read at any time."""

    phase: str = "starting"
    """One of starting, headers, blocks, snapshot (looking for one), state, installing."""
    target: int = 0
    """The height at which this node will take part."""
    done: int = 0
    total: int = 0
    unit: str = ""
    sources: tuple[ValidatorId, ...] = ()
    """The peers that are being asked."""

    def enter(self, phase: str, done: int, total: int, unit: str) -> None:
        """Begin a phase."""
        self.phase, self.done, self.total, self.unit, self.sources = phase, done, total, unit, ()


class ChunkFetch:
    """Owns the chunks that are still to be fetched."""

    def __init__(
        self,
        sources: SourceChoice,
        store: JoinStore,
        progress: JoinProgress,
        manifest: Manifest,
        round_seconds: float,
    ) -> None:
        self._sources = sources
        self._store = store
        self._progress = progress
        self._manifest = manifest
        self._hash = manifest_hash_of(manifest.encoded())
        self._round_seconds = round_seconds
        self._missing: deque[int] = deque()
        self._writing = asyncio.Lock()
        self._workers: dict[ValidatorId, asyncio.Task[None]] = {}

    async def run(self) -> bool:
        """Fetch all chunks; return False when nobody offers the snapshot any more.

        Raises:
            StoreError: when they cannot be written.
        """
        subtrees = self._manifest.subtrees
        self._missing.extend(await in_thread(self._store.chunks_missing))
        left = sum(subtrees[number].size for number in self._missing)
        self._progress.enter("state", self._manifest.size - left, self._manifest.size, "bytes")
        rounds_without_offer = 0
        async with asyncio.TaskGroup() as group:
            while self._missing or self._workers:
                offering = await self._offering()
                for peer in offering:
                    if self._missing and peer not in self._workers and len(self._workers) < CHUNK_SOURCES_MAX:
                        self._workers[peer] = group.create_task(self._fetch_from(peer))
                self._progress.sources = tuple(sorted(self._workers))
                rounds_without_offer = 0 if offering or self._workers else rounds_without_offer + 1
                if rounds_without_offer == ROUNDS_WITHOUT_OFFER_MAX:
                    return False
                await self._round()
        return True

    async def _round(self) -> None:
        """Wait until a worker ends, or until it is time to look for further peers."""
        if self._workers:
            await asyncio.wait(self._workers.values(), timeout=self._round_seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(self._round_seconds)
        self._workers = {peer: task for peer, task in self._workers.items() if not task.done()}

    async def _offering(self) -> list[ValidatorId]:
        """Return the peers that offer this very snapshot and are not at work yet."""
        above = Height(self._manifest.height - 1)
        idle = [peer for peer in self._sources.usable(above) if peer not in self._workers]
        if not self._missing or len(self._workers) >= CHUNK_SOURCES_MAX:
            return []
        request = encode_snapshots_request(above)
        answers = await asyncio.gather(
            *(self._sources.ask(peer, HistoryKind.SNAPSHOTS, request, decode_offers) for peer in idle)
        )
        return [
            peer
            for peer, offers in zip(idle, answers, strict=True)
            if offers is not None and any(offer.manifest_hash == self._hash for offer in offers.offers)
        ]

    async def _fetch_from(self, peer: ValidatorId) -> None:
        """Fetch chunk after chunk from one peer, until none is missing or the peer fails."""
        while self._missing:
            number = self._missing.popleft()
            if not await self._fetch_one(peer, number):
                self._missing.append(number)
                return
            self._progress.done += self._manifest.subtrees[number].size

    async def _fetch_one(self, peer: ValidatorId, number: int) -> bool:
        request = encode_chunk_request(self._hash, number)
        data = await self._sources.ask(peer, HistoryKind.CHUNK, request, decode_bytes)
        if data is None:
            return False
        try:
            async with self._writing:
                await in_thread(self._store.put_chunk, number, data)
        except SnapshotError as error:
            self._sources.set_aside(peer, SetAside.LIED, str(error))
            return False
        return True


async def in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Run what blocks in a thread; when cancelled, wait for it first: it works on what the caller is about to close."""
    running = asyncio.get_running_loop().run_in_executor(None, function, *arguments)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise
