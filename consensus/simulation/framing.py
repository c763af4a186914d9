"""Tries to convict honest validators by everything that they say: evidence must be impossible against them.

Whoever wants to frame somebody has what that validator signed, and may put together what he likes. So each new message
of an honest validator is laid before the judge in every form that evidence has, alone and beside earlier ones.
"""

from collections.abc import Iterator

from chain.block import Block
from chain.crypto import Verify
from chain.evidence import Evidence, EvidenceKind, Statement, evidence_of
from chain.evidence_check import EvidenceError, Finding, check_evidence
from chain.genesis import Genesis
from chain.proofs import CertifiedHeader
from chain.types import Digest, Height, ValidatorId
from chain.validators import ValidatorSet
from consensus.evidence import shown_transactions, statement_of
from consensus.pbft.messages import NewView, PrePrepare, Ranked, ViewChange, Vote


class Framer:
    """Owns what honest validators have said about the newest height that each has spoken of."""

    def __init__(self, genesis: Genesis, chain_id: Digest, validators: ValidatorSet, verify: Verify) -> None:
        self._genesis = genesis
        self._chain_id = chain_id
        self._validators = validators
        self._verify = verify
        self._said: dict[ValidatorId, list[tuple[Ranked, Statement]]] = {}
        self._heights: dict[ValidatorId, Height] = {}

    def frame(self, message: Ranked, parent: CertifiedHeader | None, block: Block | None) -> Finding | None:
        """Return what a message convicts its signer of, if it does; `parent` and `block` belong to a proposal."""
        for evidence in self._forms(message, parent, block):
            try:
                return check_evidence(evidence, self._genesis, self._chain_id, self._validators, self._verify)
            except EvidenceError:
                continue
        return None

    def _forms(self, message: Ranked, parent: CertifiedHeader | None, block: Block | None) -> Iterator[Evidence]:
        signer, statement = message.signer, statement_of(message)
        for earlier, stated in self._beside(message, statement):
            both = (stated, statement)
            if earlier.kind == message.kind and stated.payload != statement.payload:
                yield evidence_of(EvidenceKind.TWO_MESSAGES, signer, both)
            elif {type(earlier), type(message)} == {Vote, ViewChange}:
                yield evidence_of(EvidenceKind.HIDDEN_PREPARED, signer, both)
        if isinstance(message, ViewChange | NewView):
            yield evidence_of(EvidenceKind.FALSE_MESSAGE, signer, (statement,))
        if isinstance(message, PrePrepare):
            yield evidence_of(EvidenceKind.INVALID_PROPOSAL, signer, (statement,), parent)
            for shown in () if block is None else shown_transactions(block):
                yield evidence_of(EvidenceKind.INVALID_PROPOSAL, signer, (statement,), None, shown)

    def _beside(self, message: Ranked, statement: Statement) -> list[tuple[Ranked, Statement]]:
        """Return what the signer said before about the same height, and remember the message."""
        if self._heights.get(message.signer) != message.height:
            self._heights[message.signer] = message.height
            self._said[message.signer] = []
        said = self._said[message.signer]
        said.append((message, statement))
        return said[:-1]
