"""The audit finds every planted lie, at its height and by its field; even when all validators signed it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from audit_support import (
    BLOCKS,
    HEIGHT,
    WRONG,
    audit,
    certified,
    mismatch_of,
    original_block,
    small_history,
    with_block,
    with_receipts,
)
from chain_maker import ChainMaker, MemorySource, certify, make_genesis, transaction_ids

from audit.auditor import Progress, run_audit
from audit.mismatch import HISTORY_LEVELS, Level
from audit.verdict import UNANCHORED, Outcome
from chain.block import Block, make_block
from chain.crypto import tagged_hash
from chain.encoding import decode, encode
from chain.genesis import GenesisContract, Parameters
from chain.merkle import merkle_root
from chain.receipt import Receipt
from chain.recorded_block import RecordedBlock
from chain.transaction import decode_transaction, sign_transaction
from chain.types import Digest, Height


@pytest.fixture
def maker() -> ChainMaker:
    return small_history()


def test_a_true_history_passes(maker: ChainMaker) -> None:
    verdict = audit(maker.source, genesis_hash=maker.genesis.genesis_hash)
    assert verdict.outcome is Outcome.OK
    assert (verdict.height, verdict.blocks, verdict.transactions) == (BLOCKS, BLOCKS, 9)
    assert verdict.levels_passed == HISTORY_LEVELS
    assert verdict.head_hash == maker.head.block_hash.hex()
    assert verdict.state_root == maker.head.result.state_root.hex()
    assert UNANCHORED not in verdict.not_excluded


def test_without_a_genesis_hash_the_verdict_is_unanchored(maker: ChainMaker) -> None:
    verdict = audit(maker.source)
    assert (verdict.outcome, verdict.anchored) == (Outcome.OK, False)
    assert verdict.not_excluded[0] == UNANCHORED
    assert verdict.genesis_hash == maker.genesis.genesis_hash.hex()


def test_the_verdict_for_programs(maker: ChainMaker) -> None:
    document = audit(maker.source).as_json()
    assert document["verdict"] == "ok"
    assert document["first_mismatch"] is None
    assert document["levels_passed"] == ["form", "headers", "certificates", "transactions", "receipts", "execution"]
    source = maker.source
    source.records[0] = b"\xc1"
    document = audit(source).as_json()
    assert document["verdict"] == "mismatch"
    assert document["levels_passed"] == []
    assert document["first_mismatch"]["height"] == 1
    assert set(document["first_mismatch"]) == {
        *(
            "level",
            "height",
            "transaction_index",
            "transaction_id",
            "contract",
            "key",
            "field",
            "expected",
            "found",
            "detail",
        )
    }


def test_a_history_without_blocks_passes() -> None:
    maker = ChainMaker()
    verdict = audit(maker.source, genesis_hash=maker.genesis.genesis_hash)
    assert (verdict.outcome, verdict.height, verdict.head_hash) == (Outcome.OK, 0, maker.genesis.genesis_hash.hex())


def test_another_genesis_than_the_one_expected(maker: ChainMaker) -> None:
    found = mismatch_of(maker.source, genesis_hash=bytes(32))
    assert (found.level, found.height, found.field) == (Level.HEADERS, 0, "genesis_hash")
    assert (found.expected, found.found) == ("00" * 32, maker.genesis.genesis_hash.hex())


def test_a_genesis_that_is_none(maker: ChainMaker) -> None:
    source = maker.source
    source.genesis_bytes = source.genesis_bytes[:-1]
    verdict = audit(source)
    assert verdict.genesis_hash is None
    assert verdict.first_mismatch is not None
    assert (verdict.first_mismatch.level, verdict.first_mismatch.field) == (Level.FORM, "genesis")


def test_a_genesis_whose_contract_cannot_be_deployed() -> None:
    genesis = make_genesis(contracts=[GenesisContract("broken", "import os", ())])
    found = mismatch_of(MemorySource(genesis.encoded(), []))
    assert (found.level, found.height, found.field) == (Level.EXECUTION, 0, "genesis.contracts")


def test_a_transaction_that_its_sender_did_not_sign(maker: ChainMaker) -> None:
    block = original_block(maker)
    _, body, signature = decode(block.transactions[1])
    forged = encode([1, body, signature[:-1] + bytes([signature[-1] ^ 1])])
    transactions = (block.transactions[0], forged, block.transactions[2])
    leaves = [decode_transaction(raw, size_max=len(raw)).merkle_leaf for raw in transactions]
    lie = make_block(replace(block.header, transactions_root=merkle_root(leaves)), transactions)
    found = mismatch_of(with_block(maker, certified(maker, lie)))
    assert (found.level, found.field, found.transaction_index) == (Level.TRANSACTIONS, "signature", 1)
    assert found.transaction_id == transaction_ids(maker.records[HEIGHT - 1])[1].hex()
    assert found.contract == "token"


def test_a_validly_signed_transaction_of_a_stranger() -> None:
    maker = ChainMaker()
    stranger = maker.transfer(member="zenith.nobody")
    block = maker.block(maker.transfer(), stranger)
    result = maker.head.result
    record = RecordedBlock(block.raw, result.encoded(), certify(maker.genesis, block, result).encoded(), ())
    found = mismatch_of(MemorySource(maker.genesis.encoded(), [record.encoded()]))
    assert (found.level, found.field) == (Level.RECEIPTS, "receipts")
    receipts = tuple(Receipt(id_, Height(1), n, None, (), 1, ()).encoded() for n, id_ in enumerate(ids_of(block)))
    result = replace(result, receipts_root=merkle_root(receipts))
    record = RecordedBlock(block.raw, result.encoded(), certify(maker.genesis, block, result).encoded(), receipts)
    found = mismatch_of(MemorySource(maker.genesis.encoded(), [record.encoded()]))
    assert (found.level, found.field, found.transaction_index) == (Level.EXECUTION, "transaction.sender_key", 1)
    assert found.transaction_id == stranger.transaction_id.hex()


def ids_of(block: Block) -> list[Digest]:
    return [decode_transaction(raw, size_max=len(raw)).transaction_id for raw in block.transactions]


def test_receipts_that_belong_to_other_transactions(maker: ChainMaker) -> None:
    receipts = list(maker.records[HEIGHT - 1].decoded_receipts())
    lies: list[tuple[str, Any]] = [("transaction_id", WRONG), ("height", Height(9)), ("index", 7)]
    for field, value in lies:
        altered = [receipts[0], replace(receipts[1], **{field: value}), receipts[2]]
        found = mismatch_of(with_receipts(maker, altered))
        assert (found.level, found.field, found.transaction_index) == (Level.RECEIPTS, f"receipt.{field}", 1)


def test_a_missing_receipt(maker: ChainMaker) -> None:
    found = mismatch_of(with_receipts(maker, list(maker.records[HEIGHT - 1].decoded_receipts()[:-1])))
    assert (found.level, found.field, found.expected, found.found) == (Level.RECEIPTS, "receipts", "3", "2")


def test_an_uncertified_receipt_is_named_by_running_the_block_again(maker: ChainMaker) -> None:
    record = maker.records[HEIGHT - 1]
    receipts = list(record.decoded_receipts())
    receipts[1] = replace(receipts[1], gas_used=receipts[1].gas_used + 1)
    found = mismatch_of(with_block(maker, replace(record, receipts=tuple(each.encoded() for each in receipts))))
    assert (found.level, found.field, found.transaction_index) == (Level.RECEIPTS, "receipt.gas_used", 1)
    assert found.detail.startswith("result.receipts_root is ")


def other_event(receipt: Receipt) -> Receipt:
    event = receipt.events[0]
    return replace(receipt, events=(event._replace(fields={**event.fields, "amount": 999}),))


def hidden_event(receipt: Receipt) -> Receipt:
    return replace(receipt, events=())


def other_contract(receipt: Receipt) -> Receipt:
    return replace(receipt, events=(receipt.events[0]._replace(contract="other"),))


RECEIPT_LIES: list[tuple[int, Callable[[Receipt], Receipt], str]] = [
    (0, other_event, "receipt.events[0].fields.amount"),
    (1, hidden_event, "receipt.events[0]"),
    (1, other_contract, "receipt.events[0].contract"),
    (1, lambda receipt: replace(receipt, values=(1,)), "receipt.values[0]"),
    (1, lambda receipt: replace(receipt, values=(True,)), "receipt.values[0]"),
    (1, lambda receipt: replace(receipt, gas_used=1), "receipt.gas_used"),
    (0, lambda receipt: replace(receipt, code="insufficient_balance"), "receipt.status"),
    (2, lambda receipt: replace(receipt, code="insufficient_balance"), "receipt.code"),
    (2, lambda receipt: replace(receipt, code=None), "receipt.status"),
]


@pytest.mark.parametrize(
    ("index", "lie", "field"), RECEIPT_LIES, ids=[f"{lie[2]} {n}" for n, lie in enumerate(RECEIPT_LIES)]
)
def test_an_outcome_that_no_execution_gives(
    maker: ChainMaker, index: int, lie: Callable[[Receipt], Receipt], field: str
) -> None:
    receipts = list(maker.records[HEIGHT - 1].decoded_receipts())
    receipts[index] = lie(receipts[index])
    found = mismatch_of(with_receipts(maker, receipts))
    assert (found.level, found.height, found.field) == (Level.EXECUTION, HEIGHT, field)
    assert (found.transaction_index, found.contract) == (index, "token")
    assert found.transaction_id == transaction_ids(maker.records[HEIGHT - 1])[index].hex()


@pytest.mark.parametrize("field", ["state_root", "next_validators_hash"])
def test_a_result_that_no_execution_gives(maker: ChainMaker, field: str) -> None:
    result = replace(maker.records[HEIGHT - 1].decoded_result(), **{field: WRONG})
    found = mismatch_of(with_block(maker, certified(maker, original_block(maker), result)))
    assert (found.level, found.field, found.found) == (Level.EXECUTION, f"result.{field}", WRONG.hex())


def test_an_uncertified_result_is_named_by_running_the_block_again(maker: ChainMaker) -> None:
    record = maker.records[HEIGHT - 1]
    result = replace(record.decoded_result(), state_root=WRONG)
    found = mismatch_of(with_block(maker, replace(record, result=result.encoded())))
    assert (found.level, found.field, found.found) == (Level.CERTIFICATES, "result.state_root", WRONG.hex())


def test_blocks_that_are_missing_repeated_or_reordered(maker: ChainMaker) -> None:
    records = maker.source.records
    one, two, three, four = records
    genesis = maker.genesis.encoded()
    for altered, height in (([one, three, four], 2), ([one, one, three, four], 2), ([one, three, two, four], 2)):
        found = mismatch_of(MemorySource(genesis, altered))
        assert (found.level, found.height, found.field) == (Level.HEADERS, height, "header.height")


def test_a_source_that_yields_fewer_blocks_than_it_announced(maker: ChainMaker) -> None:
    class Shortened(MemorySource):
        def head_height(self) -> int:
            return len(self.records) + 1

    found = mismatch_of(Shortened(maker.genesis.encoded(), maker.source.records))
    assert (found.level, found.height, found.field) == (Level.FORM, BLOCKS + 1, "block")


def test_a_block_of_another_chain(maker: ChainMaker) -> None:
    other = ChainMaker(make_genesis(name="another network"))
    other.decide_many(1)
    found = mismatch_of(MemorySource(maker.genesis.encoded(), other.source.records))
    assert (found.level, found.height, found.field) == (Level.HEADERS, 1, "header.chain_id")


def test_a_transaction_committed_twice() -> None:
    maker = ChainMaker()
    transaction = maker.transfer()
    record, _ = maker.decide(transaction)
    block = maker.block(transaction)
    receipt = replace(record.decoded_receipts()[0], height=Height(2)).encoded()
    result = replace(maker.head.result, receipts_root=merkle_root([receipt]))
    again = RecordedBlock(block.raw, result.encoded(), certify(maker.genesis, block, result).encoded(), (receipt,))
    found = mismatch_of(MemorySource(maker.genesis.encoded(), [record.encoded(), again.encoded()]))
    assert (found.level, found.height, found.field) == (Level.EXECUTION, 2, "transaction.id")


def test_a_transaction_larger_than_the_protocol_allows() -> None:
    maker = ChainMaker(make_genesis(parameters=Parameters(transaction_bytes_max=400)))
    large = maker.transaction(("token", "announce", ("x" * 300, 1)))
    block = maker.block(large)
    receipt = Receipt(large.transaction_id, Height(1), 0, None, (), 1, ()).encoded()
    result = replace(maker.head.result, receipts_root=merkle_root([receipt]))
    record = RecordedBlock(block.raw, result.encoded(), certify(maker.genesis, block, result).encoded(), (receipt,))
    found = mismatch_of(MemorySource(maker.genesis.encoded(), [record.encoded()]))
    assert (found.level, found.height, found.field, found.transaction_index) == (Level.EXECUTION, 1, "transaction", 0)


def test_the_lowest_height_is_reported_first(maker: ChainMaker) -> None:
    source = with_block(maker, replace(maker.records[HEIGHT - 1], certificate=b"\xc0"))
    source.records[0] = replace(maker.records[0], receipts=()).encoded()
    found = mismatch_of(source)
    assert (found.level, found.height) == (Level.RECEIPTS, 1)


def test_every_byte_of_a_block_counts() -> None:
    maker = ChainMaker(make_genesis(contracts=[]))
    maker.decide(maker.transfer())
    genesis, original = maker.genesis.encoded(), maker.source.records[0]
    for position in range(len(original)):
        altered = bytearray(original)
        altered[position] ^= 1 << position % 8
        assert mismatch_of(MemorySource(genesis, [bytes(altered)])).height == 1


def test_progress_is_told_block_by_block(maker: ChainMaker) -> None:
    heard: list[Progress] = []
    run_audit(maker.source, on_progress=heard.append)
    assert [(each.height, each.head_height) for each in heard] == [(height, BLOCKS) for height in range(1, BLOCKS + 1)]
    assert heard[-1].transactions == 9


def test_an_altered_transaction_field_with_the_right_signature_still_fails_the_root(maker: ChainMaker) -> None:
    block = original_block(maker)
    transaction = decode_transaction(block.transactions[0], size_max=10_000)
    other = sign_transaction(replace(transaction.body, memo="other"), b"acme.alice".ljust(32, b"."))
    lie = make_block(block.header, (other.raw, *block.transactions[1:]))
    record = replace(maker.records[HEIGHT - 1], block=lie.raw)
    found = mismatch_of(with_block(maker, record))
    assert (found.level, found.field) == (Level.TRANSACTIONS, "header.transactions_root")


def test_the_genesis_hash_is_the_tagged_hash_of_its_bytes(maker: ChainMaker) -> None:
    assert audit(maker.source).genesis_hash == tagged_hash("genesis", maker.genesis.encoded()).hex()
