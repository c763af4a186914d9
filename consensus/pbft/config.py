"""What a replica is told once, at its start: who it is, how long it waits, how much it holds.

The chain's own parameters (chain id, term, drift) come from genesis and are equal everywhere. The others are local:
they change how soon a replica acts, never which block is decided.
"""

from chain.types import Digest, Milliseconds, ValidatorId
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class PbftConfig:
    """Frozen parameters of one replica."""

    chain_id: Digest
    own_id: ValidatorId
    """May be absent from the validator set: then the replica follows and never votes."""
    primary_term_blocks: int
    """At heights that are multiples of this the turn moves to the next validator."""
    drift_ms_max: Milliseconds
    """How far the time of a fresh proposal may lie from the local clock."""
    timeout_ticks: int
    """Ticks that view 0 may take; doubles with each view (section 4.5.2)."""
    timeout_ticks_max: int
    """Cap on the doubling; without one, a network that was cut for long would take as long to recover."""
    resend_ticks: int
    """Ticks between two sendings of the latest messages of an undecided height, and of whatever else is awaited."""
    buffer_heights: int = 3
    """Heights above the current one whose messages are kept."""
    bodies_max: int = 4
    """Blocks of the current height that are kept in memory."""

    def __post_init__(self) -> None:
        assert 0 < self.timeout_ticks <= self.timeout_ticks_max, "timeouts are positive and do not exceed their cap"
        assert self.resend_ticks > 0 and self.primary_term_blocks > 0, "intervals are positive"
        assert self.buffer_heights >= 1 and self.bodies_max >= 2, "buffers hold the least that liveness needs"
