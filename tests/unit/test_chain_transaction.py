"""Transactions: their bytes, their id, and every malformed form refused."""

from dataclasses import replace
from typing import Any

import pytest
from chain_maker import START, key_of, seed_of

from chain.crypto import sign, tagged_hash
from chain.encoding import DecodeError, decode, encode
from chain.transaction import (
    CALLS_MAX,
    IDEMPOTENCY_KEY_CHARACTERS_MAX,
    MEMO_CHARACTERS_MAX,
    METHOD_CHARACTERS_MAX,
    Call,
    TransactionBody,
    decode_transaction,
    sign_transaction,
    transaction_id_of_raw,
    verify_transaction,
)
from chain.types import Digest, Milliseconds

BODY = TransactionBody(
    Digest(bytes(32)),
    key_of("acme.alice"),
    bytes(16),
    Milliseconds(START),
    (Call("token", "transfer", ("zenith.bob", 5, None, [b"x", {"a": True}])),),
    1_000,
    "a memo",
    "a key",
)
FIELDS = ("version", "chain_id", "key", "nonce", "valid_until", "calls", "gas_limit", "memo", "idempotency_key")


def signed(body: TransactionBody = BODY) -> bytes:
    return sign_transaction(body, seed_of("acme.alice")).raw


def raw_of(fields: list[Any]) -> bytes:
    """Return the raw transaction with a body of these fields, properly signed."""
    body = encode(fields)
    signature = sign(seed_of("acme.alice"), "transaction-signature", tagged_hash("transaction", body))
    return encode([1, body, signature])


def read(raw: bytes) -> Any:
    return decode_transaction(raw, size_max=100_000)


def test_what_was_signed_is_read_back() -> None:
    for body in (BODY, replace(BODY, memo=None, idempotency_key=None), replace(BODY, calls=BODY.calls * CALLS_MAX)):
        raw = signed(body)
        transaction = read(raw)
        assert (transaction.body, transaction.raw) == (body, raw)
        assert verify_transaction(transaction)
        assert transaction_id_of_raw(raw) == transaction.transaction_id == tagged_hash("transaction", body.encoded())


def test_the_id_does_not_depend_on_the_signature_but_the_leaf_does() -> None:
    transaction = read(signed())
    _, body, signature = decode(transaction.raw)
    altered = read(encode([1, body, bytes(64)]))
    assert altered.transaction_id == transaction.transaction_id
    assert not verify_transaction(altered)
    assert transaction.merkle_leaf == transaction.transaction_id + signature != altered.merkle_leaf


def test_a_seed_of_another_key_signs_nothing() -> None:
    with pytest.raises(ValueError, match="does not belong"):
        sign_transaction(BODY, seed_of("zenith.bob"))


CALL = ["token", "transfer", []]
MALFORMED: list[tuple[str, Any]] = [
    ("version", 2),
    ("version", True),
    ("chain_id", bytes(31)),
    ("chain_id", "text"),
    ("key", bytes(33)),
    ("nonce", bytes(15)),
    ("nonce", bytes(17)),
    ("nonce", None),
    ("valid_until", -1),
    ("valid_until", True),
    ("calls", []),
    ("calls", [CALL] * (CALLS_MAX + 1)),
    ("calls", [["token", "transfer"]]),
    ("calls", [["token", "transfer", [], None]]),
    ("calls", [["token", "transfer", {}]]),
    ("calls", [[b"token", "transfer", []]]),
    ("calls", [["Token", "transfer", []]]),
    ("calls", [["", "transfer", []]]),
    ("calls", [["t" * 33, "transfer", []]]),
    ("calls", [["token\n", "transfer", []]]),
    ("calls", [["token", "", []]]),
    ("calls", [["token", "1st", []]]),
    ("calls", [["token", "tränsfer", []]]),
    ("calls", [["token", "m" * (METHOD_CHARACTERS_MAX + 1), []]]),
    ("calls", [CALL, "token"]),
    ("gas_limit", 0),
    ("gas_limit", -1),
    ("gas_limit", None),
    ("memo", ""),
    ("memo", "m" * (MEMO_CHARACTERS_MAX + 1)),
    ("memo", b"memo"),
    ("memo", 0),
    ("idempotency_key", ""),
    ("idempotency_key", "k" * (IDEMPOTENCY_KEY_CHARACTERS_MAX + 1)),
    ("idempotency_key", False),
]


@pytest.mark.parametrize(("field", "value"), MALFORMED)
def test_a_malformed_field_is_refused(field: str, value: Any) -> None:
    fields = decode(decode(signed())[1])
    fields[FIELDS.index(field)] = value
    with pytest.raises(DecodeError):
        read(raw_of(fields))


def test_a_missing_or_an_additional_field_is_refused() -> None:
    fields = decode(decode(signed())[1])
    assert read(raw_of(fields)).body == BODY
    for wrong in (fields[:-1], [*fields, None], []):
        with pytest.raises(DecodeError):
            read(raw_of(wrong))


def test_a_malformed_envelope_is_refused() -> None:
    _, body, signature = decode(signed())
    wrong: list[Any] = [
        [2, body, signature],
        [1, body, signature[:-1]],
        [1, body, signature, None],
        [1, decode(body), signature],
        [1, body + b"\x00", signature],
        [1, body, None],
        body,
    ]
    for value in wrong:
        with pytest.raises(DecodeError):
            read(encode(value))
    with pytest.raises(DecodeError):
        transaction_id_of_raw(b"\x91\x01")


def test_a_body_in_another_form_is_refused() -> None:
    """The same values in longer bytes would be a second transaction with its own id."""
    _, body, _ = decode(signed())
    assert body[1] == 1
    longer = body[:1] + b"\xcc\x01" + body[2:]
    signature = sign(seed_of("acme.alice"), "transaction-signature", tagged_hash("transaction", longer))
    with pytest.raises(DecodeError):
        read(encode([1, longer, signature]))


def test_size_is_bounded() -> None:
    raw = signed()
    assert decode_transaction(raw, size_max=len(raw)).raw == raw
    with pytest.raises(DecodeError, match="exceed the limit"):
        decode_transaction(raw, size_max=len(raw) - 1)
