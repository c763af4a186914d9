"""The node's own metrics; docs/operations.md describes each, and the API adds those of its requests."""

from collections.abc import Iterable, Mapping

from api.ports import Metric, MetricKind
from chain.mempool import Mempool
from chain.types import Height, ValidatorId
from consensus.counters import DriverCounters
from consensus.gate import Gate
from consensus.pbft.replica import Status
from network.status import NetworkStatus


def node_metrics(
    height: Height,
    status: Status,
    mempool: Mempool,
    counters: DriverCounters,
    gate: Gate,
    network: NetworkStatus,
    executor_restarts: int,
    stalled_seconds: float,
    protocol_version: int,
    protocol_unknown: bool,
    walls_missing: int,
    reader_restarts: int,
    convicted: Mapping[ValidatorId, int],
) -> list[Metric]:
    """Return a snapshot."""

    def single(name: str, kind: MetricKind, description: str, value: float) -> Metric:
        return Metric(f"tallystick_{name}", kind, description, (((), value),))

    gauge, counter = MetricKind.GAUGE, MetricKind.COUNTER
    connected = sum(peer.connected for peer in network.peers)
    return [
        single("block_height", gauge, "Height of the last applied block.", height),
        single("consensus_view", gauge, "View of the height that is being decided.", status.view),
        single(
            "consensus_stalled_seconds",
            gauge,
            "For how long transactions have waited without any block being decided.",
            stalled_seconds,
        ),
        single("consensus_votes", gauge, "1 while this validator takes part in votes.", float(status.votes)),
        single("mempool_transactions", gauge, "Transactions that wait for a block.", len(mempool)),
        single("mempool_bytes", gauge, "Bytes of transactions that wait for a block.", mempool.bytes_used),
        single("peers_connected", gauge, "Validators that this node is connected with.", connected),
        single("consensus_events_total", counter, "Events that consensus has taken in.", counters.events),
        single("consensus_log_syncs_total", counter, "Times that the log was synced to disk.", counters.syncs),
        single("consensus_messages_refused_total", counter, "Messages refused.", counters.messages_refused),
        single("consensus_messages_dropped_total", counter, "Messages dropped.", counters.messages_dropped),
        single("consensus_messages_moot_total", counter, "Messages that changed nothing.", counters.messages_moot),
        _by("peer", "consensus_messages_excess_total", counter, "Messages beyond a peer's share.", gate.excess.items()),
        single("consensus_signature_checks_total", counter, "Signatures of messages that were checked.", gate.checks),
        single("protocol_version", gauge, "Version of the protocol that the next block has.", protocol_version),
        single(
            "protocol_unknown", gauge, "1 when a version is decided that this program lacks.", float(protocol_unknown)
        ),
        single("executor_restarts_total", counter, "Times that the executor was started again.", executor_restarts),
        single("reader_restarts_total", counter, "Times that the reader was started again.", reader_restarts),
        single("walls_missing", gauge, "Walls around the helper processes that this machine lacks.", walls_missing),
        _by(
            "validator",
            "evidence",
            gauge,
            "Kinds of misbehaviour that are proven here, by validator.",
            convicted.items(),
        ),
        *_traffic(network),
    ]


def _traffic(network: NetworkStatus) -> list[Metric]:
    sent = [(peer.peer, peer.sent_bytes) for peer in network.peers]
    received = [(peer.peer, peer.received_bytes) for peer in network.peers]
    return [
        _by("peer", "peer_sent_bytes_total", MetricKind.COUNTER, "Bytes sent to each peer.", sent),
        _by("peer", "peer_received_bytes_total", MetricKind.COUNTER, "Bytes received from each peer.", received),
    ]


def _by(label: str, name: str, kind: MetricKind, description: str, values: Iterable[tuple[str, int]]) -> Metric:
    samples = tuple((((label, each),), float(value)) for each, value in values)
    return Metric(f"tallystick_{name}", kind, description, samples)
