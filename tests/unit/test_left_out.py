"""A node looks up the sender before it complains, forgets who may not submit any more, and stops with the block."""

from dataclasses import replace

import pytest
from chain_maker import START, key_of, make_genesis, seed_of

from assembly import left_out
from assembly.left_out import LeftOutWatch
from assembly.members import MemberDirectory
from chain.block import Header
from chain.genesis import Parameters
from chain.identity import Member
from chain.mempool import Mempool, MempoolLimits
from chain.transaction import Call, Transaction, TransactionBody, sign_transaction
from chain.types import Digest, Epoch, Height, Milliseconds, ValidatorId
from consensus.complaints import BLOCKS_MIN
from contracts.executor.errors import ExecutorBusy

CHAIN_ID = make_genesis(contracts=[]).genesis_hash
ALICE = Member("acme.alice", "acme", (), True)
LATER = Milliseconds(START + 10_000)


def transaction(number: int) -> Transaction:
    calls = (Call("token", "transfer", ()),)
    until = Milliseconds(START + 60_000)
    body = TransactionBody(CHAIN_ID, key_of("acme.alice"), number.to_bytes(16, "big"), until, calls, 1_000_000)
    return sign_transaction(body, seed_of("acme.alice"))


VICTIM, OTHER = transaction(0), transaction(1)


def header() -> Header:
    zero = Digest(bytes(32))
    return Header(1, CHAIN_ID, Height(5), zero, zero, zero, LATER, ValidatorId("v01"), zero, zero, Epoch(0))


class Node:
    """A mempool that holds the victim's transaction, and a state whose answer is scripted."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = START
        self.answer: bytes | Exception | None = ALICE.encoded()
        patch.setattr(left_out, "clock", lambda: self.now)
        self.mempool = Mempool(MempoolLimits())
        self.mempool.add(VICTIM, ALICE, 0.0)
        self.watch = LeftOutWatch(Parameters(), self.mempool, MemberDirectory(self.read))

    async def read(self, contract: str, key: bytes) -> bytes | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def passed_over(self) -> bool:
        """Let enough blocks pass the transaction over; tell whether the node complains."""
        await self.watch.look(1)
        self.now = LATER
        for _ in range(BLOCKS_MIN):
            self.watch.decided(header(), (OTHER,))
        await self.watch.look(1)
        return self.watch.complains


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(monkeypatch)


async def test_what_is_left_out_is_complained_of_and_shown(node: Node) -> None:
    assert node.watch.detail() is None
    assert await node.passed_over()
    detail = node.watch.detail()
    assert detail is not None
    assert (detail.primary, detail.organisation, detail.blocks) == ("v01", "acme", BLOCKS_MIN)
    assert (detail.transaction_id, detail.seconds) == (VICTIM.transaction_id.hex(), 10.0)


async def test_the_complaint_ends_with_the_block_and_not_a_second_later(node: Node) -> None:
    assert await node.passed_over()
    node.watch.decided(header(), (OTHER, VICTIM))
    assert not node.watch.complains and node.watch.detail() is None


async def test_it_ends_when_the_transaction_expires(node: Node) -> None:
    assert await node.passed_over()
    node.now = Milliseconds(START + 60_001)
    await node.watch.look(1)
    assert not node.watch.complains


async def test_a_sender_who_is_no_member_any_more_is_no_reason(node: Node) -> None:
    """An honest primary cannot take it: the block would not be valid."""
    node.answer = replace(ALICE, active=False).encoded()
    assert not await node.passed_over()
    assert len(node.mempool) == 0, "admission would refuse it by now"


async def test_nobody_is_blamed_for_an_executor_that_does_not_answer(node: Node) -> None:
    node.answer = ExecutorBusy(7)
    assert not await node.passed_over()
    assert VICTIM.transaction_id in node.mempool
    node.answer = ALICE.encoded()
    await node.watch.look(1)
    assert node.watch.complains
