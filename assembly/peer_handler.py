"""What a node does with what its peers send: messages to consensus, transactions to admission, blocks to catch-up."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from assembly.admission import Admission
from assembly.consensus_host import ConsensusHostService
from assembly.history_service import certified_block
from assembly.proposals import Proposals
from chain.block import Block, decode_block
from chain.block_store import BlockStore
from chain.certificate import CertificateError, decode_certificate, split_certified_block
from chain.encoding import SIZE_MAX, DecodeError
from chain.mempool import Mempool
from chain.receipt import decode_result
from chain.types import Digest, Height, ValidatorId
from consensus.driver import ConsensusDriver
from consensus.pbft.events import CertifiedBlock
from consensus.verifier_queue import VerifierFault
from consensus.verify import MessageError, UnknownEpochError, check_certified_block
from contracts.executor.errors import ExecutorBusy, ExecutorDied, ExecutorFault
from network import history_requests, requests
from network.catchup import BlockRefusedError, CatchUp
from network.errors import DisconnectError, PeerFaultError, RequestError
from network.framing import Channel
from network.gossip import TransactionGossip
from network.history_requests import HistoryKind, HistorySources
from network.peers import PeerNetwork

LOG = logging.getLogger("tallystick.peers")

BODY_SECONDS_MAX: Final = 2.0
"""Time that one candidate has to send a body before the next is asked."""
GOSSIP_WAITING_MAX: Final = 64
"""Batches of peers' transactions that wait for admission; further ones are dropped, for they are in proposals too."""
GOSSIP_TOGETHER: Final = 128
"""Transactions in waiting batches that are admitted together, about 10 ms of signature checks; a batch stays whole."""
BLOCKS_WAITING_MAX: Final = 64
"""Unasked certified blocks that wait to be taken in; further ones are dropped and fetched later."""

HISTORY_KINDS: Final = frozenset(HistoryKind)

REMIND_SECONDS: Final = 1.0
"""A transaction that has waited this long is passed on again: it, or its proposal, may have been lost."""
REMIND_BYTES_MAX: Final = 16 * 1024
"""Bytes of one reminder; the oldest transactions come first, and one that is decided makes room for the next."""


class _TooHighError(BlockRefusedError):
    """A certified block beyond the next one."""


class PeerService:
    """Implements network.connection.PeerHandler; owns the queues between the network and the rest of the node."""

    def __init__(
        self,
        blocks: BlockStore,
        mempool: Mempool,
        proposals: Proposals,
        admission: Admission,
        host: ConsensusHostService,
        undecided_body: Callable[[Digest], Block | None],
    ) -> None:
        """`undecided_body` returns a body that the replica holds, from its log perhaps."""
        self._undecided_body = undecided_body
        self._blocks = blocks
        self._mempool = mempool
        self._proposals = proposals
        self._admission = admission
        self._host = host
        self._driver: ConsensusDriver | None = None
        self._catch_up: CatchUp | None = None
        self._gossip: TransactionGossip | None = None
        self._network: PeerNetwork | None = None
        self._history: HistorySources | None = None
        self._received: asyncio.Queue[list[bytes]] = asyncio.Queue(GOSSIP_WAITING_MAX)
        self._unasked: asyncio.Queue[bytes] = asyncio.Queue(BLOCKS_WAITING_MAX)

    def connect(
        self,
        driver: ConsensusDriver,
        catch_up: CatchUp,
        gossip: TransactionGossip,
        network: PeerNetwork,
        history: HistorySources,
    ) -> None:
        """Complete the circle: the network needs this handler before the others exist."""
        self._driver, self._catch_up, self._gossip, self._network = driver, catch_up, gossip, network
        self._history = history

    async def run(self) -> None:
        """Work the queues off until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._admit_gossip())
            tasks.create_task(self._take_unasked())
            tasks.create_task(self._remind())

    def on_message(self, peer: ValidatorId, channel: Channel, payload: bytes) -> float:
        """Take a message in; return for how long the peer should not be read, as it sends more than its share.

        Raises:
            PeerFaultError: when it is malformed or forged.
        """
        assert self._driver is not None and self._gossip is not None, "connected before the network runs"
        if channel is Channel.CONSENSUS:
            if not self._driver.message(peer, payload):
                raise PeerFaultError("malformed or forged consensus message")
            return self._driver.wait_seconds(peer)
        if channel is Channel.TRANSACTIONS:
            self._gossip.receive(peer, payload)
        elif not self._unasked.full():
            self._unasked.put_nowait(payload)
        return 0.0

    def on_connected(self, peer: ValidatorId, head_height: Height) -> None:
        """Tell consensus, and catch up if the peer is ahead."""
        assert self._driver is not None and self._catch_up is not None, "connected before the network runs"
        LOG.info("connected with %s at height %d", peer, head_height)
        self._driver.peer_connected(peer)
        if head_height > self._host.head.height:
            self._catch_up.wake()

    def on_disconnected(self, peer: ValidatorId, reason: DisconnectError) -> None:
        """Note it in the log."""
        LOG.info("disconnected from %s: %s", peer, reason)

    async def on_request(self, peer: ValidatorId, kind: int, payload: bytes) -> bytes:
        """Answer a peer's request from this node's blocks, snapshots, proposals and mempool."""
        assert self._history is not None, "connected before the network runs"
        if kind in HISTORY_KINDS:
            return await history_requests.answer(self._history, kind, payload)
        sources = requests.Sources(lambda height: certified_block(self._blocks, height), self._body, self._pending_raw)
        return await requests.answer(sources, kind, payload)

    def deliver_gossip(self, peer: ValidatorId, raws: list[bytes]) -> None:
        """Queue a peer's transactions for admission."""
        if not self._received.full():
            self._received.put_nowait(raws)

    async def fetch_body(self, block_hash: Digest, candidates: Sequence[ValidatorId]) -> bytes | None:
        """Look for a body here, in the log too, then ask the candidates, one after the other."""
        assert self._network is not None, "connected before consensus runs"
        own = self._body(block_hash)
        if own is not None:
            return own
        for peer in candidates:
            try:
                payload = requests.encode_body_request(block_hash)
                answer = await self._network.request(peer, requests.RequestKind.BODY, payload, BODY_SECONDS_MAX)
                body = requests.decode_body(answer)
            except (RequestError, DecodeError) as error:
                LOG.info("body %s not had from %s: %s", block_hash.hex(), peer, error)
                continue
            if body is not None:
                return body
        return None

    async def take_certified(self, encoded: bytes) -> None:
        """Check a certified block and have it decided; return once it is applied.

        Raises:
            BlockRefusedError: when it is false.
        """
        assert self._driver is not None, "connected before catching up"
        try:
            raw, result, certificate = split_certified_block(encoded, size_max=SIZE_MAX)
            block, outcome, proof = decode_block(raw), decode_result(result), decode_certificate(certificate)
            height = block.header.height
            head = self._host.head
            if height <= head.height:
                return
            if height != head.height + 1:
                raise _TooHighError(f"block {height} where {head.height + 1} is next")
            check_certified_block(block, outcome, proof, head.validators)
        except (DecodeError, MessageError, UnknownEpochError, CertificateError) as error:
            raise BlockRefusedError(str(error)) from error
        await self._driver.certified_block(CertifiedBlock(block, outcome, proof))

    async def _admit_gossip(self) -> None:
        while True:
            raws = await self._received.get()
            # What came while the last ones were checked is looked at together: most work is for a batch.
            while len(raws) < GOSSIP_TOGETHER and not self._received.empty():
                raws = [*raws, *self._received.get_nowait()]
            try:
                await self._admission.gossiped(raws)
            except (ExecutorBusy, ExecutorDied, ExecutorFault, VerifierFault) as error:
                # Whether the process can be kept alive is its supervisor's business; these come again in proposals.
                LOG.warning("%d transactions of peers were dropped: %s", len(raws), error)

    async def _take_unasked(self) -> None:
        assert self._catch_up is not None, "connected before running"
        while True:
            try:
                await self.take_certified(await self._unasked.get())
            except _TooHighError:
                # Something before it was missed.
                self._catch_up.wake()
            except BlockRefusedError as error:
                LOG.info("an unasked block was refused: %s", error)

    async def _remind(self) -> None:
        """Pass transactions on again that wait for long, whoever's they are: a dead primary must not hide them."""
        assert self._gossip is not None and self._driver is not None, "connected before running"
        while True:
            await asyncio.sleep(REMIND_SECONDS)
            self._proposals.forget_expired()
            self._driver.pending_changed(self._mempool.has_candidates)
            self._driver.left_out_changed(await self._host.look_for_left_out())
            size = 0
            for pending in self._mempool.values():
                size += len(pending.transaction.raw)
                if time.monotonic() - pending.arrived < REMIND_SECONDS or size > REMIND_BYTES_MAX:
                    break
                self._gossip.offer(pending.transaction.raw)

    def _body(self, block_hash: Digest) -> bytes | None:
        """Return a body that is kept beside proposals, was decided, or that the replica has from its log."""
        raw = self._proposals.body(block_hash)
        if raw is None and (block := self._undecided_body(block_hash)) is not None:
            raw = block.raw
        return raw

    def _pending_raw(self, transaction_id: Digest) -> bytes | None:
        pending = self._mempool.get(transaction_id)
        return None if pending is None else pending.transaction.raw
