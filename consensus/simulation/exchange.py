"""What a process exchanges with its peers beside consensus: transactions, bodies, certified blocks, heights.

It mirrors the product's gossip, body requests and catch-up in shape: one source at a time, a limit on waiting, nothing
believed that does not prove itself.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from chain.encoding import decode, encode
from chain.types import Digest, Height, ValidatorId
from consensus.pbft.bounds import Kept
from consensus.pbft.events import BodyArrived, CertifiedBlock, FetchBody
from consensus.simulation.clock import MILLISECOND
from consensus.simulation.edge import Refused
from consensus.simulation.machine import Machine
from consensus.simulation.packet import Channel, Packet
from consensus.simulation.world import World

if TYPE_CHECKING:
    from consensus.simulation.process import Process

HEAD_US: Final = 500 * MILLISECOND
"""Between two announcements of the own height."""
REMIND_US: Final = 1_000 * MILLISECOND
"""A transaction that has waited this long is passed on again."""
REMIND_MAX: Final = 16
ANSWER_US_MAX: Final = 400 * MILLISECOND
"""How long an answer may take before another peer is asked."""
QUESTIONS_MAX: Final = 1_000_000
"""Questions of one process."""
BLOCKS_MAX: Final = 16
BLOCKS_WAITING_MAX: Final = 64
SET_ASIDE_US: Final = 1_500 * MILLISECOND
"""How long a peer is not asked that gave no useful answer."""
OPEN_MAX: Final = 64
"""Questions without an answer."""
HEIGHT_MAX: Final = 2**63 - 1

Then = Callable[[], None]


class Exchange:
    """Owns open questions, what peers announced, and the queue of certified blocks."""

    def __init__(self, world: World, machine: Machine, process: "Process") -> None:
        self._world = world
        self._machine = machine
        self._process = process
        self._questions: dict[int, Callable[[bytes | None], None]] = {}
        self._asked = machine.starts * QUESTIONS_MAX
        """Numbers of questions differ from those of earlier processes, whose answers may still come."""
        self._height_seen = Height(0)
        self._heads: dict[ValidatorId, Height] = {}
        self._aside: dict[ValidatorId, int] = {}
        self._blocks: deque[tuple[bytes, Then]] = deque()
        self._is_taking = False
        self._is_catching_up = False

    def begin(self) -> None:
        """Announce heights and pass old transactions on from now on."""
        self._process.within((0, HEAD_US), self._announce)
        self._process.later(REMIND_US, self._remind)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """How much is kept in memory of each kind, beside how much may be."""
        nodes = len(self._world.machines)
        return (
            ("questions", len(self._questions), OPEN_MAX),
            ("certified blocks", len(self._blocks), BLOCKS_WAITING_MAX + BLOCKS_MAX),
            ("heads", len(self._heads), nodes),
            ("peers set aside", len(self._aside), nodes),
        )

    @property
    def _others(self) -> list[ValidatorId]:
        return [peer for peer in self._world.machines if peer != self._machine.validator_id]

    def submit(self, raws: list[bytes]) -> None:
        """Take in a client's transactions, and pass on those that are new."""
        new = self._process.host.admit(raws)
        if new:
            self._gossip(new)

    def receive(self, sender: str, peer: ValidatorId, packet: Packet) -> None:
        """Take a packet in that is not about consensus."""
        payload, host = packet.payload, self._process.host
        match packet.channel:
            case Channel.TRANSACTIONS:
                host.admit(decode(payload))
            case Channel.BLOCK:
                if len(self._blocks) < BLOCKS_WAITING_MAX:
                    self._take(payload, lambda: None)
            case Channel.HEAD:
                self._heads[peer] = Height(int.from_bytes(payload, "big"))
            case Channel.ASK_BODY:
                body = self._body(Digest(payload))
                self._answer(sender, Channel.BODY, [] if body is None else [body], packet.number)
            case Channel.ASK_BLOCKS:
                first = int.from_bytes(payload, "big")
                found = [host.certified(Height(height)) for height in range(first, first + BLOCKS_MAX)]
                self._answer(sender, Channel.BLOCKS, [block for block in found if block is not None], packet.number)
            case Channel.BODY | Channel.BLOCKS:
                waiting = self._questions.pop(packet.number, None)
                if waiting is not None:
                    waiting(payload)

    def _body(self, block_hash: Digest) -> bytes | None:
        """Return a body that is kept for proposing, was decided, or is in the replica or in its log."""
        kept = self._process.host.body(block_hash)
        if kept is not None:
            return kept
        block = self._process.replica.body(block_hash) or self._process.log.body(block_hash)
        return None if block is None else block.raw

    def fetch_body(self, request: FetchBody, done: Then) -> None:
        """Look for a body in the log, then ask the candidates, one after the other."""
        left = list(request.candidates)
        own = self._body(request.block_hash)

        def ask_next() -> None:
            if left:
                self._ask(left.pop(0), Channel.ASK_BODY, request.block_hash, take)
            else:
                done()

        def take(answer: bytes | None) -> None:
            found = [] if answer is None else decode(answer)
            block = self._process.host.take_body(found[0], request.block_hash) if found else None
            if block is None:
                ask_next()
            else:
                done()
                self._process.offer(BodyArrived(block))

        if own is None:
            ask_next()
        else:
            take(encode([own]))

    def catch_up(self) -> None:
        """Get certified blocks from a peer that announced a higher head, until there is none."""
        if self._is_catching_up:
            return
        now, own = self._world.schedule.now, self._process.host.head.height
        ahead = sorted(peer for peer, head in self._heads.items() if head > own and self._aside.get(peer, 0) <= now)
        if not ahead:
            return
        self._is_catching_up = True
        source = ahead[self._asked % len(ahead)]
        first = Height(own + 1)
        self._ask(source, Channel.ASK_BLOCKS, first.to_bytes(8, "big"), lambda answer: self._got(source, first, answer))

    def _got(self, source: ValidatorId, first: Height, answer: bytes | None) -> None:
        blocks: list[bytes] = [] if answer is None else decode(answer)[:BLOCKS_MAX]

        def go_on() -> None:
            if blocks:
                self._take(blocks.pop(0), go_on)
                return
            self._is_catching_up = False
            if self._process.host.head.height < first:
                self._aside[source] = self._world.schedule.now + SET_ASIDE_US
            self.catch_up()

        go_on()

    def _take(self, data: bytes, then: Then) -> None:
        """Check a certified block and have it decided; one at a time, in order of arrival."""
        self._blocks.append((data, then))
        if not self._is_taking:
            self._take_next()

    def _take_next(self) -> None:
        self._is_taking = bool(self._blocks)
        if not self._blocks:
            return
        data, then = self._blocks.popleft()
        host = self._process.host

        def go_on() -> None:
            then()
            self._take_next()

        try:
            event = CertifiedBlock(*self._world.edge.certified_block(data, host.head.validators))
        except Refused:
            go_on()
            return
        height = event.block.header.height
        if height != host.head.height + 1:
            go_on()
            return
        self._process.offer(event)
        host.when_applied(height, go_on)

    def _ask(self, peer: ValidatorId, channel: Channel, payload: bytes, take: Callable[[bytes | None], None]) -> None:
        if len(self._questions) >= OPEN_MAX:
            take(None)
            return
        self._asked += 1
        number = self._asked
        self._questions[number] = take
        self._process.send(peer, Packet(channel, payload, number))

        def give_up() -> None:
            if self._questions.pop(number, None) is not None:
                take(None)

        self._process.later(ANSWER_US_MAX, give_up)

    def _answer(self, sender: str, channel: Channel, found: list[bytes], number: int) -> None:
        liar = self._machine.liar
        answer = found if liar is None else liar.answer(channel, found)
        self._world.network.send(self._machine.name, sender, Packet(channel, encode(answer), number))

    def _announce(self) -> None:
        self._process.later(HEAD_US, self._announce)
        height = self._process.host.head.height
        liar = self._machine.liar
        for peer in self._others:
            told = height if liar is None else min(HEIGHT_MAX, liar.announced(height))
            self._process.send(peer, Packet(Channel.HEAD, told.to_bytes(8, "big")))
        # Being one block behind for a moment is normal; consensus will bring it.
        if height == self._height_seen:
            self.catch_up()
        self._height_seen = height

    def _remind(self) -> None:
        self._process.later(REMIND_US, self._remind)
        self._process.host.look_for_left_out()
        now = self._world.schedule.now
        old = [item for item in self._process.host.mempool.values() if now - item.arrived >= REMIND_US]
        if old:
            self._gossip([item.transaction.raw for item in old[:REMIND_MAX]])

    def _gossip(self, raws: list[bytes]) -> None:
        packet = Packet(Channel.TRANSACTIONS, encode(raws))
        for peer in self._others:
            self._process.send(peer, packet)
