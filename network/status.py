"""What the peer network tells about itself: plain values for metrics, health and operators."""

from dataclasses import dataclass

from chain.types import Height, ValidatorId
from network.outbox import QueueDepths


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One peer; counters cover the whole run of the node."""

    peer: ValidatorId
    address: str
    connected: bool
    head_height: Height | None
    """The head that the peer announced last, if connected."""
    round_trip_seconds: float | None
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
