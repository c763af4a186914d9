"""A decided block reaches the databases only if this node itself makes of it what was certified."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from test_assembly_parts import GENESIS, NODE, RESULT, Surroundings, transaction

from assembly.consensus_host import Applied, ConsensusHostService, HostPorts, consensus_head
from assembly.failures import Diverged
from assembly.proposals import Proposals
from chain.batch import Batch
from chain.block import Block, Header, decode_block, make_block
from chain.certificate import Certificate, Phase, Subject
from chain.merkle import EMPTY_FRONTIER, merkle_root
from chain.protocol import Activation, ProtocolUnknown, Schedule, first_schedule
from chain.receipt import BlockResult
from chain.types import Digest, Epoch, Height, Milliseconds, ValidatorId, View
from chain.validity import Head, InvalidBlock
from consensus.pbft.events import Decide
from contracts.executor.errors import ExecutionUnknown
from contracts.executor.protocol import Applying

OTHER = BlockResult(Digest(b"o" * 32), RESULT.receipts_root, RESULT.next_validators_hash)
HEAD = Head(
    GENESIS.genesis_hash,
    Height(0),
    GENESIS.genesis_hash,
    RESULT,
    GENESIS.time,
    None,
    GENESIS.validators,
    EMPTY_FRONTIER.append(GENESIS.genesis_hash).root(),
    first_schedule(1),
)


@dataclass(frozen=True)
class Outcome:
    result: BlockResult
    receipts: tuple[bytes, ...]


@dataclass
class FakeExecutor:
    """Finds what it is told to find."""

    finds: BlockResult | Exception
    versions: frozenset[int] = frozenset({1})
    schedule: Schedule = HEAD.schedule
    applied: list[bytes] = field(default_factory=list)
    executed: int = 0
    tells_head: bool = True
    disk: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it writes."""
    forgotten: list[Digest] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.disk.set()

    async def execute(self, raw: bytes) -> Outcome:
        self.executed += 1
        if isinstance(self.finds, Exception):
            raise self.finds
        return Outcome(self.finds, (b"receipt",) * len(decode_block(raw).transactions))

    async def execute_batch(self, batch: Batch) -> Outcome:
        self.executed += 1
        if isinstance(self.finds, Exception):
            raise self.finds
        return Outcome(self.finds, (b"receipt",) * len(batch))

    def begin_apply(self, block_hash: Digest) -> Applying:
        self.applied.append(block_hash)
        head = replace(HEAD, height=Height(1), block_hash=block_hash, schedule=self.schedule)
        return Applying(head if self.tells_head else None, asyncio.ensure_future(self._write(head)))

    async def _write(self, head: Head) -> Head:
        self.happened.append("state begun")
        await self.disk.wait()
        if self.forgotten:
            raise ExecutionUnknown(self.forgotten.pop())
        self.happened.append("state written")
        return head


def block() -> Block:
    waiting = transaction(1)
    header = Header(
        1,
        GENESIS.genesis_hash,
        Height(1),
        GENESIS.genesis_hash,
        RESULT.result_hash,
        HEAD.history_root,
        Milliseconds(GENESIS.time + 1),
        NODE,
        merkle_root([waiting.merkle_leaf]),
        GENESIS.validators.validators_hash,
        Epoch(0),
    )
    return make_block(header, [waiting.raw])


def decision(decided: Block) -> Decide:
    where = (GENESIS.genesis_hash, Epoch(0), Height(1), View(0))
    certificate = Certificate(Phase.COMMIT, Subject(*where, decided.block_hash, RESULT.result_hash), ())
    return Decide(decided, RESULT, certificate)


def host_of(world: Surroundings, executor: FakeExecutor, applied: list[Applied]) -> ConsensusHostService:
    async def no_body(block_hash: Digest, candidates: Any) -> bytes | None:
        return None

    def refuse(peer: ValidatorId, payload: bytes) -> bool:
        return False

    proposals = Proposals(GENESIS, NODE, world.blocks, world.mempool)
    ports = HostPorts(
        GENESIS,
        executor,
        world.blocks,
        world.mempool,
        world.members,
        proposals,
        world.verifier,
        refuse,
        refuse,
        no_body,
        lambda: None,
        applied.append,
        lambda report: None,
        lambda message: None,
    )
    return ConsensusHostService(ports, consensus_head(HEAD, None), 1)


async def test_a_decided_block_is_stored_then_applied_then_told() -> None:
    world, executor, applied = Surroundings(), FakeExecutor(RESULT), list[Applied]()
    decided = block()
    head = await host_of(world, executor, applied).apply(decision(decided))
    assert head.height == 1
    assert world.blocks.block(1) == decided.raw
    assert executor.applied == [decided.block_hash]
    assert [item.block for item in applied] == [decided]


async def test_all_are_told_while_the_state_is_written_and_no_other_block_is_looked_at_before() -> None:
    world, executor, applied = Surroundings(), FakeExecutor(RESULT), list[Applied]()
    executor.disk.clear()
    host, decided = host_of(world, executor, applied), block()
    assert (await host.apply(decision(decided))).height == 1
    assert [item.block for item in applied] == [decided]
    settling, executing = asyncio.create_task(host.settle()), asyncio.create_task(host.execute(decided))
    while not executor.happened:
        await asyncio.sleep(0)
    assert executor.executed == 1
    executor.disk.set()
    await settling
    assert executor.happened == ["state begun", "state written"]
    await executing
    assert executor.executed == 2


async def test_where_only_the_state_tells_the_head_nobody_is_told_before_it_is_written() -> None:
    world, executor, applied = Surroundings(), FakeExecutor(RESULT, tells_head=False), list[Applied]()
    executor.disk.clear()
    host = host_of(world, executor, applied)
    applying = asyncio.create_task(host.apply(decision(block())))
    while not executor.happened:
        await asyncio.sleep(0)
    assert applied == []
    executor.disk.set()
    assert (await applying).height == 1
    await host.settle()
    assert executor.happened == ["state begun", "state written"]


@pytest.mark.parametrize("tells_head", [False, True])
async def test_a_block_that_the_executor_has_forgotten_is_executed_again(tells_head: bool) -> None:
    executor, decided = FakeExecutor(RESULT, tells_head=tells_head), block()
    executor.forgotten.append(decided.block_hash)
    host = host_of(Surroundings(), executor, [])
    assert (await host.apply(decision(decided))).height == 1
    await host.settle()
    assert executor.executed == 2
    assert executor.applied == [decided.block_hash] * 2


async def test_an_execution_before_the_decision_is_not_repeated() -> None:
    world, executor, applied = Surroundings(), FakeExecutor(RESULT), list[Applied]()
    host, decided = host_of(world, executor, applied), block()
    assert await host.execute(decided) == RESULT
    await host.apply(decision(decided))
    assert executor.executed == 1


async def test_a_node_stops_with_the_last_block_whose_successor_it_can_judge() -> None:
    world, applied = Surroundings(), list[Applied]()
    executor = FakeExecutor(RESULT, schedule=Schedule((Activation(Height(0), 1), Activation(Height(2), 2))))
    decided = block()
    with pytest.raises(ProtocolUnknown, match="protocol version 2 holds from height 2"):
        await host_of(world, executor, applied).apply(decision(decided))
    assert executor.applied == [decided.block_hash]
    assert [item.block for item in applied] == [decided]
    executor = FakeExecutor(RESULT, versions=frozenset({1, 2}), schedule=executor.schedule)
    assert (await host_of(Surroundings(), executor, applied).apply(decision(decided))).height == 1


async def test_the_transaction_that_makes_a_block_invalid_is_remembered_until_the_height_is_decided() -> None:
    """Evidence against its proposer has to show it."""
    executor = FakeExecutor(InvalidBlock("expired_transaction", "index 0", index=0))
    host, proposed = host_of(Surroundings(), executor, []), block()
    assert host.culprit(proposed.block_hash) is None
    with pytest.raises(InvalidBlock):
        await host.execute(proposed)
    assert host.culprit(proposed.block_hash) == 0
    executor.finds = RESULT
    await host.apply(decision(proposed))
    assert host.culprit(proposed.block_hash) is None


@pytest.mark.parametrize("finds", [OTHER, InvalidBlock("expired_transaction", "index 0")], ids=["other", "invalid"])
@pytest.mark.parametrize("executed_before", [False, True])
async def test_a_node_that_differs_stops_and_overwrites_nothing(
    finds: BlockResult | Exception, executed_before: bool
) -> None:
    world, executor, applied = Surroundings(), FakeExecutor(finds), list[Applied]()
    host, decided = host_of(world, executor, applied), block()
    if executed_before and finds is OTHER:
        await host.execute(decided)
    with pytest.raises(Diverged):
        await host.apply(decision(decided))
    assert world.blocks.block(1) is None
    assert executor.applied == []
    assert applied == []
    assert host.head.height == 0
