"""A node whose program lacks a version that is decided: it says so from then on, and stops before the first block."""

from dataclasses import replace
from pathlib import Path

import pytest
from executor_support import REAL, Chain, running

from assembly.failures import exit_code_of
from assembly.protocol_watch import check_known, lacks_rules, notices
from assembly.reconcile import replay_missing, store_genesis
from chain.block_store import BlockRecord, BlockStore
from chain.prices import LEDGER_PRICES
from chain.protocol import Activation, ProtocolUnknown, Schedule
from chain.storage import MemoryStore
from chain.transaction import transaction_id_of_raw
from chain.types import Height
from chain.validity import Head
from contracts.engine.gas import CURRENT
from contracts.engine.runtime import Engine

CHANGE: int = 6
"""Height from which version 2 holds in these tests."""


def chain_with_a_change(blocks: BlockStore | None = None, last: int = CHANGE + 3) -> Chain:
    """Return a chain whose first block decides the change; `blocks` gets all of it."""
    chain = Chain(
        runtime=Engine(
            prices={1: CURRENT, 2: replace(CURRENT, call=1_000)},
            ledger_prices={1: LEDGER_PRICES[1], 2: LEDGER_PRICES[1]},
        )
    )
    if blocks is not None:
        store_genesis(blocks, chain.genesis, chain.head.result)
    decision = ("system", "propose", ("schedule_protocol", [2, CHANGE], ""))
    for height in range(1, last + 1):
        call = decision if height == 1 else ("system", "revoke_member", (b"nobody",))
        block = chain.block_of([chain.transaction(call, gas_limit=100_000)])
        execution = chain.ledger.execute(block, lambda transaction: True)
        chain.ledger.apply(execution)
        if blocks is not None:
            ids = tuple(transaction_id_of_raw(raw) for raw in block.transactions)
            result = execution.result.encoded()
            header = block.header.encoded()
            hashed, receipts = block.block_hash, execution.receipts
            blocks.append(BlockRecord(Height(height), hashed, block.raw, b"", result, receipts, ids, header))
    return chain


async def test_a_start_replays_what_the_program_knows_and_then_names_what_it_lacks(tmp_path: Path) -> None:
    blocks = BlockStore(MemoryStore())
    chain = chain_with_a_change(blocks)
    # The process runs this program's own engine, which knows version 1 only.
    async with running(tmp_path, chain, **REAL) as client:
        assert client.versions == frozenset({1})
        with pytest.raises(ProtocolUnknown, match=f"version 2 holds from height {CHANGE}") as unknown:
            await replay_missing(client, blocks)
        assert client.head.height == CHANGE - 1
        assert client.restarts == 0
    assert exit_code_of(unknown.value).name == "PROTOCOL_UNKNOWN"
    # The state stays at that block, and the next start says the same.
    async with running(tmp_path, chain, **REAL) as client:
        assert client.head.height == CHANGE - 1
        with pytest.raises(ProtocolUnknown):
            await replay_missing(client, blocks)


def head_at(height: int) -> Head:
    head = chain_with_a_change(last=1).head
    assert head.schedule == Schedule((Activation(Height(0), 1), Activation(Height(CHANGE), 2)))
    return replace(head, height=Height(height))


def test_an_operator_is_told_from_the_decision_on() -> None:
    for height in range(1, CHANGE):
        assert lacks_rules(head_at(height), {1})
        (notice,) = notices(head_at(height), {1})
        assert f"version 2 holds from height {CHANGE}, in {CHANGE - height} blocks" in notice
        assert "install a newer release" in notice
        (calm,) = notices(head_at(height), {1, 2})
        assert calm.endswith("this program knows it")
        assert not lacks_rules(head_at(height), {1, 2})
    assert notices(head_at(CHANGE), {1, 2}) == ()


def test_a_node_goes_on_until_the_block_before() -> None:
    for height in range(1, CHANGE - 1):
        check_known(head_at(height), {1})
    for height in range(1, CHANGE + 2):
        check_known(head_at(height), {1, 2})
    with pytest.raises(ProtocolUnknown) as unknown:
        check_known(head_at(CHANGE - 1), {1})
    assert (unknown.value.version, unknown.value.height) == (2, CHANGE)
