"""A decided block with everything that is kept of it: the form in which blocks are served, exported and audited.

It is a certified block (chain.certificate) and its receipts. The parts stay the bytes that were signed, hashed and
stored; this container adds nothing to what is agreed on.
"""

from collections.abc import Sequence
from typing import Final

from chain.block import BLOCK_BYTES_MAX, Block, decode_block
from chain.certificate import CERTIFICATE_BYTES_MAX, Certificate, decode_certificate
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.receipt import BlockResult, Receipt, decode_receipt, decode_result
from chain.types import Height
from chain.values import dataclass

RECORDED_BLOCK_BYTES_MAX: Final = 24 * 1024 * 1024
"""A block of 8 MiB, 8 MiB of receipts and 256 bytes more for each of them (chain.receipt), and a certificate."""

RANGE_BYTES_MAX: Final = 32 * 1024 * 1024
"""Bound on several recorded blocks together; one always fits."""

RESULT_BYTES_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class RecordedBlock:
    """Block, result, certificate and receipts in canonical bytes."""

    block: bytes
    result: bytes
    certificate: bytes
    receipts: tuple[bytes, ...]
    """One for each transaction, in order."""

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        return encode([1, self.block, self.result, self.certificate, list(self.receipts)])

    def decoded_block(self) -> Block:
        """Return the block, checked for form alone."""
        return decode_block(self.block)

    def decoded_result(self) -> BlockResult:
        """Return the result, checked for form alone."""
        return decode_result(self.result)

    def decoded_certificate(self) -> Certificate:
        """Return the certificate, checked for form alone."""
        return decode_certificate(self.certificate)

    def decoded_receipts(self) -> tuple[Receipt, ...]:
        """Return the receipts, checked for form alone."""
        return tuple(decode_receipt(receipt) for receipt in self.receipts)


def decode_recorded_block(data: bytes, *, size_max: int = RECORDED_BLOCK_BYTES_MAX) -> RecordedBlock:
    """Return the parts of a recorded block; the parts themselves are not decoded.

    Raises:
        DecodeError: when the bytes are none in canonical form, or a part exceeds its bound.
    """
    kinds = (1, bytes, bytes, bytes, list)
    _, block, result, certificate, receipts = fields_of(
        decode(data, size_max=size_max, depth_max=2), "recorded block", *kinds
    )
    if len(block) > BLOCK_BYTES_MAX or len(result) > RESULT_BYTES_MAX or len(certificate) > CERTIFICATE_BYTES_MAX:
        raise DecodeError("a part of the recorded block exceeds its bound")
    if {*map(type, receipts)} - {bytes}:
        raise DecodeError("a block's receipts are byte strings")
    return RecordedBlock(block, result, certificate, tuple(receipts))


def encode_range(first: int, records: Sequence[bytes]) -> bytes:
    """Return the canonical bytes of consecutive encoded recorded blocks, the first one at height `first`."""
    return encode([1, first, list(records)])


def decode_range(data: bytes, *, size_max: int = RANGE_BYTES_MAX) -> tuple[Height, tuple[bytes, ...]]:
    """Return the first height and the encoded recorded blocks of a range.

    Raises:
        DecodeError: when the bytes are no range.
    """
    _, first, records = fields_of(decode(data, size_max=size_max, depth_max=2), "range of blocks", 1, int, list)
    if first < 1 or any(type(record) is not bytes for record in records):
        raise DecodeError("a range of blocks starts at height 1 or later and holds byte strings")
    return Height(first), tuple(records)
