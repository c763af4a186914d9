"""Plays Twins scenarios with the replica alone: messages arrive at once and in order, or not at all.

There is no disk, no execution and no signature here, which the other simulation has; so a scenario takes milliseconds,
and all of them can be played. Scenarios share their first rounds: what happened there is played once and copied.
"""

import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from chain.block import Block, Header, decode_block, make_block
from chain.crypto import tagged_hash
from chain.receipt import BlockResult
from chain.types import Digest, Epoch, Height, Milliseconds, PublicKey, Signature, ValidatorId
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
    FetchBody,
    Head,
    MessageArrived,
    Output,
    PeerConnected,
    PendingChanged,
    Proposal,
    ProposeBlock,
    Restored,
    Send,
    Serve,
    Tick,
)
from consensus.pbft.messages import NONCE_BYTES
from consensus.pbft.records import RecordKind
from consensus.pbft.replica import Replica
from consensus.simulation.contract import name_of
from consensus.simulation.trace import Violation
from consensus.simulation.twins.scenario import Cast, Partition
from consensus.simulation.words import short

CHAIN_ID: Final = tagged_hash("twins")
CLOCK: Final = Milliseconds(1_000)
TIMEOUT_TICKS: Final = 2
RESEND_TICKS: Final = 2
RECOVERY_TICKS_MAX: Final = 60
"""Ticks after the last round within which everybody decides one more block: fifteen views of two resends each."""
DELIVERIES_MAX: Final = 200
"""More message delays in one round mean that replicas talk without end."""


def unsigned(tag: str, payload: bytes) -> Signature:
    """Sign nothing: no instance can speak in another's name here."""
    return Signature(bytes(64))


@dataclass(slots=True)
class Instance:
    """One copy of a validator, with what it has decided."""

    name: str
    validator_id: ValidatorId
    replica: Replica
    chain: list[Decide] = field(default_factory=list)
    logged: dict[Digest, Block] = field(default_factory=dict)
    """The bodies in its log."""
    events: deque[Event] = field(default_factory=deque)
    rested: bool = False
    """It has decided in this round and proposes no more."""


class Bench:
    """Owns the instances and what is under way between them."""

    def __init__(self, cast: Cast) -> None:
        names = [name_of(place) for place in range(cast.nodes)]
        members = [Validator(name, name, PublicKey(name.encode().ljust(32)), (b"tls",)) for name in names]
        self.validators: ValidatorSet = validator_set(Epoch(0), members)
        self._instances: dict[str, Instance] = {}
        self._copies: dict[ValidatorId, list[str]] = {name: [] for name in names}
        for name in cast.instances:
            validator_id = ValidatorId(name.removesuffix("2"))
            config = PbftConfig(
                CHAIN_ID, validator_id, 1_000, Milliseconds(10**6), TIMEOUT_TICKS, TIMEOUT_TICKS, RESEND_TICKS
            )
            self._instances[name] = Instance(name, validator_id, Replica(config, unsigned))
            self._copies[validator_id].append(name)
        self._side: Partition = frozenset(self._instances)
        self._under_way: list[tuple[str, str, Event]] = []
        self._deciders: dict[Height, Digest] = {}
        self._start()

    def _start(self) -> None:
        """Restore all, and let them testify to each other as long as all hear all."""
        for number, instance in enumerate(self._instances.values()):
            head = self._head(instance)
            instance.events.append(Restored(head, Height(1), (), bytes([number]) * NONCE_BYTES, CLOCK))
        self._settle()

    def play_message(self, side: Partition) -> None:
        """Part the network and let what is under way arrive, once; when nothing is, let time pass until something is.

        Raises:
            Violation: when two blocks are decided at one height.
        """
        self._side = side
        self._wake_all()
        for _ in range(2 * TIMEOUT_TICKS):
            if self._under_way:
                break
            self._tick()
        self._deliver()

    def play_view(self, side: Partition, *, is_first: bool) -> None:
        """Part the network, let everything arrive that still gets through, and then the view run out.

        Raises:
            Violation: when two blocks are decided at one height.
        """
        self._part(side)
        self._wake_all()
        self._settle()
        for _ in range(0 if is_first else TIMEOUT_TICKS):
            self._tick()
            self._settle()

    def recover(self) -> None:
        """Heal the network; everybody has to decide one block more than anybody had.

        Raises:
            Violation: when they do not, or decide two blocks at one height.
        """
        self._part(frozenset(self._instances))
        target = 1 + max(len(instance.chain) for instance in self._instances.values())
        for _ in range(RECOVERY_TICKS_MAX):
            for instance in self._instances.values():
                instance.rested = len(instance.chain) >= target
                instance.events.append(PendingChanged(not instance.rested))
            self._settle()
            if all(len(instance.chain) >= target for instance in self._instances.values()):
                return
            self._tick()
        heights = ", ".join(f"{name} {len(instance.chain)}" for name, instance in self._instances.items())
        raise Violation("no recovery", f"{heights}; {target} is expected")

    @property
    def blocks(self) -> int:
        """The length of the longest chain."""
        return len(self._deciders)

    def copied(self) -> Callable[[], "Bench"]:
        """Return a function that makes copies of the bench as it is now."""
        kept = pickle.dumps(self, pickle.HIGHEST_PROTOCOL)
        return lambda: pickle.loads(kept)  # noqa: S301 - made a line above

    def _part(self, side: Partition) -> None:
        before, self._side = self._side, side
        for instance in self._instances.values():
            for other in self._instances.values():
                was_open = (instance.name in before) == (other.name in before)
                if self._hears(instance, other) and not was_open and instance.validator_id != other.validator_id:
                    instance.events.append(PeerConnected(other.validator_id))

    def _wake_all(self) -> None:
        """Let everybody have a transaction to propose."""
        for instance in self._instances.values():
            instance.rested = False
            instance.events.append(PendingChanged(True))
        self._work()

    def _tick(self) -> None:
        for instance in self._instances.values():
            instance.events.append(Tick(CLOCK))
        self._work()

    def _settle(self) -> None:
        """Let messages arrive until none is under way."""
        self._work()
        for _ in range(DELIVERIES_MAX):
            if not self._under_way:
                return
            self._deliver()
        raise Violation("talks without end", f"{DELIVERIES_MAX} message delays in a round")

    def _deliver(self) -> None:
        """Let all that is under way arrive, or be lost, and what follows from it be done."""
        arriving, self._under_way = self._under_way, []
        for sender, receiver, event in arriving:
            if (sender in self._side) == (receiver in self._side):
                self._instances[receiver].events.append(event)
        self._work()

    def _work(self) -> None:
        """Let every instance take in what waits for it."""
        for instance in self._instances.values():
            while instance.events:
                self._carry_out(instance, instance.replica.step(instance.events.popleft()))

    def _carry_out(self, instance: Instance, output: Output) -> None:
        for record in output.persist:
            if record.kind is RecordKind.BODY:
                block = decode_block(record.payload)
                instance.logged[block.block_hash] = block
        for outgoing in output.send:
            self._send(instance, outgoing)
        for decided in output.decide:
            self._decide(instance, decided)
        for request in output.fetch:
            match request:
                case Execute(block):
                    instance.events.append(Executed(block.block_hash, _result_of(block)))
                case ProposeBlock(height, view) if not instance.rested:
                    instance.events.append(Proposal(height, view, self._block(instance)))
                case ProposeBlock():
                    instance.events.append(PendingChanged(False))
                case FetchBody(block_hash=block_hash, candidates=candidates):
                    self._fetch(instance, block_hash, candidates)
                case CatchUp(height, candidates):
                    self._catch_up(instance, height, candidates)

    def _send(self, instance: Instance, outgoing: Send | Serve) -> None:
        if isinstance(outgoing, Serve):
            event: Event = _certified(instance.chain[outgoing.height - 1])
            receivers: tuple[ValidatorId, ...] = (outgoing.to,)
        else:
            event = MessageArrived(instance.validator_id, outgoing.message, CLOCK, outgoing.block)
            receivers = outgoing.to
        for validator_id in receivers:
            for name in self._copies[validator_id]:
                self._under_way.append((instance.name, name, event))

    def _decide(self, instance: Instance, decided: Decide) -> None:
        height, block_hash = decided.block.header.height, decided.block.block_hash
        known = self._deciders.setdefault(height, block_hash)
        if known != block_hash:
            raise Violation("two blocks at one height", f"{short(known)} and {short(block_hash)} at {height}")
        instance.chain.append(decided)
        instance.logged.clear()
        instance.rested = True
        instance.events.append(PendingChanged(False))
        instance.events.append(Applied(self._head(instance)))

    def _fetch(self, instance: Instance, block_hash: Digest, candidates: Sequence[ValidatorId]) -> None:
        for other in (instance, *self._heard(instance, candidates)):
            decided = (item.block for item in other.chain if item.block.block_hash == block_hash)
            body = other.logged.get(block_hash) or other.replica.body(block_hash) or next(decided, None)
            if body is not None:
                instance.events.append(BodyArrived(body))
                return

    def _catch_up(self, instance: Instance, height: Height, candidates: Sequence[ValidatorId]) -> None:
        for other in self._heard(instance, candidates):
            if len(other.chain) >= height:
                instance.events.extend(_certified(item) for item in other.chain[height - 1 :])
                return

    def _heard(self, instance: Instance, names: Sequence[str]) -> Iterator[Instance]:
        """Yield the copies of validators that an instance can reach."""
        for validator_id in names:
            for name in self._copies[ValidatorId(validator_id)]:
                if self._hears(instance, self._instances[name]):
                    yield self._instances[name]

    def _hears(self, first: Instance, second: Instance) -> bool:
        return (first.name in self._side) == (second.name in self._side)

    def _head(self, instance: Instance) -> Head:
        if not instance.chain:
            return Head(Height(0), CHAIN_ID, tagged_hash("twins-result"), Milliseconds(0), None, None, self.validators)
        last = instance.chain[-1]
        header = last.block.header
        links = (last.block.block_hash, last.result.result_hash, header.time, header.proposer)
        return Head(header.height, *links, last.certificate, self.validators)

    def _block(self, instance: Instance) -> Block:
        """Return a block that no other instance would propose."""
        head = self._head(instance)
        history = tagged_hash("twins-history", head.block_hash)
        root = tagged_hash("twins-root", instance.name.encode())
        links = (CHAIN_ID, Height(head.height + 1), head.block_hash, head.result_hash, history)
        own = (Milliseconds(head.time + 1), instance.validator_id, root)
        header = Header(1, *links, *own, self.validators.validators_hash, self.validators.epoch)
        return make_block(header, [instance.name.encode()])


def _result_of(block: Block) -> BlockResult:
    next_hash = block.header.validators_hash
    return BlockResult(tagged_hash("twins-state", block.block_hash), tagged_hash("twins-receipts"), next_hash)


def _certified(decided: Decide) -> CertifiedBlock:
    return CertifiedBlock(decided.block, decided.result, decided.certificate)
