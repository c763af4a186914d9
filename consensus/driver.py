"""The asyncio driver: feeds the PBFT core one event at a time and carries out what it asks for, in the core's order.

It owns the replica, its log and its tasks, and decides nothing itself. An event is stepped when it arrives, so that the
next one is looked at with what this one changed: a vote beyond a quorum is moot before its signature is checked. What
comes of events that arrived together is carried out together: their records reach the disk in one fsync, and only then
is anything of them sent (rules 1 and 10), so that a crash at any point loses nothing that another node could have seen.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from chain.block import Block
from chain.crypto import DIGEST_BYTES, verify
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.receipt import BlockResult
from chain.runtime import LocalFault
from chain.types import Digest, Height, Milliseconds, ValidatorId, View
from chain.validators import ValidatorSet
from chain.validity import InvalidBlock
from consensus.counters import DriverCounters
from consensus.gate import Gate
from consensus.pbft.events import (
    NOTHING,
    Applied,
    BodyArrived,
    CatchUp,
    CertifiedBlock,
    Decide,
    Event,
    Execute,
    Executed,
    ExecutionFault,
    ExecutionInvalid,
    FetchBody,
    Head,
    LeftOutChanged,
    MessageArrived,
    Output,
    PeerConnected,
    PendingChanged,
    Proposal,
    ProposeBlock,
    Report,
    Request,
    Send,
    Serve,
    Tick,
)
from consensus.pbft.messages import Message, PrePrepare, decode_message, encode_message
from consensus.pbft.records import Record
from consensus.verify import MessageError, UnknownEpochError, check_message

TICK_SECONDS: Final = 0.05
EVENTS_MAX: Final = 4096
"""Events that wait to be carried out or for the start; messages beyond are dropped, and come again."""
PAYLOAD_BYTES_MAX: Final = 4 * 1024 * 1024


class Log(Protocol):
    """The write-ahead log as the driver uses it; both calls may block on the disk."""

    def append(self, records: tuple[Record, ...]) -> None:
        """Add records; they are durable only after `sync`."""
        ...

    def sync(self) -> None:
        """Make everything appended durable."""
        ...

    def drop_below(self, height: Height) -> None:
        """Forget records of decided heights."""
        ...


class Core(Protocol):
    """The replica as the driver uses it."""

    def step(self, event: Event) -> Output:
        """Take one event in."""
        ...

    def is_moot(self, sender: ValidatorId, message: Message, *, has_body: bool) -> bool:
        """Tell whether a message that was not checked yet would change nothing."""
        ...


class ConsensusHost(Protocol):
    """What the rest of the node does for consensus."""

    def send(self, peer: ValidatorId, payload: bytes) -> None:
        """Hand a message to the network; it may be lost."""
        ...

    def serve(self, height: Height, peer: ValidatorId) -> None:
        """Send a decided block with its certificate to a peer."""
        ...

    def assemble(self, header: bytes, transaction_ids: list[Digest]) -> Block | None:
        """Return the block of a header if all its transactions are at hand and match it."""
        ...

    async def execute(self, block: Block) -> BlockResult:
        """Check and execute a block.

        Raises:
            InvalidBlock: when it breaks a rule of validity.
            LocalFault: when this machine could not tell.
        """
        ...

    async def propose(self, height: Height, view: View) -> Block | None:
        """Build a fresh block on the head; None when nothing is left to propose."""
        ...

    async def fetch_body(self, request: FetchBody) -> Block | None:
        """Get a block from peers."""
        ...

    async def apply(self, decided: Decide) -> Head:
        """Store a decided block durably and begin to write its state."""
        ...

    async def settle(self) -> None:
        """Return once the state of the block that was applied last is durable, too."""
        ...

    def catch_up(self, request: CatchUp) -> None:
        """Start getting certified blocks from peers."""
        ...

    def report(self, report: Report) -> None:
        """Take note of a fact."""
        ...

    def refused(self, message: Message) -> None:
        """Take note of a message that is of the right form and false."""
        ...


class ConsensusDriver:
    """Owns one replica, its log, and the tasks that answer its requests."""

    def __init__(
        self,
        core: Core,
        log: Log,
        host: ConsensusHost,
        validators: ValidatorSet,
        first: Event,
        transactions_of: Callable[[Block], bytes],
    ) -> None:
        """`transactions_of` returns the concatenated transaction ids of a block, for compact proposals."""
        self._core = core
        self._log = log
        self._host = host
        self._validators = validators
        self._first = first
        self._early: list[Event] = []  # came before the first event was stepped
        self._outputs: list[Output] = []  # still to be carried out, in order
        self._stirred = asyncio.Event()
        self._failure: BaseException | None = None  # why a step failed, half-way perhaps: nothing may follow it
        self._transactions_of = transactions_of
        self._running: set[object] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._applied = asyncio.Condition()
        self._height = Height(0)
        self._is_left_out = False
        self.counters = DriverCounters()
        self.gate = Gate(verify)

    async def run(self) -> None:
        """Drive the replica until cancelled; ends with the exception of whatever failed fatally."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._tick())
                early, self._early = self._early, []
                for event in (self._first, *early):
                    self._step(event)
                while True:
                    self._stirred.clear()
                    if self._failure is not None:
                        raise self._failure
                    outputs, self._outputs = self._outputs, []
                    self._carry_out(outputs)
                    await self._stirred.wait()
        finally:
            self._tasks = None

    def message(self, peer: ValidatorId, payload: bytes) -> bool:
        """Take a peer's message in; False means that it was refused as malformed or forged."""
        if not self.gate.admits(peer, payload, self._validators, time.monotonic()):
            return True
        checks = self.gate.checks
        try:
            event = self._checked(peer, payload)
        except (DecodeError, MessageError):
            self.counters.messages_refused += 1
            return False
        except UnknownEpochError:
            # The set has changed, here or there; catching up settles it, and nobody is to blame.
            self.counters.messages_dropped += 1
            return True
        finally:
            self.gate.charge(peer, len(payload), self.gate.checks - checks)
        if event is None:
            self.counters.messages_moot += 1
        else:
            self._offer(event)
        self.counters.heard_at[peer] = time.monotonic()
        return True

    def wait_seconds(self, peer: ValidatorId) -> float:
        """Return for how long nothing more of a peer should be read, because it has used more than its share."""
        return self.gate.wait_seconds(peer, self._validators)

    def peer_connected(self, peer: ValidatorId) -> None:
        """Tell the replica that a peer can be reached again."""
        self._offer(PeerConnected(peer))

    def pending_changed(self, has_pending: bool) -> None:
        """Tell the replica whether valid transactions wait."""
        self._offer(PendingChanged(has_pending))

    def left_out_changed(self, is_left_out: bool) -> None:
        """Tell the replica whether the oldest valid transaction stays out of blocks that had room."""
        if is_left_out != self._is_left_out and self._offer(LeftOutChanged(is_left_out)):
            self._is_left_out = is_left_out

    async def certified_block(self, event: CertifiedBlock) -> None:
        """Hand in a checked certified block and return once its height is decided and applied."""
        height = event.block.header.height
        self._take(event)
        async with self._applied:
            await self._applied.wait_for(lambda: self._height >= height)

    def _checked(self, peer: ValidatorId, payload: bytes) -> MessageArrived | None:
        """Return a peer's message once it is checked; None for one that would change nothing.

        Nobody passes on what others have said, so that nobody can use up the patience that is meant for them.
        """
        value = decode(payload, size_max=PAYLOAD_BYTES_MAX, values_max=4)
        _, encoded, ids = fields_of(value, "consensus payload", 1, bytes, None)
        message = decode_message(encoded)
        if message.signer != peer or self._core.is_moot(peer, message, has_body=ids is not None):
            return None
        try:
            check_message(message, self._validators, verify=self.gate.verify)
        except MessageError:
            self._host.refused(message)
            raise
        block = None
        if isinstance(message, PrePrepare) and ids is not None:
            block = self._host.assemble(message.header, _split_ids(ids))
        return MessageArrived(peer, message, _clock(), block)

    def _offer(self, event: Event) -> bool:
        """Take an event unless too many wait; tell whether it was taken."""
        if len(self._outputs) + len(self._early) >= EVENTS_MAX:
            self.counters.messages_dropped += 1
            return False
        self._take(event)
        return True

    def _take(self, event: Event) -> None:
        if self._tasks is None:
            self._early.append(event)
        elif self._failure is None:
            self._step(event)

    def _step(self, event: Event) -> None:
        """Step an event now; what comes of it is carried out by `run`, soon."""
        self.counters.events += 1
        try:
            output = self._core.step(event)
        except BaseException as failure:
            # Whoever handed the event in must not be able to lose this: `run` ends with it, and so does the node.
            self._failure = failure
            self._stirred.set()
            raise
        if output is not NOTHING:
            self._outputs.append(output)
            self._stirred.set()

    def _carry_out(self, outputs: list[Output]) -> None:
        records = tuple(record for output in outputs for record in output.persist)
        if records:
            # On the loop, for until it is done this validator has nothing to say (docs/adr/0007-syncs-on-the-loop.md).
            self._log.append(records)
            started = time.monotonic()
            self._log.sync()
            self.counters.sync_seconds.append(time.monotonic() - started)
            self.counters.syncs += 1
        for output in outputs:
            for outgoing in output.send:
                self._send(outgoing)
            for decided in output.decide:
                self._start(decided.block.block_hash, self._apply(decided))
            for request in output.fetch:
                self._request(request)
            for report in output.report:
                self._host.report(report)

    def _send(self, outgoing: Send | Serve) -> None:
        if isinstance(outgoing, Serve):
            self._host.serve(outgoing.height, outgoing.to)
            return
        ids = None if outgoing.block is None else self._transactions_of(outgoing.block)
        payload = encode([1, encode_message(outgoing.message), ids])
        for peer in outgoing.to:
            self._host.send(peer, payload)

    def _request(self, request: Request) -> None:
        match request:
            case Execute(block):
                self._start(("execute", block.block_hash), self._execute(block))
            case ProposeBlock(height, view):
                self._start(("propose", height, view), self._propose(height, view))
            case FetchBody(block_hash=block_hash):
                self._start(("body", block_hash), self._fetch_body(request))
            case CatchUp():
                self._host.catch_up(request)

    def _start(self, key: object, work: Coroutine[Any, Any, Event | None]) -> None:
        """Run work in the background unless the same is already under way; its answer becomes an event."""
        if key in self._running:
            work.close()
            return
        assert self._tasks is not None, "requests are carried out while the driver runs"
        self._running.add(key)
        self._tasks.create_task(self._answered(key, work))

    async def _answered(self, key: object, work: Coroutine[Any, Any, Event | None]) -> None:
        event = await work
        # Before the core hears of it: it may ask for the same again at once.
        self._running.discard(key)
        if event is not None:
            self._take(event)

    async def _execute(self, block: Block) -> Event:
        try:
            return Executed(block.block_hash, await self._host.execute(block))
        except InvalidBlock as error:
            return ExecutionInvalid(block.block_hash, error.code)
        except LocalFault:
            return ExecutionFault(block.block_hash)

    async def _propose(self, height: Height, view: View) -> Event | None:
        block = await self._host.propose(height, view)
        if block is not None:
            return Proposal(height, view, block)
        # Of a height that was decided meanwhile nothing is left to propose.
        return None if height <= self._height else PendingChanged(False)

    async def _fetch_body(self, request: FetchBody) -> Event | None:
        block = await self._host.fetch_body(request)
        return None if block is None else BodyArrived(block)

    async def _apply(self, decided: Decide) -> None:
        head = await self._host.apply(decided)
        self._validators = head.validators
        async with self._applied:
            self._height = head.height
            self._applied.notify_all()
        self._take(Applied(head))
        await self._host.settle()
        # Now both databases hold the height durably, so the log need not.
        self._log.drop_below(Height(head.height + 1))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._take(Tick(_clock()))


def _split_ids(ids: Any) -> list[Digest]:
    if type(ids) is not bytes or len(ids) % DIGEST_BYTES:
        raise DecodeError("the transaction ids beside a proposal are not a row of digests")
    return [Digest(ids[start : start + DIGEST_BYTES]) for start in range(0, len(ids), DIGEST_BYTES)]


def _clock() -> Milliseconds:
    return Milliseconds(time.time_ns() // 1_000_000)
