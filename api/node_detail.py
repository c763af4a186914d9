"""What a node knows of why something is, or is not, being committed; `tally doctor` compares it between nodes.

Names are those of the JSON that GET /v1/network/status answers with. Times are milliseconds where they are points in
time, seconds where they are durations.
"""

from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class LeftOutDetail:
    """A transaction that primaries leave out although their blocks had room; over it this node complains."""

    primary: str
    """Who proposed the last block that passed it over."""
    organisation: str
    transaction: str
    """Its id in hexadecimal."""
    seconds: float
    """For how long it has been the oldest that waits."""
    blocks: int
    """Blocks that passed it over meanwhile."""


@dataclass(frozen=True, slots=True)
class ConsensusDetail:
    """The height that is being decided, as this node sees it."""

    height: int
    view: int
    primary: str
    changing_view: bool
    votes: bool
    """Whether this node takes part."""
    why_silent: str | None
    """Why it does not: a name of consensus.pbft.replica.Status.why_not."""
    validators: tuple[str, ...]
    quorum: int
    has_proposal: bool
    prepares: tuple[str, ...]
    """Whose PREPARE of this view has come in."""
    commits: tuple[str, ...]
    view_changes: tuple[str, ...]
    """Who wants to leave the view."""
    silent_seconds: dict[str, float | None]
    """By other validator: since when nothing of agreement has come from it; null if never."""
    stalled_seconds: float
    """For how long transactions have waited without a block being decided."""
    decided_seconds: float | None
    """Time since a block was last applied in this run of the node."""
    bad_proposals: tuple[str, ...]
    """The last few proposals that this node refused, and why."""
    floods: dict[str, int]
    """By validator that sends more than any honest one needs to: its messages that were dropped unread of late."""
    left_out: LeftOutDetail | None


@dataclass(frozen=True, slots=True)
class PeerDetail:
    """One connection."""

    name: str
    address: str
    observer: bool
    connected: bool
    height: int | None
    round_trip_seconds: float | None
    clock_offset_seconds: float | None
    """How far its clock is ahead of this node's."""
    connections: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class DiskDetail:
    """The disk that holds the data folder."""

    free_bytes: int
    total_bytes: int
    sync_seconds_median: float | None
    """Of the last syncs of the log of votes."""
    sync_seconds_max: float | None
    set_aside: tuple[str, ...]
    """Folders that were set aside after damage."""


@dataclass(frozen=True, slots=True)
class PoolDetail:
    """Transactions that wait."""

    transactions: int
    bytes: int
    transactions_max: int
    bytes_max: int
    oldest_seconds: float | None
    has_candidates: bool
    """Whether any of them may be proposed by this node."""


@dataclass(frozen=True, slots=True)
class HelperDetail:
    """The processes beside the node's own."""

    executor_pid: int | None
    executor_restarts: int
    reader_pid: int | None
    reader_restarts: int
    verifier_processes: int
    verifier_restarts: int
    lacks_protocol: bool
    """Whether a change of the protocol is decided whose rules this program has not."""
    snapshot_failure: str | None


@dataclass(frozen=True, slots=True)
class NodeDetail:
    """Everything; what cannot be known while a node joins is null."""

    chain_id: str
    observer: bool
    phase: str
    """running, or joining."""
    clock: int
    clock_drift_max: int
    """In milliseconds: how far a proposal's time may be from a node's clock."""
    view_timeout_max: int
    """In milliseconds."""
    certificate_expires: int
    """Point in time at which this node's own TLS certificate ends."""
    refused_connections: dict[str, int]
    peers: tuple[PeerDetail, ...]
    disk: DiskDetail
    consensus: ConsensusDetail | None
    pool: PoolDetail | None
    helpers: HelperDetail | None
