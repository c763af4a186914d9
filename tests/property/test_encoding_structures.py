"""Altered structures of the ledger are either the canonical form of another one or refused; nothing else escapes."""

from collections.abc import Callable
from typing import Any

import pytest
from chain_maker import ChainMaker, make_genesis
from hypothesis import given
from hypothesis import strategies as st

from chain.block import Block, decode_block, decode_header, make_block
from chain.certificate import decode_certificate
from chain.encoding import DecodeError, decode, encode
from chain.genesis import GenesisError, decode_genesis
from chain.identity import decode_contract, decode_member
from chain.proofs import BlockProver, decode_transaction_proof
from chain.proposals import Motion, Proposal, Vote, decode_motion, decode_open, decode_proposal, encode_open
from chain.receipt import decode_receipt, decode_result
from chain.recorded_block import decode_range, decode_recorded_block, encode_range
from chain.transaction import Transaction, decode_transaction
from chain.types import Height, Milliseconds
from chain.window import decode_entries, encode_entries

Decoder = Callable[[bytes], bytes]


def _transaction(data: bytes) -> bytes:
    transaction: Transaction = decode_transaction(data, size_max=10_000)
    assert decode(transaction.raw)[1] == transaction.body.encoded()
    return encode([1, transaction.body.encoded(), transaction.signature])


def _block(data: bytes) -> bytes:
    block: Block = decode_block(data)
    return make_block(block.header, block.transactions).raw


def _entries(data: bytes) -> bytes:
    time, entries = decode_entries(data)
    return encode_entries(time, entries)


VOTES = (Vote("acme", "acme.admin", True, Height(2)), Vote("bank", "bank.admin", False, Height(3)))
PROPOSAL = Proposal(
    3, "freeze", "token", "acme", "acme.admin", Height(2), Milliseconds(5_000), "rejected", VOTES, Height(9)
)
MOTION = Motion(("token", [1, b"x", {"a": None}]), "a reason", ("administrator",))


def _samples() -> dict[str, tuple[bytes, Decoder]]:
    maker = ChainMaker(make_genesis(validators=1))
    transaction = maker.transaction(("token", "transfer", ("zenith.bob", 5)), memo="memo", idempotency_key="key")
    record, receipts = maker.decide(transaction)
    block = record.decoded_block()
    contract = maker.ledger.database.get("system", bytes.fromhex("02") + b"contract\0" + b"\x02token\0")
    member = maker.ledger.find_member(transaction.body.sender_key)
    assert contract is not None
    assert member is not None
    return {
        "transaction": (transaction.raw, _transaction),
        "block": (block.raw, _block),
        "header": (block.header.encoded(), lambda data: decode_header(data).encoded()),
        "certificate": (record.certificate, lambda data: decode_certificate(data).encoded()),
        "receipt": (receipts[0].encoded(), lambda data: decode_receipt(data).encoded()),
        "result": (record.result, lambda data: decode_result(data).encoded()),
        "recorded block": (record.encoded(), lambda data: decode_recorded_block(data).encoded()),
        "range": (encode_range(1, [record.encoded()]), lambda data: encode_range(*decode_range(data))),
        "genesis": (maker.genesis.encoded(), lambda data: decode_genesis(data).encoded()),
        "member": (member.encoded(), lambda data: decode_member(data).encoded()),
        "contract": (contract, lambda data: decode_contract(data).encoded()),
        "proposal": (PROPOSAL.encoded(), lambda data: decode_proposal(data).encoded()),
        "motion": (MOTION.encoded(), lambda data: decode_motion(data).encoded()),
        "open proposals": (encode_open([(3, 5_000), (4, 6_000)]), lambda data: encode_open(decode_open(data))),
        "window row": (maker.ledger.database.extra(b"window/" + (1).to_bytes(8, "big")) or b"", _entries),
        "proof": (BlockProver(record).prove(0).encoded(), lambda data: decode_transaction_proof(data).encoded()),
    }


SAMPLES = _samples()
LEAVES: Any = st.none() | st.booleans() | st.integers(-2, 300) | st.binary(max_size=3) | st.text(max_size=3)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_survives(name: str) -> None:
    data, decoder = SAMPLES[name]
    assert decoder(data) == data


@pytest.mark.parametrize("name", SAMPLES)
@given(place=st.integers(0, 2**16), byte=st.integers(0, 255))
def test_altered_bytes(name: str, place: int, byte: int) -> None:
    data, decoder = SAMPLES[name]
    altered = bytearray(data)
    altered[place % len(data)] = byte
    _expect_same_or_refused(bytes(altered), decoder)


@pytest.mark.parametrize("name", SAMPLES)
@given(choices=st.lists(st.integers(0, 40), min_size=1, max_size=4), value=LEAVES | st.lists(LEAVES, max_size=2))
def test_altered_fields(name: str, choices: list[int], value: Any) -> None:
    """Put another value in the place of a field somewhere inside."""
    data, decoder = SAMPLES[name]
    _expect_same_or_refused(encode(_replaced(decode(data), choices, value)), decoder)


def _replaced(whole: Any, choices: list[int], value: Any) -> Any:
    if not choices or not isinstance(whole, list) or not whole:
        return value
    place = choices[0] % len(whole)
    return [*whole[:place], _replaced(whole[place], choices[1:], value), *whole[place + 1 :]]


def _expect_same_or_refused(data: bytes, decoder: Decoder) -> None:
    try:
        assert decoder(data) == data
    except (DecodeError, GenesisError):
        return
