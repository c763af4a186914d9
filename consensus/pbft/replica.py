"""The PBFT replica: a deterministic state machine from events to outputs, without input or output of its own.

Theory. Replicas move through heights; at each they agree on one block, in views 0, 1, 2 ... each led by a primary
(Castro and Liskov, section 4). The primary proposes (PRE-PREPARE); replicas that executed the block say what came out
(PREPARE); who sees a quorum of equal PREPAREs is prepared and says so (COMMIT); a quorum of equal COMMITs is the
block's certificate. When that takes too long they change the view (view_change.py), and what may have been decided
is proposed again (rules.py says why that is enough).

How it works. An event changes what the replica knows; then every transition whose conditions hold is taken, until
none is (`_TRANSITIONS`, in order of importance). Each transition is a small function that states its conditions, so
that nothing depends on the order in which messages come in. After votes only few need to be looked at (`_AFTER`).

    replica.py      this file: dispatch of events
    startup.py      restoring, silence after a start        intake.py   receiving, buffering, late messages
    normal.py       the normal case                         heights.py  from height to height, loading the log
    view_change.py  leaving and entering views              rules.py    pure decisions
    state.py        what is known, and `say`                bounds.py    how much of each kind is known
    moot.py         messages that would change nothing     past.py     what was said in views and heights that are over
    messages.py, records.py, events.py, config.py: the values

It must not read a clock, draw random numbers, log, or touch disk and network: the host does (consensus/driver.py).
"""

from collections.abc import Callable
from typing import Final

from chain.block import Block
from chain.types import Digest, Height, ValidatorId, View
from chain.values import dataclass
from consensus.pbft import heights, intake, normal, startup, view_change
from consensus.pbft.bounds import Kept, kept_by
from consensus.pbft.config import PbftConfig
from consensus.pbft.events import (
    NOTHING,
    Applied,
    BodyArrived,
    CertifiedBlock,
    Event,
    Executed,
    ExecutionFault,
    ExecutionInvalid,
    LeftOutChanged,
    MessageArrived,
    Output,
    PeerConnected,
    PendingChanged,
    Proposal,
    Restored,
    Tick,
)
from consensus.pbft.messages import Inquiry, Kind, Message, Testimony, Vote
from consensus.pbft.moot import is_moot
from consensus.pbft.state import Outbox, Sign, State, keep_body, note_invalid, view_changes_of

Transition = Callable[[State], bool]

_TRANSITIONS: tuple[Transition, ...] = (
    startup.awake,
    normal.certify,
    normal.decide,
    normal.judge_invalid,
    view_change.leave_refused_view,
    view_change.join_view,
    view_change.make_new_view,
    view_change.enter_view,
    view_change.complain,
    normal.accept_proposal,
    normal.fetch_body,
    normal.execute,
    normal.prepare,
    normal.commit,
    normal.ask_for_proposal,
)


_AFTER: Final[dict[Kind, tuple[Transition, ...]]] = {
    Kind.PREPARE: (normal.commit,),
    Kind.COMMIT: (normal.certify,),
    Kind.VIEW_CHANGE: (view_change.join_view, view_change.make_new_view),
}
"""Before an event no transition's conditions hold. These messages do no more than to fill a slot, and these transitions
are all that look at such a slot; if none of them is taken, none at all can be. Most messages are of these kinds."""


@dataclass(frozen=True, slots=True)
class Status:
    """What an operator wants to know of a replica."""

    height: Height
    """The height that is being decided."""
    view: View
    primary: ValidatorId
    is_changing_view: bool
    votes: bool
    """Whether this replica takes part."""
    why_not: str | None
    """The reason when it does not.

    One of not_a_validator, lost_votes, waiting_for_testimony, below_log, diverged, cannot_execute.
    """


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who has said what about the height that is being decided, as far as this replica has heard; itself included."""

    has_proposal: bool
    """Whether a proposal of the current view was accepted here."""
    prepares: tuple[ValidatorId, ...]
    """Whose PREPARE of the current view is here."""
    commits: tuple[ValidatorId, ...]
    """Whose COMMIT of the current view is here."""
    view_changes: tuple[tuple[ValidatorId, View], ...]
    """Who strives for a view above 0, and for which."""


class Replica:
    """One replica of one chain."""

    def __init__(self, config: PbftConfig, sign: Sign) -> None:
        """Make a replica; its first event must be Restored."""
        self._config = config
        self._sign = sign
        self._state: State | None = None

    def step(self, event: Event) -> Output:
        """Take in one event and return what is to be done about it, in the order of Output's fields."""
        if isinstance(event, Restored):
            assert self._state is None, "a replica is restored once"
            self._state = startup.restore(self._config, self._sign, event)
        assert self._state is not None, "the first event is Restored"
        state = self._state
        if state.halted is not None:
            return NOTHING
        if isinstance(event, Restored):
            _advance(state)
        else:
            _handle(state, event)
        if state.out.is_empty:
            return NOTHING
        outbox, state.out = state.out, Outbox()
        return outbox.output()

    def is_moot(self, sender: ValidatorId, message: Message, *, has_body: bool) -> bool:
        """Tell whether a message that was not checked yet would change nothing, so that it need not be."""
        return self._state is not None and is_moot(self._state, sender, message, has_body=has_body)

    def body(self, block_hash: Digest) -> Block | None:
        """Return a block of the current height that is kept here, for peers that ask for it."""
        return None if self._state is None else self._state.round.bodies.get(block_hash)

    @property
    def spoken(self) -> Spoken:
        """Who has said what about the present height."""
        state = self._state
        assert state is not None, "the first event is Restored"
        current = state.round

        def voters(votes: dict[ValidatorId, Vote]) -> tuple[ValidatorId, ...]:
            return tuple(signer for signer in sorted(votes) if votes[signer].view == current.view)

        changes = tuple((change.signer, change.view) for change in view_changes_of(state))
        slots = current.slots
        return Spoken(current.accepted is not None, voters(slots.prepares), voters(slots.commits), changes)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """How much is kept in memory of each kind, beside how much may be."""
        assert self._state is not None, "the first event is Restored"
        return kept_by(self._state)

    @property
    def status(self) -> Status:
        """What this replica is doing."""
        state = self._state
        assert state is not None, "the first event is Restored"
        current = state.round
        why_not = _why_silent(state)
        primary = state.primary_of(current.view)
        return Status(current.height, current.view, primary, not current.entered, why_not is None, why_not)


def _handle(state: State, event: Event) -> None:
    """Take an event in, and every transition that it makes possible."""
    match event:
        case MessageArrived():
            _receive(state, event)
            return
        case Tick():
            if not _tick(state, event):
                return
        case BodyArrived(block=block):
            if block.block_hash in state.round.fetching:
                keep_body(state, block)
        case PendingChanged(has_pending=has_pending):
            if has_pending == state.has_pending:
                return
            state.has_pending = has_pending
            state.round.asked_to_propose &= has_pending
        case LeftOutChanged(is_left_out=is_left_out):
            state.complains = is_left_out
        case Proposal():
            normal.propose(state, event)
        case Executed(block_hash=block_hash, result=result):
            if _was_executing(state, event):
                state.round.results[block_hash] = result
        case ExecutionInvalid(block_hash=block_hash, code=code):
            if _was_executing(state, event):
                note_invalid(state, block_hash, code)
        case ExecutionFault(block_hash=block_hash):
            if _was_executing(state, event):
                state.round.faults[block_hash] = state.round.faults.get(block_hash, 0) + 1
        case CertifiedBlock():
            heights.take_certified(state, event)
        case Applied():
            was_validator = state.validators.find(state.own_id) is not None
            heights.take_applied(state, event)
            if not was_validator:
                startup.inquire(state, state.others)
        case PeerConnected(peer=peer):
            startup.inquire(state, (peer,))
            view_change.resend(state, (peer,))
            return
    _advance(state)


def _receive(state: State, event: MessageArrived) -> None:
    state.clock = event.clock
    if event.message.chain_id != state.config.chain_id:
        return
    match event.message:
        case Inquiry():
            startup.testify(state, event.message)
            return
        case Testimony():
            startup.take_testimony(state, event.message)
            if not _take_one(state, (startup.awake,)):
                return
        case ranked:
            intake.receive(state, event, ranked)
            few = _AFTER.get(ranked.kind)
            if few is not None and not _take_one(state, few):
                return
    _advance(state)


def _was_executing(state: State, event: Executed | ExecutionInvalid | ExecutionFault) -> bool:
    was_executing = event.block_hash in state.round.executing
    state.round.executing.discard(event.block_hash)
    return was_executing


def _tick(state: State, event: Tick) -> bool:
    """Count a unit of time; most pass without anything to do."""
    state.clock = event.clock
    state.now += 1
    state.round.ticks += 1
    heights.forget_late(state)
    if state.round.decided is not None:
        return False
    has_left = view_change.count_tick(state)
    is_resending = state.round.ticks % state.config.resend_ticks == 0
    if is_resending:
        startup.inquire(state, state.others)
        view_change.resend(state, state.others)
        intake.ask_to_catch_up(state)
        # What was asked of peers may be lost; what was asked of the own host is not.
        state.round.fetching.clear()
    return has_left or is_resending


def _advance(state: State) -> None:
    """Take every transition whose conditions hold, until none is left."""
    while _take_one(state, _TRANSITIONS):
        pass


def _take_one(state: State, transitions: tuple[Transition, ...]) -> bool:
    """Take the first transition whose conditions hold; return whether there was one."""
    if state.halted is not None or state.round.decided is not None:
        return False
    for transition in transitions:  # noqa: SIM110 - a generator would double the cost of looking, a hundred times a block
        if transition(state):
            return True
    return False


def _why_silent(state: State) -> str | None:
    if state.halted is not None:
        return state.halted
    if state.validators.find(state.own_id) is None:
        return "not_a_validator"
    if state.has_lost_votes:
        return "lost_votes"
    if not state.awake:
        return "waiting_for_testimony"
    return None if state.may_speak else "below_log"
