"""Makes evidence of what a replica or its edge has caught a validator at; checking it is chain.evidence_check's.

What cannot be shown to somebody who was not there makes no evidence: that a proposal came late, or that a
transaction was already in the state.
"""

from collections.abc import Iterator

from chain.block import Block
from chain.encoding import DecodeError, decode, fields_of
from chain.evidence import Evidence, EvidenceKind, ShownTransaction, Statement, StatementKind, evidence_of
from chain.merkle import inclusion_path, leaves_getter
from chain.proofs import CertifiedHeader
from chain.transaction import transaction_id_of
from consensus.pbft.events import Accusation, BadProposal, Equivocation, HidPrepared
from consensus.pbft.messages import Message, NewView, PrePrepare, Ranked, ViewChange


def statement_of(message: Ranked) -> Statement:
    """Return what its signer has signed."""
    return Statement(StatementKind(message.kind), message.payload, message.signature)


def candidates(
    accusation: Accusation, parent: CertifiedHeader | None, transaction: ShownTransaction | None
) -> Iterator[Evidence]:
    """Yield what may be evidence, the smallest first; the first that holds is the one to keep.

    `parent` is the block below a bad proposal, `transaction` the one that makes it invalid, where they are at hand.
    """
    match accusation:
        case Equivocation(first=first, second=second):
            # One payload has many signatures; making another is no contradiction.
            if first.payload != second.payload:
                both = (statement_of(first), statement_of(second))
                yield evidence_of(EvidenceKind.TWO_MESSAGES, first.signer, both)
        case HidPrepared(change=change, commit=commit):
            both = (statement_of(change), statement_of(commit))
            yield evidence_of(EvidenceKind.HIDDEN_PREPARED, change.signer, both)
        case BadProposal(message=PrePrepare() as message):
            yield from _of_proposal(message, parent, transaction)


def of_refused(message: Message) -> Evidence | None:
    """Return what may be evidence of a message that the edge has refused; None if no such message can be."""
    match message:
        case ViewChange() | NewView():
            return evidence_of(EvidenceKind.FALSE_MESSAGE, message.signer, (statement_of(message),))
        case PrePrepare():
            return evidence_of(EvidenceKind.INVALID_PROPOSAL, message.signer, (statement_of(message),))
    return None


def shown_transaction(body: Block, index: int) -> ShownTransaction | None:
    """Return a transaction of a block with its path to the header's root; None if the root cannot be made again."""
    leaves = _leaves_of(body)
    return None if leaves is None else _shown(body, leaves, index)


def shown_transactions(body: Block) -> list[ShownTransaction | None]:
    """Return the same for each transaction of a block, in order."""
    leaves = _leaves_of(body)
    return [None if leaves is None else _shown(body, leaves, index) for index in range(len(body.transactions))]


def _leaves_of(body: Block) -> list[bytes] | None:
    try:
        parts = [fields_of(decode(raw, depth_max=1), "transaction", 1, bytes, bytes) for raw in body.transactions]
    except DecodeError:
        return None
    return [transaction_id_of(content) + signature for _, content, signature in parts]


def _shown(body: Block, leaves: list[bytes], index: int) -> ShownTransaction:
    path = inclusion_path(index, len(leaves), leaves_getter(leaves))
    return ShownTransaction(index, len(leaves), tuple(path), body.transactions[index])


def _of_proposal(
    message: PrePrepare, parent: CertifiedHeader | None, transaction: ShownTransaction | None
) -> Iterator[Evidence]:
    statements = (statement_of(message),)
    yield evidence_of(EvidenceKind.INVALID_PROPOSAL, message.signer, statements)
    if parent is not None:
        yield evidence_of(EvidenceKind.INVALID_PROPOSAL, message.signer, statements, parent)
    if transaction is not None:
        yield evidence_of(EvidenceKind.INVALID_PROPOSAL, message.signer, statements, None, transaction)
