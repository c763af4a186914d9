"""Proofs that travel: everything somebody needs, beside the genesis, to check one fact without trusting who tells it.

A transaction proof shows that a transaction stands in a certified block and what its certified receipt says. A state
proof shows what the certified state holds under a key. Both are canonical bytes (docs/protocol.md); they are checked by
tallystick.proof, which knows the validators.
"""

from typing import Any, Final

from chain.block import HEADER_BYTES_MAX
from chain.certificate import CERTIFICATE_BYTES_MAX
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.merkle import NodeGetter, inclusion_path, is_digest, leaves_getter
from chain.recorded_block import RESULT_BYTES_MAX, RecordedBlock
from chain.transaction import decode_transaction
from chain.types import Digest
from chain.values import dataclass

PROOF_BYTES_MAX: Final = 16 * 1024 * 1024
"""Bound on any proof: a transaction and its receipt as large as they can be, and a few kilobytes around them."""

PATH_MAX: Final = 63

_VALUES_MAX: Final = 256
"""The values of a proof of one transaction or key: its fields and two paths take less."""


@dataclass(frozen=True, slots=True)
class CertifiedHeader:
    """A header and a result, and the certificate over the hashes of both; all as signed or hashed."""

    header: bytes
    result: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class TransactionProof:
    """A transaction's place in its block and its receipt."""

    transaction: bytes
    index: int
    count: int
    """Number of transactions in the block, and of receipts: needed to read the paths, and not itself proven, because
    a path may fit several counts."""
    transactions_path: tuple[Digest, ...]
    receipt: bytes
    receipts_path: tuple[Digest, ...]
    certified: CertifiedHeader

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        place: list[Any] = [self.transaction, self.index, self.count, list(self.transactions_path)]
        return encode([1, *place, self.receipt, list(self.receipts_path), *certified_fields(self.certified)])


@dataclass(frozen=True, slots=True)
class StateProof:
    """What the state after a block holds under a key."""

    contract: str
    key: bytes
    proof: bytes
    """As chain.state_proof describes."""
    certified: CertifiedHeader

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        return encode([1, self.contract, self.key, self.proof, *certified_fields(self.certified)])


class BlockProver:
    """Owns the two Merkle trees of one block, so that proving many of its transactions hashes each leaf once."""

    def __init__(self, record: RecordedBlock) -> None:
        self._record = record
        block = record.decoded_block()
        self._transactions = block.transactions
        self._certified = CertifiedHeader(block.header.encoded(), record.result, record.certificate)
        leaves = [decode_transaction(raw, size_max=len(raw)).merkle_leaf for raw in block.transactions]
        self._transactions_tree: NodeGetter = leaves_getter(leaves)
        self._receipts_tree: NodeGetter = leaves_getter(record.receipts)

    @property
    def certified(self) -> CertifiedHeader:
        """Header, result and certificate of the block."""
        return self._certified

    def prove(self, index: int) -> TransactionProof:
        """Return the proof of the transaction at `index`."""
        count = len(self._transactions)
        return TransactionProof(
            self._transactions[index],
            index,
            count,
            tuple(inclusion_path(index, count, self._transactions_tree)),
            self._record.receipts[index],
            tuple(inclusion_path(index, count, self._receipts_tree)),
            self._certified,
        )


def decode_transaction_proof(data: bytes) -> TransactionProof:
    """Return the transaction proof in canonical bytes, checked for form alone.

    Raises:
        DecodeError: when the bytes are none.
    """
    kinds = (1, bytes, int, int, list, bytes, list, bytes, bytes, bytes)
    value = decode(data, size_max=PROOF_BYTES_MAX, depth_max=2, values_max=_VALUES_MAX)
    _, raw, index, count, path, receipt, receipts_path, *certified = fields_of(value, "transaction proof", *kinds)
    return TransactionProof(
        raw,
        index,
        count,
        merkle_path_from_value(path),
        receipt,
        merkle_path_from_value(receipts_path),
        certified_header(*certified),
    )


def decode_state_proof(data: bytes) -> StateProof:
    """Return the state proof in canonical bytes, checked for form alone.

    Raises:
        DecodeError: when the bytes are none.
    """
    kinds = (1, str, bytes, bytes, bytes, bytes, bytes)
    value = decode(data, size_max=PROOF_BYTES_MAX, depth_max=1, values_max=_VALUES_MAX)
    _, contract, key, proof, *certified = fields_of(value, "certified state proof", *kinds)
    return StateProof(contract, key, proof, certified_header(*certified))


def certified_header_of(record: RecordedBlock) -> CertifiedHeader:
    """Return header, result and certificate of a recorded block."""
    return CertifiedHeader(record.decoded_block().header.encoded(), record.result, record.certificate)


def certified_fields(certified: CertifiedHeader) -> list[bytes]:
    """Return the parts of a certified header in the order in which they are written."""
    return [certified.header, certified.result, certified.certificate]


def certified_header(header: bytes, result: bytes, certificate: bytes) -> CertifiedHeader:
    """Return a certified header of parts whose size is bounded and that were not looked into.

    Raises:
        DecodeError: when one exceeds its bound.
    """
    if len(header) > HEADER_BYTES_MAX or len(result) > RESULT_BYTES_MAX or len(certificate) > CERTIFICATE_BYTES_MAX:
        raise DecodeError("header, result or certificate exceeds its bound")
    return CertifiedHeader(header, result, certificate)


def merkle_path_from_value(values: list[Any]) -> tuple[Digest, ...]:
    """Return the Merkle path that a decoded array holds.

    Raises:
        DecodeError: when it is too long, or holds something else than hashes.
    """
    if len(values) > PATH_MAX or not all(map(is_digest, values)):
        raise DecodeError(f"a Merkle path has at most {PATH_MAX} hashes of 32 bytes")
    return tuple(Digest(value) for value in values)
