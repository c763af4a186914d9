"""What a transaction costs in calls of functions, Python's and C's: a guard against becoming slower unnoticed.

Calls are counted, not timed: the number is the same on every machine and in every run, and Python's time goes mostly
with it. The ceilings are what one version of Python needs and a tenth more; other versions need fewer. Whoever makes
something dearer on purpose raises its ceiling and says why; whoever makes it cheaper lowers it.
"""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from chain_maker import GAS_LIMIT, ChainMaker, make_genesis

from audit.block_checks import Agreement
from audit.quick_checks import vouch
from chain.batch import batch_of
from chain.block import make_block
from chain.certificate import Phase, Subject
from chain.columns import decode_transactions
from chain.genesis import Parameters
from chain.identity import Member
from chain.index_terms import transaction_terms
from chain.mempool import Mempool, MempoolLimits
from chain.receipt import Receipt, decode_receipt, own_receipt
from chain.runtime import Event
from chain.transaction import decode_transaction
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from consensus.pbft.messages import Vote, decode_message, encode_message

COUNT = 100
PARAMETERS = Parameters(block_transactions_max=COUNT, block_gas_max=COUNT * GAS_LIMIT, transaction_gas_max=GAS_LIMIT)


def calls_each(work: Callable[[], object]) -> float:
    """Return the calls that some work takes for each of COUNT transactions, after a first round that fills caches."""
    work()
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    gc.disable()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls / COUNT


def test_decoding_a_transaction() -> None:
    maker = ChainMaker()
    raws = [maker.transfer().raw for _ in range(COUNT)]
    cost = calls_each(lambda: [decode_transaction(raw, size_max=10_000) for raw in raws])
    assert 10 < cost <= 36


def test_decoding_transactions_that_come_together() -> None:
    maker = ChainMaker()
    raws = [maker.transfer().raw for _ in range(COUNT)]
    assert decode_transactions(raws, size_max=10_000) == [decode_transaction(raw, size_max=10_000) for raw in raws]
    assert 5 < calls_each(lambda: decode_transactions(raws, size_max=10_000)) <= 10


def test_auditing_a_transaction_without_running_it() -> None:
    maker = ChainMaker(make_genesis(parameters=PARAMETERS))
    maker.decide(*[maker.transfer() for _ in range(COUNT)])
    agreement = Agreement(maker.genesis.genesis_hash, maker.genesis.validators)
    assert vouch(1, maker.source.records[0], agreement) is not None
    assert 10 < calls_each(lambda: vouch(1, maker.source.records[0], agreement)) <= 34


def test_columns_of_a_block_for_the_executor() -> None:
    maker = ChainMaker()
    transactions = [maker.transfer() for _ in range(COUNT)]
    block = make_block(maker.header(transactions), [transaction.raw for transaction in transactions])
    # A call is handed on as it was decoded: nothing is made of it.
    assert batch_of(block, transactions).calls[0] is transactions[0].body.calls
    assert 1 < calls_each(lambda: batch_of(block, transactions).as_value()) <= 3.5


def test_taking_a_transaction_into_the_mempool_and_out() -> None:
    maker = ChainMaker()
    transactions = [maker.transfer() for _ in range(COUNT)]
    member = Member("acme.alice", "acme", (), True)

    def work() -> None:
        mempool = Mempool(MempoolLimits(organisation_share_percent=100))
        for transaction in transactions:
            mempool.add(transaction, member, 0.0)
        mempool.remove([transaction.transaction_id for transaction in transactions])

    assert 3 < calls_each(work) <= 10


def test_executing_a_transfer_of_a_block() -> None:
    maker = ChainMaker(make_genesis(parameters=PARAMETERS))
    transactions = [maker.transfer() for _ in range(COUNT)]
    block = make_block(maker.header(transactions), [transaction.raw for transaction in transactions])
    batch = batch_of(block, transactions)
    receipts = maker.ledger.execute_batch(batch).receipts
    assert all(decode_receipt(receipt).succeeded for receipt in receipts)
    assert 30 < calls_each(lambda: maker.ledger.execute_batch(batch)) <= 121


def test_reading_a_receipt() -> None:
    maker = ChainMaker(make_genesis(parameters=PARAMETERS))
    transactions = [maker.transfer() for _ in range(COUNT)]
    block = make_block(maker.header(transactions), [transaction.raw for transaction in transactions])
    receipts = maker.ledger.execute_batch(batch_of(block, transactions)).receipts
    assert 10 < calls_each(lambda: [decode_receipt(receipt) for receipt in receipts]) <= 25


def test_reading_a_receipt_of_the_own_making() -> None:
    maker = ChainMaker(make_genesis(parameters=PARAMETERS))
    transactions = [maker.transfer() for _ in range(COUNT)]
    block = make_block(maker.header(transactions), [transaction.raw for transaction in transactions])
    receipts = maker.ledger.execute_batch(batch_of(block, transactions)).receipts
    assert [own_receipt(receipt) for receipt in receipts] == [decode_receipt(receipt) for receipt in receipts]
    assert 3 < calls_each(lambda: [own_receipt(receipt) for receipt in receipts]) <= 7


def test_handling_a_vote() -> None:
    about = Subject(Digest(b"c" * 32), Epoch(0), Height(1), View(0), Digest(b"b" * 32), Digest(b"r" * 32))
    encoded = encode_message(Vote(Phase.COMMIT, about, ValidatorId("node2"), Signature(b"s" * 64)))

    def work() -> None:
        for _ in range(COUNT):
            vote = decode_message(encoded)
            assert isinstance(vote, Vote)
            assert (vote.kind, vote.height, vote.view, vote.chain_id) and vote.payload and encode_message(vote)

    assert 20 < calls_each(work) <= 39


def test_finding_the_words_of_a_transfer() -> None:
    body = ChainMaker().transfer().body
    receipt = Receipt(Digest(bytes(32)), Height(1), 0, None, (Event("bank", "Transfer", {"to": "bob"}),), 1, ())
    sender = Member("acme.alice", "acme", (), True)

    def work() -> None:
        for _ in range(COUNT):
            transaction_terms(body, receipt, sender)

    assert 5 < calls_each(work) <= 17
