"""What the HTTP API may ask of the node: one narrow Protocol, and the plain values that it answers with.

The API never sees consensus, the databases or the executor. Raw bytes cross this seam unchanged, so that what a client
verifies is what the validators signed.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

from api.node_detail import NodeDetail
from chain.block_store import TransactionPlace
from chain.genesis import Genesis
from chain.history_index import Activity, Found
from chain.index_terms import Term
from chain.recorded_block import RecordedBlock
from chain.types import Digest, Height, Milliseconds, PublicKey
from chain.values import dataclass


class NotReady(Exception):
    """The node cannot do this now; it says why, and the same request may succeed later."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


class NotIndexed(Exception):
    """This node keeps no index of history, by its configuration."""


class Pruned(Exception):
    """What was asked for existed and is no longer kept by this node."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class HeadStatus:
    """The last decided block whose state can be read."""

    height: Height
    """0 before the first block."""
    block_hash: Digest
    """The genesis hash at height 0."""
    time: Milliseconds


class SubmissionState(StrEnum):
    """What the node did with a transaction that was handed to it."""

    RECEIVED = "received"
    PENDING = "pending"
    COMMITTED = "committed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Submission:
    """The answer to one submitted transaction."""

    state: SubmissionState
    transaction_id: Digest | None
    """None only where the bytes are no transaction."""
    code: str | None = None
    """Why it was refused: a code of chain.mempool.AdmissionError, malformed_transaction, bad_signature or
    unknown_sender; None otherwise."""
    detail: str | None = None
    retry_after_seconds: int | None = None
    """Set where the same bytes may be admitted later."""


@dataclass(frozen=True, slots=True)
class CommittedTransaction:
    """A transaction in a decided block."""

    transaction_id: Digest
    raw: bytes
    block_hash: Digest
    height: Height
    index: int
    time: Milliseconds
    """Time of the block."""
    receipt: bytes


@dataclass(frozen=True, slots=True)
class PendingTransaction:
    """A transaction that waits in this node's mempool."""

    transaction_id: Digest
    raw: bytes


@dataclass(frozen=True, slots=True)
class ViewReply:
    """The outcome of a view and the height of the state that it read."""

    height: Height
    code: str | None
    """None when the view succeeded, otherwise a stable error code."""
    value: Any
    gas_used: int


@dataclass(frozen=True, slots=True)
class StateReply:
    """What the state holds under a key."""

    height: Height
    """The state after this block; the proof leads to the state root of its result."""
    leaf: bytes | None
    """The encoded leaf (chain.state_leaf), a tombstone too; None if the key never existed."""
    proof: bytes | None
    """As chain.state_proof describes; None unless it was asked for."""


@dataclass(frozen=True, slots=True)
class HistoryReply:
    """Versions of a key, newest first."""

    height: Height
    leaves: tuple[bytes, ...]
    """Encoded leaves."""
    complete: bool
    """Whether these are all versions down to the first one."""


@dataclass(frozen=True, slots=True)
class ScanReply:
    """Keys of one contract with their values, in key order or reversed."""

    height: Height
    entries: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One other node as this one sees it."""

    name: str
    address: str
    connected: bool
    height: Height | None
    """The last height it told of."""


@dataclass(frozen=True, slots=True)
class CatchUpStatus:
    """How far a node is that gets what it missed."""

    phase: str
    """What is being done: executing (blocks from peers), or one of network.chunks.JoinProgress."""
    height: Height
    """The last block whose state this node holds."""
    target: Height
    """The height that it is about to reach, 0 while that is not known."""
    done: int
    total: int
    unit: str
    """What `done` and `total` count in this phase: blocks, headers or bytes; empty where nothing can be counted."""
    per_second: float | None
    """None while that is not known."""
    remaining_seconds: float | None
    """Of this phase, at this pace."""
    sources: tuple[str, ...]
    """The peers that are being asked."""
    set_aside: tuple[tuple[str, str], ...]
    """Peers that are not asked at the moment, and why."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """What a node does not hold of history; nothing where it executed all of it itself."""

    blocks: tuple[tuple[Height, Height], ...] = ()
    """First and last heights of stretches whose blocks and receipts are lacking."""
    versions_until: Height | None = None
    """Versions of keys that were replaced up to this block are lacking."""


NOTHING_LACKS: Final = Lacking()


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What an operator wants to know at a glance."""

    name: str
    version: str
    """Of the program."""
    validator_id: str | None
    """None for an observer."""
    ready: bool
    not_ready_reasons: tuple[str, ...]
    height: Height
    view: int
    primary: str | None
    peers: tuple[PeerStatus, ...]
    mempool_transactions: int
    mempool_bytes: int
    pid: int
    executor_pid: int | None
    walls_missing: tuple[str, ...]
    """Protections of the executor process that this machine does not offer."""
    protocol_version: int
    """The version of the protocol that the next block has."""
    notices: tuple[str, ...]
    """What an operator should know although the node is well, such as a change of the protocol that is decided."""
    catch_up: CatchUpStatus | None = None
    """None while there is nothing to catch up with."""
    lacking: Lacking = NOTHING_LACKS


@dataclass(frozen=True, slots=True)
class HeldEvidence:
    """What proves that a validator has signed what no honest one does (chain.evidence)."""

    digest: Digest
    validator: str
    code: str
    """What is proven: a code of docs/protocol.md."""
    epoch: int
    height: Height
    view: int
    data: bytes
    durable: bool
    """Whether it is on the node's disk."""


class MetricKind(StrEnum):
    """Kinds of metrics in the Prometheus text format."""

    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family; names begin with `tallystick_`, use base units, and counters end in `_total`."""

    name: str
    kind: MetricKind
    description: str
    samples: tuple[tuple[tuple[tuple[str, str], ...], float], ...]
    """Labels as pairs, and the value."""


@dataclass(frozen=True, slots=True)
class ActivityReply:
    """How much happened, by periods."""

    height: Height
    """The last block that is counted."""
    totals: Activity
    periods: tuple[tuple[Milliseconds, Activity], ...]
    """Beginnings of periods, ascending, and what happened in them; those in which nothing did are left out."""


class LedgerNode(Protocol):
    """A node, seen from its HTTP API. Every method may raise NotReady."""

    @property
    def chain_id(self) -> Digest:
        """The genesis hash."""
        ...

    @property
    def genesis(self) -> Genesis:
        """What the ledger started from."""
        ...

    def head(self) -> HeadStatus:
        """Return the last decided block whose state can be read."""
        ...

    def status(self) -> NodeStatus:
        """Return the node's condition; never raises."""
        ...

    def detail(self) -> NodeDetail:
        """Return what the node knows of why something is, or is not, being committed; never raises."""
        ...

    def evidence(self) -> Sequence[HeldEvidence]:
        """Return what this node holds against validators."""
        ...

    def metrics(self) -> Sequence[Metric]:
        """Return a snapshot of the node's own metrics; never raises."""
        ...

    async def submit(self, raws: Sequence[bytes]) -> list[Submission]:
        """Take raw transactions in; answer for each in order. Refusals are answers, not exceptions."""
        ...

    async def wait_committed(
        self, transaction_ids: Sequence[Digest], timeout_seconds: float
    ) -> dict[Digest, CommittedTransaction]:
        """Return those that are committed and whose effects can be read, at the latest when the time is over."""
        ...

    async def wait_height(self, height: Height) -> None:
        """Return once the head has at least this height; the caller bounds the time by cancelling."""
        ...

    async def transaction(self, transaction_id: Digest) -> CommittedTransaction | PendingTransaction | None:
        """Return a transaction if this node knows it."""
        ...

    async def block(self, height: Height) -> RecordedBlock | None:
        """Return a decided block, or None beyond the head.

        Raises:
            Pruned: when its body is no longer kept.
        """
        ...

    async def height_of_block(self, block_hash: Digest) -> Height | None:
        """Return the height of a decided block."""
        ...

    async def history_path(self, height: Height, size: int) -> Sequence[Digest]:
        """Return the Merkle path of block `height` in the history tree of `size` leaves (chain.merkle).

        Leaf 0 is the genesis hash; the header at height h holds the root of the tree of h leaves.
        """
        ...

    async def history_extension(self, old_size: int, size: int) -> Sequence[Digest]:
        """Return the proof that the history tree of `size` leaves begins with that of `old_size` (chain.merkle)."""
        ...

    def checkpoint(self) -> str | None:
        """Return the head as a note signed with this validator's key; None for an observer, or before block 1."""
        ...

    async def view(
        self, contract: str, method: str, args: Sequence[Any], sender_key: PublicKey | None, gas_limit: int
    ) -> ViewReply:
        """Run a view at the head, as the member who owns a key or as nobody; its failure is a code in the reply."""
        ...

    async def interface(self, source_hash: Digest, source: str) -> Mapping[str, Any]:
        """Return the interface (ABI) of a source that the ledger has accepted, in JSON's terms."""
        ...

    async def state(self, contract: str, key: bytes, *, with_proof: bool) -> StateReply:
        """Return what the state at the head holds under a key."""
        ...

    async def state_history(
        self, contract: str, key: bytes, *, limit: int, version: Digest | None = None
    ) -> HistoryReply:
        """Return at most `limit` versions of a key, the newest first, or from the one with a hash on."""
        ...

    async def scan(self, contract: str, start: bytes, end: bytes, *, limit: int, reverse: bool = False) -> ScanReply:
        """Return at most `limit` entries with start <= key < end, deleted ones left out, in key order or reversed."""
        ...

    @property
    def keeps_index(self) -> bool:
        """Whether this node keeps an index of history."""
        ...

    async def find(
        self, terms: Sequence[Term], low: TransactionPlace, high: TransactionPlace, *, limit: int, descending: bool
    ) -> Found:
        """Return at most `limit` places with all these terms, low <= place < high, at most those up to the head.

        Raises:
            NotIndexed: when this node keeps no index.
            Pruned: when this node lacks the blocks with which the search begins.
        """
        ...

    async def committed_at(self, place: TransactionPlace) -> CommittedTransaction:
        """Return the transaction at a place that `find` returned."""
        ...

    async def words(self, prefix: str, limit: int) -> list[str]:
        """Return at most `limit` words of the index that begin with a text, sorted by their UTF-8 bytes.

        Raises:
            NotIndexed: when this node keeps no index.
        """
        ...

    async def activity(self, resolution: Milliseconds, start: Milliseconds, end: Milliseconds) -> ActivityReply:
        """Return how much happened in the periods with start <= beginning < end.

        Raises:
            NotIndexed: when this node keeps no index.
        """
        ...
