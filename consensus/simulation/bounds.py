"""How much a process keeps of each kind, beside how much it may keep."""

from typing import TYPE_CHECKING, Final

from consensus.pbft.messages import RANKED_KINDS

if TYPE_CHECKING:
    from consensus.simulation.process import Process

EVENTS_MAX: Final = 4_096
BUFFER_HEIGHTS: Final = 3
BODIES_MAX: Final = 4
FEW: Final = 64
"""Bound on collections that a height or a process fills slowly."""

JUST_DECIDED_MAX: Final = 1_000
"""Heights are forgotten by time, so that catching up keeps as many as it takes in within a quarter of a second."""


def sizes_of(process: "Process", nodes: int) -> dict[str, tuple[int, int]]:
    """Return size and limit of every collection that peers or time could fill."""
    state = process.replica._state
    assert state is not None, "the replica was restored"
    height = state.round
    slots = nodes * len(RANKED_KINDS)
    sizes = {
        "messages of the height": (len(height.slots), slots),
        "heights in the buffer": (len(state.buffer), BUFFER_HEIGHTS),
        "messages in the buffer": (sum(map(len, state.buffer.values())), slots * BUFFER_HEIGHTS),
        "bodies": (len(height.bodies), BODIES_MAX),
        "results": (len(height.results), BODIES_MAX),
        "blocks being executed": (len(height.executing), FEW),
        "blocks being fetched": (len(height.fetching), FEW),
        "invalid blocks": (len(height.invalid), FEW),
        "validators heard": (len(state.heard), nodes),
        "peers ahead": (len(state.ahead), nodes),
        "peers served": (len(state.served), nodes),
        "heights just decided": (len(state.decided_at), JUST_DECIDED_MAX),
        "events": (process.waiting, EVENTS_MAX),
        "log jobs": (process.log_jobs, FEW),
    }
    kept = process.host.kept | process.exchange.kept
    return sizes | {what: (count, FEW) for what, count in kept.items()}
