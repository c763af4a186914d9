"""One node that takes part: its parts, how they are connected, and what it says of itself.

The order of making them is the order of trust: the node's own blocks, the state that agrees with them and the log of
what this validator said are open already; then come agreement, the network and the HTTP API.
"""

import asyncio
import functools
import gc
import logging
import secrets
import time
from collections.abc import Sequence

from api.context import ApiLimits
from api.node_detail import NodeDetail
from api.ports import Metric
from api.server import ApiAddressInUse, ApiServer
from assembly.access import api_access
from assembly.accuser import Accuser, findings_by_validator
from assembly.admission import Admission, AdmissionPorts, clock
from assembly.condition import Condition, condition_of
from assembly.consensus_host import Applied, ConsensusHostService, HostPorts, consensus_head
from assembly.data_folder import DataFolder
from assembly.evidence_folder import EvidenceFolder
from assembly.failures import Diverged, PortTaken
from assembly.history import History, HistoryPorts
from assembly.history_view import HistoryView
from assembly.indexing import Indexer
from assembly.join_need import JoinNeed, NeedsPeers
from assembly.keys import NodeKeys, head_signer
from assembly.members import MemberDirectory
from assembly.metrics import node_metrics
from assembly.node_detail import (
    Refusals,
    Running,
    consensus_detail,
    detail_of,
    helper_detail,
    pool_detail,
    surroundings,
)
from assembly.node_view import NodeView, ViewPorts
from assembly.observers import ObserverWatch
from assembly.pace import Pace
from assembly.pbft_settings import pbft_config
from assembly.peer_handler import PeerService
from assembly.proposals import Proposals
from assembly.protocol_watch import lacks_rules, notices
from assembly.voting_log import VotingLog
from assembly.waiters import Waiters
from assembly.walls import missing_walls
from chain.block import Block
from chain.block_store import BlockStore
from chain.certificate import Certificate, decode_certificate, join_certified_block
from chain.crypto import signer
from chain.genesis import Genesis
from chain.history_index import HistoryIndex
from chain.mempool import Mempool
from chain.prices import LEDGER_PRICES
from chain.protocol import Schedule
from chain.rules import Rules
from chain.types import Digest, Height, ValidatorId
from chain.validators import ValidatorSet
from chain.validity import Head as LedgerHead
from configs.node_config import NodeConfig
from consensus.driver import ConsensusDriver
from consensus.pbft.events import Accusation, BadProposal, CannotExecute, Head, Report, Restored
from consensus.pbft.events import Diverged as DivergedReport
from consensus.pbft.messages import NONCE_BYTES
from consensus.pbft.replica import Replica
from consensus.verifier import VerifierPool
from contracts.executor.client import ExecutorClient
from contracts.executor.errors import ExecutorFault
from contracts.executor.memory import settle
from network.catchup import CatchUp, CatchUpLimits
from network.framing import Channel
from network.gossip import GossipLimits, TransactionGossip
from network.peer import Address
from network.peers import NetworkConfig, PeerNetwork
from network.tls import Observer, TlsFiles

LOG = logging.getLogger("tallystick.node")


class Node:
    """Owns the parts of one running node and how they are connected."""

    def __init__(
        self,
        config: NodeConfig,
        genesis: Genesis,
        keys: NodeKeys,
        blocks: BlockStore,
        executor: ExecutorClient,
        opened: VotingLog,
        verifier: VerifierPool,
        *,
        index: HistoryIndex | None,
        may_join: bool,
    ) -> None:
        """`may_join` is whether this node may stop in order to take a snapshot when it is far behind."""
        self._config = config
        self._genesis = genesis
        self._executor = executor
        self._verifier = verifier
        self._mempool, self._pace = Mempool(config.mempool), Pace()
        self._applied_at = time.monotonic()
        self._schedule: Schedule | None = None
        self._tell_notices(executor.head)
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        own_id = ValidatorId(config.name)
        head = consensus_head(executor.head, _certificate(blocks, executor.head.height))
        self._waiters = Waiters(head.height)
        members = MemberDirectory(self._read_state)
        proposals = Proposals(genesis, own_id, blocks, self._mempool)
        self._host = self._make_host(blocks, members, proposals, verifier, head)
        admission = self._make_admission(blocks, members, verifier)
        self._evidence = EvidenceFolder(DataFolder(config.data).evidence, genesis)
        self._accuser = Accuser(genesis, blocks, self._evidence, self._validators, self._undecided_body, time.monotonic)
        self._peers = PeerService(blocks, self._mempool, proposals, admission, self._host, self._undecided_body)
        self._observers = ObserverWatch(config.observers, head.validators.ids, self._on_observers)
        self._network = self._make_network(own_id, head)
        self._surroundings = surroundings(config, genesis, self._network)
        self._refusals, self._sign_head = Refusals(), head_signer(config, keys)
        self._height_at_start = head.height
        self._gossip = TransactionGossip(
            functools.partial(self._network.broadcast, Channel.TRANSACTIONS),
            self._peers.deliver_gossip,
            self._mempool.holds,
            GossipLimits(),
        )
        self._catch_up = CatchUp(
            self._network, self._height, self._peers.take_certified, CatchUpLimits(), time.monotonic
        )
        self._replica = Replica(pbft_config(genesis, own_id), signer(keys.consensus_seed))
        self._log, nonce = opened.log, secrets.token_bytes(NONCE_BYTES)
        first = Restored(head, opened.floor, opened.records, nonce, clock(), opened.damaged)
        self._driver = ConsensusDriver(
            self._replica, self._log, self._host, head.validators, first, proposals.concatenated_ids
        )
        self._history = self._make_history(blocks, may_join)
        self._peers.connect(self._driver, self._catch_up, self._gossip, self._network, self._history.sources)
        self._indexer = None
        if index is not None:
            self._indexer = Indexer(blocks, index, self._height, self._read_state, lambda: self._mempool.has_candidates)
        view = self._make_view(blocks, admission)
        self._api = ApiServer(view, ApiLimits(), config.api.host, config.api.port, api_access(config.access))

    def _make_host(
        self,
        blocks: BlockStore,
        members: MemberDirectory,
        proposals: Proposals,
        verifier: VerifierPool,
        head: Head,
    ) -> ConsensusHostService:
        ports = HostPorts(
            self._genesis,
            self._executor,
            blocks,
            self._mempool,
            members,
            proposals,
            verifier,
            lambda peer, payload: self._network.send(peer, Channel.CONSENSUS, payload),
            lambda peer, block: self._network.send(peer, Channel.BLOCKS, block),
            lambda block_hash, candidates: self._peers.fetch_body(block_hash, candidates),
            lambda: self._catch_up.wake(),
            self._on_applied,
            self._on_report,
            lambda message: self._accuser.refused(message),
        )
        return ConsensusHostService(ports, head, self._executor.head.next_version)

    def _make_admission(self, blocks: BlockStore, members: MemberDirectory, verifier: VerifierPool) -> Admission:
        return Admission(
            AdmissionPorts(
                self._genesis,
                self._rules,
                self._genesis.genesis_hash,
                blocks,
                self._mempool,
                members,
                verifier,
                self._on_admitted,
                self._pass_on,
                self._pace.wait_seconds,
            )
        )

    def _make_network(self, own_id: ValidatorId, head: Head) -> PeerNetwork:
        config = self._config
        addresses = {ValidatorId(name): Address(peer.host, peer.port) for name, peer in config.peers.items()}
        files = TlsFiles(config.keys.tls_certificate, config.keys.tls_key)
        settings = NetworkConfig(own_id, self._genesis.genesis_hash, files, config.peer.host, config.peer.port)
        self._addresses = addresses
        observers = self._observers.observers
        return PeerNetwork(settings, head.validators.validators, addresses, self._peers, self._height, observers)

    def _make_history(self, blocks: BlockStore, may_join: bool) -> History:
        return History(
            HistoryPorts(
                self._config,
                blocks,
                self._executor,
                self._network,
                self._catch_up,
                self._height,
                self._validators,
                self._on_need,
                may_join,
            )
        )

    def _make_view(self, blocks: BlockStore, admission: Admission) -> NodeView:
        return NodeView(
            ViewPorts(
                self._config.name,
                self._genesis,
                self._genesis.genesis_hash,
                blocks,
                self._mempool,
                self._executor,
                self._host,
                admission,
                self._network,
                self._waiters,
                self._condition,
                self._metrics,
                self._history,
                HistoryView(blocks, self._indexer, self._height),
                self._detail,
                self._evidence,
                self._walls_missing,
                self._sign_head,
                self._config.observer,
            )
        )

    def _rules(self) -> Rules:
        return Rules(self._genesis.parameters, LEDGER_PRICES[self._executor.head.next_version])

    def _height(self) -> Height:
        return self._host.head.height

    def _validators(self) -> ValidatorSet:
        return self._host.head.validators

    def _undecided_body(self, block_hash: Digest) -> Block | None:
        return self._replica.body(block_hash) or self._log.body(block_hash)

    async def run(self) -> None:
        """Run until cancelled or until a part fails for good.

        Raises:
            PortTaken: when the peer port or the API's cannot be bound.
            Diverged: when this node's own result of a decided block is another.
        """
        try:
            self._network.listen()
            await self._api.start()
        except (OSError, ApiAddressInUse) as error:
            raise PortTaken(f"peer {self._config.peer} or api {self._config.api}: {error}") from error
        # What lives now lives as long as the node; the collector need not look at it again and again.
        settle()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._network.run())
                tasks.create_task(self._gossip.run())
                tasks.create_task(self._catch_up.run())
                tasks.create_task(self._history.run())
                tasks.create_task(self._observers.run())
                tasks.create_task(self._peers.run())
                if self._indexer is not None:
                    tasks.create_task(self._indexer.run())
                tasks.create_task(self._driver.run())
                tasks.create_task(self._executor.watch())
                tasks.create_task(self._verifier.watch())
                tasks.create_task(self._fail_when_told())
        finally:
            gc.unfreeze()
            await self._api.stop()

    async def _fail_when_told(self) -> None:
        await self._failure

    async def _read_state(self, contract: str, key: bytes) -> bytes | None:
        return (await self._executor.read(contract, [key])).values[0]

    def _on_admitted(self) -> None:
        self._driver.pending_changed(True)

    def _pass_on(self, raws: list[bytes]) -> None:
        for raw in raws:
            self._gossip.offer(raw)

    def _on_applied(self, applied: Applied) -> None:
        self._applied_at = time.monotonic()
        self._pace.applied(self._applied_at, len(applied.transaction_ids), len(self._mempool))
        self._tell_notices(applied.head)
        self._waiters.applied(applied)
        self._show_observers(applied)
        if self._indexer is not None:
            self._indexer.applied(applied)
        self._driver.left_out_changed(self._host.left_out.complains)
        self._driver.pending_changed(self._mempool.has_candidates)

    def _tell_notices(self, head: LedgerHead) -> None:
        """Log a change of the protocol when it is decided, not with every block until it begins."""
        if head.schedule == self._schedule:
            return
        self._schedule = head.schedule
        for notice in notices(head, self._executor.versions):
            LOG.warning("%s", notice)

    def _show_observers(self, applied: Applied) -> None:
        """Send a block to observers, if it is this node's own: so each observer gets it from one validator."""
        block = applied.block
        observers = self._network.observers() if block.header.proposer == self._config.name else []
        if observers:
            certified = join_certified_block(block.raw, applied.head.result.encoded(), applied.certificate.encoded())
            for observer in observers:
                self._network.send(observer, Channel.BLOCKS, certified)

    def _on_observers(self, observers: tuple[Observer, ...]) -> None:
        self._network.update(self._host.head.validators.validators, self._addresses, observers)

    def _on_need(self, need: JoinNeed) -> None:
        if not self._failure.done():
            self._failure.set_exception(NeedsPeers(need))

    def _on_report(self, report: Report) -> None:
        if isinstance(report, BadProposal):
            self._refusals.add(report)
        if isinstance(report, Accusation):
            self._accuser.accused(report, self._host.culprit)
        if self._failure.done():
            return
        if isinstance(report, DivergedReport):
            own = "none" if report.own is None else report.own.hex()
            detail = f"height {report.height}: own result {own}, certified {report.certified.hex()}"
            self._failure.set_exception(Diverged(detail))
        elif isinstance(report, CannotExecute):
            self._failure.set_exception(ExecutorFault(f"block {report.height} is decided and cannot be executed here"))

    def _condition(self) -> Condition:
        status, head = self._replica.status, self._host.head
        stalled = self._stalled_seconds()
        return condition_of(status, head, self._network.heads(), stalled, observes=self._config.observer)

    def _stalled_seconds(self) -> float:
        """Return for how long transactions have waited without any block being decided."""
        oldest = self._mempool.oldest()
        if oldest is None or not self._mempool.has_candidates:
            return 0.0
        return time.monotonic() - max(oldest.arrived, self._applied_at)

    def _detail(self) -> NodeDetail:
        running = Running(
            self._replica,
            self._driver,
            self._mempool,
            self._config.mempool,
            self._host.left_out.detail(),
            self._executor,
            self._verifier,
        )
        decided_at = self._applied_at if self._height() > self._height_at_start else None
        validators = self._host.head.validators
        consensus = consensus_detail(running, validators, self._stalled_seconds(), decided_at, self._refusals)
        helpers = helper_detail(running, self._history.snapshots.failure)
        syncs = self._driver.counters.sync_seconds
        return detail_of(self._surroundings, "running", syncs, consensus, pool_detail(running), helpers)

    def _metrics(self) -> Sequence[Metric]:
        state_head = self._executor.head
        return node_metrics(
            self._host.head.height,
            self._replica.status,
            self._mempool,
            self._driver.counters,
            self._driver.gate,
            self._network.status(),
            self._executor.restarts,
            self._stalled_seconds(),
            state_head.next_version,
            lacks_rules(state_head, self._executor.versions),
            len(self._walls_missing()),
            self._executor.reader_restarts,
            findings_by_validator(self._evidence),
        )

    def _walls_missing(self) -> tuple[str, ...]:
        return missing_walls(self._executor, self._verifier)


def _certificate(blocks: BlockStore, height: Height) -> Certificate | None:
    stored = blocks.certificate(height) if height else None
    return None if stored is None else decode_certificate(stored)
