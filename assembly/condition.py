"""Whether a node is ready, and if not, why not, in words that an operator can act on."""

from collections.abc import Mapping
from typing import Final

from assembly.node_view import Condition
from chain.types import Height, ValidatorId
from consensus.pbft.events import Head
from consensus.pbft.replica import Status

WHY_SILENT: Final = {
    "not_a_validator": "this node is not in the validator set; it follows",
    "lost_votes": "this validator has lost votes that it signed; it follows until its key is replaced",
    "waiting_for_testimony": "starting: waiting for other validators to show what this one has signed",
    "below_log": "starting: the ledger is behind what this validator has signed; catching up",
    "diverged": "this node's own result differs from the certified one; it has stopped",
    "cannot_execute": "this node's executor fails on a block that is decided; it has stopped",
}

BEHIND_BLOCKS_MAX: Final = 10
"""A node that is further behind is not ready: its answers would be old."""

STALLED_SECONDS_MAX: Final = 15.0
"""Several view changes take less; whatever waits longer than this needs somebody to look at it."""


def condition_of(
    status: Status, head: Head, peers_connected: int, heads: Mapping[ValidatorId, Height], stalled_seconds: float
) -> Condition:
    """Return what consensus says of itself, in order of gravity.

    `stalled_seconds` is for how long transactions have waited without any block being decided.
    """
    reasons: list[str] = []
    validators = head.validators
    if status.why_not is not None:
        reasons.append(WHY_SILENT[status.why_not])
    reachable = peers_connected + 1
    if reachable < validators.quorum:
        reasons.append(
            f"no quorum: {reachable} of {validators.size} validators are connected, {validators.quorum} must be; "
            "nothing can be committed until more of them return"
        )
    highest = max(heads.values(), default=head.height)
    if highest > head.height + BEHIND_BLOCKS_MAX:
        reasons.append(f"catching up: at height {head.height}, peers are at {highest}")
    if not reasons and stalled_seconds > STALLED_SECONDS_MAX:
        reasons.append(
            f"stalled: transactions wait and no block was decided for {stalled_seconds:.0f} s; "
            f"height {status.height} is in view {status.view}, whose primary is {status.primary}"
        )
    return Condition(status.view, status.primary, tuple(reasons))
