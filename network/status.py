"""What the peer network tells about itself: plain values for metrics, health and operators."""

from chain.types import Height, ValidatorId
from chain.values import dataclass
from network.outbox import QueueDepths


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One peer; counters cover the whole run of the node."""

    peer: ValidatorId
    address: str
    connected: bool
    head_height: Height | None
    """The head that the peer announced last, if connected."""
    is_observer: bool
    """Whether the peer only follows."""
    round_trip_seconds: float | None
    clock_offset_seconds: float | None
    """How far its clock is ahead of this node's, wrong by half a round trip at most; None before the first pong."""
    silent_seconds: float | None
    """For how long nothing at all has arrived from it, if connected."""
    waiting: QueueDepths
    sent_bytes: int
    received_bytes: int
    dropped_frames: int
    throttled: int
    connections: int
    """How many connections with the peer came about."""
    last_error: str | None
    """Why the last connection ended or the last attempt failed."""


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """All peers, sorted by id, and what happened on the port."""

    peers: tuple[PeerStatus, ...]
    unauthenticated: int
    """Inbound connections in the middle of their handshake."""
    refused: dict[str, int]
    """Inbound connections refused, by reason."""
    unusable_certificates: tuple[tuple[ValidatorId, str], ...]
