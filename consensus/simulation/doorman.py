"""What one process lets in: the product's gate, which each peer pays for the signature checks that it causes.

A run checks each message once for all nodes (edge.py), so what a message would cost a node of its own is counted by
its signatures. The budget is a tenth of the product's: a flood that overdraws it is then a hundred messages and not
a thousand, and an honest validator needs no more at the pace of a run.
"""

from typing import Final

from chain.types import ValidatorId
from chain.validators import ValidatorSet
from consensus.gate import CHECKS_PER_SECOND, Gate
from consensus.pbft.messages import Message, NewView, Testimony, ViewChange
from consensus.simulation.clock import SECOND
from consensus.simulation.signatures import Signatures

BUDGET: Final = CHECKS_PER_SECOND // 10


class Doorman:
    """Owns the accounts of one process's peers."""

    def __init__(self, signatures: Signatures) -> None:
        self._gate = Gate(signatures.verify, BUDGET)

    def admits(self, peer: ValidatorId, payload: bytes, validators: ValidatorSet, now_us: int) -> bool:
        """Tell whether a payload is to be read."""
        return self._gate.admits(peer, payload, validators, now_us / SECOND)

    def is_overdrawn(self, peer: ValidatorId, validators: ValidatorSet) -> bool:
        """Tell whether a peer has used more than its share."""
        return self._gate.wait_seconds(peer, validators) > 0

    def charge(self, peer: ValidatorId, payload: bytes, message: Message | None) -> None:
        """Take what a message cost from the account of who sent it; None stands for one that was not checked."""
        self._gate.charge(peer, len(payload), 0 if message is None else checks_of(message))


def checks_of(message: Message) -> int:
    """Return how many signatures a node checks that gets a message, each certificate once."""
    match message:
        case Testimony(highest=highest):
            return 1 if highest is None else 1 + checks_of(highest)
        case ViewChange():
            return 1 + _certified([message])
        case NewView(view_changes=changes):
            return 1 + len(changes) + _certified(changes)
    return 1


def _certified(changes: list[ViewChange] | tuple[ViewChange, ...]) -> int:
    found = {certificate for change in changes for certificate in (change.last, change.prepared)}
    return sum(len(certificate.signatures) for certificate in found if certificate is not None)
