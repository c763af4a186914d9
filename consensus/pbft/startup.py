"""Starting: restoring from the log, and keeping silent until others have testified (rule 11).

A replica is safe across crashes because it writes before it speaks. If what it wrote is lost (a wiped disk, an old
backup), it might sign a second message for a slot. So a validator that starts asks the others for the highest message
signed by itself that they hold, and says nothing else until quorum - 1 of them have answered. Whoever is silent
answers too, so that a cluster that starts as a whole gets going. A message at or above the log's floor whose bytes the
log does not hold proves that votes were lost; the validator then stays a learner, and its log says so from then on,
until its key is replaced. The floor and not the certified head decides, because the head may have come from others: a
node that was wiped and joined by a snapshot is not excused from what it signed before (ADR 0016). That is at least as
strict as comparing with the highest logged message alone.
"""

from chain.types import Height, ValidatorId
from consensus.pbft.config import PbftConfig
from consensus.pbft.events import Awoke, LostVotes, Restored, Send
from consensus.pbft.heights import begin_height, hear_logged
from consensus.pbft.intake import hear_certificate
from consensus.pbft.messages import Inquiry, Ranked, Testimony, encode_message
from consensus.pbft.normal import UNSIGNED
from consensus.pbft.records import EVER, Record, RecordKind, amnesia
from consensus.pbft.state import HeightState, Sign, State, others_of, signed
from consensus.pbft.view_change import resend


def restore(config: PbftConfig, sign: Sign, event: Restored) -> State:
    """Return the state of a replica that starts with this head and log."""
    head = event.head
    own_bytes = frozenset(record.payload for record in event.records if record.kind is RecordKind.MESSAGE)
    stored: dict[Height, list[Record]] = {}
    for record in event.records:
        if head.height < record.height < EVER:
            stored.setdefault(record.height, []).append(record)
    state = State(
        config=config,
        sign=sign,
        head=head,
        round=HeightState(Height(head.height + 1)),
        nonce=event.nonce,
        floor=event.floor,
        clock=event.clock,
        others=others_of(head.validators, config.own_id),
        own_bytes=own_bytes,
        stored=stored,
    )
    for record in event.records:
        if record.kind is RecordKind.AMNESIA:
            state.lost_key = record.payload
    hear_certificate(state, head.certificate)
    for record in event.records:
        # The head's certificate does not name all who voted, and the log may reach beyond it where blocks were lost.
        # What it still has of lower heights counts no more.
        if record.height >= head.height:
            hear_logged(state, record)
    begin_height(state, head)
    if state.has_lost_votes or event.damaged:
        _lose_votes(state, None, None)
    inquire(state, state.others)
    return state


def inquire(state: State, to: tuple[ValidatorId, ...]) -> None:
    """Ask others what they hold of this validator, unless it is awake, a learner or no validator."""
    is_validator = state.validators.find(state.own_id) is not None
    if state.awake or state.has_lost_votes or not is_validator:
        return
    recipients = tuple(validator for validator in to if validator in state.others)
    if recipients:
        inquiry = signed(state, Inquiry(state.config.chain_id, state.nonce, state.own_id, UNSIGNED))
        state.out.send.append(Send(recipients, inquiry))


def testify(state: State, inquiry: Inquiry) -> None:
    """Answer an inquiry, awake or not."""
    if state.validators.find(state.own_id) is None or inquiry.signer not in state.others:
        return
    highest = state.heard.get(inquiry.signer)
    testimony = Testimony(state.config.chain_id, inquiry.nonce, inquiry.signer, highest, state.own_id, UNSIGNED)
    state.out.send.append(Send((inquiry.signer,), signed(state, testimony)))


def is_awaited(state: State, testimony: Testimony) -> bool:
    """Tell whether a testimony can still matter: until votes are lost, or much was said, and after waking once each."""
    is_ours = testimony.about == state.own_id and testimony.nonce == state.nonce
    if not is_ours or testimony.signer not in state.others or state.has_lost_votes or state.said is None:
        return False
    return not (state.awake and testimony.signer in state.witnesses)


def take_testimony(state: State, testimony: Testimony) -> None:
    """Count an answer to this start's inquiry, and look whether it shows something that the log does not hold.

    An answer that comes after waking proves as much: it ends what should not have begun.
    """
    if not is_awaited(state, testimony):
        return
    shown = testimony.highest
    if shown is not None and shown.height >= state.floor:
        encoded = encode_message(shown)
        if encoded not in state.own_bytes and encoded not in (state.said or ()):
            _lose_votes(state, shown, testimony.signer)
            return
    state.witnesses.add(testimony.signer)


def awake(state: State) -> bool:
    """Begin to speak once quorum - 1 others have testified; what was said before the start is sent again."""
    if state.awake or state.has_lost_votes or state.validators.find(state.own_id) is None:
        return False
    if len(state.witnesses.intersection(state.others)) < state.validators.quorum - 1:
        return False
    state.awake = True
    state.out.report.append(Awoke())
    resend(state, state.others)
    return True


def _lose_votes(state: State, shown: Ranked | None, witness: ValidatorId | None) -> None:
    own = state.validators.find(state.own_id)
    if own is None:
        return
    if not state.has_lost_votes:
        state.lost_key = own.consensus_key
        state.out.persist.append(amnesia(own.consensus_key))
    state.out.report.append(LostVotes(shown, witness))
