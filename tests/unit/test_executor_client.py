"""The executor's client against real executor processes: blocks, queries, and what is refused."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from executor_support import MEMBER_SEED, Chain, killed, running, settings, small_genesis

from chain.batch import batch_of
from chain.crypto import public_key_of
from chain.encoding import decode, encode
from chain.genesis import GenesisContract
from chain.receipt import decode_receipt
from chain.state_leaf import decode_leaf
from chain.state_proof import verify_proof
from chain.storage import StoreForeign, StoreLocked
from chain.types import Milliseconds
from chain.validity import InvalidBlock
from contracts.executor.client import ExecutorClient
from contracts.executor.errors import ExecutionUnknown, ExecutorDied, GenesisRefused, ResultDiffers


async def test_a_block_is_executed_and_applied(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        assert client.head == chain.head
        assert client.walls_missing == ()
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


async def test_a_block_in_columns_has_the_outcome_of_its_bytes(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        transactions = [chain.transaction(("fake", "increment", ())) for _ in range(3)]
        block = chain.block_of(transactions)
        batch = batch_of(block, transactions)
        assert await client.execute_batch(batch) == await client.execute(block.raw)
        late = replace(batch, valid_until=[*batch.valid_until[:2], Milliseconds(0)])
        with pytest.raises(InvalidBlock, match="index 2") as refused:
            await client.execute_batch(late)
        assert (refused.value.code, refused.value.index) == ("expired_transaction", 2)
        await client.execute_batch(batch)
        await killed(client)
        assert (await client.apply(block.block_hash)).height == 1
        assert (await client.view("fake", "counter", [], None, 1_000)).value == 3


async def test_requests_are_answered_in_their_order_without_waiting(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        first = chain.block("increment")
        await client.execute(first.raw)
        chain.ledger.apply(chain.ledger.execute(first, lambda transaction: True))
        second = chain.block("increment")
        head, executed = await asyncio.gather(client.apply(first.block_hash), client.execute(second.raw))
        assert head.height == 1
        assert executed.block_hash == second.block_hash


async def test_several_undecided_blocks_wait_side_by_side(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        blocks = [chain.block(*["increment"] * count) for count in (1, 2, 3)]
        for block in blocks:
            await client.execute(block.raw)
        await client.discard(blocks[0].block_hash)
        with pytest.raises(ExecutionUnknown) as unknown:
            await client.apply(blocks[0].block_hash)
        assert unknown.value.block_hash == blocks[0].block_hash
        await client.apply(blocks[1].block_hash)
        assert (await client.view("fake", "counter", [], None, 1_000)).value == 2
        with pytest.raises(ExecutionUnknown):
            await client.apply(blocks[2].block_hash)


async def test_an_invalid_block_is_refused_with_its_reason(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        with pytest.raises(InvalidBlock) as refused:
            await client.execute(chain.block("increment", height_step=2).raw)
        assert refused.value.code == "wrong_height"
        with pytest.raises(InvalidBlock) as malformed:
            await client.execute(b"\xc1 is no block")
        assert malformed.value.code == "malformed_block"
        assert client.restarts == 0


async def test_decided_blocks_are_replayed(tmp_path: Path) -> None:
    chain = Chain()
    certified = [chain.decide("increment") for _ in range(5)]
    async with running(tmp_path, chain) as client:
        assert (await client.replay(certified[:3])).height == 3
        assert await client.replay(certified) == chain.head


async def test_another_result_than_the_certified_one_is_reported(tmp_path: Path) -> None:
    chain = Chain()
    first, second = chain.decide("increment"), chain.decide("increment")
    async with running(tmp_path, chain) as client:
        with pytest.raises(ResultDiffers) as differs:
            await client.replay([first, (second[0], first[1])])
        assert differs.value.height == 2
        assert client.head.height == 0
        assert (await client.view("fake", "counter", [], None, 1_000)).height == 1


async def test_state_is_read_proven_and_traced(tmp_path: Path) -> None:
    chain = Chain()
    certified = [chain.decide("increment") for _ in range(3)]
    async with running(tmp_path, chain) as client:
        await client.replay(certified)
        assert (await client.read("fake", [b"counter", b"nothing"])).values == (encode(3), None)
        assert (await client.scan("fake", b"a", b"z", 10)).entries == ((b"counter", encode(3)),)
        proven = await client.prove("fake", b"counter")
        assert proven.state_root == client.head.result.state_root
        leaf = verify_proof(proven.state_root, "fake", b"counter", proven.proof)
        assert leaf is not None and leaf.value == encode(3)
        absent = await client.prove("fake", b"nothing")
        assert absent.leaf is None
        assert verify_proof(absent.state_root, "fake", b"nothing", absent.proof) is None
        versions = await client.history("fake", b"counter", 10)
        assert [decode(decode_leaf(item).value or b"") for item in versions.leaves] == [3, 2, 1]
        assert versions.complete
        assert not (await client.history("fake", b"counter", 2)).complete
        assert (await client.history("fake", b"nothing", 2)).complete
        counts = await client.statistics()
        assert (counts["height"], counts["blocks"], counts["transactions"], counts["applied"]) == (3, 3, 3, 3)
        assert counts["memory_bytes_peak"] > 0


async def test_a_view_knows_its_caller(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        known = await client.view("fake", "sender", [], public_key_of(MEMBER_SEED), 1_000)
        assert (known.value, known.code, known.height, known.gas_used) == ("acme.alice", None, 0, 5)
        assert (await client.view("fake", "sender", [], None, 1_000)).value == ""
        assert (await client.view("fake", "sender", [], bytes(32), 1_000)).value == ""
        assert (await client.view("fake", "unheard_of", [], None, 1_000)).code == "unknown_method"


async def test_the_state_survives_a_stop(tmp_path: Path) -> None:
    chain = Chain()
    certified = [chain.decide("increment") for _ in range(3)]
    async with running(tmp_path, chain) as client:
        await client.replay(certified)
    async with running(tmp_path, chain) as client:
        assert client.head == chain.head


async def test_a_foreign_state_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, Chain()):
        pass
    other = Chain(genesis=small_genesis(name="other"))
    client = ExecutorClient(settings(tmp_path, other))
    with pytest.raises(StoreForeign, match=str(tmp_path)):
        await client.start()
    assert client.pid is None


async def test_a_state_that_another_process_holds_is_waited_for_and_then_refused(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain):
        client = ExecutorClient(settings(tmp_path, chain, lock_wait_seconds=0))
        with pytest.raises(StoreLocked):
            await client.start()
        patient = ExecutorClient(settings(tmp_path, chain, lock_wait_seconds=20))
        starting = asyncio.create_task(patient.start())
        await asyncio.sleep(0)
    assert (await starting).height == 0
    await patient.close()


async def test_a_genesis_that_cannot_be_executed_is_refused(tmp_path: Path) -> None:
    genesis = small_genesis([GenesisContract("broken", "bad", ())])
    client = ExecutorClient(settings(tmp_path, Chain(), genesis=genesis))
    with pytest.raises(GenesisRefused, match="broken"):
        await client.start()


async def test_a_closed_client_refuses_and_leaves_no_process(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        pid = client.pid
        assert pid is not None
        os.kill(pid, 0)
        waiting = [asyncio.create_task(client.view("fake", "counter", [], None, 1)) for _ in range(3)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(outcome, ExecutorDied) or outcome.height == 0 for outcome in outcomes)  # type: ignore[union-attr]
    with pytest.raises(ExecutorDied):
        await client.statistics()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await client.watch()


async def test_a_cancelled_caller_disturbs_nobody(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        block = chain.block("increment")
        callers = [asyncio.create_task(client.execute(block.raw)) for _ in range(8)]
        await asyncio.sleep(0)
        for caller in callers[::2]:
            caller.cancel()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
        assert [type(outcome).__name__ for outcome in outcomes] == ["CancelledError", "Executed"] * 4
        assert (await client.apply(block.block_hash)).height == 1


async def test_a_cancelled_start_leaves_no_process(tmp_path: Path) -> None:
    client = ExecutorClient(settings(tmp_path, Chain()))
    starting = asyncio.create_task(client.start())
    while client.pid is None:
        await asyncio.sleep(0)
    pid = client.pid
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
