"""Executing a block from decoded columns gives what executing its bytes gives, or the same refusal."""

from dataclasses import replace
from typing import Any

from chain_maker import GAS_LIMIT, ChainMaker, make_genesis
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.batch import batch_from_value, batch_of
from chain.block import Block
from chain.execution import Execution
from chain.genesis import Parameters
from chain.transaction import Transaction, verify_transaction
from chain.types import Milliseconds
from chain.validity import InvalidBlock
from processes.frames import LENGTH, decode_payload, encode_frame

PARAMETERS = Parameters(block_transactions_max=5, block_gas_max=5 * GAS_LIMIT, transaction_gas_max=2 * GAS_LIMIT)

KINDS = st.sampled_from(
    [
        "good",
        "good",
        "good",
        "fails",
        "several",
        "key",
        "again",
        "old",
        "early",
        "much_gas",
        "nobody",
        "out_of_gas",
        "system",
        "large",
    ]
)


def transaction(maker: ChainMaker, kind: str, before: list[Transaction]) -> Transaction:
    """Return a transaction that keeps or breaks one rule."""
    time = maker.header(()).time
    simple: dict[str, dict[str, Any]] = {
        "good": {},
        "fails": {"amount": 0},
        "key": {"idempotency_key": "key"},
        "old": {"valid_until": Milliseconds(time - 1)},
        "early": {"valid_until": Milliseconds(time + 600_001)},
        "much_gas": {"gas_limit": 2 * GAS_LIMIT + 1},
        "nobody": {"member": "zenith.nobody"},
        "out_of_gas": {"gas_limit": 10},
    }
    if kind in simple:
        return maker.transfer(**simple[kind])
    if kind == "several":
        return maker.transaction(*[("token", "transfer", ("zenith.bob", amount)) for amount in (1, 2, 3)])
    if kind == "system":
        return maker.transaction(("system", "unheard_of", ()))
    if kind == "large":
        return maker.transaction(("token", "announce", ("x" * 2_000, 40)))
    return before[-1] if before else maker.transfer()


def outcome(execute: Any) -> Execution | tuple[str, int | None, str]:
    """Return what came of a block, or which rule it breaks."""
    try:
        execution = execute()
    except InvalidBlock as error:
        return error.code, error.index, error.found
    assert isinstance(execution, Execution)
    entries = execution.entries
    return replace(
        execution,
        entries=replace(
            entries,
            ids=tuple(entries.ids),
            valid_until=tuple(entries.valid_until),
            organisations=tuple(entries.organisations),
            idempotency_keys=tuple(entries.idempotency_keys),
        ),
    )


def through_the_pipe(block: Block, transactions: list[Transaction]) -> list[Any]:
    return decode_payload(encode_frame(batch_of(block, transactions).as_value())[LENGTH.size :])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(KINDS, max_size=6), min_size=1, max_size=3))
def test_columns_and_bytes_give_the_same(blocks: list[list[str]]) -> None:
    maker = ChainMaker(make_genesis(parameters=PARAMETERS))
    earlier: list[Transaction] = []
    for kinds in blocks:
        transactions: list[Transaction] = []
        for kind in kinds:
            transactions.append(transaction(maker, kind, earlier + transactions))
        block = maker.block(*transactions)
        batch = batch_from_value(through_the_pipe(block, transactions))
        assert (batch.header, batch.block_hash) == (block.header, block.block_hash)
        from_bytes = outcome(lambda block=block: maker.ledger.execute(block, verify_transaction))
        from_columns = outcome(lambda batch=batch: maker.ledger.execute_batch(batch))
        assert from_bytes == from_columns
        if isinstance(from_bytes, Execution):
            earlier += transactions
            maker.ledger.apply(maker.ledger.execute_batch(batch))
            assert maker.head.block_hash == block.block_hash
