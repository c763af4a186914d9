"""What the network remembers of one peer between connections."""

import asyncio
from dataclasses import field
from typing import Final

from chain.types import ValidatorId
from chain.values import dataclass
from network.connection import Connection
from network.outbox import QueueDepths
from network.status import PeerStatus

_NOTHING_WAITS: Final = QueueDepths(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a peer listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(slots=True)
class Peer:
    """One other validator; owned by PeerNetwork."""

    peer_id: ValidatorId
    address: Address | None
    """None: this node waits to be dialled."""
    connection: Connection | None = None
    certificate: bytes = b""
    instance: bytes = b""
    welcome: int = 0
    """Instance and welcome number of the connection (see network/handshake.py)."""
    connected_at: float = 0.0
    failures: int = 0
    """Attempts and short-lived connections since the last stable one; sets the backoff."""
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    dialling: bool = False
    """Whether a task looks after dialling."""
    gone: bool = False
    """Whether the peer left the set; its task ends when it next looks."""
    connections: int = 0
    last_error: str | None = None
    sent_bytes: int = 0
    received_bytes: int = 0
    dropped_frames: int = 0
    throttled: int = 0
    """Totals of the connections that ended."""

    def __post_init__(self) -> None:
        self.disconnected.set()

    def add_totals(self, ended: Connection) -> None:
        """Add the counters of a connection that ended."""
        self.sent_bytes += ended.sent_bytes
        self.received_bytes += ended.received_bytes
        self.dropped_frames += ended.outbox.dropped_frames
        self.throttled += ended.throttled

    def status(self, is_observer: bool) -> PeerStatus:
        """Return a snapshot."""
        current = self.connection
        return PeerStatus(
            peer=self.peer_id,
            address=str(self.address) if self.address else "",
            connected=current is not None,
            head_height=current.head_height if current else None,
            is_observer=is_observer,
            round_trip_seconds=current.round_trip_seconds if current else None,
            clock_offset_seconds=current.clock_offset_seconds if current else None,
            silent_seconds=current.silent_seconds if current else None,
            waiting=current.outbox.depths() if current else _NOTHING_WAITS,
            sent_bytes=self.sent_bytes + (current.sent_bytes if current else 0),
            received_bytes=self.received_bytes + (current.received_bytes if current else 0),
            dropped_frames=self.dropped_frames + (current.outbox.dropped_frames if current else 0),
            throttled=self.throttled + (current.throttled if current else 0),
            connections=self.connections,
            last_error=self.last_error,
        )
