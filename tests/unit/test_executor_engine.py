"""The real contract engine inside a locked-in process gives what it gives outside of one."""

from pathlib import Path

from executor_support import REAL, Chain, running

from chain.encoding import decode
from chain.receipt import decode_receipt
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
