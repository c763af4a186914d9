"""Which messages would change nothing, told before any of their signatures is checked.

A validator's genuine message costs its receivers up to some dozens of signature checks each time, and it may be sent
any number of times. So the edge asks first: a message that is held already, that is lower than the one held in its
slot, that speaks of a height that is decided and was answered, or that answers a question nobody asks any more, is
dropped unread; but not the first of a slot in reach that says something else than was said there (past.py), as that is
evidence. Nothing here trusts the message: what it claims decides only whether it is looked at.

Besides the slots a message fills what is shown to a validator that starts (rule 11). A message below what was heard
of its signer adds nothing there; certificates inside it of votes that were never heard go unheard, as they would had
the message been lost.
"""

from chain.types import ValidatorId
from consensus.pbft.intake import answers_late, catches_up_now, contradicted_by
from consensus.pbft.messages import Inquiry, Message, NewView, PrePrepare, Ranked, Testimony, rank_of
from consensus.pbft.slots import Slots
from consensus.pbft.startup import is_awaited
from consensus.pbft.state import State


def is_moot(state: State, sender: ValidatorId, message: Message, *, has_body: bool) -> bool:
    """Tell whether a message, were it genuine, would change nothing; `has_body` is whether ids travel beside it."""
    if state.halted is not None or message.chain_id != state.config.chain_id:
        return True
    match message:
        case Inquiry(signer=signer):
            return state.own_validator is None or signer not in state.others
        case Testimony():
            return not is_awaited(state, message)
        case ranked:
            return _is_ranked_moot(state, sender, ranked, has_body)


def _is_ranked_moot(state: State, sender: ValidatorId, message: Ranked, has_body: bool) -> bool:
    current = state.round
    if message.epoch != state.validators.epoch or state.validators.find(message.signer) is None:
        # What is of another set starts catch-up, and what is of no validator is a fault: neither is checked further.
        return False
    heard = state.heard.get(message.signer)
    if message.signer != state.own_id and (heard is None or rank_of(heard) < rank_of(message)):
        return False
    if message.height < current.height or (message.height == current.height and current.decided is not None):
        return not answers_late(state, sender, message.height) and contradicted_by(state, message) is None
    if message.height > current.height:
        if state.ahead.get(sender, 0) < message.height:
            return False
        if message.height > current.height + state.config.buffer_heights:
            return not catches_up_now(state)
        return _is_known(state, state.buffer.get(message.height), message, has_body)
    needs_primary = isinstance(message, PrePrepare | NewView)
    if needs_primary and message.signer != state.primary_of(message.view):
        return True
    return _is_known(state, current.slots, message, has_body)


def _is_known(state: State, slots: Slots | None, message: Ranked, has_body: bool) -> bool:
    """Tell whether the slot of a message holds it, or a higher one, or one of which the signer stands accused."""
    if message.signer == state.own_id:
        return True
    known = None if slots is None else slots.get(message.signer, message.kind)
    if known is None or known.view < message.view:
        return False
    if known.view > message.view:
        return contradicted_by(state, message) is None
    if known != message:
        return (message.signer, message.kind) in state.round.accused
    return not has_body or _holds_body(state, message)


def _holds_body(state: State, message: Ranked) -> bool:
    """Tell whether the body that travels beside a PRE-PREPARE is held already."""
    assert isinstance(message, PrePrepare), "nothing else travels with a body"
    early = state.early_body
    return message.block_hash in state.round.bodies or (early is not None and early.block_hash == message.block_hash)
