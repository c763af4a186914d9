"""Whether a node is ready, and if not, why not, in words that an operator can act on."""

from collections.abc import Mapping
from typing import Final

from chain.types import Height, ValidatorId
from chain.validators import ValidatorSet
from chain.values import dataclass
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


@dataclass(frozen=True, slots=True)
class Condition:
    """What consensus says of itself."""

    view: int
    primary: str | None
    not_ready_reasons: tuple[str, ...]


def credible_height(heads: Mapping[ValidatorId, Height], validators: ValidatorSet) -> Height:
    """Return the greatest height that at least one honest validator has announced, or nobody if none is connected.

    Of more heads than may be lies one is true, so the greatest ones, as many as may be lies, count for nothing.
    """
    known = sorted((height for name, height in heads.items() if validators.find(name) is not None), reverse=True)
    return known[min(validators.faults_max, len(known) - 1)] if known else Height(0)


def is_behind(height: Height, others: Height) -> bool:
    """Tell whether a node is so far behind the others that its answers would be old."""
    return others > height + BEHIND_BLOCKS_MAX


def condition_of(
    status: Status, head: Head, heads: Mapping[ValidatorId, Height], stalled_seconds: float, *, observes: bool
) -> Condition:
    """Return what consensus says of itself, in order of gravity.

    `heads` are those of the validators that are connected, `stalled_seconds` is for how long transactions have waited
    without any block being decided, `observes` is whether this node is meant to follow without voting.
    """
    reasons: list[str] = []
    validators = head.validators
    if status.why_not is not None and not (observes and status.why_not == "not_a_validator"):
        reasons.append(WHY_SILENT[status.why_not])
    reachable = len(heads) + (status.why_not != "not_a_validator")
    if reachable < validators.quorum:
        reasons.append(
            f"no quorum: {reachable} of {validators.size} validators are connected, {validators.quorum} must be; "
            "nothing can be committed until more of them return"
        )
    highest = credible_height(heads, validators)
    if is_behind(head.height, highest):
        reasons.append(f"catching up: at height {head.height}, peers are at {highest}")
    if not reasons and stalled_seconds > STALLED_SECONDS_MAX:
        reasons.append(
            f"stalled: transactions wait and no block was decided for {stalled_seconds:.0f} s; "
            f"height {status.height} is in view {status.view}, whose primary is {status.primary}"
        )
    return Condition(status.view, status.primary, tuple(reasons))
