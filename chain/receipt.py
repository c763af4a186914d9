"""Receipts: what became of a transaction, and the results that a block's votes sign."""

from collections.abc import Iterable
from dataclasses import field
from types import NoneType
from typing import Any, Final

from chain.crypto import DIGEST_BYTES, tagged_hash
from chain.encoding import DecodeError, canonical_list, canonical_map, decode, decode_own, encode, fields_of, pack_flat
from chain.runtime import Event
from chain.types import Digest, Height
from chain.values import dataclass

SUCCEEDED: Final = 0
FAILED: Final = 1

RECEIPT_BYTES_FREE: Final = 256
"""Bytes that every receipt may have; a failed one never needs more."""

RECEIPTS_BYTES_SHARED: Final = 8 * 1024 * 1024
"""Bytes that the receipts of a block may have together beyond the free ones."""


def receipt_bytes_max(gas_limit: int, block_gas_max: int) -> int:
    """Return how large the receipt of a transaction may become: its share of the block's gas is its share of the bytes.

    The declared gas of a block's transactions is bounded, so their receipts are, whatever contracts return and
    announce; a recorded block always fits into one message, one file and one read. No transaction can use up what
    another one needs.
    """
    return RECEIPT_BYTES_FREE + gas_limit * RECEIPTS_BYTES_SHARED // block_gas_max


@dataclass(frozen=True, slots=True)
class Receipt:
    """The certified outcome of one transaction."""

    transaction_id: Digest
    height: Height
    index: int
    """Place in the block, from 0."""
    code: str | None
    """None for success, otherwise a stable error code."""
    events: tuple[Event, ...]
    gas_used: int
    values: tuple[Any, ...]
    """Return value of each call, in order; empty when the transaction failed."""

    @property
    def succeeded(self) -> bool:
        """Whether all calls succeeded and their writes took effect."""
        return self.code is None

    def encoded(self) -> bytes:
        """Return the canonical bytes, a leaf of the receipts tree."""
        return encode_receipt(
            self.transaction_id, self.height, self.index, self.code, self.events, self.gas_used, list(self.values)
        )


def encode_receipt(
    transaction_id: Digest,
    height: Height,
    index: int,
    code: str | None,
    events: Iterable[Event],
    gas_used: int,
    values: list[Any],
) -> bytes:
    """Return the canonical bytes of the receipt with these fields."""
    status = SUCCEEDED if code is None else FAILED
    listed = []
    for contract, name, fields in events:
        listed.append((contract, name, canonical_map(fields)))
    return pack_flat([1, transaction_id, height, index, status, code, listed, gas_used, canonical_list(values)])


_KINDS: Final = [
    [int, bytes, int, int, int, NoneType, list, int, list],
    [int, bytes, int, int, int, str, list, int, list],
]
"""Types of the fields of a receipt, by whether it succeeded."""


def decode_receipt(data: bytes) -> Receipt:
    """Return the receipt in canonical bytes.

    Raises:
        DecodeError: when the bytes are no receipt.
    """
    value = decode(data)
    if type(value) is not list or len(value) != 9 or [*map(type, value)] not in _KINDS or value[0] != 1:
        kinds = (1, bytes, int, int, int, None, list, int, list)
        fields_of(value, "receipt", *kinds)
    _, id_, height, index, status, code, events, gas_used, values = value
    expected = SUCCEEDED if code is None else FAILED
    if status != expected or type(code) not in (str, NoneType) or len(id_) != DIGEST_BYTES:
        raise DecodeError("receipt with inconsistent status and code, or a bad transaction id")
    return Receipt(
        Digest(id_),
        Height(height),
        index,
        code,
        tuple([_decode_event(event) for event in events]),
        gas_used,
        tuple(values),
    )


def own_receipt(data: bytes) -> Receipt:
    """Return the receipt in bytes that this node's executor made, whose form need not be checked again.

    Raises:
        DecodeError: when the bytes are not MessagePack at all.
    """
    _, id_, height, index, _, code, events, gas_used, values = decode_own(data)
    return Receipt(id_, height, index, code, tuple([Event(*event) for event in events]), gas_used, tuple(values))


def _decode_event(value: Any) -> Event:
    contract, name, fields = fields_of(value, "event", str, str, dict)
    return Event(contract, name, fields)


@dataclass(frozen=True, slots=True)
class BlockResult:
    """The outcome of a block: what PREPARE and COMMIT sign beside the block's hash."""

    state_root: Digest
    receipts_root: Digest
    next_validators_hash: Digest
    result_hash: Digest = field(init=False, repr=False, compare=False)
    """The hash that votes, certificates and the next header name."""

    def __post_init__(self) -> None:
        made = tagged_hash("result", self.state_root, self.receipts_root, self.next_validators_hash)
        object.__setattr__(self, "result_hash", made)

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        return encode([1, self.state_root, self.receipts_root, self.next_validators_hash])


def decode_result(data: bytes) -> BlockResult:
    """Return the result in canonical bytes.

    Raises:
        DecodeError: when the bytes are no result.
    """
    _, state, receipts, validators = fields_of(decode(data, size_max=256), "block result", 1, bytes, bytes, bytes)
    if {len(state), len(receipts), len(validators)} != {DIGEST_BYTES}:
        raise DecodeError("block result with a digest that is not 32 bytes")
    return BlockResult(Digest(state), Digest(receipts), Digest(validators))
