"""A bench for replicas: hosts with a durable log and chain, and a network that the test moves packet by packet.

Everything is deterministic. A host carries out outputs as consensus/pbft/events.py demands, and can be made to crash
between any two parts of one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from chain.block import Block, Header, decode_block, make_block
from chain.certificate import check_certificate
from chain.crypto import public_key_of, sign, tagged_hash
from chain.receipt import BlockResult
from chain.types import Digest, Epoch, Height, Milliseconds, ValidatorId
from chain.validators import Validator, ValidatorSet, validator_set
from consensus.pbft.config import PbftConfig
from consensus.pbft.events import (
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
    MessageArrived,
    Output,
    PeerConnected,
    PendingChanged,
    Proposal,
    ProposeBlock,
    Report,
    Restored,
    Send,
    Tick,
)
from consensus.pbft.messages import decode_message, encode_message
from consensus.pbft.records import RecordKind, decode_record, encode_record
from consensus.pbft.replica import Replica
from consensus.pbft.rules import header_fault
from consensus.verify import MessageError, check_message

CHAIN_ID = tagged_hash("bench-chain")
GENESIS_TIME = Milliseconds(1_000_000)
FIRST = Height(1)
NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus")


def seed_of(name: str) -> bytes:
    """Return the private seed of a validator of the bench."""
    return bytes(tagged_hash("bench-seed", name.encode()))


def validators_of(count: int) -> ValidatorSet:
    """Return a set of the first names."""
    members = [Validator(ValidatorId(name), name, public_key_of(seed_of(name)), (b"tls",)) for name in NAMES[:count]]
    return validator_set(Epoch(0), members)


def result_of(block: Block) -> BlockResult:
    """Return the outcome that every honest executor of the bench finds."""
    next_hash = block.header.validators_hash
    return BlockResult(tagged_hash("bench-state", block.block_hash), tagged_hash("bench-receipts"), next_hash)


@dataclass(frozen=True, slots=True)
class BodyRequest:
    """A peer asks for a body."""

    block_hash: Digest


@dataclass(frozen=True, slots=True)
class ChainRequest:
    """A peer asks for the certified blocks from a height on."""

    height: Height


@dataclass(frozen=True, slots=True)
class Packet:
    """Something under way."""

    sender: ValidatorId
    to: ValidatorId
    content: Send | BodyArrived | CertifiedBlock | BodyRequest | ChainRequest


class Crashed(Exception):
    """The process ends here."""


@dataclass(slots=True)
class Host:
    """One node: what is durable, and the replica while it runs."""

    name: ValidatorId
    validators: ValidatorSet
    config: PbftConfig
    emit: Callable[[Packet], None]
    log: list[bytes] = field(default_factory=list)
    chain: list[Decide] = field(default_factory=list)
    floor: Height = FIRST
    replica: Replica | None = None
    work: list[Event] = field(default_factory=list)
    """Events that the host owes the replica."""
    pending: list[bytes] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    clock: Milliseconds = GENESIS_TIME
    starts: int = 0
    catch_ups: int = 0
    """Asked for so far; each time somebody else is asked."""
    asked: ProposeBlock | None = None
    executor: str = "honest"
    """honest, fault, invalid, wrong (another result) or silent."""
    swaps_bodies: bool = False
    """Answers who asks for a body, or missed a block, with the right header over other transactions."""
    observe: Callable[["Host", Event, Output], None] = lambda host, event, output: None
    """Told of every step, before its output is carried out."""

    def head(self) -> Head:
        """Return the durable head."""
        if not self.chain:
            genesis = tagged_hash("bench-result")
            return Head(Height(0), CHAIN_ID, genesis, GENESIS_TIME, None, None, self.validators)
        last = self.chain[-1]
        header = last.block.header
        return Head(
            header.height,
            last.block.block_hash,
            last.result.result_hash,
            header.time,
            header.proposer,
            last.certificate,
            self.validators,
        )

    def start(self, *, damaged: bool = False) -> None:
        """Start the replica from what is durable."""
        self.starts += 1
        seed = seed_of(self.name)
        self.replica = Replica(self.config, lambda tag, payload: sign(seed, tag, payload))
        records = tuple(decode_record(data) for data in self.log)
        nonce = tagged_hash("bench-nonce", self.name.encode(), bytes([self.starts]))[:16]
        self.step(Restored(self.head(), self.floor, records, nonce, self.clock, damaged))
        self.step(PendingChanged(bool(self.pending)))

    def crash(self) -> None:
        """Lose everything that is not durable, pending transactions apart: clients send those again."""
        self.replica = None
        self.work.clear()
        self.asked = None

    def step(self, event: Event, crash_after: int = 5) -> None:
        """Give the replica an event and carry out its output, crashing after so many of the five parts."""
        assert self.replica is not None, "the host runs"
        if isinstance(event, Applied):
            # What is pending is told as it is now; a stale answer would leave the replica idle or proposing nothing.
            self.outputs.append(self.replica.step(PendingChanged(bool(self.pending))))
        output = self.replica.step(event)
        self.outputs.append(output)
        self.observe(self, event, output)
        parts: list[Callable[[Output], None]] = [self._persist, self._send, self._decide, self._fetch, self._report]
        for part in parts[:crash_after]:
            part(output)
        if crash_after < len(parts):
            self.crash()

    def do_work(self) -> bool:
        """Give the replica the oldest event that is owed, if any."""
        if self.work:
            self.step(self.work.pop(0))
            return True
        return False

    def receive(self, packet: Packet, crash_after: int = 5) -> None:
        """Handle a packet, checking it at the edge."""
        match packet.content:
            case Send(message=message, block=block):
                travelled = decode_message(encode_message(message))
                check_message(travelled, self.validators)
                assert self.replica is not None, "the host runs"
                is_moot = self.replica.is_moot(packet.sender, travelled, has_body=block is not None)
                self.step(MessageArrived(packet.sender, travelled, self.clock, block), crash_after)
                assert not is_moot or self.outputs[-1] == Output(), "what the edge would drop changes nothing"
            case CertifiedBlock(block=block, certificate=certificate):
                check_certificate(certificate, self.validators)
                self._check_body(block, packet.sender)
                self.step(packet.content, crash_after)
            case BodyArrived(block=block):
                self._check_body(block, packet.sender)
                self.step(packet.content, crash_after)
            case BodyRequest(block_hash=block_hash):
                assert self.replica is not None, "the host runs"
                stored = (decided.block for decided in self.chain if decided.block.block_hash == block_hash)
                block = self.replica.body(block_hash) or self.logged_body(block_hash) or next(stored, None)
                if block is not None:
                    self.emit(Packet(self.name, packet.sender, BodyArrived(self._shown(block))))
            case ChainRequest(height=height):
                for decided in self.chain[height - 1 :]:
                    self._serve(decided, packet.sender)

    def logged_body(self, block_hash: Digest) -> Block | None:
        """Return a body from the log."""
        records = map(decode_record, self.log)
        blocks = (decode_block(record.payload) for record in records if record.kind is RecordKind.BODY)
        return next((block for block in blocks if block.block_hash == block_hash), None)

    def _shown(self, block: Block) -> Block:
        return make_block(block.header, [b"a lie"]) if self.swaps_bodies else block

    def _check_body(self, block: Block, sender: ValidatorId) -> None:
        """Refuse a body that its header does not commit to, as every host must."""
        if block.header.transactions_root != tagged_hash("bench-content", *block.transactions):
            raise MessageError("body_of_something_else", sender)

    def submit(self, transaction: bytes) -> None:
        """Add a pending transaction."""
        if transaction not in self.pending and transaction not in self.committed():
            self.pending.append(transaction)
            if self.replica is not None:
                self.step(PendingChanged(True))

    def committed(self) -> list[bytes]:
        """Return all transactions in this host's chain."""
        return [transaction for decided in self.chain for transaction in decided.block.transactions]

    def build(self) -> Block:
        """Build a fresh block on the head."""
        head = self.head()
        time = Milliseconds(max(self.clock, head.time + 1))
        content = tagged_hash("bench-content", *self.pending)
        links = (CHAIN_ID, Height(head.height + 1), head.block_hash, head.result_hash, tagged_hash("history"))
        set_hash = self.validators.validators_hash
        return make_block(Header(1, *links, time, self.name, content, set_hash, Epoch(0)), self.pending)

    def _persist(self, output: Output) -> None:
        self.log.extend(encode_record(record) for record in output.persist)

    def _send(self, output: Output) -> None:
        for item in output.send:
            if isinstance(item, Send):
                for to in item.to:
                    self.emit(Packet(self.name, to, item))
            elif item.height <= len(self.chain):
                self._serve(self.chain[item.height - 1], item.to)

    def _serve(self, decided: Decide, to: ValidatorId) -> None:
        content = CertifiedBlock(self._shown(decided.block), decided.result, decided.certificate)
        self.emit(Packet(self.name, to, content))

    def _decide(self, output: Output) -> None:
        for decided in output.decide:
            assert decided.block.header.height == len(self.chain) + 1, "blocks are decided in order"
            assert header_fault(decided.block.header, self.head(), self.config) is None, "a decided block fits"
            self.chain.append(decided)
            self.pending = [item for item in self.pending if item not in decided.block.transactions]
            self.floor = Height(decided.block.header.height + 1)
            self.log = [data for data in self.log if decode_record(data).height >= self.floor]
            self.work.append(Applied(self.head()))

    def _fetch(self, output: Output) -> None:
        for request in output.fetch:
            match request:
                case Execute(block=block):
                    self._execute(block)
                case ProposeBlock(height=height, view=view):
                    self.asked = request
                    if height == len(self.chain) + 1 and self.pending:
                        self.work.append(Proposal(height, view, self.build()))
                case FetchBody(block_hash=block_hash) if (own := self.logged_body(block_hash)) is not None:
                    self.work.append(BodyArrived(own))
                case FetchBody(block_hash=block_hash, candidates=candidates):
                    for candidate in candidates:
                        self.emit(Packet(self.name, candidate, BodyRequest(block_hash)))
                case CatchUp(height=height, candidates=candidates):
                    source = candidates[self.catch_ups % len(candidates)]
                    self.catch_ups += 1
                    self.emit(Packet(self.name, source, ChainRequest(height)))

    def _execute(self, block: Block) -> None:
        result = result_of(block)
        match self.executor:
            case "fault":
                self.work.append(ExecutionFault(block.block_hash))
            case "invalid":
                self.work.append(ExecutionInvalid(block.block_hash, "bad_transaction"))
            case "wrong":
                wrong = replace(result, state_root=tagged_hash("bench-wrong"))
                self.work.append(Executed(block.block_hash, wrong))
            case "honest":
                self.work.append(Executed(block.block_hash, result))

    def _report(self, output: Output) -> None:
        self.reports.extend(output.report)


class Bench:
    """Hosts and the packets between them."""

    def __init__(self, count: int, **changes: int) -> None:
        """Make hosts that are not started yet."""
        self.packets: list[Packet] = []
        self.cut: set[str] = set()
        """Hosts that nothing reaches and that reach nobody."""
        self.refused: list[str] = []
        """Codes of messages that the edge refused."""
        self.validators = validators_of(count)
        self.hosts = {
            name: Host(name, self.validators, _config(name, changes), self.packets.append)
            for name in self.validators.ids
        }

    def start_all(self) -> None:
        """Start every host and let them find each other."""
        for host in self.hosts.values():
            host.start()
        self.settle()

    def running(self) -> Iterator[Host]:
        """Yield the hosts that run."""
        return (host for host in self.hosts.values() if host.replica is not None)

    def deliver(self, index: int = 0, crash_after: int = 5) -> None:
        """Deliver one packet, or lose it when its receiver is down."""
        packet = self.packets.pop(index)
        host = self.hosts[packet.to]
        if host.replica is None or {packet.sender, packet.to} & self.cut:
            return
        try:
            host.receive(packet, crash_after)
        except MessageError as error:
            self.refused.append(error.code)

    def settle(self, steps_max: int = 100_000) -> None:
        """Deliver and work until nothing is under way."""
        for _ in range(steps_max):
            worked = [host.do_work() for host in self.running()]
            if self.packets:
                self.deliver()
            elif not any(worked):
                return
        raise AssertionError("the bench does not come to rest")

    def tick(self, count: int = 1, *, settle: bool = True) -> None:
        """Let time pass for everyone."""
        for _ in range(count):
            for host in list(self.running()):
                host.clock = Milliseconds(host.clock + 10)
                host.step(Tick(host.clock))
            if settle:
                self.settle()

    def restart(self, name: str, *, damaged: bool = False) -> None:
        """Start a host again and tell all that it is connected."""
        host = self.hosts[ValidatorId(name)]
        host.start(damaged=damaged)
        for other in list(self.running()):
            if other is not host:
                other.step(PeerConnected(host.name))
                host.step(PeerConnected(other.name))

    def submit(self, transaction: bytes) -> None:
        """Give a transaction to every running host, as gossip does."""
        for host in list(self.running()):
            host.submit(transaction)

    def check(self) -> None:
        """Assert agreement: every chain is a prefix of the longest, and every certificate is valid."""
        longest = max((host.chain for host in self.hosts.values()), key=len)
        for host in self.hosts.values():
            for mine, theirs in zip(host.chain, longest, strict=False):
                assert mine.block.block_hash == theirs.block.block_hash, f"{host.name} disagrees"
                assert mine.result == theirs.result
            transactions = host.committed()
            assert len(transactions) == len(set(transactions)), "a transaction is committed once"

    def heights(self) -> dict[str, int]:
        """Return the number of blocks that each host has."""
        return {host.name: len(host.chain) for host in self.hosts.values()}


def _config(name: ValidatorId, changes: dict[str, int]) -> PbftConfig:
    values = {
        "primary_term_blocks": 1000,
        "drift_ms_max": 60_000,
        "timeout_ticks": 10,
        "timeout_ticks_max": 160,
        "resend_ticks": 4,
    } | changes
    return PbftConfig(CHAIN_ID, name, **values)  # type: ignore[arg-type]
