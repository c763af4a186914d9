"""The file that travels: one statement about the ledger, and all that it takes to check it from the genesis hash.

A proof file is canonical bytes (docs/protocol.md, "Proof files"): certified headers, the changes of the validator set
on the way to them from genesis, and the evidence for one statement of one kind. Every part is used or the file is
refused, so that what is altered is found. It is checked by tallystick.proof_checking, which knows the genesis.
"""

from enum import StrEnum
from typing import Any, Final

from chain.encoding import DecodeError, decode, encode, fields_of
from chain.merkle import is_digest
from chain.proofs import (
    PROOF_BYTES_MAX,
    CertifiedHeader,
    TransactionProof,
    certified_fields,
    certified_header,
    merkle_path_from_value,
)
from chain.types import Digest
from chain.values import dataclass

PROOF_DEPTH_MAX: Final = 5
PROOF_VALUES_MAX: Final = PROOF_BYTES_MAX // 32
"""One for each 32 bytes of the longest file; files that prove something have less, because most values are hashes."""
HEADERS_MAX: Final = 1024
CHANGES_MAX: Final = 1024
RECORDS_MAX: Final = 256
SUBJECT_CHARACTERS_MAX: Final = 1024


class ProofKind(StrEnum):
    """What a proof file can state."""

    TRANSACTION = "transaction"
    KEY = "key"
    HISTORY = "history"
    STORY = "story"
    VALIDATORS = "validators"


class StoryRule(StrEnum):
    """Which records of a library contract tell a story."""

    ITEM = "item"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class ValidatorChange:
    """A certified header whose result announces another validator set, and that set."""

    certified: CertifiedHeader
    validators: bytes


@dataclass(frozen=True, slots=True)
class PlacedTransaction:
    """A transaction's place in its block and its receipt; which header is the block's follows from the receipt."""

    transaction: bytes
    index: int
    count: int
    transactions_path: tuple[Digest, ...]
    receipt: bytes
    receipts_path: tuple[Digest, ...]

    def under(self, certified: CertifiedHeader) -> TransactionProof:
        """Return the proof that this is together with the block's certified header."""
        return TransactionProof(
            self.transaction,
            self.index,
            self.count,
            self.transactions_path,
            self.receipt,
            self.receipts_path,
            certified,
        )


@dataclass(frozen=True, slots=True)
class Versions:
    """What the state holds under a key, and older versions of it, the newest first."""

    proof: bytes
    """As chain.state_proof describes, against the state root of a header."""
    older: tuple[bytes, ...]
    """Encoded leaves, each the preimage of the hash that the one before names."""


@dataclass(frozen=True, slots=True)
class KeyEvidence:
    """What a key held at a height, the header's or an earlier one."""

    contract: str
    key: bytes
    height: int
    versions: Versions


@dataclass(frozen=True, slots=True)
class HistoryEvidence:
    """All versions of a key."""

    contract: str
    key: bytes
    versions: Versions


@dataclass(frozen=True, slots=True)
class Record:
    """All versions of a record, as the state after the block at a height holds them."""

    height: int
    versions: Versions


@dataclass(frozen=True, slots=True)
class StoryEvidence:
    """All versions of the records that tell a story, and the transactions that wrote them."""

    contract: str
    rule: StoryRule
    subject: str
    contract_height: int
    contract_proof: bytes
    """Proof of the contract's record, against the header of that height: it names the source that keeps the others."""
    records: tuple[Record, ...]
    """Each of a height of its own, because a busy ledger moves on while they are collected."""
    transactions: tuple[PlacedTransaction, ...]


@dataclass(frozen=True, slots=True)
class ValidatorsEvidence:
    """Nothing beside the header: the set that certified it is that of genesis, or of the last change."""


Evidence = PlacedTransaction | KeyEvidence | HistoryEvidence | StoryEvidence | ValidatorsEvidence


@dataclass(frozen=True, slots=True)
class ProofFile:
    """One statement and its evidence."""

    chain_id: Digest
    genesis: bytes | None
    """The encoded genesis, for those who know its hash alone."""
    changes: tuple[ValidatorChange, ...]
    headers: tuple[CertifiedHeader, ...]
    """In ascending order of height."""
    evidence: Evidence

    @property
    def kind(self) -> ProofKind:
        """What kind of statement it is."""
        return _KIND_OF[type(self.evidence)]

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        changes = [[*certified_fields(change.certified), change.validators] for change in self.changes]
        headers = [certified_fields(certified) for certified in self.headers]
        return encode(
            [1, self.kind.value, self.chain_id, self.genesis, changes, headers, _evidence_value(self.evidence)]
        )


_KIND_OF: Final[dict[type, ProofKind]] = {
    PlacedTransaction: ProofKind.TRANSACTION,
    KeyEvidence: ProofKind.KEY,
    HistoryEvidence: ProofKind.HISTORY,
    StoryEvidence: ProofKind.STORY,
    ValidatorsEvidence: ProofKind.VALIDATORS,
}


def decode_proof_file(data: bytes) -> ProofFile:
    """Return the proof file in canonical bytes, checked for form alone.

    Raises:
        DecodeError: when the bytes are none.
    """
    value = decode(data, size_max=PROOF_BYTES_MAX, depth_max=PROOF_DEPTH_MAX, values_max=PROOF_VALUES_MAX)
    kinds = (1, str, bytes, None, list, list, list)
    _, kind, chain_id, genesis, changes, headers, evidence = fields_of(value, "proof file", *kinds)
    if not is_digest(chain_id) or not (genesis is None or type(genesis) is bytes):
        raise DecodeError("not a proof file: its chain id is a hash, its genesis bytes or nil")
    if len(changes) > CHANGES_MAX or not 1 <= len(headers) <= HEADERS_MAX:
        raise DecodeError(f"a proof file has 1 to {HEADERS_MAX} headers and at most {CHANGES_MAX} changes")
    return ProofFile(
        Digest(chain_id),
        genesis,
        tuple(_change(change) for change in changes),
        tuple(_certified(header) for header in headers),
        _evidence(kind, evidence),
    )


def placed(proof: TransactionProof) -> PlacedTransaction:
    """Return a transaction proof without its header."""
    return PlacedTransaction(
        proof.transaction, proof.index, proof.count, proof.transactions_path, proof.receipt, proof.receipts_path
    )


def _certified(value: Any) -> CertifiedHeader:
    return certified_header(*fields_of(value, "certified header", bytes, bytes, bytes))


def _change(value: Any) -> ValidatorChange:
    *certified, validators = fields_of(value, "change of validators", bytes, bytes, bytes, bytes)
    return ValidatorChange(certified_header(*certified), validators)


def _placed_value(entry: PlacedTransaction) -> list[Any]:
    place: list[Any] = [entry.transaction, entry.index, entry.count, list(entry.transactions_path)]
    return [*place, entry.receipt, list(entry.receipts_path)]


def _placed(value: Any) -> PlacedTransaction:
    raw, index, count, path, receipt, receipts_path = fields_of(
        value, "transaction in a proof file", bytes, int, int, list, bytes, list
    )
    return PlacedTransaction(
        raw, index, count, merkle_path_from_value(path), receipt, merkle_path_from_value(receipts_path)
    )


def _evidence_value(evidence: Evidence) -> list[Any]:
    match evidence:
        case PlacedTransaction():
            return _placed_value(evidence)
        case KeyEvidence(contract, key, height, versions):
            return [contract, key, height, versions.proof, list(versions.older)]
        case HistoryEvidence(contract, key, versions):
            return [contract, key, versions.proof, list(versions.older)]
        case StoryEvidence(contract, rule, subject, height, contract_proof, records, transactions):
            tellers = [[each.height, each.versions.proof, list(each.versions.older)] for each in records]
            written = [_placed_value(entry) for entry in transactions]
            return [contract, rule.value, subject, height, contract_proof, tellers, written]
        case ValidatorsEvidence():
            return []


def _evidence(kind: str, value: list[Any]) -> Evidence:
    match kind:
        case ProofKind.TRANSACTION:
            return _placed(value)
        case ProofKind.KEY:
            contract, key, height, proof, older = fields_of(value, "proof of a key", str, bytes, int, bytes, list)
            if height < 0:
                raise DecodeError(f"there is no height {height}")
            return KeyEvidence(contract, key, height, _versions(proof, older))
        case ProofKind.HISTORY:
            contract, key, proof, older = fields_of(value, "proof of a history", str, bytes, bytes, list)
            return HistoryEvidence(contract, key, _versions(proof, older))
        case ProofKind.STORY:
            return _story(value)
        case ProofKind.VALIDATORS:
            fields_of(value, "proof of validators")
            return ValidatorsEvidence()
    raise DecodeError(f"there is no kind of proof named {kind[:32]!r}")


def _story(value: list[Any]) -> StoryEvidence:
    kinds = (str, str, str, int, bytes, list, list)
    contract, rule, subject, height, contract_proof, records, transactions = fields_of(
        value, "proof of a story", *kinds
    )
    if rule not in tuple(StoryRule) or len(subject) > SUBJECT_CHARACTERS_MAX:
        raise DecodeError("a story is an item's or a transfer's, and its subject is short")
    if len(records) > RECORDS_MAX:
        raise DecodeError(f"a story is told by at most {RECORDS_MAX} records, not {len(records)}")
    triples = [fields_of(record, "record of a story", int, bytes, list) for record in records]
    return StoryEvidence(
        contract,
        StoryRule(rule),
        subject,
        height,
        contract_proof,
        tuple(Record(height, _versions(proof, older)) for height, proof, older in triples),
        tuple(_placed(entry) for entry in transactions),
    )


def _versions(proof: bytes, older: list[Any]) -> Versions:
    if any(type(leaf) is not bytes for leaf in older):
        raise DecodeError("older versions are leaves, as bytes")
    return Versions(proof, tuple(older))
