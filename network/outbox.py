"""What waits to be sent to one peer: three lanes, each bounded in bytes, each with a named outcome when it is full.

Invariant: a lane never holds more bytes than its bound, so a peer that stopped reading costs a fixed amount of
memory. Consensus goes first; answers and bulk take turns, so that serving a catch-up does not starve transactions.
"""

from collections import deque
from enum import Enum, IntEnum, auto

from chain.values import dataclass
from network.framing import Channel
from network.limits import NetworkLimits


class Lane(IntEnum):
    """The order of importance."""

    URGENT = 0
    """Consensus and pings. Full: the connection is closed, and the peer catches up after it reconnects."""
    ANSWERS = 1
    """Requests and responses. Full: the newcomer is refused, and its requester is told."""
    BULK = 2
    """Transactions and blocks sent unasked. Full: the oldest are dropped; they come again by other ways."""


LANES: dict[Channel, Lane] = {
    Channel.CONTROL: Lane.URGENT,
    Channel.CONSENSUS: Lane.URGENT,
    Channel.REQUEST: Lane.ANSWERS,
    Channel.RESPONSE: Lane.ANSWERS,
    Channel.TRANSACTIONS: Lane.BULK,
    Channel.BLOCKS: Lane.BULK,
}


class Offer(Enum):
    """What became of a frame."""

    QUEUED = auto()
    OVERFLOW = auto()
    """The urgent lane is full: close the connection."""
    REFUSED = auto()
    """It was not queued: the answers lane is full, or a bulk frame alone exceeds its lane."""


@dataclass(frozen=True, slots=True)
class QueueDepths:
    """Bytes that wait, for status and metrics."""

    urgent_bytes: int
    answers_bytes: int
    bulk_bytes: int
    frames: int


class Outbox:
    """The queues of one connection."""

    def __init__(self, limits: NetworkLimits) -> None:
        self._bounds = (limits.urgent_bytes_max, limits.answers_bytes_max, limits.bulk_bytes_max)
        self._lanes: tuple[deque[bytes], ...] = (deque(), deque(), deque())
        self._sizes = [0 for _ in Lane]
        self._bulk_next = False
        self.dropped_frames = 0
        """Bulk frames dropped because newer ones came."""

    def offer(self, lane: Lane, frame: bytes) -> Offer:
        """Queue an encoded frame, or tell why not."""
        size, bound = len(frame), self._bounds[lane]
        if self._sizes[lane] + size > bound:
            if lane is Lane.URGENT:
                return Offer.OVERFLOW
            if lane is Lane.ANSWERS or size > bound:
                return Offer.REFUSED
            while self._sizes[lane] + size > bound:
                self._sizes[lane] -= len(self._lanes[lane].popleft())
                self.dropped_frames += 1
        self._lanes[lane].append(frame)
        self._sizes[lane] += size
        return Offer.QUEUED

    def take(self, bytes_wanted: int) -> list[bytes]:
        """Remove and return the frames to send next, about this many bytes and at least one if any waits."""
        taken: list[bytes] = []
        size = 0
        while size < bytes_wanted and (lane := self._next_lane()) is not None:
            frame = self._lanes[lane].popleft()
            self._sizes[lane] -= len(frame)
            size += len(frame)
            taken.append(frame)
        return taken

    def depths(self) -> QueueDepths:
        """Return how much waits."""
        urgent, answers, bulk = self._sizes
        return QueueDepths(urgent, answers, bulk, sum(len(lane) for lane in self._lanes))

    def _next_lane(self) -> Lane | None:
        if self._lanes[Lane.URGENT]:
            return Lane.URGENT
        self._bulk_next = not self._bulk_next
        order = (Lane.BULK, Lane.ANSWERS) if self._bulk_next else (Lane.ANSWERS, Lane.BULK)
        return next((lane for lane in order if self._lanes[lane]), None)
