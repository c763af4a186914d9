"""Validity of a block: every rule has a code, and is checked at exactly its border."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chain_maker import GAS_LIMIT, ChainMaker, entry_gas, make_genesis

import chain.validity
from chain.block import Block, make_block
from chain.encoding import decode, encode
from chain.genesis import Parameters
from chain.merkle import merkle_root
from chain.transaction import Transaction, decode_transaction, verify_transaction
from chain.types import Digest, Epoch, Height, Milliseconds, ValidatorId
from chain.validity import InvalidBlock

WRONG = Digest(bytes([0xEE]) * 32)
PARAMETERS = Parameters(block_transactions_max=3, block_gas_max=3 * GAS_LIMIT, transaction_gas_max=2 * GAS_LIMIT)


@pytest.fixture
def maker() -> ChainMaker:
    maker = ChainMaker(make_genesis(parameters=PARAMETERS))
    maker.decide(maker.transfer())
    return maker


def refusal(maker: ChainMaker, block: Block) -> InvalidBlock:
    before = maker.head
    with pytest.raises(InvalidBlock) as caught:
        maker.ledger.execute(block, verify_transaction)
    assert maker.head == before
    return caught.value


def accepts(maker: ChainMaker, block: Block) -> bool:
    return maker.ledger.execute(block, verify_transaction).block_hash == block.block_hash


@dataclass(frozen=True, slots=True)
class Case:
    """A way to break one rule."""

    code: str
    make: Callable[[ChainMaker], Block]
    index: int | None = None


def header(code: str, **changes: Any) -> Case:
    return Case(code, lambda maker: maker.block(maker.transfer(), **changes))


def second(code: str, **changes: Any) -> Case:
    """The second of two transactions is wrong."""
    return Case(code, lambda maker: maker.block(maker.transfer(), maker.transfer(**changes)), 1)


def time_of(maker: ChainMaker) -> int:
    return maker.header(()).time


def with_raw(maker: ChainMaker, raw: bytes) -> Block:
    return make_block(maker.header(()), [raw])


def forged(maker: ChainMaker) -> Block:
    """Return a block whose second transaction has a signature of zeros; the root is right."""
    good, bad = maker.transfer(), maker.transfer()
    raw = encode([1, decode(bad.raw)[1], bytes(64)])
    altered = decode_transaction(raw, size_max=10_000)
    root = merkle_root(each.merkle_leaf for each in (good, altered))
    return make_block(maker.header((), transactions_root=root), [good.raw, raw])


def again(maker: ChainMaker) -> Block:
    raw = maker.records[0].decoded_block().transactions[0]
    return maker.block(maker.transfer(), decode_transaction(raw, size_max=10_000))


def twice(maker: ChainMaker) -> Block:
    transaction = maker.transfer()
    return maker.block(maker.transfer(), transaction, transaction)


def gas_min(maker: ChainMaker) -> int:
    """Return the least gas that a transfer has to declare."""
    return entry_gas(maker.transfer(gas_limit=4_000))


def at(maker: ChainMaker, valid_until: int) -> Transaction:
    return maker.transfer(valid_until=Milliseconds(valid_until))


CASES = [
    header("wrong_version", version=2),
    header("wrong_chain", chain_id=WRONG),
    header("wrong_height", height=Height(1)),
    header("wrong_height", height=Height(3)),
    header("wrong_parent", parent_hash=WRONG),
    header("wrong_parent_result", parent_result_hash=WRONG),
    header("wrong_history_root", history_root=WRONG),
    header("wrong_validators", validators_hash=WRONG),
    header("wrong_epoch", epoch=Epoch(1)),
    Case("time_not_increasing", lambda maker: maker.block(time=maker.head.time)),
    header("unknown_proposer", proposer=ValidatorId("v05")),
    Case("too_many_transactions", lambda maker: maker.block(*(maker.transfer() for _ in range(4)))),
    Case("malformed_transaction", lambda maker: with_raw(maker, b"\xc0"), 0),
    Case("malformed_transaction", lambda maker: with_raw(maker, bytes(PARAMETERS.transaction_bytes_max + 1)), 0),
    second("foreign_transaction", chain_id=WRONG),
    Case("expired_transaction", lambda maker: maker.block(at(maker, time_of(maker) - 1)), 0),
    Case("transaction_too_early", lambda maker: maker.block(at(maker, time_of(maker) + 600_001)), 0),
    second("transaction_gas_exceeded", gas_limit=2 * GAS_LIMIT + 1),
    second("transaction_gas_too_low", gas_limit=1_000),
    Case("transaction_gas_too_low", lambda maker: maker.block(maker.transfer(gas_limit=gas_min(maker) - 1)), 0),
    second("unknown_sender", member="zenith.nobody"),
    Case("repeated_transaction", again, 1),
    Case("repeated_transaction", twice, 2),
    Case("bad_signature", forged, 1),
    Case("block_gas_exceeded", lambda maker: maker.block(*(maker.transfer(gas_limit=150_001) for _ in range(2)))),
    header("wrong_transactions_root", transactions_root=WRONG),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code} {number}" for number, case in enumerate(CASES)])
def test_a_block_that_breaks_a_rule(maker: ChainMaker, case: Case) -> None:
    error = refusal(maker, case.make(maker))
    assert (error.code, error.index) == (case.code, case.index)
    assert error.found
    assert error.expected
    assert str(error).startswith(f"{case.code}: ")


def test_a_block_that_is_too_large() -> None:
    maker = ChainMaker(make_genesis(parameters=Parameters(block_bytes_max=2_000, transaction_bytes_max=1_000)))
    text = "x" * 600
    large = [maker.transaction(("token", "announce", (text, 0))) for _ in range(3)]
    assert refusal(maker, maker.block(*large)).code == "block_too_large"
    assert accepts(maker, maker.block(*large[:2]))


def test_every_code_has_a_case() -> None:
    source = Path(chain.validity.__file__).read_text()
    codes = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', source))
    assert codes == {case.code for case in CASES} | {"block_too_large"}


def test_what_is_just_valid(maker: ChainMaker) -> None:
    time = time_of(maker)
    assert accepts(maker, maker.block(time=Milliseconds(maker.head.time + 1)))
    assert accepts(maker, maker.block(at(maker, time), at(maker, time + 600_000)))
    assert accepts(maker, maker.block(*(maker.transfer() for _ in range(3))))
    assert accepts(maker, maker.block(maker.transfer(gas_limit=2 * GAS_LIMIT), maker.transfer()))
    assert accepts(maker, maker.block(maker.transfer(gas_limit=gas_min(maker))))
    assert accepts(maker, maker.block(proposer=ValidatorId("v04")))


def test_the_signature_is_the_last_thing_that_is_checked_of_a_transaction(maker: ChainMaker) -> None:
    def never(transaction: Transaction) -> bool:
        raise AssertionError("a signature costs more than all other checks together")

    for case in CASES:
        if case.index == 0:
            with pytest.raises(InvalidBlock):
                maker.ledger.execute(case.make(maker), never)


def test_an_empty_block_is_valid(maker: ChainMaker) -> None:
    """Proposers make none but to prove an expiry; validity does not know why a block was made."""
    assert accepts(maker, maker.block())
