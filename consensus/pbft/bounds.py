"""How much a replica keeps of each kind, and how much it may keep: each collection that peers or time could fill."""

from consensus.pbft.messages import RANKED_KINDS
from consensus.pbft.past import limit_of
from consensus.pbft.state import BLOCKS_MAX, DECIDED_MAX, EXECUTING_MAX, SAID_MAX, State

Kept = tuple[str, int, int]
"""One collection: what, how many, how many there may be. Plain, since a simulation makes dozens after each event."""


def kept_by(state: State) -> tuple[Kept, ...]:
    """Return size and limit of every collection of a replica."""
    height, config, nodes = state.round, state.config, state.validators.size
    slots = nodes * len(RANKED_KINDS)
    return (
        ("messages of the height", len(height.slots), slots),
        ("heights in the buffer", len(state.buffer), config.buffer_heights),
        ("messages in the buffer", sum(map(len, state.buffer.values())), slots * config.buffer_heights),
        ("bodies", len(height.bodies), config.bodies_max),
        ("results", len(height.results), config.bodies_max),
        ("blocks being executed", len(height.executing), EXECUTING_MAX),
        ("blocks being fetched", len(height.fetching), BLOCKS_MAX),
        ("invalid blocks", len(height.invalid), BLOCKS_MAX),
        # One hash a view that was voted in; the bodies themselves are on the disk.
        ("bodies in the log", len(height.logged), height.view + 1),
        ("validators accused", len(height.accused) + len(height.accused_of_hiding), slots + nodes),
        ("validators heard", len(state.heard), nodes),
        ("witnesses", len(state.witnesses), nodes),
        ("messages since the start", len(state.said or ()), SAID_MAX),
        ("peers ahead", len(state.ahead), nodes),
        ("peers served", len(state.served), nodes),
        ("messages of the past", len(state.past), limit_of(nodes)),
        ("heights just decided", len(state.decided_at), DECIDED_MAX),
    )
