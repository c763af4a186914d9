"""Receiving: which messages are kept, for how long, and how those of other heights are answered (rules 6 and 7).

Of each validator and kind one message a height is kept, the one with the highest view: a liar fills only its own
slots, and no view is too far away to be kept. Heights in reach are buffered, those beyond start a catch-up, those
already decided are answered with block and certificate.
"""

from chain.block import Block
from chain.certificate import Certificate, Phase
from chain.types import Height, ValidatorId, View
from consensus.pbft.events import BadProposal, CatchUp, Equivocation, HidPrepared, MessageArrived, Serve
from consensus.pbft.messages import Kind, NewView, PrePrepare, Ranked, ViewChange, Vote, rank_of
from consensus.pbft.rules import is_drifted
from consensus.pbft.slots import Slots
from consensus.pbft.state import State, keep_body


def receive(state: State, event: MessageArrived, message: Ranked) -> None:
    """Take in a message that belongs to a height."""
    hear(state, message)
    current = state.round
    if message.height < current.height or (message.height == current.height and current.decided is not None):
        _look_for_contradiction(state, message)
        _answer_late(state, event.sender, message.height)
        return
    if message.height > current.height:
        state.ahead[event.sender] = max(message.height, state.ahead.get(event.sender, message.height))
    if message.height > current.height + state.config.buffer_heights:
        ask_to_catch_up(state)
        return
    if isinstance(message, PrePrepare) and _is_refused_for_drift(state, message):
        return
    if message.height > current.height:
        _keep_highest(state, state.buffer.setdefault(message.height, Slots()), message)
        _keep_early_body(state, message, event.block)
        return
    take(state, message)
    if event.block is not None and isinstance(message, PrePrepare):
        _keep_proposed_body(state, message, event.block)


def take(state: State, message: Ranked) -> None:
    """Put a message of the current height into its slot; a NEW-VIEW also shows the VIEW-CHANGEs inside it."""
    needs_primary = isinstance(message, PrePrepare | NewView)
    if needs_primary and message.signer != state.primary_of(message.view):
        return
    if not _keep_highest(state, state.round.slots, message):
        return
    _look_for_hiding(state, message.signer)
    for change in message.view_changes if isinstance(message, NewView) else ():
        if _keep_highest(state, state.round.slots, change):
            _look_for_hiding(state, change.signer)


def take_buffered(state: State) -> None:
    """Take what was buffered for the height that begins, and forget what was buffered for heights below."""
    current = state.round
    for height in sorted(state.buffer):
        if height > current.height:
            break
        slots = state.buffer.pop(height)
        if height == current.height:
            for message in sorted(slots, key=lambda message: (message.kind, message.signer)):
                take(state, message)
    block, state.early_body = state.early_body, None
    if block is not None and block.header.height == current.height:
        proposal = current.slots.pre_prepares.get(state.primary_of(View(0)))
        if proposal is not None:
            _keep_proposed_body(state, proposal, block)
    state.ahead = {peer: height for peer, height in state.ahead.items() if height > current.height}


def hear(state: State, message: Ranked) -> None:
    """Remember a validator's highest message, with all that is inside it, in order to testify (rule 11)."""
    known = state.heard.get(message.signer)
    is_validator = state.validators.find(message.signer) is not None
    if is_validator and (known is None or rank_of(known) < rank_of(message)):
        state.heard[message.signer] = message
    match message:
        case NewView(view_changes=changes):
            for change in changes:
                hear(state, change)
        case ViewChange(last=last, prepared=prepared):
            for certificate in (last, prepared):
                hear_certificate(state, certificate)


def hear_certificate(state: State, certificate: Certificate | None) -> None:
    """Remember the votes in a certificate, as `hear` does."""
    if certificate is not None:
        subject = certificate.subject
        kind = Kind.PREPARE if certificate.phase is Phase.PREPARE else Kind.COMMIT
        rank = (subject.height, subject.view, kind)
        for signer, signature in certificate.signatures:
            known = state.heard.get(signer)
            if known is None or rank_of(known) < rank:
                hear(state, Vote(certificate.phase, subject, signer, signature))


def ask_to_catch_up(state: State) -> None:
    """Ask for certified blocks from those that are ahead, at most once an interval.

    Who sent COMMIT for what is certified here may have decided it by now, and then has nothing but the whole to give.
    """
    current = state.round
    candidates = sorted(state.ahead, key=lambda peer: (-state.ahead[peer], peer))
    if current.certificate is not None:
        candidates += [signer for signer in _signers(state, current.certificate) if signer not in state.ahead]
    _catch_up(state, candidates)


def go_on_catching_up(state: State, certificate: Certificate) -> None:
    """Ask those who decided a block that this replica had to be given for what came after it."""
    _catch_up(state, _signers(state, certificate))


def answers_late(state: State, peer: ValidatorId, height: Height) -> bool:
    """Tell whether a message for a decided height is answered now with its block and certificate (rule 7)."""
    # Right after a decision the last votes still come in; only who goes on speaking has missed it.
    if height in state.decided_at:
        return False
    last_height, last_tick = state.served.get(peer, (Height(0), 0))
    return height > last_height or state.now - last_tick >= state.config.resend_ticks


def catches_up_now(state: State) -> bool:
    """Tell whether certified blocks may be asked for now, an interval after they were last."""
    is_recent = state.caught_up_asked is not None and state.now - state.caught_up_asked < state.config.resend_ticks
    return not is_recent and state.round.decided is None


def _catch_up(state: State, candidates: list[ValidatorId]) -> None:
    if not candidates or not catches_up_now(state):
        return
    state.caught_up_asked = state.now
    state.out.fetch.append(CatchUp(state.round.height, tuple(candidates)))


def _signers(state: State, certificate: Certificate) -> list[ValidatorId]:
    return [signer for signer, _ in certificate.signatures if signer != state.own_id]


def _answer_late(state: State, peer: ValidatorId, height: Height) -> None:
    if answers_late(state, peer, height):
        state.served[peer] = (height, state.now)
        state.out.send.append(Serve(height, peer))


def _keep_highest(state: State, slots: Slots, message: Ranked) -> bool:
    if message.signer == state.own_id or state.validators.find(message.signer) is None:
        return False
    known = slots.get(message.signer, message.kind)
    if known is not None and known.view >= message.view:
        slot = (message.signer, message.kind)
        if known.view == message.view and known != message and slot not in state.round.accused:
            state.round.accused.add(slot)
            state.out.report.append(Equivocation(known, message))
        elif known.view > message.view:
            _look_for_contradiction(state, message)
        return False
    if known is not None:
        state.past.keep(known)
    slots.put(message)
    return True


def contradicted_by(state: State, message: Ranked) -> Ranked | None:
    """Return what a message for a view or height that is over contradicts, if it is remembered and was not told of."""
    current = state.round
    held = current.slots.get(message.signer, message.kind) if message.height == current.height else None
    return None if message.signer == state.own_id else state.past.other(message, held)


def _look_for_contradiction(state: State, message: Ranked) -> None:
    known = contradicted_by(state, message)
    if known is not None:
        state.past.accuse(message)
        state.out.report.append(Equivocation(known, message))


def _look_for_hiding(state: State, signer: ValidatorId) -> None:
    """Compare a validator's COMMIT with what its VIEW-CHANGE to a higher view shows (section 4.4)."""
    slots, accused = state.round.slots, state.round.accused_of_hiding
    change, commit = slots.view_changes.get(signer), slots.commits.get(signer)
    if change is None or commit is None or commit.view >= change.view or signer in accused:
        return
    if change.prepared is None or change.prepared.subject.view < commit.view:
        accused.add(signer)
        state.out.report.append(HidPrepared(change, commit))


def _is_refused_for_drift(state: State, message: PrePrepare) -> bool:
    """Compare a fresh proposal's time with the clock, once: when it first comes in (rule 4)."""
    slots = state.round.slots if message.height == state.round.height else state.buffer.get(message.height, Slots())
    is_known = slots.pre_prepares.get(message.signer) == message
    accepted = state.round.accepted
    is_known |= accepted is not None and accepted.block_hash == message.block_hash
    if is_known or not is_drifted(message.decoded_header.time, state.clock, state.config):
        return False
    if message.height == state.round.height:
        state.round.stirred = True
    state.out.report.append(BadProposal(message.height, message.view, message.signer, "clock_drift", message))
    return True


def _keep_proposed_body(state: State, message: PrePrepare, block: Block) -> None:
    held = state.round.slots.pre_prepares.get(message.signer)
    if held == message and block.block_hash == message.block_hash:
        keep_body(state, block)


def _keep_early_body(state: State, message: PrePrepare | Ranked, block: Block | None) -> None:
    """Keep one body of the next height: that of the validator whose turn it will be."""
    current = state.round
    if block is None or message.height != current.height + 1 or message.view != 0:
        return
    certificate = current.decided or current.certificate
    decided = current.accepted.block_hash if current.accepted is not None else None
    decided = certificate.subject.block_hash if certificate is not None else decided
    body = None if decided is None else current.bodies.get(decided)
    proposer = state.primary_of(current.view) if body is None else body.header.proposer
    term = state.config.primary_term_blocks
    if message.signer == state.validators.primary(message.height, View(0), proposer, term):
        state.early_body = block
