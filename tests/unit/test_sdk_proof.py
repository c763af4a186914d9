"""Proofs convince whoever holds the genesis, and nothing that was altered does."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from api_fake_node import FakeNode, deposit, fake_genesis

from chain.certificate import decode_certificate
from chain.encoding import DecodeError, encode
from chain.proofs import (
    BlockProver,
    CertifiedHeader,
    StateProof,
    TransactionProof,
    certified_header_of,
    decode_state_proof,
    decode_transaction_proof,
)
from chain.recorded_block import RecordedBlock, decode_range, decode_recorded_block, encode_range
from chain.state_keys import encode_key
from chain.types import Height
from tallystick.proof import (
    ProofError,
    trust_in,
    verify_block,
    verify_block_in_history,
    verify_chain,
    verify_header,
    verify_state_proof,
    verify_transaction_proof,
)

TRUST = trust_in(fake_genesis())


async def ledger() -> FakeNode:
    """Return a node with blocks of 1, 2, 3 and 5 transactions."""
    node = FakeNode()
    for size in (1, 2, 3, 5):
        await node.submit([deposit(size, nonce=size * 10 + number).raw for number in range(size)])
    return node


async def record_of(node: FakeNode, height: int) -> RecordedBlock:
    record = await node.block(Height(height))
    assert record is not None
    return record


async def certified_of(node: FakeNode, height: int) -> CertifiedHeader:
    return certified_header_of(await record_of(node, height))


async def test_every_transaction_of_every_block_is_proven() -> None:
    node = await ledger()
    for height in range(1, 5):
        record = await record_of(node, height)
        prover = BlockProver(record)
        for index, raw in enumerate(record.decoded_block().transactions):
            proof = decode_transaction_proof(prover.prove(index).encoded())
            verified = verify_transaction_proof(TRUST, proof)
            assert verified.transaction.raw == raw
            assert (verified.receipt.height, verified.receipt.index) == (height, index)
            assert verified.certified.header.height == height


Change = Callable[[TransactionProof], TransactionProof]


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: replace(proof, index=proof.index + 1),
        lambda proof: replace(proof, index=-1),
        lambda proof: replace(proof, count=proof.count * 4),
        lambda proof: replace(proof, transactions_path=proof.transactions_path[:-1]),
        lambda proof: replace(proof, transactions_path=proof.receipts_path),
        lambda proof: replace(proof, receipts_path=proof.receipts_path[::-1]),
        lambda proof: replace(proof, transaction=deposit(99).raw),
        lambda proof: replace(proof, transaction=proof.transaction[:-1] + bytes([proof.transaction[-1] ^ 1])),
        lambda proof: replace(proof, receipt=proof.receipt[:-1] + bytes([proof.receipt[-1] ^ 1])),
    ],
)
async def test_altered_transaction_proofs(change: Change) -> None:
    node = await ledger()
    proof = BlockProver(await record_of(node, 4)).prove(2)
    verify_transaction_proof(TRUST, proof)
    with pytest.raises(ProofError):
        verify_transaction_proof(TRUST, change(proof))


async def test_no_flipped_bit_of_a_proof_goes_unnoticed() -> None:
    node = await ledger()
    encoded = BlockProver(await record_of(node, 3)).prove(1).encoded()
    original = verify_transaction_proof(TRUST, decode_transaction_proof(encoded))
    for place in range(len(encoded)):
        altered = bytearray(encoded)
        altered[place] ^= 1
        try:
            found = verify_transaction_proof(TRUST, decode_transaction_proof(bytes(altered)))
        except (DecodeError, ProofError):
            continue
        raise AssertionError(f"byte {place} of a proof is not covered: {found} instead of {original}")


async def test_a_receipt_of_another_transaction_in_the_same_block() -> None:
    node = await ledger()
    prover = BlockProver(await record_of(node, 4))
    first, second = prover.prove(0), prover.prove(1)
    mixed = replace(first, receipt=second.receipt, receipts_path=second.receipts_path)
    with pytest.raises(ProofError):
        verify_transaction_proof(TRUST, mixed)


async def test_certificates_of_others_prove_nothing() -> None:
    node = await ledger()
    third, fourth = await certified_of(node, 3), await certified_of(node, 4)
    verify_header(TRUST, fourth)
    with pytest.raises(ProofError, match="not about block"):
        verify_header(TRUST, replace(fourth, certificate=third.certificate))
    with pytest.raises(ProofError, match="not about block"):
        verify_header(TRUST, replace(fourth, result=third.result))
    with pytest.raises(ProofError, match="belongs to chain"):
        verify_header(trust_in(fake_genesis("another")), fourth)
    with pytest.raises(ProofError, match="malformed"):
        verify_header(TRUST, replace(fourth, header=b""))


async def test_too_few_signatures_and_forged_ones() -> None:
    node = await ledger()
    certified = await certified_of(node, 2)
    certificate = decode_certificate(certified.certificate)
    fewer = replace(certificate, signatures=certificate.signatures[:2]).encoded()
    with pytest.raises(ProofError, match="quorum"):
        verify_header(TRUST, replace(certified, certificate=fewer))
    name, _ = certificate.signatures[0]
    forged = ((name, certificate.signatures[1][1]), *certificate.signatures[1:])
    with pytest.raises(ProofError, match=f"bad signature of {name}"):
        verify_header(TRUST, replace(certified, certificate=replace(certificate, signatures=forged).encoded()))


async def test_state_is_proven_present_and_absent() -> None:
    node = await ledger()
    for account, expected in (("acme.alice", encode(1 + 2 * 2 + 3 * 3 + 5 * 5)), ("nobody", None)):
        key = encode_key(("balances", account))
        reply = await node.state("bank", key, with_proof=True)
        assert reply.proof is not None
        certified = await certified_of(node, 4)
        proof = StateProof("bank", key, reply.proof, certified)
        header, leaf = verify_state_proof(TRUST, decode_state_proof(proof.encoded()))
        assert header.header.height == 4
        assert (leaf.value if leaf else None) == expected
        with pytest.raises(ProofError):
            verify_state_proof(TRUST, replace(proof, key=encode_key(("balances", "other"))))
        with pytest.raises(ProofError):
            verify_state_proof(TRUST, replace(proof, certified=await certified_of(node, 3)))


async def test_a_block_with_all_it_holds() -> None:
    node = await ledger()
    record = await record_of(node, 4)
    verified = verify_block(TRUST, record)
    assert len(verified.transactions) == len(verified.receipts) == 5
    with pytest.raises(ProofError, match="receipts"):
        verify_block(TRUST, replace(record, receipts=record.receipts[::-1]))
    with pytest.raises(ProofError, match="receipts"):
        verify_block(TRUST, replace(record, receipts=record.receipts[:-1]))
    other = await record_of(node, 3)
    with pytest.raises(ProofError):
        verify_block(TRUST, replace(record, block=other.block))
    with pytest.raises(ProofError, match="malformed"):
        verify_block(TRUST, replace(record, block=record.block[:-1]))


async def test_a_chain_of_headers_from_genesis() -> None:
    node = await ledger()
    headers = [await certified_of(node, height) for height in range(1, 5)]
    verified = verify_chain(TRUST, headers)
    assert [entry.header.height for entry in verified] == [1, 2, 3, 4]
    assert verify_chain(TRUST, headers[2:], verified[1]) == verified[2:]
    with pytest.raises(ProofError, match="does not follow"):
        verify_chain(TRUST, [headers[0], headers[2]])
    with pytest.raises(ProofError, match="does not follow"):
        verify_chain(TRUST, headers[1:])


async def test_an_old_block_in_a_later_header() -> None:
    node = await ledger()
    anchor = verify_header(TRUST, await certified_of(node, 4))
    old = verify_header(TRUST, await certified_of(node, 2))
    path = await node.history_path(Height(2), 4)
    verify_block_in_history(anchor, 2, old.block_hash, path)
    with pytest.raises(ProofError, match="not in the history"):
        verify_block_in_history(anchor, 1, old.block_hash, path)


async def test_recorded_blocks_and_ranges_have_one_form() -> None:
    node = await ledger()
    records = [await record_of(node, height) for height in (1, 2)]
    first, encoded = decode_range(encode_range(1, [record.encoded() for record in records]))
    assert (first, [decode_recorded_block(item) for item in encoded]) == (1, records)
    for wrong in (encode([1, 0, []]), encode([2, 1, []]), encode([1, 1, [1]]), encode([1, 1])):
        with pytest.raises(DecodeError):
            decode_range(wrong)
    for wrong in (encode([1, b"", bytes(257), b"", []]), encode([1, b"", b"", b"", [1]]), b""):
        with pytest.raises(DecodeError):
            decode_recorded_block(wrong)


def test_paths_are_bounded() -> None:
    blank = [1, b"", 0, 1, [bytes(32)] * 64, b"", [], b"", b"", b""]
    with pytest.raises(DecodeError, match="63"):
        decode_transaction_proof(encode(blank))
