"""What a replica knows: the state of the current height, what outlives heights, and how it speaks.

Everything is bounded: one message per validator and kind for each height in reach, a few bodies, one testimony
candidate per validator. `say` is the only way to a signed message of a height, and it asserts what safety rests on:
each slot of height, view and kind is filled once, and after VIEW-CHANGE no lower view is voted in.
"""

from collections.abc import Callable
from dataclasses import field, replace
from typing import Final, TypeVar

from chain.block import Block
from chain.certificate import Certificate
from chain.receipt import BlockResult
from chain.types import Digest, Height, Milliseconds, Signature, ValidatorId, View
from chain.validators import Validator, ValidatorSet
from chain.values import dataclass
from consensus.pbft.config import PbftConfig
from consensus.pbft.events import Decide, Head, Outgoing, Output, Report, Request, Send
from consensus.pbft.messages import (
    TAGS,
    Kind,
    Message,
    NewView,
    PrePrepare,
    Ranked,
    ViewChange,
    Vote,
    encode_message,
)
from consensus.pbft.past import Past
from consensus.pbft.records import Record, RecordKind
from consensus.pbft.slots import Slots

Sign = Callable[[str, bytes], Signature]
"""Signs a payload in the domain of a tag with this validator's consensus key; deterministic (RFC 8032)."""

AnyMessage = TypeVar("AnyMessage", bound=Message)

FIRST_VIEW: Final = View(0)

BLOCKS_MAX: Final = 64
"""Blocks of one height of which more than the body is remembered: found invalid, being fetched."""

EXECUTING_MAX: Final = 8
"""Blocks that the host executes at one time; each view has one, and an executor that stands still has enough."""

SAID_MAX: Final = 256
"""Messages said since the start, after which late testimonies are believed no more."""

DECIDED_MAX: Final = 64
"""Heights decided a moment ago whose late votes are passed over; those of others are answered."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The one proposal that a replica works on in a view."""

    view: View
    block_hash: Digest
    forced: Certificate | None
    """The prepared certificate that made the view propose this block again."""
    candidates: tuple[ValidatorId, ...]
    """Who should have the body, the likeliest first."""


@dataclass(slots=True)
class HeightState:
    """Everything that belongs to one height and ends with its decision (rule 5)."""

    height: Height
    view: View = FIRST_VIEW
    """The view this replica is in or strives for; it votes in no lower one."""
    entered: bool = True
    """Whether the view is in normal operation: view 0, or one whose NEW-VIEW was accepted."""
    forced: Certificate | None = None
    """What the NEW-VIEW of the entered view obliges it to propose."""
    accepted: Accepted | None = None
    slots: Slots = field(default_factory=Slots)
    prepared: Certificate | None = None
    """The own highest PREPARE certificate."""
    certificate: Certificate | None = None
    """A COMMIT certificate made of votes, while body or result are still missing."""
    decided: Certificate | None = None
    was_told: bool = False
    """Whether a peer had to give the decision to this replica, which may then lack later ones too."""
    bodies: dict[Digest, Block] = field(default_factory=dict)
    results: dict[Digest, BlockResult] = field(default_factory=dict)
    logged_results: set[Digest] = field(default_factory=set)
    """Blocks whose result was found in the log and not by this run's executor, whose state may have been rebuilt."""
    executing: set[Digest] = field(default_factory=set)
    faults: dict[Digest, int] = field(default_factory=dict)
    """Local faults in executing a block."""
    invalid: dict[Digest, str] = field(default_factory=dict)
    """Blocks that the executor found invalid, with the code."""
    fetching: set[Digest] = field(default_factory=set)
    logged: set[Digest] = field(default_factory=set)
    """Blocks whose body is in the log, for as long as the height lasts: none that was voted for is ever lost."""
    accused: set[tuple[ValidatorId, Kind]] = field(default_factory=set)
    """Whose equivocation was reported."""
    accused_of_hiding: set[ValidatorId] = field(default_factory=set)
    asked_to_propose: bool = False
    refused: View | None = None
    """The view whose proposal was found invalid; nothing can be decided in it."""
    stirred: bool = False
    """A proposal was seen that could not be accepted: something is to be decided."""
    ticks: int = 0
    """Ticks since the height began."""
    timer: int = 0
    """Ticks that the view's timer has run."""


@dataclass(slots=True)
class Outbox:
    """Collects what one step asks for."""

    persist: list[Record] = field(default_factory=list)
    send: list[Outgoing] = field(default_factory=list)
    decide: list[Decide] = field(default_factory=list)
    fetch: list[Request] = field(default_factory=list)
    report: list[Report] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.persist or self.send or self.decide or self.fetch or self.report)

    def output(self) -> Output:
        """Return the collected parts."""
        return Output(tuple(self.persist), tuple(self.send), tuple(self.decide), tuple(self.fetch), tuple(self.report))


@dataclass(slots=True)
class State:
    """All of a replica's state."""

    config: PbftConfig
    sign: Sign
    head: Head
    round: HeightState
    """The height that is being decided, head.height + 1."""
    nonce: bytes
    floor: Height
    clock: Milliseconds
    others: tuple[ValidatorId, ...]
    """All validators but this one."""
    own_bytes: frozenset[bytes]
    """Every message that the log held at the start."""
    stored: dict[Height, list[Record]]
    """Records of heights not reached yet."""
    lost_key: bytes | None = None
    """The consensus key under which votes were lost."""
    awake: bool = False
    """Whether enough others have testified since the start."""
    halted: str | None = None
    """Why this replica has stopped for good, if it has."""
    has_pending: bool = False
    complains: bool = False
    """Whether the host finds that primaries leave out a transaction that they should have taken (rule 8)."""
    now: int = 0
    """Ticks since the start."""
    witnesses: set[ValidatorId] = field(default_factory=set)
    said: set[bytes] | None = field(default_factory=set)
    """Every message said since the start, while a late testimony may still show one that was said before; then None."""
    heard: dict[ValidatorId, Ranked] = field(default_factory=dict)
    """The highest message of each validator, for testimonies."""
    buffer: dict[Height, Slots] = field(default_factory=dict)
    early_body: Block | None = None
    """The body of the next height's first proposal, which often arrives before the current height is written."""
    ahead: dict[ValidatorId, Height] = field(default_factory=dict)
    """Peers that spoke of greater heights."""
    caught_up_asked: int | None = None
    """When a catch-up was last asked for."""
    past: Past = field(default_factory=Past)
    """What was said in lower views and heights, so that saying something else there is seen."""
    decided_at: dict[Height, int] = field(default_factory=dict)
    """When recent heights were decided, while late messages for them are still normal."""
    served: dict[ValidatorId, tuple[Height, int]] = field(default_factory=dict)
    out: Outbox = field(default_factory=Outbox)

    @property
    def validators(self) -> ValidatorSet:
        """The set that decides the current height."""
        return self.head.validators

    @property
    def own_id(self) -> ValidatorId:
        """This replica's validator id."""
        return self.config.own_id

    @property
    def has_lost_votes(self) -> bool:
        """Whether amnesia forbids this validator to vote with its current key."""
        own = self.own_validator
        return own is not None and own.consensus_key == self.lost_key

    @property
    def own_validator(self) -> Validator | None:
        """This replica's entry in the set; None when it only follows."""
        return self.head.validators.find(self.config.own_id)

    @property
    def may_speak(self) -> bool:
        """Whether this replica may sign messages of the current height."""
        if not self.awake or self.round.height < self.floor:
            return False
        own = self.own_validator
        return own is not None and own.consensus_key != self.lost_key

    def primary_of(self, view: View) -> ValidatorId:
        """Return the primary of a view of the current height."""
        return self.validators.primary(self.round.height, view, self.head.proposer, self.config.primary_term_blocks)

    def own(self, kind: Kind) -> Ranked | None:
        """Return the own latest message of a kind at the current height."""
        return self.round.slots.get(self.own_id, kind)

    def own_view(self, kind: Kind) -> int:
        """Return the view of the own latest message of a kind, or -1."""
        message = self.round.slots.get(self.config.own_id, kind)
        return -1 if message is None else message.view


def others_of(validators: ValidatorSet, own_id: ValidatorId) -> tuple[ValidatorId, ...]:
    """Return all validators but one."""
    return tuple(validator for validator in validators.ids if validator != own_id)


def view_changes_of(state: State) -> list[ViewChange]:
    """Return all validators' latest VIEW-CHANGEs, in ascending order of signer."""
    changes = state.round.slots.view_changes
    return [changes[signer] for signer in sorted(changes)]


def doubt_logged_result(state: State, certificate: Certificate) -> None:
    """Forget a logged result that a certificate contradicts, so that the block is executed again and then judged.

    The vote that went with it was said and stays said; but the state that it came from may have been rebuilt since.
    """
    current, subject = state.round, certificate.subject
    result = current.results.get(subject.block_hash)
    if result is None or subject.block_hash not in current.logged_results or result.result_hash == subject.result_hash:
        return
    current.logged_results.discard(subject.block_hash)
    del current.results[subject.block_hash]


def signed(state: State, message: AnyMessage) -> AnyMessage:
    """Return the message with this validator's signature."""
    return replace(message, signature=state.sign(TAGS[message.kind], message.payload))


def say(state: State, unsigned: ViewChange | NewView | PrePrepare | Vote, block: Block | None = None) -> None:
    """Sign a message of the current height, write it to the log, count it, and send it to all others (rule 10)."""
    assert state.may_speak, "only an awake validator with its memory speaks"
    assert unsigned.height == state.round.height, "nothing is said about another height"
    assert state.own_view(unsigned.kind) < unsigned.view, "a slot is filled once, and views only grow"
    assert unsigned.view >= state.own_view(Kind.VIEW_CHANGE), "after VIEW-CHANGE no lower view is spoken in"
    message = signed(state, unsigned)
    encoded = encode_message(message)
    state.out.persist.append(Record(RecordKind.MESSAGE, message.height, encoded))
    state.round.slots.put(message)
    if state.said is not None:
        state.said.add(encoded)
        if len(state.said) >= SAID_MAX:
            state.said = None
    others = state.others
    if others:
        state.out.send.append(Send(others, message, block))


def log_heard(state: State, message: Ranked) -> None:
    """Log what another has said and an own vote rests on: should all restart at once, somebody still knows of it."""
    if message.signer != state.own_id:
        state.out.persist.append(Record(RecordKind.HEARD, message.height, encode_message(message)))


def note_decided(state: State, height: Height) -> None:
    """Remember when a height was decided, as long as late votes for it are normal."""
    state.decided_at.setdefault(height, state.now)
    if len(state.decided_at) > DECIDED_MAX:
        del state.decided_at[min(state.decided_at)]


def note_invalid(state: State, block_hash: Digest, code: str) -> None:
    """Remember a block that was found invalid, in place of the oldest if there are too many."""
    invalid = state.round.invalid
    invalid[block_hash] = code
    if len(invalid) > BLOCKS_MAX:
        del invalid[next(iter(invalid))]


def keep_body(state: State, block: Block) -> None:
    """Keep a block of the current height in memory, giving up the oldest that nothing needs if there are too many.

    What is given up here is not lost: whatever this replica voted for or proposed is in the log, and its host looks
    there first when a view comes back to it or a peer asks.
    """
    current = state.round
    if block.block_hash in current.bodies:
        return
    needed = {item.block_hash for item in (current.accepted,) if item is not None}
    needed |= {item.subject.block_hash for item in (current.prepared, current.certificate) if item is not None}
    while len(current.bodies) >= state.config.bodies_max:
        spare = next((known for known in current.bodies if known not in needed), None)
        if spare is None:
            return
        del current.bodies[spare]
        current.results.pop(spare, None)
    current.bodies[block.block_hash] = block
    current.fetching.discard(block.block_hash)
