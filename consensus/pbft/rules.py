"""The decisions of PBFT as pure functions: what a header must be, what a quorum proves, what a view must propose.

Why agreement holds, in short (Castro and Liskov, section 4.5.1, for n validators of which f may lie):
two quorums share at least f + 1 validators, hence an honest one. An honest validator votes once per view, so two
blocks cannot both gather a quorum in one view. A block is decided when a quorum sent COMMIT, and each honest member
of that quorum held a prepared certificate before it did. A NEW-VIEW shows a quorum of VIEW-CHANGEs, one of which
therefore comes from such a member and carries the certificate, or one of a later view; the highest view wins
(`choice_of`), so that every later view proposes the decided block again.
"""

from collections.abc import Iterable, Sequence

from chain.block import Header
from chain.certificate import Certificate, Subject
from chain.types import Milliseconds, ValidatorId, View
from consensus.pbft.config import PbftConfig
from consensus.pbft.events import Head
from consensus.pbft.messages import ViewChange, Vote


def timeout_of(config: PbftConfig, view: View) -> int:
    """Return how many ticks a view may take: doubled with each view, up to the cap (rule 6)."""
    doublings = min(view, config.timeout_ticks_max.bit_length())
    return min(config.timeout_ticks << doublings, config.timeout_ticks_max)


def view_to_join(views: Iterable[View], faults_max: int) -> View | None:
    """Return the smallest view among the f + 1 highest: at least one honest validator has given up all below it.

    `views` are those that others strive for, above the own one. None when there are not f + 1.
    """
    highest = sorted(views, reverse=True)
    return highest[faults_max] if len(highest) > faults_max else None


def choice_of(view_changes: Sequence[ViewChange]) -> Certificate | None:
    """Return the prepared certificate of the highest view, which its view must propose again; None for a fresh block.

    Two certificates of one view prove the same block and result unless more than f validators lie; even then all
    followers choose alike.
    """
    prepared = [change.prepared for change in view_changes if change.prepared is not None]
    return max(prepared, key=_certificate_rank, default=None)


def _certificate_rank(certificate: Certificate) -> tuple[int, bytes, bytes]:
    subject = certificate.subject
    return subject.view, subject.block_hash, subject.result_hash


def certificate_of(votes: Iterable[Vote], quorum: int) -> Certificate | None:
    """Return a certificate if a quorum of these votes, of one phase and one a signer, is equal."""
    found = list(votes)
    if len(found) < quorum:
        return None
    signatures: dict[Subject, list[Vote]] = {}
    for vote in found:
        signatures.setdefault(vote.subject, []).append(vote)
    for subject, equal in signatures.items():
        if len(equal) >= quorum:
            chosen = sorted(equal, key=lambda vote: vote.signer)[:quorum]
            return Certificate(chosen[0].phase, subject, tuple((vote.signer, vote.signature) for vote in chosen))
    return None


def header_fault(header: Header, head: Head, config: PbftConfig) -> str | None:
    """Return the code of what makes a header wrong on top of `head`, or None; a pure function of both.

    What needs the state (history root, transactions) is the executor's to check.
    """
    wrong = {
        "foreign_chain": header.chain_id != config.chain_id,
        "wrong_height": header.height != head.height + 1,
        "wrong_parent": header.parent_hash != head.block_hash,
        "wrong_parent_result": header.parent_result_hash != head.result_hash,
        "wrong_validators": header.validators_hash != head.validators.validators_hash,
        "wrong_epoch": header.epoch != head.validators.epoch,
        "time_not_increasing": header.time <= head.time,
    }
    return next((code for code, is_wrong in wrong.items() if is_wrong), None)


def fresh_header_fault(header: Header, head: Head, config: PbftConfig, primary: ValidatorId) -> str | None:
    """Return the code of what makes the header of a fresh proposal wrong; a forced one may name an earlier proposer."""
    if header.proposer != primary:
        return "wrong_proposer"
    return header_fault(header, head, config)


def is_drifted(time: Milliseconds, clock: Milliseconds, config: PbftConfig) -> bool:
    """Tell whether a fresh block's time is too far from the local clock (rule 4); never asked of a forced one."""
    return abs(time - clock) > config.drift_ms_max
