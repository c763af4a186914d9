"""One run of a node's process: the replica, its log on the simulated disk, and the order in which outputs happen.

It mirrors consensus/driver.py: events that have come in meanwhile are stepped together, their records reach the disk in
one fsync for which everything else waits (docs/adr/0007-syncs-on-the-loop.md), and only then is anything sent, decided,
fetched or reported. A kill may fall between any two of these.
"""

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from chain.block import Block
from chain.crypto import tagged_hash
from chain.encoding import DecodeError
from chain.evidence import Evidence
from chain.evidence_check import EvidenceError, check_evidence
from chain.runtime import LocalFault
from chain.types import Digest, Height, Milliseconds, ValidatorId
from consensus.evidence import candidates, of_refused
from consensus.log import WriteAheadLog, create_log, has_log, open_log, segments_before
from consensus.log_format import LogDamagedError
from consensus.pbft.bounds import Kept
from consensus.pbft.config import PbftConfig
from consensus.pbft.events import (
    NOTHING,
    Accusation,
    BadProposal,
    CannotExecute,
    CatchUp,
    Event,
    Execute,
    FetchBody,
    Head,
    MessageArrived,
    Output,
    PeerConnected,
    PendingChanged,
    ProposeBlock,
    Request,
    Restored,
    Send,
    Serve,
    Tick,
)
from consensus.pbft.messages import NONCE_BYTES, Inquiry, Message, PrePrepare, Testimony, Vote
from consensus.pbft.records import amnesia
from consensus.pbft.replica import Replica
from consensus.simulation.chance import between
from consensus.simulation.contract import consensus_seed
from consensus.simulation.doorman import Doorman
from consensus.simulation.edge import Refused
from consensus.simulation.exchange import Exchange
from consensus.simulation.host import Host
from consensus.simulation.liars.liar import UNASKED_US
from consensus.simulation.liars.lies import Told
from consensus.simulation.machine import Machine
from consensus.simulation.packet import Channel, Packet
from consensus.simulation.settings import RESEND_TICKS, SEGMENT_BYTES_MAX, TICK_US
from consensus.simulation.words import message_words, report_words
from consensus.simulation.world import World

EVENTS_MAX: Final = 4096
EVENTS_AT_ONCE_MAX: Final = 256
SYNC_US: Final = (80, 900)
SLOW_SYNC_US: Final = (900, 20_000)
"""One fsync in a hundred takes so long."""

Then = Callable[[], None]


class Owner(Protocol):
    """Who started the process and is told of its end."""

    machine: Machine

    def run(self, process: "Process", work: Then) -> None:
        """Do work of the process, now or when it is neither paused nor busy; nothing once it has ended."""
        ...

    def unblock(self, process: "Process", then: Then) -> None:
        """Let the process go on where nothing else could be done meanwhile."""
        ...


class Process:
    """Owns the replica, its log and what waits for them."""

    def __init__(self, world: World, owner: Owner) -> None:
        """Open what the disk holds.

        Raises:
            LogWriteError, StoreError: when the disk refuses.
        """
        machine = owner.machine
        self.world = world
        self.machine = machine
        self._owner = owner
        self._inbox: deque[Event] = deque()
        self._running: set[object] = set()
        self.is_blocked = False
        """Something is under way for which the whole process waits."""
        self.host = Host(world, machine, self)
        self.exchange = Exchange(world, machine, self)
        self._doorman = Doorman(world.signatures)
        self.log, self._first = self._open_log(self.host.head)
        name = machine.validator_id
        self.replica = Replica(_config(world, name), functools.partial(world.signatures.sign, consensus_seed(name)))

    def begin(self) -> None:
        """Restore the replica and let time run."""
        self.later(TICK_US, self._tick)
        self.exchange.begin()
        if self.machine.liar is not None:
            self.machine.liar.craft.insight = self.host
            self._lie_later()
        self._step([self._first])

    def later(self, delay_us: int, work: Then) -> None:
        """Do something after a while, unless the process has ended by then."""
        self.world.schedule.after(delay_us, lambda: self._owner.run(self, work))

    def within(self, range_us: tuple[int, int], work: Then) -> None:
        """Do something after a time drawn from a range."""
        self.later(between(self.world.chance, *range_us), work)

    def block(self, delay_us: int, then: Then) -> None:
        """Go on after a while in which the process does nothing else: it waits for its disk."""
        assert not self.is_blocked, "a process waits for one thing at a time"
        self.is_blocked = True
        self.world.schedule.after(delay_us, lambda: self._owner.unblock(self, then))

    def offer(self, event: Event) -> None:
        """Queue an event; what does not fit is lost."""
        if len(self._inbox) < EVENTS_MAX:
            self._inbox.append(event)

    @property
    def waiting(self) -> int:
        """How many events wait."""
        return len(self._inbox)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """How much is kept in memory of each kind, beside how much may be."""
        own = ("events", len(self._inbox), EVENTS_MAX)
        return (own, *self.replica.kept, *self.host.kept, *self.exchange.kept)

    def clock(self) -> Milliseconds:
        """Return what this machine's wall clock shows."""
        return self.world.clock(self.machine.skew_ms)

    def receive(self, sender: str, packet: Packet) -> None:
        """Take a packet in."""
        peer = self.world.validator_of[sender]
        if packet.channel is not Channel.CONSENSUS:
            self.exchange.receive(sender, peer, packet)
            return
        liar = self.machine.liar
        if liar is not None:
            liar.craft.heard.append(packet.payload)
        payload, validators = packet.payload, self.host.head.validators
        if not self._doorman.admits(peer, payload, validators, self.world.schedule.now):
            self.world.checker.unread(self.machine, peer, self._doorman.is_overdrawn(peer, validators))
            return
        try:
            message, ids = self.world.edge.message(payload, validators)
        except Refused as error:
            self.world.checker.refused(self.machine, peer, error)
            refused = self.world.edge.refused_message(payload)
            self._doorman.charge(peer, payload, refused)
            evidence = None if refused is None else of_refused(refused)
            self._accuse(() if evidence is None else (evidence,))
            return
        self.world.note(self.machine.name, lambda: f"<- {peer} {message_words(message)}")
        is_moot = self.replica.is_moot(peer, message, has_body=ids is not None)
        self._doorman.charge(peer, payload, None if is_moot else message)
        if is_moot:
            return
        block = None
        if isinstance(message, PrePrepare):
            self.world.checker.received(self.machine, message)
        if isinstance(message, PrePrepare) and ids is not None:
            block = self.host.assemble(message.header, ids)
        self.offer(MessageArrived(peer, message, self.clock(), block))

    def connected(self, peer: ValidatorId) -> None:
        """Tell the replica that a peer can be reached."""
        self.offer(PeerConnected(peer))

    def pending_changed(self, has_pending: bool) -> None:
        """Tell the replica whether transactions wait."""
        self.offer(PendingChanged(has_pending))

    def turn(self) -> None:
        """Step the replica with the events that wait."""
        inbox = self._inbox
        if len(inbox) <= EVENTS_AT_ONCE_MAX:
            events = list(inbox)
            inbox.clear()
        else:
            events = [inbox.popleft() for _ in range(EVENTS_AT_ONCE_MAX)]
        self._step(events)

    def sync_us(self) -> int:
        """Return how long an fsync takes."""
        chance = self.world.chance
        return between(chance, *(SYNC_US if chance.random() < 0.99 else SLOW_SYNC_US))

    def _step(self, events: list[Event]) -> None:
        outputs = [output for output in map(self.replica.step, events) if output is not NOTHING]
        self.world.checker.turned(self)
        if not outputs:
            return
        records = [record for output in outputs for record in output.persist]
        if records:
            self.log.append(records)
            self.log.sync()
            self.block(self.sync_us(), lambda: self._perform(outputs))
        else:
            self._perform(outputs)

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            for outgoing in output.send:
                self._send(outgoing)
            for decided in output.decide:
                self.machine.count_action()
                self.world.checker.decided(self.machine, decided)
                self._start(decided.block.block_hash, functools.partial(self.host.apply, decided))
            for request in output.fetch:
                self.machine.count_action()
                self._request(request)
            for report in output.report:
                self.world.note(self.machine.name, functools.partial(report_words, report))
                self.world.checker.reported(self.machine, report)
                if isinstance(report, Accusation):
                    self._accuse(self._evidence_of(report))
                if isinstance(report, CannotExecute):
                    raise LocalFault("an operator starts it again")

    def _evidence_of(self, accusation: Accusation) -> Iterator[Evidence]:
        """Yield what may be evidence of what the replica has caught somebody at."""
        parent, culprit = None, None
        if isinstance(accusation, BadProposal) and accusation.message is not None:
            parent = self.host.parent_of(accusation.height)
            culprit = self.host.culprit_of(accusation.message.block_hash)
        return candidates(accusation, parent, culprit)

    def _accuse(self, found: Iterable[Evidence]) -> None:
        """Keep the first evidence that holds."""
        world = self.world
        for evidence in found:
            try:
                finding = check_evidence(
                    evidence, world.genesis, world.chain_id, self.host.head.validators, world.signatures.verify
                )
            except EvidenceError:
                continue
            world.note(self.machine.name, lambda: f"has evidence against {finding.validator}: {finding.code}")  # noqa: B023
            world.checker.accused(self.machine, evidence, finding)
            return

    def _send(self, outgoing: Send | Serve) -> None:
        self.machine.count_action()
        if isinstance(outgoing, Serve):
            self.host.serve(outgoing.height, outgoing.to)
            return
        liar = self.machine.liar
        if liar is None:
            self._say(outgoing.to, outgoing.message, outgoing.block)
        else:
            for told in liar.told_instead(outgoing):
                self._tell(told)

    def _tell(self, told: Told) -> None:
        """Carry out a lie."""
        if told.delay_us:
            self.later(told.delay_us, lambda: self._tell_now(told))
        else:
            self._tell_now(told)

    def _tell_now(self, told: Told) -> None:
        if isinstance(told.content, Packet):
            for peer in told.to:
                self.send(peer, told.content)
        else:
            self._say(told.to, told.content, told.block)

    def _say(self, to: tuple[ValidatorId, ...], message: Message, block: Block | None) -> None:
        """Hand a message to the network."""
        edge, machine = self.world.edge, self.machine
        checker = self.world.checker
        is_first = checker.said(machine, message, edge.encoded(message), self._body_of(message))
        if is_first and not isinstance(message, Inquiry | Testimony):
            parent = self.host.parent_of(message.height) if isinstance(message, PrePrepare) else None
            checker.cannot_be_framed(message, parent, block)
        self.world.note(machine.name, lambda: f"-> {' '.join(to)} {message_words(message)}")
        ids = None if block is None else self._ids_of(block)
        payload = edge.payload(message, ids, self.host.head.validators, is_honest=machine.liar is None)
        view = 0 if isinstance(message, Inquiry | Testimony) else message.view
        packet = Packet(Channel.CONSENSUS, payload, kind=message.kind, view=view)
        for peer in to:
            self.send(peer, packet)

    def _ids_of(self, block: Block) -> list[Digest] | None:
        """Return the ids of a block's transactions; None where a liar has put in what is no transaction."""
        try:
            return self.host.transaction_ids(block)
        except DecodeError:
            assert self.machine.liar is not None, "honest nodes propose transactions"
            return None

    def _body_of(self, message: Message) -> bytes | None:
        if not isinstance(message, Vote):
            return None
        block_hash = message.subject.block_hash
        body = self.replica.body(block_hash) or self.log.body(block_hash)
        return None if body is None else body.raw

    def send(self, peer: ValidatorId, packet: Packet) -> None:
        """Send a packet to all machines that go by a validator's name."""
        for name in self.world.machines[peer]:
            self.world.network.send(self.machine.name, name, packet)

    def _request(self, request: Request) -> None:
        match request:
            case Execute(block):
                self._start(("execute", block.block_hash), lambda done: self.host.execute(block, done))
            case ProposeBlock(height, view):
                self._start(("propose", height, view), lambda done: self.host.propose(height, view, done))
            case FetchBody(block_hash=block_hash):
                self._start(("body", block_hash), lambda done: self.exchange.fetch_body(request, done))
            case CatchUp():
                self.exchange.catch_up()

    def _start(self, key: object, work: Callable[[Then], None]) -> None:
        """Begin work that tells when it is done, unless the same is already under way."""
        if key not in self._running:
            self._running.add(key)
            work(lambda: self._running.discard(key))

    def _tick(self) -> None:
        self.later(TICK_US, self._tick)
        self.offer(Tick(self.clock()))

    def _lie_later(self) -> None:
        """Let a liar say something unasked, time and again."""
        liar = self.machine.liar
        assert liar is not None, "only liars lie"

        def lie() -> None:
            for told in liar.unasked():
                self._tell(told)
            self._lie_later()

        self.within(UNASKED_US, lie)

    def _open_log(self, head: Head) -> tuple[WriteAheadLog, Restored]:
        """Open the log, or begin one, as the product's start does (rule 11)."""
        machine, world = self.machine, self.world
        nonce = tagged_hash("simulation-nonce", machine.name.encode(), machine.starts.to_bytes(4, "big"))[:NONCE_BYTES]
        floor = Height(head.height + 1)
        world.checker.reads_log(machine)
        if has_log(machine.disk):
            try:
                opened = open_log(machine.disk, segment_bytes_max=SEGMENT_BYTES_MAX)
                return opened.log, Restored(head, opened.floor, opened.records, nonce, self.clock(), False)
            except LogDamagedError as error:
                why = str(error)
                world.note(machine.name, lambda: f"damaged log: {why}")
        elif head.height == 0:
            log = create_log(machine.disk, floor, segment_bytes_max=SEGMENT_BYTES_MAX)
            return log, Restored(head, floor, (), nonce, self.clock(), False)
        own = head.validators.find(machine.validator_id)
        assert own is not None, "the set never changes here"
        records = (amnesia(own.consensus_key),)
        log = create_log(machine.disk, floor, records, segment_bytes_max=SEGMENT_BYTES_MAX)
        for name in segments_before(machine.disk):
            machine.disk.remove(name)
        return log, Restored(head, floor, records, nonce, self.clock(), True)


def _config(world: World, name: ValidatorId) -> PbftConfig:
    parameters = world.genesis.parameters
    return PbftConfig(
        world.chain_id,
        name,
        parameters.primary_term_blocks,
        Milliseconds(parameters.clock_drift_max),
        parameters.view_timeout_base * 1_000 // TICK_US,
        parameters.view_timeout_max * 1_000 // TICK_US,
        RESEND_TICKS,
    )
