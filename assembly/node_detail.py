"""Gathers what a node knows of why something is, or is not, being committed."""

import shutil
import statistics
import time
from collections import deque
from dataclasses import astuple
from typing import Final

from api.node_detail import ConsensusDetail, DiskDetail, HelperDetail, LeftOutDetail, NodeDetail, PeerDetail, PoolDetail
from assembly.admission import clock
from assembly.data_folder import DataFolder
from assembly.left_out import LeftOut
from assembly.protocol_watch import lacks_rules
from chain.genesis import Genesis
from chain.mempool import Mempool, MempoolLimits
from chain.validators import ValidatorSet
from chain.values import dataclass
from configs.node_config import NodeConfig
from consensus.driver import ConsensusDriver
from consensus.pbft.events import BadProposal
from consensus.pbft.replica import Replica
from consensus.verifier import VerifierPool
from contracts.executor.client import ExecutorClient
from network.peers import PeerNetwork
from network.tls import certificate_expiry

BAD_PROPOSALS_KEPT: Final = 5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every phase of a node knows of itself."""

    config: NodeConfig
    genesis: Genesis
    network: PeerNetwork
    certificate_expires: int


def surroundings(config: NodeConfig, genesis: Genesis, network: PeerNetwork) -> Surroundings:
    """Return what a node knows of itself; reads its certificate."""
    return Surroundings(config, genesis, network, certificate_expiry(config.keys.tls_certificate.read_bytes()))


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a node that takes part."""

    replica: Replica
    driver: ConsensusDriver
    mempool: Mempool
    limits: MempoolLimits
    left_out: LeftOut | None
    executor: ExecutorClient
    verifier: VerifierPool


class Refusals:
    """Owns the last proposals that this node refused."""

    def __init__(self) -> None:
        self._last: deque[tuple[float, BadProposal]] = deque(maxlen=BAD_PROPOSALS_KEPT)

    def add(self, report: BadProposal) -> None:
        """Remember one."""
        self._last.append((time.monotonic(), report))

    def lines(self) -> tuple[str, ...]:
        """Return them, the newest last."""
        now = time.monotonic()
        return tuple(
            f"{item.code} in the proposal of {item.proposer} for block {item.height}, {now - at:.0f} s ago"
            for at, item in self._last
        )


def detail_of(
    known: Surroundings,
    phase: str,
    sync_seconds: deque[float],
    consensus: ConsensusDetail | None,
    pool: PoolDetail | None,
    helpers: HelperDetail | None,
) -> NodeDetail:
    """Return everything."""
    parameters = known.genesis.parameters
    network = known.network.status()
    return NodeDetail(
        known.genesis.genesis_hash.hex(),
        known.config.observer,
        phase,
        clock(),
        parameters.clock_drift_max,
        parameters.view_timeout_max,
        known.certificate_expires,
        {str(reason): count for reason, count in network.refused.items() if count},
        tuple(
            PeerDetail(
                peer.peer,
                peer.address,
                peer.is_observer,
                peer.connected,
                peer.head_height,
                peer.round_trip_seconds,
                peer.clock_offset_seconds,
                peer.connections,
                peer.last_error,
            )
            for peer in network.peers
        ),
        _disk(known.config, sync_seconds),
        consensus,
        pool,
        helpers,
    )


def consensus_detail(
    running: Running, validators: ValidatorSet, stalled_seconds: float, decided_at: float | None, refusals: Refusals
) -> ConsensusDetail:
    """Return the height that is being decided."""
    status, spoken = running.replica.status, running.replica.spoken
    now, heard = time.monotonic(), running.driver.counters.heard_at
    return ConsensusDetail(
        status.height,
        status.view,
        status.primary,
        status.is_changing_view,
        status.votes,
        status.why_not,
        tuple(validators.ids),
        validators.quorum,
        spoken.has_proposal,
        spoken.prepares,
        spoken.commits,
        tuple(name for name, _ in spoken.view_changes),
        {name: None if name not in heard else now - heard[name] for name in validators.ids},
        stalled_seconds,
        None if decided_at is None else now - decided_at,
        refusals.lines(),
        {str(name): count for name, count in running.driver.gate.floods(now).items()},
        left_out_detail(running.left_out),
    )


def left_out_detail(left_out: LeftOut | None) -> LeftOutDetail | None:
    """Return over what this node complains, if it does."""
    if left_out is None:
        return None
    return LeftOutDetail(*astuple(left_out))


def pool_detail(running: Running) -> PoolDetail:
    """Return what waits."""
    oldest = running.mempool.oldest()
    return PoolDetail(
        len(running.mempool),
        running.mempool.bytes_used,
        running.limits.transactions_max,
        running.limits.bytes_max,
        None if oldest is None else time.monotonic() - oldest.arrived,
        running.mempool.has_candidates,
    )


def helper_detail(running: Running, snapshot_failure: str | None) -> HelperDetail:
    """Return how the other processes are."""
    executor = running.executor
    return HelperDetail(
        executor.pid,
        executor.restarts,
        executor.reader_pid,
        executor.reader_restarts,
        len(running.verifier.pids),
        running.verifier.restarts,
        lacks_rules(executor.head, executor.versions),
        snapshot_failure,
    )


def _disk(config: NodeConfig, sync_seconds: deque[float]) -> DiskDetail:
    usage = shutil.disk_usage(config.data)
    syncs = list(sync_seconds)
    return DiskDetail(
        usage.free,
        usage.total,
        statistics.median(syncs) if syncs else None,
        max(syncs, default=None),
        tuple(DataFolder(config.data).aside()),
    )
