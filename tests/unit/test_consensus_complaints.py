"""A node complains of a primary that leaves out the oldest valid transaction, and for no other reason."""

from dataclasses import replace
from typing import Any

import pytest
from chain_maker import START, key_of, make_genesis, seed_of

from chain.block import Header
from chain.genesis import Parameters
from chain.identity import Member
from chain.mempool import Mempool, MempoolLimits
from chain.prices import LedgerPrices
from chain.rules import Rules
from chain.transaction import Call, Transaction, TransactionBody, sign_transaction
from chain.types import Digest, Epoch, Height, Milliseconds, ValidatorId
from consensus.complaints import BLOCKS_MIN, LATER_MS, PATIENCE_MS, Patience, has_room

CHAIN_ID = make_genesis(contracts=[]).genesis_hash
PARAMETERS = Parameters()
RULES = Rules(PARAMETERS, LedgerPrices(0, 0, 0, 0))
ALICE = Member("acme.alice", "acme", (), True)
STEP_MS = 100


def transaction(number: int = 0, **changes: Any) -> Transaction:
    until = Milliseconds(START + 60_000)
    calls = (Call("token", "transfer", ()),)
    body = TransactionBody(CHAIN_ID, key_of("acme.alice"), number.to_bytes(16, "big"), until, calls, 1_000)
    return sign_transaction(replace(body, **changes), seed_of("acme.alice"))


VICTIM = transaction()


def header(time: int, proposer: str = "v01") -> Header:
    zero = Digest(bytes(32))
    where = (1, CHAIN_ID, Height(5), zero, zero, zero, Milliseconds(time), ValidatorId(proposer), zero)
    return Header(*where, zero, Epoch(0))


def moment(milliseconds: int) -> Milliseconds:
    return Milliseconds(START + milliseconds)


def complains_after(
    blocks: int, *, victim: Transaction = VICTIM, last_ms: int = 20_000, age_ms: int = 0, beside: int = 1, **block: Any
) -> bool:
    """Tell whether a node complains after so many blocks, of transactions that had come in so long before."""
    patience = Patience(PARAMETERS)
    assert patience.look(victim, START) is None
    each = tuple(transaction(number + 1, **block) for number in range(beside))
    for number in range(blocks):
        now = moment(last_ms - (blocks - 1 - number) * STEP_MS)
        patience.decided(header(now), each, Milliseconds(now - age_ms))
        patience.look(victim, now)
    return patience.look(victim, moment(last_ms)) is not None


def test_a_transaction_that_stays_out_of_blocks_with_room_is_a_reason() -> None:
    assert complains_after(BLOCKS_MIN)
    assert not complains_after(BLOCKS_MIN - 1)


def test_a_primary_is_given_time() -> None:
    assert complains_after(30, last_ms=PATIENCE_MS)
    assert not complains_after(30, last_ms=PATIENCE_MS - 1)


def test_full_blocks_are_no_reason() -> None:
    assert not complains_after(50, gas_limit=PARAMETERS.block_gas_max), "full in gas"
    assert not complains_after(50, gas_limit=PARAMETERS.block_gas_max - 999), "one unit too full"
    assert complains_after(50, gas_limit=PARAMETERS.block_gas_max - 1_000)


def test_room_is_counted_as_proposers_count_it() -> None:
    """What `select` takes beside others has room beside them, and what it leaves has none."""
    limits = replace(PARAMETERS, block_transactions_max=3, block_bytes_max=1024 + 3 * (len(VICTIM.raw) + 5))
    four = [transaction(number) for number in range(4)]
    assert has_room(four[3], four[:2], limits)
    assert not has_room(four[3], four[:3], limits), "full in transactions"
    assert not has_room(four[3], four[:2], replace(limits, block_bytes_max=limits.block_bytes_max - 1)), "in bytes"
    mempool = Mempool(MempoolLimits())
    for each in four:
        mempool.add(each, ALICE, 0.0)
    assert mempool.select(Rules(limits, RULES.prices), START) == four[:3]


def test_blocks_of_what_came_before_or_about_the_same_time_are_no_reason() -> None:
    """An honest primary may have heard of those first: it takes them in its own order of arrival."""
    assert not complains_after(50, last_ms=20_000, age_ms=20_000)
    assert not complains_after(BLOCKS_MIN, last_ms=20_000, age_ms=20_000 - LATER_MS + STEP_MS * BLOCKS_MIN)
    assert complains_after(BLOCKS_MIN, last_ms=20_000, age_ms=20_000 - LATER_MS - STEP_MS * BLOCKS_MIN)


def test_old_blocks_that_catching_up_brings_are_no_reason() -> None:
    patience = Patience(PARAMETERS)
    patience.look(VICTIM, START)
    for number in range(100):
        patience.decided(header(START - 1_000 + number), (transaction(1),), moment(20_000))
    assert patience.look(VICTIM, moment(20_000)) is None


def test_blocks_of_which_nothing_is_known_are_no_reason() -> None:
    assert not complains_after(50, beside=0)


def test_it_ends_when_the_transaction_is_included_or_another_is_the_oldest() -> None:
    for end in ("included", "expired", "another"):
        patience = Patience(PARAMETERS)
        patience.look(VICTIM, START)
        for number in range(BLOCKS_MIN):
            patience.decided(header(moment(9_000 + number), "v03"), (transaction(1),), moment(9_000))
        left_out = patience.look(VICTIM, moment(9_000))
        assert left_out is not None
        assert (left_out.transaction_id, left_out.blocks) == (VICTIM.transaction_id, BLOCKS_MIN)
        assert left_out.proposer == "v03"
        if end == "included":
            patience.decided(header(moment(9_100)), (transaction(1), VICTIM), moment(9_000))
        oldest = None if end == "expired" else transaction(7)
        assert patience.look(oldest, moment(9_200)) is None, end
        assert patience.look(VICTIM, moment(9_300)) is None, "should it come back, all is counted anew"


def test_a_clock_that_is_set_back_starts_the_count_anew() -> None:
    patience = Patience(PARAMETERS)
    patience.look(VICTIM, moment(50_000))
    for number in range(20):
        patience.decided(header(moment(60_000 + number)), (transaction(1),), moment(60_000))
    assert patience.look(VICTIM, START) is None
    assert patience.look(VICTIM, moment(PATIENCE_MS)) is None


@pytest.mark.parametrize(
    "unfit",
    [
        transaction(1, valid_until=Milliseconds(START - 1)),
        transaction(1, valid_until=Milliseconds(START + PARAMETERS.validity_window_max + 1)),
        transaction(1, gas_limit=0),
    ],
    ids=["expired", "in the future", "too little gas"],
)
def test_what_a_primary_may_rightly_leave_out_is_not_watched(unfit: Transaction) -> None:
    mempool = Mempool(MempoolLimits())
    mempool.add(unfit, ALICE, 0.0)
    priced = Rules(PARAMETERS, LedgerPrices(1, 0, 0, 0))
    assert mempool.oldest_valid(priced, START) is None
    assert mempool.select(priced, START) == []
    mempool.add(VICTIM, ALICE, 1.0)
    oldest = mempool.oldest_valid(priced, START)
    assert oldest is not None and oldest.transaction == VICTIM
    mempool.quarantine([VICTIM.transaction_id])
    assert mempool.oldest_valid(priced, START) is None
