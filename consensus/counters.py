"""What the consensus driver counts and times for operators."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from chain.types import ValidatorId

SYNCS_KEPT: Final = 200
"""Durations of syncs that are kept for operators."""


@dataclass(slots=True)
class DriverCounters:
    """What operators may want to count."""

    events: int = 0
    syncs: int = 0
    messages_refused: int = 0
    messages_dropped: int = 0
    messages_moot: int = 0
    """Messages that were dropped before their signatures were checked, as they would have changed nothing."""
    sync_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=SYNCS_KEPT))
    """How long the last syncs of the log took."""
    heard_at: dict[ValidatorId, float] = field(default_factory=dict)
    """When each peer's last message came in that was not dropped unread, by the monotonic clock."""
