"""The mempool: bounded, fair, in order of arrival; and what is refused before any state is looked at."""

from dataclasses import replace
from typing import Any

import pytest
from chain_maker import START, key_of, make_genesis, seed_of

from chain.genesis import Parameters
from chain.identity import Member
from chain.mempool import AdmissionError, Mempool, MempoolLimits, check_admissible
from chain.prices import LedgerPrices
from chain.rules import Rules
from chain.transaction import Call, Transaction, TransactionBody, sign_transaction
from chain.types import Digest, Milliseconds

CHAIN_ID = make_genesis(contracts=[]).genesis_hash
PARAMETERS = Parameters()
FREE = LedgerPrices(0, 0, 0, 0)
RULES = Rules(PARAMETERS, FREE)
ALICE = Member("acme.alice", "acme", (), True)
BOB = Member("zenith.bob", "zenith", (), True)


def transaction(number: int = 0, **changes: Any) -> Transaction:
    body = TransactionBody(
        CHAIN_ID,
        key_of("acme.alice"),
        number.to_bytes(16, "big"),
        Milliseconds(START + 60_000),
        (Call("token", "transfer", ()),),
        1_000,
    )
    return sign_transaction(replace(body, **changes), seed_of("acme.alice"))


def rules(**changes: int) -> Rules:
    return Rules(replace(PARAMETERS, **changes), FREE)


def add(mempool: Mempool, *transactions: Transaction, member: Member = ALICE) -> None:
    for each in transactions:
        assert mempool.add(each, member, 0.0)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("foreign_chain", {"chain_id": Digest(bytes(32))}),
    ("expired", {"valid_until": Milliseconds(START - 1)}),
    ("valid_until_too_far", {"valid_until": Milliseconds(START + PARAMETERS.validity_window_max + 1)}),
    ("gas_limit_too_high", {"gas_limit": PARAMETERS.transaction_gas_max + 1}),
]


@pytest.mark.parametrize(("code", "changes"), REFUSED)
def test_what_is_not_admissible(code: str, changes: dict[str, Any]) -> None:
    with pytest.raises(AdmissionError) as caught:
        check_admissible(transaction(**changes), CHAIN_ID, RULES, START)
    assert (caught.value.code, caught.value.retry_after_seconds) == (code, None)
    assert caught.value.detail


def test_what_is_just_admissible() -> None:
    for changes in (
        {"valid_until": START},
        {"valid_until": Milliseconds(START + PARAMETERS.validity_window_max)},
        {"gas_limit": PARAMETERS.transaction_gas_max},
    ):
        check_admissible(transaction(**changes), CHAIN_ID, RULES, START)


def test_transactions_wait_once_and_in_order_of_arrival() -> None:
    mempool = Mempool(MempoolLimits())
    first, second = transaction(1), transaction(2)
    add(mempool, first, second)
    assert not mempool.add(first, ALICE, 9.0)
    assert len(mempool) == 2
    assert first.transaction_id in mempool
    assert [pending.transaction for pending in mempool.values()] == [first, second]
    oldest, held = mempool.oldest(), mempool.get(second.transaction_id)
    assert oldest is not None and oldest.transaction == first
    assert held is not None and held.transaction == second
    assert mempool.bytes_used == len(first.raw) + len(second.raw)
    mempool.remove([first.transaction_id, Digest(bytes(32))])
    assert first.transaction_id not in mempool
    assert mempool.get(first.transaction_id) is None
    assert mempool.bytes_used == len(second.raw)
    mempool.remove([second.transaction_id])
    assert (len(mempool), mempool.bytes_used, mempool.oldest()) == (0, 0, None)


def refused(mempool: Mempool, each: Transaction, member: Member = ALICE) -> str:
    before = [pending.transaction for pending in mempool.values()]
    with pytest.raises(AdmissionError) as caught:
        mempool.add(each, member, 0.0)
    assert caught.value.retry_after_seconds == 1
    assert [pending.transaction for pending in mempool.values()] == before
    return caught.value.code


def test_a_full_mempool_refuses() -> None:
    mempool = Mempool(MempoolLimits(transactions_max=2, organisation_share_percent=100))
    add(mempool, transaction(1), transaction(2))
    assert refused(mempool, transaction(3)) == "mempool_full"
    mempool.remove([transaction(1).transaction_id])
    add(mempool, transaction(3))
    size = len(transaction(1).raw)
    mempool = Mempool(MempoolLimits(bytes_max=2 * size, organisation_share_percent=100))
    add(mempool, transaction(1), transaction(2))
    assert refused(mempool, transaction(3)) == "mempool_full"


def test_no_organisation_can_fill_it_alone() -> None:
    mempool = Mempool(MempoolLimits(transactions_max=4))
    add(mempool, transaction(1), transaction(2))
    assert refused(mempool, transaction(3)) == "organisation_share_exceeded"
    add(mempool, transaction(4), transaction(5), member=BOB)
    mempool.remove([transaction(1).transaction_id])
    add(mempool, transaction(3))
    size = len(transaction(1).raw)
    mempool = Mempool(MempoolLimits(bytes_max=4 * size))
    add(mempool, transaction(1), transaction(2))
    assert refused(mempool, transaction(3)) == "organisation_share_exceeded"


def test_expired_transactions_leave() -> None:
    mempool = Mempool(MempoolLimits())
    early = transaction(1, valid_until=Milliseconds(START + 5))
    late = transaction(2, valid_until=Milliseconds(START + 6))
    add(mempool, early, late)
    assert mempool.expire(Milliseconds(START + 5)) == []
    assert mempool.expire(Milliseconds(START + 6)) == [early.transaction_id]
    assert [pending.transaction for pending in mempool.values()] == [late]


def test_a_selection_fits_into_a_block() -> None:
    mempool = Mempool(MempoolLimits())
    waiting = [transaction(number) for number in range(6)]
    add(mempool, *waiting)
    assert mempool.select(RULES, START) == waiting
    assert mempool.select(rules(block_transactions_max=4), START) == waiting[:4]
    assert mempool.select(rules(block_gas_max=3_999), START) == waiting[:3]
    size = len(waiting[0].raw)
    assert mempool.select(rules(block_bytes_max=1024 + 2 * (size + 5)), START) == waiting[:2]


def test_a_selection_skips_what_cannot_be_in_a_block_now() -> None:
    mempool = Mempool(MempoolLimits())
    expired = transaction(1, valid_until=Milliseconds(START - 1))
    early = transaction(2, valid_until=Milliseconds(START + PARAMETERS.validity_window_max + 1))
    faulty, good = transaction(3), transaction(4)
    add(mempool, expired, early, faulty, good)
    mempool.quarantine([faulty.transaction_id, Digest(bytes(32))])
    assert mempool.select(RULES, START) == [good]
    mempool.remove([faulty.transaction_id])
    add(mempool, faulty)
    assert mempool.select(RULES, START) == [good, faulty]


def test_a_skipped_transaction_uses_no_room() -> None:
    mempool = Mempool(MempoolLimits())
    small, large, last = transaction(1), transaction(2, gas_limit=90_000), transaction(3)
    add(mempool, small, large, last)
    mempool.quarantine([large.transaction_id])
    assert mempool.select(rules(block_gas_max=50_000), START) == [small, last]


@pytest.mark.parametrize("bound", ["block_transactions_max", "block_gas_max", "block_bytes_max"])
def test_it_tells_when_what_waits_fills_a_block(bound: str) -> None:
    mempool = Mempool(MempoolLimits(organisation_share_percent=100))
    one, two = transaction(1), transaction(2)
    size = len(one.raw)
    needed = {"block_transactions_max": 2, "block_gas_max": 2_000, "block_bytes_max": 2 * size}
    parameters = replace(PARAMETERS, **{bound: needed[bound]})
    add(mempool, one)
    assert not mempool.fills_block(parameters)
    add(mempool, two)
    assert mempool.fills_block(parameters)
    assert not mempool.fills_block(PARAMETERS)
    mempool.remove([one.transaction_id])
    assert not mempool.fills_block(parameters)
