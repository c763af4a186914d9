"""The executor's client against real executor processes: blocks, queries, and what is refused."""

from pathlib import Path

from executor_support import Chain, running

from chain.receipt import decode_receipt


async def test_a_block_is_executed_and_applied(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        assert client.head == chain.head
        block = chain.block("increment", "unheard_of")
        executed = await client.execute(block.raw)
        assert executed.block_hash == block.block_hash
        receipts = [decode_receipt(receipt) for receipt in executed.receipts]
        assert [(receipt.code, receipt.values) for receipt in receipts] == [(None, (1,)), ("unknown_method", ())]
        assert client.head.height == 0
        head = await client.apply(block.block_hash)
        chain.ledger.apply(chain.ledger.execute(block, lambda transaction: True))
        assert head == client.head == chain.head
        assert await client.apply(block.block_hash) == head
