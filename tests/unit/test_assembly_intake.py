"""Admission when a process of the node fails, and proposals around a transaction on which this machine fails."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from chain_maker import key_of, make_genesis, seed_of

from api.ports import SubmissionState
from assembly import reconcile
from assembly.admission import Admission, AdmissionPorts
from assembly.consensus_host import consensus_head
from assembly.members import MemberDirectory
from assembly.proposals import Proposals
from chain.block_store import BlockStore
from chain.identity import Member
from chain.ledger import open_ledger
from chain.mempool import Mempool, MempoolLimits
from chain.prices import LEDGER_PRICES
from chain.rules import Rules
from chain.state_database import StateDatabase
from chain.storage import MemoryStore
from chain.transaction import Call, Transaction, TransactionBody, sign_transaction
from chain.types import Milliseconds, ValidatorId
from consensus.pbft.events import Head
from contracts.engine.runtime import Engine
from contracts.executor.errors import ExecutorDied

GENESIS = make_genesis()
SECONDS_MAX = 5


@pytest.fixture(autouse=True)
def all_checks_go_to_the_verifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few signatures are checked inline; here the verifier is what is held and watched."""
    monkeypatch.setattr("assembly.signatures.INLINE_MAX", 0)


class World:
    """Owns a mempool with what stands around it; its executor and its verifier can be broken."""

    def __init__(self) -> None:
        self.blocks = BlockStore(MemoryStore())
        ledger = open_ledger(GENESIS, StateDatabase(MemoryStore()), Engine())
        reconcile.store_genesis(self.blocks, GENESIS, ledger.head.result)
        self.head: Head = consensus_head(ledger.head, None)
        self.mempool = Mempool(MempoolLimits())
        self.executor_broken = False
        ports = AdmissionPorts(
            GENESIS,
            lambda: Rules(GENESIS.parameters, LEDGER_PRICES[1]),
            GENESIS.genesis_hash,
            self.blocks,
            self.mempool,
            MemberDirectory(self._read),
            self,
            lambda: None,
            lambda raws: None,
            lambda waiting: 0.0,
        )
        self.admission = Admission(ports)
        self.proposals = Proposals(GENESIS, ValidatorId("v01"), self.blocks, self.mempool)

    async def _read(self, contract: str, key: bytes) -> bytes | None:
        await asyncio.sleep(0)
        if self.executor_broken:
            raise ExecutorDied("killed by the test")
        return Member("acme.alice", "acme", (), True).encoded()

    async def verify(self, checks: Sequence[tuple[bytes, str, bytes, bytes]]) -> list[bool]:
        """Tell that all signatures are good (assembly.signatures.SignatureVerifier)."""
        await asyncio.sleep(0)
        return [True for _ in checks]


def transaction(number: int, member: str = "acme.alice") -> Transaction:
    body = TransactionBody(
        GENESIS.genesis_hash,
        key_of(member),
        number.to_bytes(16, "big"),
        Milliseconds(time.time_ns() // 1_000_000 + 60_000),
        (Call("token", "transfer", ("zenith.bob", 1)),),
        10_000,
    )
    return sign_transaction(body, seed_of(member))


async def test_a_dead_executor_leaves_no_transaction_half_admitted() -> None:
    """The batch fails as a whole, and the same bytes are admitted once the executor is back."""
    world = World()
    first, second = transaction(1), transaction(2, "zenith.bob")
    await world.admission.submit([transaction(3).raw])
    world.executor_broken = True
    with pytest.raises(ExecutorDied):
        # The first sender is known already, the second has to be asked for.
        await world.admission.submit([first.raw, second.raw])
    world.executor_broken = False
    async with asyncio.timeout(SECONDS_MAX):
        answers = await world.admission.submit([first.raw, second.raw])
    assert [answer.state for answer in answers] == [SubmissionState.RECEIVED] * 2


async def test_the_same_transaction_at_once_is_admitted_once() -> None:
    world = World()
    raw = transaction(1).raw
    async with asyncio.timeout(SECONDS_MAX):
        both = await asyncio.gather(world.admission.submit([raw, raw]), world.admission.submit([raw]))
    states = sorted(answer.state for answers in both for answer in answers)
    assert states == [SubmissionState.PENDING, SubmissionState.PENDING, SubmissionState.RECEIVED]
    assert len(world.mempool) == 1


async def test_a_transaction_on_which_the_machine_fails_is_singled_out() -> None:
    """However many wait before and after it, the others are proposed, and it alone no longer is."""
    world = World()
    waiting = [transaction(number) for number in range(20)]
    poison = waiting[7]
    await world.admission.submit([each.raw for each in waiting])
    proposed = 0
    decided: list[bytes] = []
    while world.mempool.has_candidates:
        proposed += 1
        assert proposed < 40, "it takes far fewer blocks"
        block = world.proposals.build(world.head, 1)
        assert block is not None
        if poison.raw in block.transactions:
            world.proposals.failed(block)
            continue
        decided.extend(block.transactions)
        world.mempool.remove(world.proposals.transaction_ids(block))
        world.proposals.applied(block)
    assert decided == [each.raw for each in waiting if each is not poison]
    assert [pending.transaction for pending in world.mempool.values()] == [poison]
    assert world.proposals.build(world.head, 1) is None


async def test_expired_transactions_are_forgotten_without_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that waits for others must not go on calling for a block that nobody can propose."""
    world = World()
    await world.admission.submit([transaction(1).raw])
    world.proposals.forget_expired()
    assert world.mempool.has_candidates
    later = Milliseconds(time.time_ns() // 1_000_000 + 120_000)
    monkeypatch.setattr("assembly.proposals.clock", lambda: later)
    world.proposals.forget_expired()
    assert not world.mempool.has_candidates
