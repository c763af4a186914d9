"""The asynchronous client against real servers: every stage, fail-over, and nodes that lie."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from api_fake_node import ALICE, BOB, START, STRANGER, FakeNode, deposit, fake_genesis
from api_support import Api, serving
from chain_maker import entry_gas

from chain.encoding import encode
from chain.mempool import AdmissionError
from chain.recorded_block import RecordedBlock
from chain.types import Height, Milliseconds
from tallystick import (
    ApiError,
    AsyncClient,
    Checkpoint,
    CheckpointFile,
    CommitTimeout,
    EvaluateError,
    LedgerEvent,
    NodeUnavailable,
    Receipt,
    SubmitError,
    TransactionFailed,
    VerificationError,
    Wallet,
    WrongLedger,
    call,
)
from tallystick.submission import BATCH_TRANSACTIONS_MAX

GENESIS_HASH = fake_genesis().genesis_hash
WALLET = Wallet(ALICE)
DEAD = "http://127.0.0.1:9"


def ledger_time() -> Milliseconds:
    return Milliseconds(START + 1_000)


def client_of(*nodes: str, verify: bool = True, timeout_seconds: float = 10.0) -> AsyncClient:
    return AsyncClient(
        nodes, genesis_hash=GENESIS_HASH, verify=verify, timeout_seconds=timeout_seconds, clock=ledger_time
    )


@asynccontextmanager
async def connected(
    node: FakeNode, *, verify: bool = True, timeout_seconds: float = 10.0
) -> AsyncIterator[tuple[AsyncClient, Api]]:
    async with serving(node) as api:
        async with client_of(api.server.address, verify=verify, timeout_seconds=timeout_seconds) as client:
            yield client, api


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the client come back to a node that does not commit sooner than in earnest."""
    monkeypatch.setattr("tallystick.submission.WAIT_SECONDS", 0.2)


async def test_trust_in_the_first_node_is_told_once_and_how_to_end_it(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(FakeNode()) as api:
        async with AsyncClient(api.server.address) as client:
            await client.chain_id()
            assert not client.anchored
        (record,) = caplog.records
        assert record.levelname == "WARNING"
        assert GENESIS_HASH.hex() in record.getMessage() and api.server.address in record.getMessage()
        assert "genesis_hash" in record.getMessage()
        caplog.clear()
        async with client_of(api.server.address):
            assert not caplog.records


async def test_submit_returns_the_certified_receipt() -> None:
    node = FakeNode()
    async with connected(node) as (client, _):
        assert client.anchored
        receipt = await client.submit(WALLET, call("bank", "deposit", "alice", 70), memo="rent", idempotency_key="k1")
        assert (receipt.height, receipt.values, receipt.events[0].fields["amount"]) == (1, (70,), 70)
        verified = await client.proof(receipt.transaction_id)
        assert verified.receipt == receipt
        entry = entry_gas(verified.transaction)
        assert verified.transaction.body.memo == "rent"
        assert 0 <= verified.transaction.body.gas_limit - (100_000 + entry) < 100
        assert verified.transaction.body.valid_until == START + 1_000 + 300_000
        state = await client.state("bank", "balances", "alice")
        assert (state.value, state.found, state.changed_height, state.height) == (70, True, 1, 1)
        absent = await client.state("bank", "balances", "nobody")
        assert (absent.value, absent.found, absent.changed_height) == (None, False, None)
        block = await client.block(1)
        assert block.receipts == (receipt,)
        assert await client.block(block.certified.block_hash) == block
        assert (await client.read("/v1/network"))["chain_id"] == GENESIS_HASH.hex()
        assert (await client.read("/v1/events", name="Deposited"))["events"][0]["height"] == 1


async def test_several_calls_succeed_or_fail_together() -> None:
    async with connected(FakeNode()) as (client, _):
        receipt = await client.submit(WALLET, [call("bank", "deposit", "a", 1), call("bank", "deposit", "a", 2)])
        assert receipt.values == (1, 3)
        with pytest.raises(TransactionFailed) as failure:
            await client.submit(WALLET, [call("bank", "deposit", "a", 1), call("bank", "deposit", "a", 0)])
        assert failure.value.code == failure.value.receipt.code == "amount_not_positive"
        assert await client.evaluate("bank", "balance", "a") == 3


async def test_evaluate() -> None:
    async with connected(FakeNode()) as (client, _):
        assert await client.evaluate("bank", "echo", [1, "x", b"\0", None, {"int": 5}]) == [
            1,
            "x",
            b"\0",
            None,
            {"int": 5},
        ]
        assert await client.evaluate("bank", "who", signer=Wallet(BOB)) == "zenith.bob"
        for method, contract, code in (
            ("refuse", "bank", "closed_today"),
            ("nothing", "bank", "unknown_method"),
            ("balance", "other", "unknown_contract"),
        ):
            with pytest.raises(EvaluateError) as failure:
                await client.evaluate(contract, method)
            assert failure.value.code == code
        with pytest.raises(ApiError) as problem:
            await client.evaluate("bank", "echo", 1, gas_limit=0)
        assert problem.value.code == "malformed_body"


async def test_submit_async_then_status_then_receipt() -> None:
    node = FakeNode(auto_commit=False)
    async with connected(node) as (client, _):
        transaction = await client.submit_async(WALLET, call("bank", "deposit", "a", 1))
        assert (await client.status(transaction.transaction_id)).status == "pending"
        await node.commit()
        status = await client.status(transaction.transaction_id)
        assert (status.status, status.height, status.index, status.succeeded) == ("committed", 1, 0, True)
        receipt = await client.submit_transaction(transaction)
        assert receipt.transaction_id == transaction.transaction_id
        assert (await client.status(bytes(32))).status == "unknown"
        with pytest.raises(SubmitError) as failure:
            await client.submit_async(Wallet(STRANGER), call("bank", "deposit", "a", 1))
        assert failure.value.code == "unknown_sender"


async def test_a_refusal_changes_nothing_and_names_the_cause() -> None:
    node = FakeNode()
    async with connected(node) as (client, _):
        with pytest.raises(SubmitError) as failure:
            await client.submit(Wallet(STRANGER), call("bank", "deposit", "a", 1))
        assert failure.value.code == "unknown_sender"
        with pytest.raises(SubmitError) as failure:
            await client.submit(WALLET, call("bank", "deposit", "a", 1), valid_for=-5_000)
        assert failure.value.code == "expired"
        assert node.head().height == 0


@pytest.mark.parametrize("code", ["expired", "valid_until_too_far"])
async def test_a_wrong_clock_at_one_node_is_no_refusal_by_the_ledger(code: str) -> None:
    wrong, right = FakeNode(), FakeNode()
    wrong.faults.refusal = AdmissionError(code, "by this node's clock it is noon")
    async with serving(wrong) as first, serving(right) as second:
        async with client_of(first.server.address, second.server.address) as client:
            assert (await client.submit(WALLET, call("bank", "deposit", "a", 1))).succeeded
        right.faults.refusal = AdmissionError(code, "by this node's clock it is noon too")
        async with client_of(first.server.address, second.server.address) as client:
            with pytest.raises(SubmitError) as failure:
                await client.submit(WALLET, call("bank", "deposit", "b", 1))
            assert failure.value.code == code
    assert len(wrong.submitted) == len(right.submitted) == 2


async def test_a_batch_has_an_outcome_for_each() -> None:
    node = FakeNode()
    async with connected(node) as (client, _):
        good = [deposit(1, nonce=number) for number in range(BATCH_TRANSACTIONS_MAX + 3)]
        foreign, failing = deposit(1, genesis=fake_genesis("x")), deposit(0)
        outcomes = await client.submit_many([*good, foreign, failing, good[0]])
        assert [outcome.index for outcome in outcomes[:3] if isinstance(outcome, Receipt)] == [0, 1, 2]
        assert isinstance(outcomes[-3], SubmitError)
        assert outcomes[-3].code == "foreign_chain"
        assert isinstance(outcomes[-2], Receipt)
        assert outcomes[-2].code == "amount_not_positive"
        assert outcomes[-1] == outcomes[0]
        assert node.head().height == 2


async def test_the_same_bytes_go_out_until_the_receipt_comes(short_waits: None) -> None:
    node = FakeNode()
    node.faults.submissions_lost = 2
    async with connected(node) as (client, _):
        transaction = await client.prepare(WALLET, call("bank", "deposit", "a", 1))
        with pytest.raises(CommitTimeout) as failure:
            await client.submit_transaction(transaction, timeout_seconds=0.2)
        assert failure.value.transaction == transaction
        assert (await client.submit_transaction(failure.value.transaction)).succeeded
        assert set(node.submitted) == {transaction.raw}
        assert node.head().height == 1


async def test_a_full_mempool_is_waited_for_and_then_reported() -> None:
    node = FakeNode()
    node.faults.refusal = AdmissionError("mempool_full", "50000 transactions wait", retry_after_seconds=0)
    async with connected(node) as (client, _):
        with pytest.raises(SubmitError) as failure:
            await client.submit(WALLET, call("bank", "deposit", "a", 1), timeout_seconds=0.5)
        assert failure.value.code == "mempool_full"
        waiting = asyncio.create_task(client.submit(WALLET, call("bank", "deposit", "a", 1)))
        while len(node.submitted) < 4:
            await asyncio.sleep(0.01)
        node.faults.refusal = None
        assert (await waiting).succeeded


async def test_a_node_that_is_not_ready_is_reported_as_such() -> None:
    node = FakeNode()
    node.faults.not_ready = ("two of four validators are away",)
    async with connected(node) as (client, _):
        with pytest.raises(SubmitError) as failure:
            await client.submit(WALLET, call("bank", "deposit", "a", 1), timeout_seconds=0.5)
        assert failure.value.code == "not_ready"
        assert "two of four validators" in failure.value.detail


async def test_a_refusal_after_an_attempt_that_may_have_arrived_is_no_refusal(short_waits: None) -> None:
    node = FakeNode(auto_commit=False)
    async with connected(node) as (client, _):
        transaction = await client.prepare(WALLET, call("bank", "deposit", "a", 1))
        waiting = asyncio.create_task(client.submit_transaction(transaction))
        while not node.pending:
            await asyncio.sleep(0)
        node.pending.clear()
        node.now = transaction.body.valid_until + 1
        with pytest.raises(CommitTimeout, match="earlier attempt"):
            await waiting


async def test_fail_over_to_a_node_that_answers() -> None:
    node = FakeNode()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(node))
        second = await stack.enter_async_context(serving(node))
        client = await stack.enter_async_context(client_of(DEAD, first.server.address, second.server.address))
        assert (await client.submit(WALLET, call("bank", "deposit", "a", 1))).height == 1
        await first.server.stop()
        assert (await client.submit(WALLET, call("bank", "deposit", "a", 1))).height == 2
        assert await client.evaluate("bank", "balance", "a") == 2


async def test_no_node_answers(caplog: pytest.LogCaptureFixture) -> None:
    client = client_of(DEAD, timeout_seconds=0.3)
    with pytest.raises(NodeUnavailable) as failure:
        await client.genesis()
    assert DEAD in failure.value.attempts
    (told,) = [record.getMessage() for record in caplog.records if record.name == "tallystick.transport"]
    assert told.startswith(f"no node answers ({DEAD}: ") and told.endswith("trying for 0 s"), "once, not each time"
    await client.close()
    async with connected(FakeNode(), timeout_seconds=0.3) as (client, api):
        await api.server.stop()
        with pytest.raises(NodeUnavailable):
            await client.evaluate("bank", "balance", "a")
        with pytest.raises(CommitTimeout, match="no node answered"):
            await client.submit(WALLET, call("bank", "deposit", "a", 1))


async def test_a_node_of_another_ledger_is_not_used() -> None:
    ours, other = FakeNode(), FakeNode(fake_genesis("another"))
    async with serving(ours) as first, serving(other) as second:
        with pytest.raises(WrongLedger):
            await client_of(second.server.address).__aenter__()
        async with client_of(first.server.address, second.server.address, timeout_seconds=1) as client:
            await first.server.stop()
            with pytest.raises(NodeUnavailable, match="does not serve the ledger"):
                await client.evaluate("bank", "balance", "a")
        unanchored = AsyncClient(second.server.address)
        assert not unanchored.anchored
        assert await unanchored.chain_id() == other.chain_id
        await unanchored.close()


class LyingNode(FakeNode):
    """Tells of receipts and blocks that were never certified."""

    async def block(self, height: Height) -> RecordedBlock | None:
        record = await super().block(height)
        if record is None:
            return None
        receipts = tuple(receipt.replace(b"Deposited", b"Withdrawn") for receipt in record.receipts)
        return replace(record, receipts=receipts)


async def test_a_lying_node_is_noticed() -> None:
    async with connected(LyingNode()) as (client, _):
        with pytest.raises(VerificationError):
            await client.submit(WALLET, call("bank", "deposit", "a", 1))
        with pytest.raises(VerificationError):
            await client.block(1)
        with pytest.raises(VerificationError):
            async with aclosing(client.events()) as events:
                await anext(events)


async def test_what_is_not_verified_is_not_asked_to_be_proven() -> None:
    async with connected(LyingNode(), verify=False) as (client, _):
        assert (await client.submit(WALLET, call("bank", "deposit", "a", 1))).height == 1


async def collect(client: AsyncClient, count: int, *args: str, after: Checkpoint | int = 0) -> list[LedgerEvent]:
    collected: list[LedgerEvent] = []
    async with aclosing(client.events(*args, after=after)) as events:
        async for event in events:
            collected.append(event)
            if len(collected) == count:
                break
    return collected


async def test_events_are_complete_and_resume_at_a_checkpoint(tmp_path: Path) -> None:
    node = FakeNode()
    async with connected(node) as (client, _):
        for number in range(3):
            await client.submit(WALLET, [call("bank", "deposit", f"a{number}-{part}", 1) for part in range(2)])
        everything = await collect(client, 6)
        assert [event.fields["account"] for event in everything] == [
            f"a{n}-{part}" for n in range(3) for part in (0, 1)
        ]
        assert everything[0].height == 1
        file = CheckpointFile(tmp_path / "checkpoint")
        assert file.load() is None
        file.save(everything[2].checkpoint)
        resumed = await collect(client, 3, after=file.load() or 0)
        assert resumed == everything[3:]
        assert [event.height for event in await collect(client, 2, after=2)] == [3, 3]
        waiting = asyncio.create_task(collect(client, 1, "bank", "Closed"))
        await client.submit(WALLET, call("bank", "close", "a0-0"))
        assert (await waiting)[0].name == "Closed"
        (tmp_path / "checkpoint").write_text("rubbish")
        with pytest.raises(ValueError, match="no checkpoint"):
            file.load()


async def test_following_survives_a_node_that_stops() -> None:
    node = FakeNode()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(node))
        second = await stack.enter_async_context(serving(node))
        client = await stack.enter_async_context(client_of(first.server.address, second.server.address))
        async with aclosing(client.blocks()) as blocks:
            await node.submit([deposit(1, nonce=1).raw])
            assert (await anext(blocks)).certified.header.height == 1
            await first.server.stop()
            await node.submit([deposit(1, nonce=2).raw])
            await node.submit([deposit(1, nonce=3).raw])
            assert [(await anext(blocks)).certified.header.height for _ in range(2)] == [2, 3]


async def test_pruned_blocks_are_told_to_the_follower() -> None:
    node = FakeNode()
    for number in range(3):
        await node.submit([deposit(1, nonce=number).raw])
    node.faults.pruned_below = 2
    async with connected(node) as (client, _):
        with pytest.raises(ApiError) as failure:
            await collect(client, 1)
        assert failure.value.code == "pruned"
        assert (await collect(client, 1, after=1))[0].height == 2


async def test_answers_that_are_not_of_this_api() -> None:
    async def rubbish(request: web.Request) -> web.Response:
        if request.path == "/v1/genesis":
            return web.Response(body=fake_genesis().encoded())
        return web.Response(body=encode("rubbish"))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", rubbish)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with client_of(f"http://127.0.0.1:{runner.addresses[0][1]}", timeout_seconds=1) as client:
            client._transport._checked.update(client._transport._nodes)
            with pytest.raises(VerificationError):
                await client.evaluate("bank", "balance", "a")
            with pytest.raises(VerificationError):
                await client.state("bank", "balances", "a")
            with pytest.raises(ApiError, match="malformed_answer"):
                await client.submit(WALLET, call("bank", "deposit", "a", 1))
    finally:
        await runner.cleanup()
