"""A transaction: calls that one member signs and that succeed or fail together.

The raw bytes that a client sent travel and are stored unchanged; they are decoded once a process. The id is the hash
of the signed body, so that nobody can give the same request a second id by altering its signature.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from chain.crypto import DIGEST_BYTES, PUBLIC_KEY_BYTES, SIGNATURE_BYTES, public_key_of, sign, tagged_hash, verify
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.identity import is_name
from chain.merkle import merkle_root
from chain.types import Digest, Milliseconds, PublicKey, Signature
from chain.values import dataclass

NONCE_BYTES: Final = 16
CALLS_MAX: Final = 64
"""Calls of one transaction."""
MEMO_CHARACTERS_MAX: Final = 256
IDEMPOTENCY_KEY_CHARACTERS_MAX: Final = 64
METHOD_CHARACTERS_MAX: Final = 64
NAMES_KEPT: Final = 4096
"""Pairs of contract and method that are remembered as well-formed; most transactions name one of a few."""
SIGNATURE_TAG: Final = "transaction-signature"

# What a canonical transaction begins with, and what stands before its signature (MessagePack).
_SHORT_BODY: Final = b"\x93\x01\xc4"
_LONG_BODY: Final = b"\x93\x01\xc5"
_SIGNATURE: Final = bytes([0xC4, SIGNATURE_BYTES])
_TAIL: Final = len(_SIGNATURE) + SIGNATURE_BYTES
_BODY_KINDS: Final = [int, bytes, bytes, bytes, int, list, int]
"""Of the fields that are always there."""
_CALL_KINDS: Final = [str, str, list]


class Call(NamedTuple):
    """One method of one contract with positional arguments; a tuple, which costs least to make and to hand on."""

    contract: str
    method: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TransactionBody:
    """What the sender signs."""

    chain_id: Digest
    sender_key: PublicKey
    nonce: bytes
    valid_until: Milliseconds
    """Last block time, inclusive, at which the transaction may be in a block."""
    calls: tuple[Call, ...]
    gas_limit: int
    """Gas that the calls may use together; the sum over a block is bounded, so a block's cost is known unexecuted."""
    memo: str | None = None
    idempotency_key: str | None = None

    def encoded(self) -> bytes:
        """Return the canonical bytes, whose tagged hash is the transaction's id."""
        calls = [[call.contract, call.method, list(call.args)] for call in self.calls]
        fields: list[Any] = [self.chain_id, self.sender_key, self.nonce, self.valid_until, calls, self.gas_limit]
        return encode([1, *fields, self.memo, self.idempotency_key])


@dataclass(frozen=True, slots=True)
class Transaction:
    """A decoded transaction beside the bytes that it was decoded from."""

    raw: bytes
    transaction_id: Digest
    body: TransactionBody
    signature: Signature

    @property
    def merkle_leaf(self) -> bytes:
        """The leaf of the block's transaction tree: id and signature."""
        return self.transaction_id + self.signature


def transaction_id_of(body: bytes) -> Digest:
    """Return the id of a transaction with this encoded body."""
    return tagged_hash("transaction", body)


def sign_transaction(body: TransactionBody, seed: bytes) -> Transaction:
    """Sign a body with the private seed of its sender key.

    Raises:
        ValueError: when the seed belongs to another key.
    """
    if public_key_of(seed) != body.sender_key:
        raise ValueError("the seed does not belong to the sender key")
    encoded = body.encoded()
    transaction_id = transaction_id_of(encoded)
    signature = sign(seed, SIGNATURE_TAG, transaction_id)
    return Transaction(encode([1, encoded, signature]), transaction_id, body, signature)


def verify_transaction(transaction: Transaction) -> bool:
    """Tell whether the signature is the sender key's over the id."""
    return verify(transaction.body.sender_key, SIGNATURE_TAG, transaction.transaction_id, transaction.signature)


def decode_transaction(raw: bytes, *, size_max: int) -> Transaction:
    """Return the transaction in `raw`, checked for form but neither for its signature nor against any state.

    Raises:
        DecodeError: when the bytes are no transaction in canonical form or exceed `size_max`.
    """
    if len(raw) > size_max:
        raise DecodeError(f"{len(raw)} bytes exceed the limit of {size_max}")
    encoded, signature = body_and_signature(raw)
    if len(signature) != SIGNATURE_BYTES:
        raise DecodeError(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    return Transaction(raw, transaction_id_of(encoded), _decode_body(encoded), Signature(signature))


def body_and_signature(raw: bytes) -> tuple[bytes, bytes]:
    """Return the two parts of a raw transaction.

    Nearly all have a body whose length stands in one byte or two; cutting those up by hand takes a third of the time.

    Raises:
        DecodeError: when the outermost structure is not canonical.
    """
    start = 0
    if raw.startswith(_SHORT_BODY):
        start, size = 4, raw[3] if len(raw) > 3 else 0
    elif raw.startswith(_LONG_BODY) and len(raw) > 4:
        size = raw[3] << 8 | raw[4]
        # A length that fits into one byte has to stand in one.
        start = 5 if size > 0xFF else 0
    if start and len(raw) == start + size + 2 + SIGNATURE_BYTES and raw.startswith(_SIGNATURE, start + size):
        return raw[start : start + size], raw[-SIGNATURE_BYTES:]
    _, encoded, signature = fields_of(decode(raw, depth_max=1), "transaction", 1, bytes, bytes)
    return encoded, signature


def bodies_and_signatures(raws: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the same of many transactions, in two columns, at a third of the cost.

    Raises:
        DecodeError: when the outermost structure of one is not canonical.
    """
    begins = {size: _begin_of(size) for size in {*map(len, raws)}}
    beginnings = [begins[len(raw)] for raw in raws]
    if all(map(bytes.startswith, raws, beginnings)) and {raw[-_TAIL:-SIGNATURE_BYTES] for raw in raws} <= {_SIGNATURE}:
        bodies = [raw[len(begin) : -_TAIL] for raw, begin in zip(raws, beginnings, strict=True)]
        return bodies, [raw[-SIGNATURE_BYTES:] for raw in raws]
    parts = [body_and_signature(raw) for raw in raws]
    return [body for body, _ in parts], [signature for _, signature in parts]


def _begin_of(size: int) -> bytes:
    """Return what a raw transaction of this size begins with, or what none begins with if its form is unusual."""
    for prefix, digits, body_min, body_max in ((_SHORT_BODY, 1, 0, 0xFF), (_LONG_BODY, 2, 0x100, 0xFFFF)):
        body = size - len(prefix) - digits - _TAIL
        if body_min <= body <= body_max:
            return prefix + body.to_bytes(digits, "big")
    return b"\xc1"


def _decode_body(encoded: bytes) -> TransactionBody:
    value = decode(encoded)
    if type(value) is not list or len(value) != 9 or [*map(type, value[:7])] != _BODY_KINDS or value[0] != 1:
        kinds = (1, bytes, bytes, bytes, int, list, int, None, None)
        fields_of(value, "transaction body", *kinds)
    _, chain_id, key, nonce, valid_until, calls, gas_limit, memo, idempotency_key = value
    if len(chain_id) != DIGEST_BYTES or len(key) != PUBLIC_KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise DecodeError("chain id and sender key have 32 bytes, the nonce 16")
    if not 1 <= len(calls) <= CALLS_MAX:
        raise DecodeError(f"a transaction has 1 to {CALLS_MAX} calls, not {len(calls)}")
    if valid_until < 0 or gas_limit < 1:
        raise DecodeError("valid_until and gas_limit are not negative, the latter not zero")
    return TransactionBody(
        chain_id,
        key,
        nonce,
        valid_until,
        tuple([_decode_call(call) for call in calls]),
        gas_limit,
        None if memo is None else _text(memo, "memo", MEMO_CHARACTERS_MAX),
        None if idempotency_key is None else _text(idempotency_key, "idempotency key", IDEMPOTENCY_KEY_CHARACTERS_MAX),
    )


def _decode_call(value: Any) -> Call:
    if type(value) is not list or [*map(type, value)] != _CALL_KINDS:
        fields_of(value, "call", str, str, list)
    contract, method, args = value
    _check_names(contract, method)
    return Call(contract, method, tuple(args))


@functools.lru_cache(NAMES_KEPT)
def _check_names(contract: str, method: str) -> None:
    if not is_name(contract):
        raise DecodeError(f"{contract[:64]!r} cannot name a contract")
    if not is_method_name(method):
        raise DecodeError(f"{method[:64]!r} cannot name a method")


def is_method_name(text: str) -> bool:
    """Tell whether `text` may name a method in a call."""
    return text.isascii() and text.isidentifier() and len(text) <= METHOD_CHARACTERS_MAX


def _text(value: Any, name: str, characters_max: int) -> str:
    if type(value) is not str or not 1 <= len(value) <= characters_max:
        raise DecodeError(f"{name} is nil or text of 1 to {characters_max} characters")
    return value


def transactions_root_of(raws: Iterable[bytes]) -> Digest:
    """Return the root over id and signature of raw transactions, looking at nothing but their outermost structure.

    Raises:
        DecodeError: when that of one is malformed.
    """
    return merkle_root(transaction_id_of(body) + signature for body, signature in map(body_and_signature, raws))


def transaction_id_of_raw(raw: bytes) -> Digest:
    """Return the id of a raw transaction, looking at nothing but its outermost structure.

    Raises:
        DecodeError: when that is malformed.
    """
    return transaction_id_of(body_and_signature(raw)[0])
