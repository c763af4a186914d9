"""The real contract engine inside a locked-in process gives what it gives outside of one."""

from pathlib import Path
from typing import Any

from executor_support import REAL, Chain, running

from chain.database_keys import TABLE_LIVE
from chain.encoding import decode
from chain.receipt import decode_receipt
from chain.store import open_store
from contracts.engine.runtime import Engine

SOURCE = """
balances = Map(str, int, default=0)
Transfer = Event(sender=str, to=str, amount=int)


@init
def create(amount: int) -> None:
    balances["acme.alice"] = amount


@call
def transfer(to: str, amount: int) -> bool:
    require(amount > 0, "amount_not_positive")
    require(balances[ctx.sender] >= amount, "insufficient_balance")
    balances[ctx.sender] -= amount
    balances[to] += amount
    Transfer(sender=ctx.sender, to=to, amount=amount)
    return True


@call
def long_loop() -> int:
    total = 0
    for number in range(1000000):
        total += number
    return total


@view
def balance(of: str) -> int:
    return balances[of]
"""


async def test_a_contract_is_deployed_called_and_viewed(tmp_path: Path) -> None:
    chain = Chain(runtime=Engine())
    calls = [
        ("system", "deploy", ("token", SOURCE, [100])),
        ("token", "transfer", ("acme.bob", 30)),
        ("token", "transfer", ("acme.bob", 80)),
        ("token", "transfer", ("acme.bob", "much")),
        ("token", "long_loop", ()),
        ("system", "deploy", ("broken", "import os\n", [])),
        ("token", "no_such_method", ()),
    ]
    block = chain.block_of([chain.transaction(call, gas_limit=1_000_000) for call in calls])
    outside = chain.ledger.execute(block, lambda transaction: True)
    async with running(tmp_path, chain, **REAL) as client:
        executed = await client.execute(block.raw)
        assert executed.receipts == outside.receipts
        assert executed.result == outside.result
        receipts = [decode_receipt(receipt) for receipt in executed.receipts]
        assert receipts[0].succeeded and receipts[1].succeeded
        assert receipts[2].code == "insufficient_balance"
        assert all(not receipt.succeeded for receipt in receipts[2:])
        await client.apply(block.block_hash)
        viewed = await client.view("token", "balance", ["acme.bob"], None, 100_000)
        assert (viewed.code, viewed.value) == (None, 30)
        assert (await client.view("token", "balance", [], None, 100_000)).code is not None
        assert (await client.view("token", "transfer", ["acme.bob", 1], None, 100_000)).code is not None
        stored = await client.scan("token", b"", b"\xff" * 8, 10)
        assert sorted(decode(value) for _, value in stored.entries) == [30, 70]
        assert client.restarts == 0


DELETIONS = """
numbers = Map(int, int)


@call
def fill() -> None:
    for number in range(8000):
        numbers[number] = 1


@call
def clear() -> None:
    for number in range(8000):
        del numbers[number]


@call
def look() -> None:
    for turn in range(400):
        found = numbers.keys(limit=1)
"""


async def test_scans_behind_deleted_entries_have_a_locked_in_executor_merge_its_database(tmp_path: Path) -> None:
    chain = Chain(runtime=Engine())
    calls: list[tuple[str, str, tuple[Any, ...]]] = [("system", "deploy", ("held", DELETIONS, []))]
    calls += [("held", name, ()) for name in ("fill", "clear", "look")]
    async with running(tmp_path, chain, **REAL) as client:
        for call in calls:
            block = chain.block_of([chain.transaction(call, gas_limit=10_000_000)])
            outside = chain.ledger.execute(block, lambda transaction: True)
            executed = await client.execute(block.raw)
            assert executed.receipts == outside.receipts
            assert decode_receipt(executed.receipts[0]).succeeded, call
            chain.ledger.apply(outside)
            await client.apply(block.block_hash)
        assert client.restarts == 0
    store = open_store(tmp_path / "state", "state", chain.genesis.genesis_hash, 1 << 20, create=False)
    try:
        # Without a merge 8,000 entries and their markers stand there, some 200 bytes each.
        assert store._database.approximate_size(TABLE_LIVE, TABLE_LIVE + b"\xff") < 100_000
    finally:
        store.close()
