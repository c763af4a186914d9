"""Evidence: what one validator has signed and no honest one does, in bytes that prove it to anybody.

A statement is the payload that a validator signed, with the kind of message it was, which is its signature's domain.
Two statements may contradict each other; one may be false by itself, or be a proposal that breaks a rule of validity.
Nothing else is evidence: silence, slowness, and what honest validators may do too, such as committing to two blocks of
a height in different views, prove nothing. chain.evidence_check says whether evidence holds.
"""

import functools
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

from chain.certificate import CERTIFICATE_VALUES_MAX, VOTE_TAG
from chain.crypto import SIGNATURE_BYTES, tagged_hash
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.identity import is_name
from chain.merkle import is_digest
from chain.proofs import PATH_MAX, CertifiedHeader, certified_fields, certified_header
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from chain.values import dataclass

EVIDENCE_BYTES_MAX: Final = 448 * 1024
"""Bound on any evidence, so that it fits into a transaction; the largest is a NEW-VIEW of 31 validators."""

SIGNED_VALUES_MAX: Final = 16 + 2 * CERTIFICATE_VALUES_MAX
"""Values in a statement, the most of which has two certificates, and in evidence, which holds statements as bytes."""

STATEMENTS_MAX: Final = 2
STATEMENTS_KEPT: Final = 16
"""Statements whose decoded fields are remembered: one is laid beside several others in turn."""


class EvidenceKind(IntEnum):
    """What is proven; docs/protocol.md has the rules."""

    TWO_MESSAGES = 1
    """Two different messages of one kind for one height and view: what is called equivocation."""
    HIDDEN_PREPARED = 2
    """COMMIT in a view, and a VIEW-CHANGE to a higher one that does not show what was prepared."""
    FALSE_MESSAGE = 3
    """A VIEW-CHANGE or NEW-VIEW whose contents nobody honest would have signed for."""
    INVALID_PROPOSAL = 4
    """A PRE-PREPARE of a block that breaks a rule of validity."""


class StatementKind(IntEnum):
    """Kinds of messages that belong to a height and a view, by their numbers in the peer protocol."""

    VIEW_CHANGE = 1
    NEW_VIEW = 2
    PRE_PREPARE = 3
    PREPARE = 4
    COMMIT = 5


STATEMENT_TAGS: Final = {
    StatementKind.VIEW_CHANGE: "view-change",
    StatementKind.NEW_VIEW: "new-view",
    StatementKind.PRE_PREPARE: "pre-prepare",
    StatementKind.PREPARE: VOTE_TAG,
    StatementKind.COMMIT: VOTE_TAG,
}
"""The signature domain of each kind."""

_VOTES: Final = {StatementKind.PREPARE: 1, StatementKind.COMMIT: 2}
"""The phase inside a vote's payload."""

_KINDS: Final = {
    StatementKind.VIEW_CHANGE: (1, bytes, int, int, int, None, None),
    StatementKind.NEW_VIEW: (1, bytes, int, int, int, list),
    StatementKind.PRE_PREPARE: (1, bytes, int, int, int, bytes),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message belongs; an honest validator signs one of each kind for a place."""

    chain_id: Digest
    epoch: Epoch
    height: Height
    view: View


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that a validator signed."""

    kind: StatementKind
    payload: bytes
    signature: Signature

    def fields(self) -> tuple[Place, list[Any]]:
        """Return where the statement belongs and what else it says.

        Raises:
            DecodeError: when the payload is none of its kind.
        """
        place, rest = _fields_of(self.kind, self.payload)
        return place, list(rest)


@functools.lru_cache(maxsize=STATEMENTS_KEPT)
def _fields_of(kind: StatementKind, payload: bytes) -> tuple[Place, tuple[Any, ...]]:
    value = decode(payload, size_max=EVIDENCE_BYTES_MAX, depth_max=5, values_max=SIGNED_VALUES_MAX)
    if kind in _VOTES:
        _, _, *fields = fields_of(value, "vote", 1, _VOTES[kind], bytes, int, int, int, bytes, bytes)
    else:
        _, *fields = fields_of(value, f"payload of kind {kind}", *_KINDS[kind])
    chain_id, epoch, height, view, *rest = fields
    if not is_digest(chain_id) or min(epoch, view) < 0 or height < 1:
        raise DecodeError("a statement about no place")
    return Place(Digest(chain_id), Epoch(epoch), Height(height), View(view)), tuple(rest)


@dataclass(frozen=True, slots=True)
class ShownTransaction:
    """A transaction of a proposed block, with the path that proves it against the header's root."""

    index: int
    count: int
    path: tuple[Digest, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that it takes to convict one validator, apart from the validator set."""

    kind: EvidenceKind
    validator: ValidatorId
    statements: tuple[Statement, ...]
    """Two in ascending order of kind and payload, or one."""
    parent: CertifiedHeader | None = None
    """Of an invalid proposal: the block below, if it takes that to see what is wrong."""
    transaction: ShownTransaction | None = None
    """Of an invalid proposal: the transaction that is wrong, if it takes one."""

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        statements = [[item.kind.value, item.payload, item.signature] for item in self.statements]
        parent = None if self.parent is None else list(certified_fields(self.parent))
        shown = self.transaction
        transaction = None if shown is None else [shown.index, shown.count, list(shown.path), shown.raw]
        return encode([1, self.kind.value, self.validator, statements, parent, transaction])

    @property
    def digest(self) -> Digest:
        """The name of this very evidence."""
        return tagged_hash("evidence", self.encoded())


def decode_evidence(data: bytes) -> Evidence:
    """Return the evidence in canonical bytes, checked for form alone.

    Raises:
        DecodeError: when the bytes are none or longer than EVIDENCE_BYTES_MAX.
    """
    value = decode(data, size_max=EVIDENCE_BYTES_MAX, depth_max=4, values_max=SIGNED_VALUES_MAX)
    _, kind, validator, statements, parent, transaction = fields_of(value, "evidence", 1, int, str, list, None, None)
    if kind not in tuple(EvidenceKind) or not is_name(validator):
        raise DecodeError(f"evidence of kind {kind} against {validator[:64]!r}")
    if not 1 <= len(statements) <= STATEMENTS_MAX:
        raise DecodeError(f"evidence with {len(statements)} statements")
    decoded = tuple(_statement_from_value(item) for item in statements)
    if list(decoded) != sorted(decoded, key=_rank) or len(set(map(_rank, decoded))) != len(decoded):
        raise DecodeError("statements are not distinct and in ascending order")
    header = None if parent is None else certified_header(*fields_of(parent, "certified header", bytes, bytes, bytes))
    shown = None if transaction is None else _shown_from_value(transaction)
    return Evidence(EvidenceKind(kind), ValidatorId(validator), decoded, header, shown)


def evidence_of(
    kind: EvidenceKind,
    validator: ValidatorId,
    statements: Sequence[Statement],
    parent: CertifiedHeader | None = None,
    transaction: ShownTransaction | None = None,
) -> Evidence:
    """Return evidence with its statements in their one order."""
    return Evidence(kind, validator, tuple(sorted(statements, key=_rank)), parent, transaction)


def _rank(statement: Statement) -> tuple[int, bytes]:
    return statement.kind, statement.payload


def _statement_from_value(value: Any) -> Statement:
    kind, payload, signature = fields_of(value, "statement", int, bytes, bytes)
    if kind not in tuple(StatementKind) or len(signature) != SIGNATURE_BYTES:
        raise DecodeError(f"statement of kind {kind} with a signature of {len(signature)} bytes")
    return Statement(StatementKind(kind), payload, Signature(signature))


def _shown_from_value(value: Any) -> ShownTransaction:
    index, count, path, raw = fields_of(value, "shown transaction", int, int, list, bytes)
    if not 0 <= index < count or len(path) > PATH_MAX or not all(map(is_digest, path)):
        raise DecodeError(f"transaction {index} of {count} with a path of {len(path)}")
    return ShownTransaction(index, count, tuple(Digest(item) for item in path), raw)
