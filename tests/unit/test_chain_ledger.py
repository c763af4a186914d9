"""The ledger: blocks are executed without a trace, applied in one step, and everything is there after a restart."""

from typing import Any

import pytest
from chain_maker import TOKEN_SOURCE, ChainMaker, entry_gas, key_of, make_genesis

from chain.crypto import tagged_hash
from chain.encoding import encode
from chain.execution import GenesisExecutionError, genesis_result
from chain.genesis import Genesis, GenesisContract, Parameters
from chain.ledger import WINDOW_ROWS_DROPPED_MAX, Ledger, open_ledger
from chain.ledger_rows import HEAD_ROW
from chain.merkle import EMPTY_ROOT, merkle_root
from chain.receipt import Receipt
from chain.runtime import CallContext, CallOutcome, LocalFault, StateAccess
from chain.state_database import StateDatabase
from chain.storage import MemoryStore, StoreDamaged, StoreForeign
from chain.transaction import Transaction, decode_transaction, verify_transaction
from chain.types import Height, Milliseconds
from chain.validity import InvalidBlock
from contracts.engine.runtime import Engine


def codes(maker: ChainMaker, *transactions: Transaction, **changes: Any) -> list[str | None]:
    """Decide a block of these transactions and return the receipts' codes."""
    return [receipt.code for receipt in maker.decide(*transactions, **changes)[1]]


def refused(maker: ChainMaker, *transactions: Transaction, **changes: Any) -> str:
    with pytest.raises(InvalidBlock) as caught:
        maker.decide(*transactions, **changes)
    return caught.value.code


def balance(maker: ChainMaker, party: str) -> Any:
    return maker.ledger.view("token", "balance_of", [party], None, 100_000).value


def test_genesis_is_block_0() -> None:
    maker = ChainMaker()
    genesis_hash = maker.genesis.genesis_hash
    head = maker.head
    assert (head.height, head.block_hash, head.proposer) == (0, genesis_hash, None)
    assert head.history_root == merkle_root([genesis_hash])
    assert head.result == genesis_result(maker.genesis, maker.ledger.database.root)
    assert head.result.receipts_root == EMPTY_ROOT
    assert head.result.next_validators_hash == maker.genesis.validators.validators_hash
    assert balance(maker, "acme.alice") == 1_000_000


def test_executing_changes_nothing_and_applying_makes_the_block_the_head() -> None:
    maker = ChainMaker()
    before, root = maker.head, maker.ledger.database.root
    block = maker.block(maker.transfer(amount=7))
    first = maker.ledger.execute(block, verify_transaction)
    second = maker.ledger.execute(block, verify_transaction)
    assert first == second
    assert (maker.head, maker.ledger.database.root, balance(maker, "zenith.bob")) == (before, root, 0)
    maker.ledger.apply(first)
    assert maker.head.block_hash == block.block_hash
    assert maker.head.result == first.result
    assert maker.ledger.database.root == first.result.state_root
    assert balance(maker, "zenith.bob") == 7


def test_an_execution_is_applied_only_where_it_was_made() -> None:
    maker = ChainMaker()
    execution = maker.ledger.execute(maker.block(), verify_transaction)
    maker.decide()
    with pytest.raises(AssertionError):
        maker.ledger.apply(execution)


def test_the_history_root_covers_genesis_and_all_blocks() -> None:
    maker = ChainMaker()
    maker.decide_many(6, transactions=1)
    hashes = [maker.genesis.genesis_hash, *(record.decoded_block().block_hash for record in maker.records)]
    for height, record in enumerate(maker.records, 1):
        assert record.decoded_block().header.history_root == merkle_root(hashes[:height])
    assert maker.head.history_root == merkle_root(hashes)


def test_receipts_and_their_root() -> None:
    maker = ChainMaker()
    record, receipts = maker.decide(maker.transfer(amount=5), maker.transfer(amount=0))
    good, bad = receipts
    assert (good.height, good.index, good.code, good.values) == (1, 0, None, (5,))
    assert good.events[0].fields == {"sender": "acme.alice", "to": "zenith.bob", "amount": 5}
    assert (bad.index, bad.code, bad.events, bad.values) == (1, "amount_not_positive", (), ())
    assert 0 < bad.gas_used < good.gas_used
    assert record.decoded_result().receipts_root == merkle_root(record.receipts)


def test_calls_of_one_transaction_succeed_or_fail_together() -> None:
    maker = ChainMaker()
    give, fail = ("token", "transfer", ("zenith.bob", 5)), ("token", "transfer", ("zenith.bob", 0))
    _, receipts = maker.decide(maker.transaction(give, give), maker.transaction(give, fail))
    assert receipts[0].values == (5, 10)
    assert [event.fields["amount"] for event in receipts[0].events] == [5, 5]
    assert (receipts[1].code, receipts[1].events, receipts[1].values) == ("amount_not_positive", (), ())
    assert receipts[1].gas_used > receipts[0].gas_used // 2
    assert balance(maker, "zenith.bob") == 10


def test_calls_share_the_gas_of_their_transaction() -> None:
    maker = ChainMaker()
    give = ("token", "transfer", ("zenith.bob", 5))
    _, (one,) = maker.decide(maker.transaction(give))
    _, receipts = maker.decide(
        maker.transaction(give, give, gas_limit=2 * one.gas_used), maker.transaction(give, give, gas_limit=one.gas_used)
    )
    assert [receipt.code for receipt in receipts] == [None, "out_of_gas"]
    assert receipts[1].gas_used == one.gas_used


def test_an_idempotency_key_counts_once_an_organisation() -> None:
    maker = ChainMaker()
    transactions = [
        maker.transfer(idempotency_key="k"),
        maker.transfer(idempotency_key="k"),
        maker.transfer(idempotency_key="l"),
        maker.transfer(idempotency_key="k", member="acme.admin"),
        maker.transfer(idempotency_key="k", member="zenith.bob", to="acme.alice"),
    ]
    assert codes(maker, *transactions) == [None, "idempotency_key_used", None, "idempotency_key_used", None]
    assert codes(maker, maker.transfer(idempotency_key="k")) == ["idempotency_key_used"]
    assert codes(maker, maker.transfer(idempotency_key="m")) == [None]
    assert balance(maker, "zenith.bob") == 2


def test_a_failed_transaction_consumes_its_idempotency_key() -> None:
    maker = ChainMaker()
    assert codes(maker, maker.transfer(amount=0, idempotency_key="k")) == ["amount_not_positive"]
    assert codes(maker, maker.transfer(idempotency_key="k")) == ["idempotency_key_used"]


def test_a_refused_transaction_pays_for_its_entry_alone() -> None:
    maker = ChainMaker()
    second = maker.transfer(idempotency_key="k")
    _, receipts = maker.decide(maker.transfer(idempotency_key="k"), second)
    gas = entry_gas(second)
    assert receipts[1] == Receipt(second.transaction_id, Height(1), 1, "idempotency_key_used", (), gas, ())


def test_a_transaction_pays_for_its_size_before_its_calls() -> None:
    maker = ChainMaker()
    transactions = [maker.transaction(("token", "announce", ("x" * length, 0))) for length in (1, 2, 200)]
    _, receipts = maker.decide(*transactions)
    assert all(receipt.code is None for receipt in receipts)
    own = [receipt.gas_used - entry_gas(each) for receipt, each in zip(receipts, transactions, strict=True)]
    # Arguments and result are paid for by the eighth byte.
    assert own[0] == own[1] <= own[2] <= own[0] + 2 * 200 // 8
    enough = receipts[0].gas_used
    for gas_limit, code in ((enough, None), (enough - 25, "out_of_gas"), (entry_gas(transactions[0]), "out_of_gas")):
        short = maker.transaction(("token", "announce", ("x", 0)), gas_limit=gas_limit)
        _, (receipt,) = maker.decide(short)
        # The limit itself takes fewer bytes than the default one.
        saved = entry_gas(transactions[0]) - entry_gas(short)
        assert (receipt.code, receipt.gas_used) == (code, enough - saved if code is None else gas_limit)


def test_idempotency_keys_last_one_window_after_their_block() -> None:
    span = 10_000
    maker = ChainMaker(make_genesis(parameters=Parameters(validity_window_max=span)))
    soon = Milliseconds(maker.head.time + 5_000)
    assert codes(maker, maker.transfer(idempotency_key="k", valid_until=soon)) == [None]
    used = maker.head.time
    for time, code in ((used + span, "idempotency_key_used"), (used + 2 * span + 1, None)):
        at = Milliseconds(time)
        transaction = maker.transfer(idempotency_key="k", valid_until=at)
        assert codes(maker, transaction, time=at) == [code]


def test_a_receipt_larger_than_its_share_fails() -> None:
    maker = ChainMaker(make_genesis(parameters=Parameters(block_gas_max=100_000_000)))
    text = "x" * 2_000
    call = ("token", "announce", (text, 3))
    root = maker.ledger.database.root
    _, receipts = maker.decide(maker.transaction(call, gas_limit=50_000), maker.transaction(call, gas_limit=1_000_000))
    assert (receipts[0].code, receipts[0].events, receipts[0].values) == ("receipt_too_large", (), ())
    assert 0 < receipts[1].gas_used - receipts[0].gas_used < 100
    assert receipts[1].code is None and len(receipts[1].events) == 3
    assert maker.ledger.database.root == root


def test_unknown_contracts_and_methods() -> None:
    maker = ChainMaker()
    transactions = [maker.transaction(call) for call in (("nothing", "x", ()), ("token", "nothing", ()))]
    assert codes(maker, *transactions) == ["unknown_contract", "unknown_method"]


class FaultyRuntime(Engine):
    """An engine on a machine that runs out of memory at the first call."""

    def call(self, state: StateAccess, context: CallContext, *rest: Any, **others: Any) -> CallOutcome:
        raise LocalFault("no memory left")


def test_a_fault_of_this_machine_is_no_receipt() -> None:
    maker = ChainMaker()
    block = maker.block(maker.transfer())
    faulty = open_ledger(maker.genesis, StateDatabase(MemoryStore()), FaultyRuntime())
    with pytest.raises(LocalFault):
        faulty.execute(block, verify_transaction)
    assert faulty.head == maker.head


def reopened(maker: ChainMaker, genesis: Genesis | None = None) -> Ledger:
    """Open the ledger in the same store anew, as a restarted node does."""
    database = StateDatabase(maker.ledger.database._store)
    return open_ledger(genesis or maker.genesis, database, Engine())


def test_a_restarted_ledger_goes_on_where_it_was() -> None:
    maker = ChainMaker()
    transaction = maker.transfer(idempotency_key="k")
    maker.decide(transaction)
    maker.decide_many(3)
    block = maker.block(maker.transfer(), maker.transfer(idempotency_key="k"))
    again = reopened(maker)
    assert again.head == maker.head
    one, other = (ledger.execute(block, verify_transaction) for ledger in (maker.ledger, again))
    assert one == other
    maker.ledger = again
    assert refused(maker, transaction) == "repeated_transaction"
    maker.ledger.apply(other)
    assert maker.head.block_hash == block.block_hash


def test_an_expired_transaction_is_refused_before_and_after_it_left_the_window() -> None:
    maker = ChainMaker(make_genesis(parameters=Parameters(validity_window_max=5_000)))
    transaction = maker.transfer(valid_until=Milliseconds(maker.head.time + 3_000))
    maker.decide(transaction)
    assert refused(maker, transaction) == "repeated_transaction"
    late = Milliseconds(transaction.body.valid_until + 1)
    assert refused(maker, transaction, time=late) == "expired_transaction"
    maker.decide(time=Milliseconds(late + 100_000))
    assert refused(maker, transaction) == "expired_transaction"


def window_rows(maker: ChainMaker) -> list[int]:
    return [int.from_bytes(name[-8:], "big") for name, _ in maker.ledger.database.extras(b"window/")]


def test_expired_rows_of_the_window_are_dropped_a_few_at_a_time() -> None:
    span = 1_000
    maker = ChainMaker(make_genesis(contracts=[], parameters=Parameters(validity_window_max=span)))
    blocks = WINDOW_ROWS_DROPPED_MAX + 6
    for _ in range(blocks):
        maker.decide(time=Milliseconds(maker.head.time + 1))
    assert len(window_rows(maker)) == blocks
    maker.decide(time=Milliseconds(maker.head.time + span + 1))
    assert window_rows(maker) == [*range(WINDOW_ROWS_DROPPED_MAX + 1, blocks + 2)]
    maker.decide(time=Milliseconds(maker.head.time + 1))
    assert window_rows(maker) == [blocks + 1, blocks + 2]
    assert reopened(maker).head == maker.head


def test_a_database_of_another_chain_is_refused() -> None:
    maker = ChainMaker()
    maker.decide_many(1)
    with pytest.raises(StoreForeign):
        reopened(maker, make_genesis(name="another"))


def test_a_damaged_head_row_is_refused() -> None:
    for damaged in (None, b"", b"\xc0", encode([1, 2, 3])):
        maker = ChainMaker()
        maker.decide_many(1)
        store = maker.ledger.database._store
        store.write([(b"x" + HEAD_ROW, damaged)])
        with pytest.raises(StoreDamaged):
            reopened(maker)


def test_a_head_row_that_contradicts_the_state_is_refused() -> None:
    maker = ChainMaker()
    old = maker.ledger.database.extra(HEAD_ROW)
    maker.decide_many(1)
    maker.ledger.database._store.write([(b"x" + HEAD_ROW, old)])
    with pytest.raises(StoreDamaged, match="contradicts"):
        reopened(maker)


@pytest.mark.parametrize("contract", [GenesisContract("a", "import os", ()), GenesisContract("a", TOKEN_SOURCE, ())])
def test_a_genesis_that_cannot_be_executed(contract: GenesisContract) -> None:
    with pytest.raises(GenesisExecutionError, match="contract a cannot be deployed"):
        ChainMaker(make_genesis(contracts=[contract]))


def test_views_see_the_head_as_a_member_or_as_nobody() -> None:
    source = "@view\ndef who() -> str:\n    return ctx.sender\n\n\n@view\ndef now() -> int:\n    return ctx.time\n"
    maker = ChainMaker(make_genesis(contracts=[GenesisContract("w", source, ())]))
    maker.decide_many(1)
    alice = maker.ledger.find_member(key_of("acme.alice"))
    assert maker.ledger.view("w", "who", [], alice, 10_000).value == "acme.alice"
    assert maker.ledger.view("w", "who", [], None, 10_000).value == ""
    assert maker.ledger.view("w", "now", [], None, 10_000).value == maker.head.time
    assert maker.ledger.view("w", "nothing", [], None, 10_000).code == "unknown_method"
    assert maker.ledger.find_member(bytes(32)) is None


def test_two_ledgers_that_execute_the_same_blocks_agree_to_the_last_bit() -> None:
    maker = ChainMaker()
    maker.decide_many(4, transactions=5)
    twin = open_ledger(maker.genesis, StateDatabase(MemoryStore()), Engine())
    for record in maker.records:
        execution = twin.execute(record.decoded_block(), verify_transaction)
        assert (execution.receipts, execution.result.encoded()) == (record.receipts, record.result)
        twin.apply(execution)
    assert twin.head == maker.head


def test_ids_are_those_of_the_bodies() -> None:
    maker = ChainMaker()
    record, receipts = maker.decide(maker.transfer(), maker.transfer())
    for raw, receipt in zip(record.decoded_block().transactions, receipts, strict=True):
        transaction = decode_transaction(raw, size_max=10_000)
        assert receipt.transaction_id == tagged_hash("transaction", transaction.body.encoded())
