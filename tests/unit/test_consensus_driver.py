"""The driver carries out what the core asks for in the core's order, and turns every answer into one event."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from chain.block import Block, Header, make_block
from chain.certificate import Certificate, Phase, Subject
from chain.crypto import public_key_of, signer
from chain.encoding import encode
from chain.receipt import BlockResult
from chain.runtime import LocalFault
from chain.types import Digest, Epoch, Height, Milliseconds, PublicKey, ValidatorId, View
from chain.validators import Validator, ValidatorSet, validator_set
from chain.validity import InvalidBlock
from consensus.driver import ConsensusDriver
from consensus.gate import Gate
from consensus.pbft import events
from consensus.pbft.messages import TAGS, Kind, Message, PrePrepare, encode_message
from consensus.pbft.records import Record, RecordKind

CHAIN = Digest(b"c" * 32)
SEED = b"\x05" * 32
PEER = ValidatorId("node2")
RESULT = BlockResult(Digest(b"s" * 32), Digest(b"r" * 32), Digest(b"v" * 32))
VALIDATORS: ValidatorSet = validator_set(
    Epoch(0), [Validator(PEER, "acme", PublicKey(public_key_of(SEED)), (b"certificate",))]
)


def block_at(height: int, time: int = 1) -> Block:
    zero = Digest(bytes(32))
    numbers = (1, CHAIN, Height(height), zero, zero, zero, Milliseconds(time), PEER, zero)
    return make_block(Header(*numbers, VALIDATORS.validators_hash, Epoch(0)), [b"transaction"])


def head_at(height: int) -> events.Head:
    digest = Digest(bytes(32))
    return events.Head(Height(height), digest, digest, Milliseconds(0), PEER, None, VALIDATORS)


FIRST = events.Restored(head_at(0), Height(1), (), bytes(16), Milliseconds(0))


def pre_prepare(block: Block) -> PrePrepare:
    header = block.header
    unsigned = PrePrepare(CHAIN, Epoch(0), header.height, View(0), header.encoded(), PEER, signer(SEED)("", b""))
    signature = signer(SEED)(TAGS[Kind.PRE_PREPARE], unsigned.payload)
    return PrePrepare(CHAIN, Epoch(0), header.height, View(0), header.encoded(), PEER, signature)


class World:
    """A core that is scripted, and a log and a host that write down what happens to them."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.seen: list[events.Event] = []
        self.script: dict[type[events.Event], Callable[[events.Event], events.Output]] = {}
        self.answers: dict[str, list[object]] = {"settle": [None]}
        self.held: dict[str, asyncio.Event] = {}
        self.moot = False

    def step(self, event: events.Event) -> events.Output:
        if not isinstance(event, events.Tick):
            self.seen.append(event)
        scripted = self.script.get(type(event))
        return events.Output() if scripted is None else scripted(event)

    def is_moot(self, sender: ValidatorId, message: Message, *, has_body: bool) -> bool:
        return self.moot

    def append(self, records: tuple[Record, ...]) -> None:
        self.happened.append(f"append {len(records)}")

    def sync(self) -> None:
        self.happened.append("sync")

    def drop_below(self, height: Height) -> None:
        self.happened.append(f"drop below {height}")

    def send(self, peer: ValidatorId, payload: bytes) -> None:
        self.happened.append(f"send {peer}")

    def serve(self, height: Height, peer: ValidatorId) -> None:
        self.happened.append(f"serve {height}")

    def assemble(self, header: bytes, transaction_ids: list[Digest]) -> Block | None:
        self.happened.append(f"assemble {len(transaction_ids)}")
        return None

    async def execute(self, block: Block) -> BlockResult:
        return await self._answer("execute")  # type: ignore[return-value]

    async def propose(self, height: Height, view: View) -> Block | None:
        return await self._answer("propose")  # type: ignore[return-value]

    async def fetch_body(self, request: events.FetchBody) -> Block | None:
        return await self._answer("body")  # type: ignore[return-value]

    async def apply(self, decided: events.Decide) -> events.Head:
        self.happened.append("apply")
        return head_at(decided.block.header.height)

    async def settle(self) -> None:
        await self._answer("settle")

    def catch_up(self, request: events.CatchUp) -> None:
        self.happened.append("catch up")

    def refused(self, message: object) -> None:
        self.happened.append(f"refused {type(message).__name__}")

    def report(self, report: events.Report) -> None:
        self.happened.append("report")

    async def _answer(self, what: str) -> object:
        self.happened.append(what)
        if what in self.held:
            await self.held[what].wait()
        answer = self.answers[what].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def driving(world: World) -> AsyncIterator[ConsensusDriver]:
    driver = ConsensusDriver(world, world, world, VALIDATORS, FIRST, lambda block: b"")
    task = asyncio.create_task(driver.run())
    try:
        await until(lambda: FIRST in world.seen)
        yield driver
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0)


def record() -> Record:
    return Record(RecordKind.BODY, Height(1), b"body")


async def test_nothing_is_sent_before_its_record_is_synced() -> None:
    world = World()
    message = pre_prepare(block_at(1))
    world.script[events.PendingChanged] = lambda event: events.Output(
        persist=(record(), record()), send=(events.Send((PEER,), message),)
    )
    async with driving(world) as driver:
        driver.pending_changed(True)
        await until(lambda: "send node2" in world.happened)
    assert world.happened == ["append 2", "sync", "send node2"]


async def test_events_that_wait_together_share_one_sync() -> None:
    world = World()
    message = pre_prepare(block_at(1))
    world.script[events.PendingChanged] = lambda event: events.Output(
        persist=(record(),), send=(events.Send((PEER,), message),)
    )
    async with driving(world) as driver:
        for _ in range(3):
            driver.pending_changed(True)
        await until(lambda: world.happened.count("send node2") == 3)
    assert world.happened == ["append 3", "sync"] + ["send node2"] * 3


async def test_a_failing_step_ends_the_driver_whoever_handed_the_event_in_and_nothing_of_it_is_carried_out() -> None:
    world = World()

    def fail(event: events.Event) -> events.Output:
        raise AssertionError("a bug")

    world.script[events.PeerConnected] = fail
    world.script[events.PendingChanged] = lambda event: events.Output(report=(events.CannotExecute(Height(1), CHAIN),))
    driver = ConsensusDriver(world, world, world, VALIDATORS, FIRST, lambda block: b"")
    task = asyncio.create_task(driver.run())
    await until(lambda: FIRST in world.seen)
    driver.pending_changed(True)
    with pytest.raises(AssertionError):
        driver.peer_connected(PEER)
    driver.pending_changed(False)
    with pytest.raises(ExceptionGroup) as caught:
        await task
    assert caught.group_contains(AssertionError, match="a bug")
    assert events.PendingChanged(False) not in world.seen
    assert "report" not in world.happened


async def test_an_event_is_stepped_before_the_next_one_is_looked_at() -> None:
    world = World()
    async with driving(world) as driver:
        driver.pending_changed(True)
        assert world.seen[-1] == events.PendingChanged(True)


async def test_what_comes_before_the_start_is_stepped_behind_the_first_event() -> None:
    world = World()
    driver = ConsensusDriver(world, world, world, VALIDATORS, FIRST, lambda block: b"")
    driver.pending_changed(True)
    assert not world.seen
    task = asyncio.create_task(driver.run())
    await until(lambda: len(world.seen) == 2)
    assert world.seen == [FIRST, events.PendingChanged(True)]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_log_failing_ends_the_driver_and_sends_nothing() -> None:
    world = World()
    message = pre_prepare(block_at(1))
    world.script[events.PendingChanged] = lambda event: events.Output(
        persist=(record(),), send=(events.Send((PEER,), message),)
    )

    def fail() -> None:
        raise OSError("no space left on device")

    world.sync = fail  # type: ignore[method-assign]
    driver = ConsensusDriver(world, world, world, VALIDATORS, FIRST, lambda block: b"")
    task = asyncio.create_task(driver.run())
    await until(lambda: FIRST in world.seen)
    driver.pending_changed(True)
    with pytest.raises(ExceptionGroup) as caught:
        await task
    assert caught.group_contains(OSError)
    assert "send node2" not in world.happened


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (RESULT, events.Executed(block_at(1).block_hash, RESULT)),
        (InvalidBlock("wrong_parent", "x"), events.ExecutionInvalid(block_at(1).block_hash, "wrong_parent")),
        (LocalFault("memory"), events.ExecutionFault(block_at(1).block_hash)),
    ],
)
async def test_each_outcome_of_an_execution_is_its_event(answer: object, expected: events.Event) -> None:
    world = World()
    world.answers["execute"] = [answer]
    world.script[events.PendingChanged] = lambda event: events.Output(fetch=(events.Execute(block_at(1)),))
    async with driving(world) as driver:
        driver.pending_changed(True)
        await until(lambda: expected in world.seen)


async def test_the_same_request_is_not_carried_out_twice_at_a_time_but_again_after_its_answer() -> None:
    world = World()
    world.answers["execute"] = [LocalFault("first"), RESULT]
    world.held["execute"] = asyncio.Event()
    again = events.Output(fetch=(events.Execute(block_at(1)),))
    world.script[events.PendingChanged] = lambda event: again
    world.script[events.ExecutionFault] = lambda event: again
    async with driving(world) as driver:
        driver.pending_changed(True)
        driver.pending_changed(True)
        await until(lambda: world.happened.count("execute") == 1 and len(world.seen) == 3)
        world.held["execute"].set()
        # The core asks again in the very step that hears of the fault; that request must not be lost.
        await until(lambda: events.Executed(block_at(1).block_hash, RESULT) in world.seen)
    assert world.happened.count("execute") == 2


async def test_a_proposal_that_found_nothing_says_that_nothing_is_pending() -> None:
    world = World()
    world.answers["propose"] = [None]
    ask = events.Output(fetch=(events.ProposeBlock(Height(1), View(0)),))
    world.script[events.PeerConnected] = lambda event: ask
    async with driving(world) as driver:
        driver.peer_connected(PEER)
        await until(lambda: events.PendingChanged(False) in world.seen)


async def test_a_proposal_for_a_height_that_was_decided_meanwhile_says_nothing_of_the_next() -> None:
    world = World()
    world.answers["propose"] = [None]
    world.held["propose"] = asyncio.Event()
    block = block_at(1)
    subject = Subject(CHAIN, Epoch(0), Height(1), View(0), block.block_hash, RESULT.result_hash)
    decision = events.Decide(block, RESULT, Certificate(Phase.COMMIT, subject, ()))
    ask = events.Output(fetch=(events.ProposeBlock(Height(1), View(0)),))
    world.script[events.PeerConnected] = lambda event: ask
    world.script[events.CertifiedBlock] = lambda event: events.Output(decide=(decision,))
    async with driving(world) as driver:
        driver.peer_connected(PEER)
        await until(lambda: "propose" in world.happened)
        await driver.certified_block(events.CertifiedBlock(block, RESULT, decision.certificate))
        driver.pending_changed(True)
        world.held["propose"].set()
        await until(lambda: events.PendingChanged(True) in world.seen)
        for _ in range(10):
            await asyncio.sleep(0)
    assert events.PendingChanged(False) not in world.seen


async def test_a_decision_is_applied_then_told_then_settled_and_only_then_dropped_from_the_log() -> None:
    world = World()
    world.held["settle"] = asyncio.Event()
    block = block_at(1)
    subject = Subject(CHAIN, Epoch(0), Height(1), View(0), block.block_hash, RESULT.result_hash)
    decision = events.Decide(block, RESULT, Certificate(Phase.COMMIT, subject, ()))
    world.script[events.CertifiedBlock] = lambda event: events.Output(decide=(decision,))
    async with driving(world) as driver:
        await driver.certified_block(events.CertifiedBlock(block, RESULT, decision.certificate))
        await until(lambda: any(isinstance(event, events.Applied) for event in world.seen))
        await until(lambda: "settle" in world.happened)
        assert world.happened == ["apply", "settle"], "the log keeps what only one database holds durably"
        world.held["settle"].set()
        await until(lambda: len(world.happened) > 2)
    assert world.happened == ["apply", "settle", "drop below 2"]


async def test_a_state_that_cannot_be_written_ends_the_driver() -> None:
    world = World()
    world.answers["settle"] = [LocalFault("the executor died twice over it")]
    block = block_at(1)
    subject = Subject(CHAIN, Epoch(0), Height(1), View(0), block.block_hash, RESULT.result_hash)
    decision = events.Decide(block, RESULT, Certificate(Phase.COMMIT, subject, ()))
    world.script[events.CertifiedBlock] = lambda event: events.Output(decide=(decision,))
    driver = ConsensusDriver(world, world, world, VALIDATORS, FIRST, lambda block: b"")
    running = asyncio.create_task(driver.run())
    await until(lambda: FIRST in world.seen)
    await driver.certified_block(events.CertifiedBlock(block, RESULT, decision.certificate))
    with pytest.raises(ExceptionGroup) as ended:
        await running
    assert ended.group_contains(LocalFault, match="died twice")
    assert "drop below 2" not in world.happened


async def test_what_peers_send_is_checked_before_the_core_sees_it() -> None:
    world = World()
    message = encode_message(pre_prepare(block_at(1)))
    forged = bytearray(message)
    forged[-1] ^= 1
    async with driving(world) as driver:
        assert not driver.message(PEER, b"rubbish")
        assert not driver.message(PEER, encode([1, b"rubbish", None]))
        assert not driver.message(PEER, encode([1, bytes(forged), None]))
        assert not driver.message(PEER, encode([1, message, b"not a row of digests"]))
        assert driver.counters.messages_refused == 4
        assert driver.message(PEER, encode([1, message, bytes(64)]))
        await until(lambda: any(isinstance(event, events.MessageArrived) for event in world.seen))
    assert world.happened == ["refused PrePrepare", "assemble 2"], "what is forged may be evidence"


async def test_what_would_change_nothing_is_not_checked() -> None:
    world = World()
    world.moot = True
    message = pre_prepare(block_at(1))
    async with driving(world) as driver:
        for number in range(50):
            assert driver.message(PEER, encode([1, encode_message(message), bytes(32) * number]))
        assert driver.gate.checks == 0
        assert driver.counters.messages_moot == 50
        assert PEER in driver.counters.heard_at, "it is heard all the same"
    assert not any(isinstance(event, events.MessageArrived) for event in world.seen)


async def test_nobody_speaks_for_others() -> None:
    """Not even with what they have truly said: nobody could use up the patience that is meant for them."""
    world = World()
    async with driving(world) as driver:
        payload = encode([1, encode_message(pre_prepare(block_at(1))), None])
        assert driver.message(ValidatorId("node3"), payload)
        assert (driver.gate.checks, driver.counters.messages_moot) == (0, 1)
        assert driver.message(PEER, payload)
        assert driver.gate.checks == 1


async def test_a_flood_of_new_messages_is_checked_within_its_share() -> None:
    """Each is genuine and of a greater height than the one before; what is beyond the share is not even decoded."""
    world = World()
    payloads = [encode([1, encode_message(pre_prepare(block_at(height))), None]) for height in range(1, 301)]
    async with driving(world) as driver:
        driver.gate = Gate(lambda *_: True, checks_per_second=50)
        assert all(driver.message(PEER, payload) for payload in payloads)
        assert 0 < driver.gate.checks < 100
        assert driver.gate.excess[PEER] == 300 - driver.gate.checks
        assert 0.0 < driver.wait_seconds(PEER) < 1.0
        assert driver.wait_seconds(ValidatorId("node3")) == 0.0
