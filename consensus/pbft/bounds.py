"""How much a replica keeps of each kind, and how much it may keep: each collection that peers or time could fill."""

from chain.values import dataclass
from consensus.pbft.messages import RANKED_KINDS
from consensus.pbft.past import limit_of
from consensus.pbft.state import BLOCKS_MAX, DECIDED_MAX, EXECUTING_MAX, SAID_MAX, State


@dataclass(frozen=True, slots=True)
class Kept:
    """One collection."""

    what: str
    count: int
    limit: int


def kept_by(state: State) -> tuple[Kept, ...]:
    """Return size and limit of every collection of a replica."""
    height, config, nodes = state.round, state.config, state.validators.size
    slots = nodes * len(RANKED_KINDS)
    return (
        Kept("messages of the height", len(height.slots), slots),
        Kept("heights in the buffer", len(state.buffer), config.buffer_heights),
        Kept("messages in the buffer", sum(map(len, state.buffer.values())), slots * config.buffer_heights),
        Kept("bodies", len(height.bodies), config.bodies_max),
        Kept("results", len(height.results), config.bodies_max),
        Kept("blocks being executed", len(height.executing), EXECUTING_MAX),
        Kept("blocks being fetched", len(height.fetching), BLOCKS_MAX),
        Kept("invalid blocks", len(height.invalid), BLOCKS_MAX),
        # One hash a view that was voted in; the bodies themselves are on the disk.
        Kept("bodies in the log", len(height.logged), height.view + 1),
        Kept("validators accused", len(height.accused) + len(height.accused_of_hiding), slots + nodes),
        Kept("validators heard", len(state.heard), nodes),
        Kept("witnesses", len(state.witnesses), nodes),
        Kept("messages since the start", len(state.said or ()), SAID_MAX),
        Kept("peers ahead", len(state.ahead), nodes),
        Kept("peers served", len(state.served), nodes),
        Kept("messages of the past", len(state.past), limit_of(nodes)),
        Kept("heights just decided", len(state.decided_at), DECIDED_MAX),
    )
