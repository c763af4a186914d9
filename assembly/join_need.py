"""Why a node cannot take part with what it holds, and has to fetch something first."""

from typing import Final

from chain.types import Height
from chain.validity import Head
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class JoinNeed:
    """What there is to go on with."""

    why: str
    """A sentence for log and status."""
    state_height: Height
    """Of the block whose state this node holds."""
    ahead: Head | None = None
    """That block, if the state is ahead of the node's own blocks: then only blocks are missing."""
    snapshot_above: Height | None = None
    """Set when the node is well and merely far behind: a snapshot above this height is wanted, and nothing else."""


RECENT_BLOCKS: Final = 1_000
"""A snapshot at most so much older than the head is recent in any case: others are not asked to make a newer one."""


def worthwhile_above(own: int, others: int, after_blocks: int) -> Height:
    """Return the height that a snapshot has to exceed to be worth taking.

    It saves at least as many blocks as a node may be behind without wanting one, and leaves no more to be executed.
    """
    return Height(max(own + after_blocks, others - max(after_blocks, RECENT_BLOCKS), 0))


class NeedsPeers(Exception):
    """Raised by what cannot go on before the need is met."""

    def __init__(self, need: JoinNeed) -> None:
        super().__init__(need.why)
        self.need = need
