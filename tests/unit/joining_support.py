"""A ledger that has grown, peers that serve it over the real request formats, and a newcomer that joins it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chain_maker import ChainMaker, make_genesis
from snapshot_support import SMALL, leaves_of
from test_store_gaps import full, with_genesis

from assembly.join_ledger import JoinLedger
from chain.block_store import BlockStore
from chain.certificate import join_certified_block
from chain.genesis import Parameters
from chain.ledger import Ledger, open_ledger
from chain.snapshot_files import StoredSnapshot, open_snapshot
from chain.snapshot_writer import SnapshotHead, SnapshotWriter
from chain.state_database import StateDatabase
from chain.storage import MemoryStore, Store
from chain.types import Digest, Height, ValidatorId
from contracts.engine.runtime import Engine
from network import history_requests, requests
from network.chunks import JoinProgress
from network.errors import PeerUnavailableError, RefusalError, RequestRefusedError
from network.history_requests import CertifiedHeader, HistoryKind, HistorySources, Offer, Offers
from network.joining import Joining
from network.sources import SourceChoice, SourceLimits

WINDOW_BLOCKS = 5
PARAMETERS = Parameters(validity_window_max=WINDOW_BLOCKS * 1_000)
LIMITS = SourceLimits(liar_seconds=60.0, lacking_seconds=0.2, slow_seconds=0.2, unavailable_seconds=0.05)
HURRY = 100.0


@dataclass
class Source:
    """A ledger with a key for each block, and snapshots of some heights."""

    folder: Path
    maker: ChainMaker = field(default_factory=lambda: ChainMaker(make_genesis(parameters=PARAMETERS)))
    store: MemoryStore = field(default_factory=MemoryStore)
    snapshots: dict[int, StoredSnapshot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.maker.ledger = open_ledger(self.maker.genesis, StateDatabase(self.store), Engine())
        self.blocks = with_genesis(self.maker, MemoryStore())

    @property
    def head(self) -> Height:
        return self.maker.head.height

    def grow(self, blocks: int) -> None:
        for _ in range(blocks):
            valid_until = self.maker.head.time + PARAMETERS.validity_window_max
            name = f"key {self.head}"
            paid = self.maker.transfer(valid_until=valid_until, idempotency_key=name)
            self.maker.decide(paid, self.maker.transfer(to=f"party {name}", valid_until=valid_until))
            self.blocks.append(full(self.maker.records[-1]))

    def take_snapshot(self) -> StoredSnapshot:
        head = self.maker.head
        place = SnapshotHead(head.chain_id, head.height, head.block_hash, head.result.state_root)
        for _ in SnapshotWriter(self.folder / str(head.height), place, SMALL).steps(leaves_of(self.store.freeze())):
            pass
        self.snapshots[head.height] = open_snapshot(self.folder, head.height)
        return self.snapshots[head.height]


def grown_source(folder: Path, before: int = 12, after: int = 3) -> Source:
    """Return a ledger with a snapshot some blocks below its head."""
    source = Source(folder)
    source.grow(before)
    source.take_snapshot()
    source.grow(after)
    return source


Alter = Callable[[int, bytes, bytes], Awaitable[bytes]]
"""Given kind, question and honest answer of a peer, returns what it says instead."""


@dataclass
class Peer:
    """One that serves a source, honestly unless it is told otherwise."""

    source: Source
    announced: int | None = None
    snapshots: dict[int, StoredSnapshot] | None = None
    blocks_from: int = 1
    alter: Alter | None = None
    asked: list[tuple[int, bytes]] = field(default_factory=list)

    async def answer(self, kind: int, payload: bytes) -> bytes:
        self.asked.append((kind, payload))
        if self.alter is None:
            return await self._honest(kind, payload)
        try:
            return await self.alter(kind, payload, await self._honest(kind, payload))
        except RefusalError:
            # A liar may invent what an honest peer would refuse.
            invented = await self.alter(kind, payload, b"")
            if invented:
                return invented
            raise

    async def _honest(self, kind: int, payload: bytes) -> bytes:
        if kind in set(HistoryKind):
            return await history_requests.answer(self._sources(), kind, payload)
        blocks = requests.Sources(self._block, lambda block_hash: None, lambda transaction_id: None)
        return await requests.answer(blocks, kind, payload)

    def held(self) -> dict[int, StoredSnapshot]:
        return self.source.snapshots if self.snapshots is None else self.snapshots

    def _sources(self) -> HistorySources:
        return HistorySources(self._header, self._receipts, self._offers, self._manifest, self._chunk)

    def _header(self, height: Height) -> CertifiedHeader | None:
        if height > self.source.head:
            return None
        record = self.source.maker.records[height - 1]
        return CertifiedHeader(record.decoded_block().header.encoded(), record.result, record.certificate)

    def _receipts(self, height: Height) -> list[bytes] | None:
        self._check(height)
        return None if height > self.source.head else list(self.source.maker.records[height - 1].receipts)

    def _block(self, height: Height) -> bytes | None:
        self._check(height)
        if height > self.source.head:
            return None
        record = self.source.maker.records[height - 1]
        return join_certified_block(record.block, record.result, record.certificate)

    def _check(self, height: Height) -> None:
        if height < self.blocks_from:
            raise RefusalError(f"lacking: blocks below {self.blocks_from}")

    def _offers(self, above: Height) -> Offers:
        found = [(height, stored) for height, stored in sorted(self.held().items()) if height > above]
        offers = (
            Offer(Height(height), stored.manifest_hash, len(stored.encoded), stored.manifest.size)
            for height, stored in found
        )
        return Offers(tuple(offers), False)

    async def _manifest(self, manifest_hash: Digest) -> bytes:
        return self._find(manifest_hash).encoded

    async def _chunk(self, manifest_hash: Digest, number: int) -> bytes:
        return self._find(manifest_hash).chunk(number)

    def _find(self, manifest_hash: Digest) -> StoredSnapshot:
        for stored in self.held().values():
            if stored.manifest_hash == manifest_hash:
                return stored
        raise RefusalError("lacking: this snapshot")


@dataclass
class Peers:
    """Implements network.sources.Requester over peers in memory."""

    peers: dict[str, Peer]
    gone: set[str] = field(default_factory=set)

    async def request(self, peer_id: ValidatorId, kind: int, payload: bytes, timeout_seconds: float) -> bytes:
        await asyncio.sleep(0)
        if peer_id in self.gone:
            raise PeerUnavailableError(peer_id, "not connected")
        try:
            return await self.peers[peer_id].answer(kind, payload)
        except RefusalError as refusal:
            raise RequestRefusedError(peer_id, str(refusal)) from refusal

    def heads(self) -> Mapping[ValidatorId, Height]:
        return {
            ValidatorId(name): Height(peer.source.head if peer.announced is None else peer.announced)
            for name, peer in self.peers.items()
            if name not in self.gone
        }


class Rows(MemoryStore):
    """Rows that outlive the store that was opened on them, as those on a disk do."""

    def close(self) -> None:
        """Keep everything."""


@dataclass
class Newcomer:
    """A node that holds genesis, or what it held when it was interrupted, and joins."""

    source: Source
    network: Peers
    block_rows: Store = field(default_factory=Rows)
    state_rows: Store = field(default_factory=Rows)
    progress: JoinProgress = field(default_factory=JoinProgress)

    def __post_init__(self) -> None:
        blocks = BlockStore(self.block_rows)
        self.blocks = with_genesis(self.source.maker, self.block_rows) if blocks.head is None else blocks
        self.ledger = JoinLedger(self.source.maker.genesis, self.blocks, lambda: self.state_rows)
        self.sources = SourceChoice(self.network, LIMITS, asyncio.get_event_loop().time)
        self.joining = Joining(self.sources, self.ledger, self.progress, HURRY)

    async def join(self, above: int = 0, seconds: float = 20.0) -> bool:
        """Join by a snapshot; return whether that worked out."""
        async with asyncio.timeout(seconds):
            if not await self.joining.snapshot(Height(above)):
                return False
            self.ledger.finish()
            return True

    def opened(self) -> Ledger:
        """Return the ledger in the state that was put together."""
        return open_ledger(self.source.maker.genesis, StateDatabase(self.state_rows), Engine())

    def check(self) -> None:
        """Check that the state follows the blocks of the source, block by block."""
        ledger = self.opened()
        for record in self.source.maker.records[ledger.head.height :]:
            execution = ledger.execute(record.decoded_block(), lambda transaction: True)
            assert execution.result.encoded() == record.result
            ledger.apply(execution)
        assert ledger.head == self.source.maker.head
