"""Whether evidence holds: a pure function of its bytes, the genesis, and the validator set of its epoch.

What is found is what the accused has signed; no clock, no state and no witness is needed. Whoever is not a member of
the network can check it too, offline, from the genesis alone.
"""

from typing import Final

from chain.block import Header, block_hash_of, decode_header
from chain.certificate import (
    Certificate,
    CertificateError,
    Phase,
    certificate_from_value,
    check_certificate,
    decode_certificate,
)
from chain.crypto import SIGNATURE_BYTES, Verify, verify
from chain.encoding import DecodeError, decode, fields_of
from chain.evidence import STATEMENT_TAGS, Evidence, EvidenceKind, Place, ShownTransaction, Statement, StatementKind
from chain.evidence_messages import MessageJudge, OtherEpoch
from chain.genesis import Genesis
from chain.merkle import MerkleProofError, verify_inclusion
from chain.proofs import CertifiedHeader
from chain.receipt import BlockResult, decode_result
from chain.transaction import SIGNATURE_TAG, decode_transaction, transaction_id_of
from chain.types import Digest, Height, ValidatorId
from chain.validators import ValidatorSet
from chain.values import dataclass


class EvidenceError(ValueError):
    """Evidence that proves nothing; `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Finding:
    """What evidence proves."""

    validator: ValidatorId
    kind: EvidenceKind
    code: str
    """What exactly is wrong."""
    place: Place
    """Where; of contradicting messages the higher view."""


_TWO: Final = {
    StatementKind.VIEW_CHANGE: "two_view_changes",
    StatementKind.NEW_VIEW: "two_new_views",
    StatementKind.PRE_PREPARE: "two_proposals",
    StatementKind.PREPARE: "two_prepares",
    StatementKind.COMMIT: "two_commits",
}


def check_evidence(
    evidence: Evidence, genesis: Genesis, chain_id: Digest, validators: ValidatorSet, verify: Verify = verify
) -> Finding:
    """Check evidence completely against the validator set of its epoch.

    `verify` is the product's; the simulator puts something cheaper in its place.

    Raises:
        EvidenceError: malformed, foreign_chain, unknown_epoch, unknown_validator, bad_signature or proves_nothing.
    """
    return _Check(evidence, genesis, chain_id, validators, verify).finding()


class _Check:
    """Checks one piece of evidence."""

    def __init__(
        self, evidence: Evidence, genesis: Genesis, chain_id: Digest, validators: ValidatorSet, verify: Verify
    ) -> None:
        self.evidence = evidence
        self.genesis = genesis
        self.chain_id = chain_id
        self.validators = validators
        self.verify = verify

    def finding(self) -> Finding:
        try:
            parts = [statement.fields() for statement in self.evidence.statements]
        except DecodeError as error:
            raise EvidenceError("malformed", str(error)) from error
        for statement, (place, _) in zip(self.evidence.statements, parts, strict=True):
            self.check_signed(statement, place)
        places = [place for place, _ in parts]
        try:
            code = self.code_of([rest for _, rest in parts], places)
        except OtherEpoch as error:
            raise EvidenceError("unknown_epoch", str(error)) from error
        place = max(places, key=lambda place: place.view)
        return Finding(self.evidence.validator, self.evidence.kind, code, place)

    def check_signed(self, statement: Statement, place: Place) -> None:
        """Check that the accused has signed a statement that means something on this chain."""
        if place.chain_id != self.chain_id:
            raise EvidenceError("foreign_chain", f"chain {place.chain_id.hex()}, not {self.chain_id.hex()}")
        if place.epoch != self.validators.epoch:
            raise EvidenceError("unknown_epoch", f"epoch {place.epoch} where {self.validators.epoch} is at hand")
        validator = self.validators.find(self.evidence.validator)
        if validator is None:
            raise EvidenceError("unknown_validator", f"{self.evidence.validator} is no validator")
        tag = STATEMENT_TAGS[statement.kind]
        if not self.verify(validator.consensus_key, tag, statement.payload, statement.signature):
            raise EvidenceError("bad_signature", f"{self.evidence.validator} has not signed this {statement.kind.name}")

    def code_of(self, rests: list[list[object]], places: list[Place]) -> str:
        """Return the code of what is proven."""
        kinds = [statement.kind for statement in self.evidence.statements]
        has_attachment = self.evidence.parent is not None or self.evidence.transaction is not None
        if has_attachment and self.evidence.kind is not EvidenceKind.INVALID_PROPOSAL:
            raise EvidenceError("malformed", "only an invalid proposal takes a block or a transaction")
        code: str | None = None
        match self.evidence.kind, kinds:
            case EvidenceKind.TWO_MESSAGES, [first, second] if first is second:
                code = _TWO[first] if places[0] == places[1] else None
            case EvidenceKind.HIDDEN_PREPARED, [StatementKind.VIEW_CHANGE, StatementKind.COMMIT]:
                code = _hidden_prepared(places, rests[0][1])
            case EvidenceKind.FALSE_MESSAGE, [StatementKind.VIEW_CHANGE]:
                judge = MessageJudge(self.validators, self.verify)
                code = judge.view_change_fault(places[0], *rests[0])
            case EvidenceKind.FALSE_MESSAGE, [StatementKind.NEW_VIEW]:
                changes = rests[0][0]
                assert isinstance(changes, list), "the payload was decoded"
                code = MessageJudge(self.validators, self.verify).new_view_fault(places[0], changes)
            case EvidenceKind.INVALID_PROPOSAL, [StatementKind.PRE_PREPARE]:
                header = rests[0][0]
                assert isinstance(header, bytes), "the payload was decoded"
                code = self.proposal_fault(places[0], header)
        if code is None:
            raise EvidenceError("proves_nothing", "an honest validator may have signed this")
        return code

    def proposal_fault(self, place: Place, encoded: bytes) -> str | None:
        """Return the code of the rule that a proposed block breaks; it is looked for where the evidence points."""
        try:
            header = decode_header(encoded)
        except DecodeError:
            return "malformed_header"
        if (header.chain_id, header.epoch, header.height) != (place.chain_id, place.epoch, place.height):
            return "header_of_another_place"
        if header.proposer != self.evidence.validator:
            # Only fresh blocks have a PRE-PREPARE; what is proposed again, perhaps another's, follows from NEW-VIEW.
            return "wrong_proposer"
        if header.validators_hash != self.validators.validators_hash:
            return "wrong_validators"
        fault = None
        if header.height == 1:
            fault = self.first_block_fault(header)
        elif self.evidence.parent is not None:
            fault = self.child_fault(header, self.evidence.parent)
        if fault is None and self.evidence.transaction is not None:
            fault = self.transaction_fault(header, self.evidence.transaction)
        return fault

    def first_block_fault(self, header: Header) -> str | None:
        if header.parent_hash != self.chain_id:
            return "wrong_parent"
        return "time_not_increasing" if header.time <= self.genesis.time else None

    def child_fault(self, header: Header, certified: CertifiedHeader) -> str | None:
        """Return how a header fails to continue the certified block below it."""
        parent, result, certificate = _decoded(certified)
        self.check_certified(parent, certified.header, result, certificate, Height(header.height - 1))
        if header.version < parent.version:
            return "wrong_version"
        if header.parent_hash != block_hash_of(certified.header):
            return "wrong_parent"
        if header.parent_result_hash != result.result_hash:
            return "wrong_parent_result"
        return "time_not_increasing" if header.time <= parent.time else None

    def check_certified(
        self, header: Header, encoded: bytes, result: BlockResult, certificate: Certificate, height: Height
    ) -> None:
        subject = certificate.subject
        outcome = (subject.block_hash, subject.result_hash)
        place = (subject.chain_id, subject.height, header.height)
        is_its = certificate.phase is Phase.COMMIT and outcome == (block_hash_of(encoded), result.result_hash)
        if not is_its or place != (self.chain_id, height, height):
            raise EvidenceError("proves_nothing", "the certificate is not of the block below")
        if subject.epoch != self.validators.epoch:
            raise EvidenceError("unknown_epoch", f"the block below was certified in epoch {subject.epoch}")
        try:
            check_certificate(certificate, self.validators, self.verify)
        except CertificateError as error:
            raise EvidenceError("proves_nothing", str(error)) from error

    def transaction_fault(self, header: Header, shown: ShownTransaction) -> str | None:
        """Return which rule a transaction breaks by itself that the header commits to."""
        try:
            _, body, signature = fields_of(decode(shown.raw, depth_max=1), "transaction", 1, bytes, bytes)
            leaf = transaction_id_of(body) + signature
            verify_inclusion(header.transactions_root, shown.count, shown.index, leaf, shown.path)
        except (DecodeError, MerkleProofError) as error:
            raise EvidenceError("proves_nothing", f"the header does not commit to the transaction: {error}") from error
        parameters = self.genesis.parameters
        try:
            transaction = decode_transaction(shown.raw, size_max=parameters.transaction_bytes_max)
        except DecodeError:
            return "malformed_transaction"
        content = transaction.body
        if content.chain_id != self.chain_id:
            return "foreign_transaction"
        if content.valid_until < header.time:
            return "expired_transaction"
        if content.valid_until > header.time + parameters.validity_window_max:
            return "transaction_too_early"
        if content.gas_limit > parameters.transaction_gas_max:
            return "transaction_gas_exceeded"
        is_signed = len(signature) == SIGNATURE_BYTES and self.verify(
            content.sender_key, SIGNATURE_TAG, transaction.transaction_id, signature
        )
        return None if is_signed else "bad_signature"


def _hidden_prepared(places: list[Place], prepared: object) -> str | None:
    """Tell whether a VIEW-CHANGE shows less than a COMMIT in a lower view says that its signer had prepared."""
    change, commit = places
    if change.height != commit.height or change.view <= commit.view:
        return None
    try:
        shown = None if prepared is None else certificate_from_value(prepared)
    except DecodeError:
        return None
    return "hidden_prepared" if shown is None or shown.subject.view < commit.view else None


def _decoded(certified: CertifiedHeader) -> tuple[Header, BlockResult, Certificate]:
    try:
        result, certificate = decode_result(certified.result), decode_certificate(certified.certificate)
        return decode_header(certified.header), result, certificate
    except DecodeError as error:
        raise EvidenceError("malformed", str(error)) from error
