"""The node as its HTTP API sees it: reading from the block store, asking the executor, handing submissions on."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final, TypeVar

from api.node_detail import NodeDetail
from api.ports import (
    ActivityReply,
    CommittedTransaction,
    HeadStatus,
    HeldEvidence,
    HistoryReply,
    Metric,
    NodeStatus,
    NotReady,
    PeerStatus,
    PendingTransaction,
    Pruned,
    ScanReply,
    StateReply,
    Submission,
    ViewReply,
)
from assembly.admission import Admission
from assembly.back_fill import describe
from assembly.condition import Condition
from assembly.consensus_host import ConsensusHostService
from assembly.evidence_folder import EvidenceFolder, Held
from assembly.history import History
from assembly.history_view import HistoryView
from assembly.interfaces import Interfaces
from assembly.protocol_watch import notices
from assembly.waiters import Committed, Waiters
from chain.block import Block, Header, decode_block
from chain.block_store import BlockStore, TransactionPlace
from chain.genesis import Genesis
from chain.header_chain import header_at
from chain.history_index import Found
from chain.index_terms import Term
from chain.mempool import Mempool
from chain.recorded_block import RecordedBlock
from chain.transaction import transaction_id_of_raw
from chain.types import Digest, Height, Milliseconds, PublicKey
from chain.values import dataclass
from consensus.verifier_queue import VerifierFault
from contracts.executor.client import ExecutorClient
from contracts.executor.errors import ExecutorBusy, ExecutorDied, ExecutorFault
from network.peers import PeerNetwork

RECENT_BLOCKS_MAX: Final = 8
"""Decoded blocks kept for clients that wait for many transactions of one block."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ViewPorts:
    """What the view reads from."""

    name: str
    genesis: Genesis
    chain_id: Digest
    blocks: BlockStore
    mempool: Mempool
    executor: ExecutorClient
    host: ConsensusHostService
    admission: Admission
    network: PeerNetwork
    waiters: Waiters
    condition: Callable[[], Condition]
    metrics: Callable[[], Sequence[Metric]]
    history: History
    indexed: HistoryView
    detail: Callable[[], NodeDetail]
    evidence: EvidenceFolder
    walls_missing: Callable[[], tuple[str, ...]]
    sign_head: Callable[[Header], str | None]
    observes: bool
    """Whether this node is meant to follow without voting."""


class NodeView:
    """Implements api.ports.LedgerNode."""

    def __init__(self, ports: ViewPorts) -> None:
        self._ports = ports
        self._version = version("tallystick")
        self._interfaces = Interfaces()
        self._recent: dict[Height, tuple[Block, Sequence[bytes]]] = {}

    @property
    def chain_id(self) -> Digest:
        """The genesis hash."""
        return self._ports.chain_id

    @property
    def genesis(self) -> Genesis:
        """What the ledger started from."""
        return self._ports.genesis

    def head(self) -> HeadStatus:
        """Return the last decided block whose state can be read."""
        head = self._ports.host.head
        return HeadStatus(head.height, head.block_hash, head.time)

    def status(self) -> NodeStatus:
        """Return the node's condition."""
        ports = self._ports
        condition = ports.condition()
        peers = tuple(
            PeerStatus(
                peer.peer,
                peer.address,
                peer.connected,
                peer.head_height,
            )
            for peer in ports.network.status().peers
        )
        return NodeStatus(
            ports.name,
            self._version,
            None if ports.observes else ports.name,
            not condition.not_ready_reasons,
            condition.not_ready_reasons,
            ports.host.head.height,
            condition.view,
            condition.primary,
            peers,
            len(ports.mempool),
            ports.mempool.bytes_used,
            os.getpid(),
            ports.executor.pid,
            ports.walls_missing(),
            ports.executor.head.next_version,
            notices(ports.executor.head, ports.executor.versions),
            ports.history.status(),
            ports.history.lacking(),
        )

    def detail(self) -> NodeDetail:
        """Return everything that this node knows of why something is, or is not, being committed."""
        return self._ports.detail()

    def evidence(self) -> Sequence[HeldEvidence]:
        """Return what this node holds against validators."""
        return [_held_evidence(held) for held in self._ports.evidence.held]

    def metrics(self) -> Sequence[Metric]:
        """Return a snapshot of the node's metrics."""
        return self._ports.metrics()

    async def submit(self, raws: Sequence[bytes]) -> list[Submission]:
        """Take transactions in.

        Raises:
            NotReady: when the executor cannot tell who the senders are.
        """
        return await _asked(self._ports.admission.submit(raws))

    async def wait_committed(
        self, transaction_ids: Sequence[Digest], timeout_seconds: float
    ) -> dict[Digest, CommittedTransaction]:
        """Return those that are committed, at the latest when the time is over."""
        ports = self._ports
        # What waits in the mempool has not been applied: both happen in one turn of the event loop.
        waiting = [item for item in transaction_ids if item in ports.mempool]
        found = await ports.waiters.wait_transactions(waiting, timeout_seconds)
        committed: dict[Digest, CommittedTransaction] = {}
        for transaction_id in transaction_ids:
            known = found.get(transaction_id)
            answer = await self._decided(transaction_id) if known is None else _committed(transaction_id, known)
            if answer is not None:
                committed[transaction_id] = answer
        return committed

    async def wait_height(self, height: Height) -> None:
        """Return once the head has at least this height."""
        await self._ports.waiters.wait_height(height)

    async def transaction(self, transaction_id: Digest) -> CommittedTransaction | PendingTransaction | None:
        """Return a transaction if this node knows it.

        Raises:
            Pruned: when it may stand in a block that this node lacks.
        """
        committed = self._committed(transaction_id)
        if committed is not None:
            return committed
        pending = self._ports.mempool.get(transaction_id)
        if pending is not None:
            return PendingTransaction(transaction_id, pending.transaction.raw)
        # Stored, while its effects cannot be read yet: it is about to be committed.
        place = self._ports.blocks.find_transaction(transaction_id)
        if place is None:
            if self._ports.blocks.gaps:
                raise Pruned(f"{transaction_id.hex()} may stand in blocks that this node lacks: {self._gaps()}")
            return None
        return PendingTransaction(transaction_id, self._recorded(place.height)[0].transactions[place.index])

    async def block(self, height: Height) -> RecordedBlock | None:
        """Return a decided block whose state can be read.

        Raises:
            Pruned: when this node lacks it.
        """
        if not 1 <= height <= self._ports.host.head.height:
            return None
        if self._ports.blocks.lacks(height):
            raise Pruned(f"this node joined by a snapshot and lacks blocks {self._gaps()}; ask another one")
        blocks = self._ports.blocks
        block, result, certificate = blocks.block(height), blocks.result(height), blocks.certificate(height)
        assert block is not None and result is not None and certificate is not None, "decided blocks are kept whole"
        return RecordedBlock(block, result, certificate, tuple(blocks.receipts(height)))

    async def height_of_block(self, block_hash: Digest) -> Height | None:
        """Return the height of a decided block."""
        return self._ports.blocks.height_of(block_hash)

    async def history_path(self, height: Height, size: int) -> Sequence[Digest]:
        """Return the Merkle path of a block in the history tree of `size` leaves."""
        return self._ports.blocks.prove_block(height, size)

    async def history_extension(self, old_size: int, size: int) -> Sequence[Digest]:
        """Return the proof that one history tree begins with another."""
        return self._ports.blocks.prove_extension(old_size, size)

    def checkpoint(self) -> str | None:
        """Return the head as a signed note."""
        height = self._ports.host.head.height
        return None if height == 0 else self._ports.sign_head(header_at(self._ports.blocks, height))

    async def view(
        self, contract: str, method: str, args: Sequence[Any], sender_key: PublicKey | None, gas_limit: int
    ) -> ViewReply:
        """Run a view at the head.

        Raises:
            NotReady: when the executor cannot answer.
        """
        viewed = await _asked(self._ports.executor.view(contract, method, args, sender_key, gas_limit))
        return ViewReply(viewed.height, viewed.code, viewed.value, viewed.gas_used)

    async def interface(self, source_hash: Digest, source: str) -> Mapping[str, Any]:
        """Return the interface of a source that the ledger has accepted."""
        return await self._interfaces.of(source_hash, source)

    async def state(self, contract: str, key: bytes, *, with_proof: bool) -> StateReply:
        """Return what the state at the head holds under a key.

        Raises:
            NotReady: when the executor cannot answer.
        """
        proven = await _asked(self._ports.executor.prove(contract, key))
        return StateReply(proven.height, proven.leaf, proven.proof if with_proof else None)

    async def state_history(
        self, contract: str, key: bytes, *, limit: int, version: Digest | None = None
    ) -> HistoryReply:
        """Return versions of a key, newest first.

        Raises:
            NotReady: when the executor cannot answer.
        """
        versions = await _asked(self._ports.executor.history(contract, key, limit, version))
        return HistoryReply(versions.height, versions.leaves, versions.complete)

    async def scan(self, contract: str, start: bytes, end: bytes, *, limit: int, reverse: bool = False) -> ScanReply:
        """Return entries in key order, or reversed.

        Raises:
            NotReady: when the executor cannot answer.
        """
        found = await _asked(self._ports.executor.scan(contract, start, end, limit, reverse))
        return ScanReply(found.height, found.entries)

    @property
    def keeps_index(self) -> bool:
        """Whether this node keeps an index of history."""
        return self._ports.indexed.exists

    async def find(
        self, terms: Sequence[Term], low: TransactionPlace, high: TransactionPlace, *, limit: int, descending: bool
    ) -> Found:
        """Return places with all these terms."""
        return await self._ports.indexed.find(terms, low, high, limit=limit, descending=descending)

    async def committed_at(self, place: TransactionPlace) -> CommittedTransaction:
        """Return the transaction at a place."""
        return self._at(place)

    async def words(self, prefix: str, limit: int) -> list[str]:
        """Return words of the index that begin with a text."""
        return await self._ports.indexed.words(prefix, limit)

    async def activity(self, resolution: Milliseconds, start: Milliseconds, end: Milliseconds) -> ActivityReply:
        """Return how much happened in periods."""
        return await self._ports.indexed.activity(resolution, start, end)

    def _gaps(self) -> str:
        return describe(self._ports.blocks.gaps)

    async def _decided(self, transaction_id: Digest) -> CommittedTransaction | None:
        """Return a transaction of a decided block once the block's effects can be read."""
        place = self._ports.blocks.find_transaction(transaction_id)
        if place is None:
            return None
        # The block store is written before the state.
        await self._ports.waiters.wait_height(place.height)
        return self._at(place, transaction_id)

    def _committed(self, transaction_id: Digest) -> CommittedTransaction | None:
        place = self._ports.blocks.find_transaction(transaction_id)
        if place is None or place.height > self._ports.host.head.height:
            return None
        return self._at(place, transaction_id)

    def _at(self, place: TransactionPlace, transaction_id: Digest | None = None) -> CommittedTransaction:
        """Return the transaction at a place, whose id is computed unless the caller has it."""
        block, receipts = self._recorded(place.height)
        raw, receipt = block.transactions[place.index], receipts[place.index]
        return CommittedTransaction(
            transaction_id_of_raw(raw) if transaction_id is None else transaction_id,
            raw,
            block.block_hash,
            place.height,
            place.index,
            block.header.time,
            receipt,
        )

    def _recorded(self, height: Height) -> tuple[Block, Sequence[bytes]]:
        """Return block and receipts; a batch of clients waits for the same block, so the last ones are kept."""
        known = self._recent.get(height)
        if known is None:
            raw = self._ports.blocks.block(height)
            assert raw is not None, "an indexed transaction's block is kept whole"
            known = self._recent[height] = (decode_block(raw), self._ports.blocks.receipts(height))
            if len(self._recent) > RECENT_BLOCKS_MAX:
                del self._recent[next(iter(self._recent))]
        return known


def _committed(transaction_id: Digest, known: Committed) -> CommittedTransaction:
    """Return a transaction of a block that was just applied."""
    applied, index = known.applied, known.index
    block = applied.block
    header = block.header
    return CommittedTransaction(
        transaction_id,
        block.transactions[index],
        block.block_hash,
        header.height,
        index,
        header.time,
        applied.receipts[index],
    )


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except (ExecutorBusy, ExecutorDied, ExecutorFault, VerifierFault) as error:
        raise NotReady([f"a process of this node does not answer: {error}"]) from error


def _held_evidence(held: Held) -> HeldEvidence:
    finding = held.finding
    place = finding.place
    return HeldEvidence(
        held.digest,
        finding.validator,
        finding.code,
        place.epoch,
        place.height,
        place.view,
        held.data,
        held.is_durable,
    )
