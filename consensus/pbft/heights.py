"""From one height to the next: what a decided block leaves behind, and what the log still says about the next one."""

from chain.block import decode_block
from chain.certificate import decode_certificate
from chain.encoding import decode
from chain.receipt import decode_result
from chain.types import Digest, Height
from consensus.pbft.events import Applied, CertifiedBlock, Decide, Diverged, Head
from consensus.pbft.intake import go_on_catching_up, hear, hear_certificate, take_buffered
from consensus.pbft.messages import Inquiry, Kind, NewView, Testimony, Vote, decode_message
from consensus.pbft.normal import conclude, diverge
from consensus.pbft.records import Record, RecordKind
from consensus.pbft.rules import choice_of
from consensus.pbft.state import Accepted, HeightState, State, doubt_logged_result, keep_body, note_decided, others_of


def take_certified(state: State, event: CertifiedBlock) -> None:
    """Decide by a certificate that a peer gave, in whatever view this replica is."""
    current = state.round
    if event.block.header.height != current.height or current.decided is not None:
        return
    subject = event.certificate.subject
    assert subject.block_hash == event.block.block_hash, "the edge checked that the certificate is this block's"
    assert subject.result_hash == event.result.result_hash, "the edge checked that the result is the certified one"
    doubt_logged_result(state, event.certificate)
    own = current.results.get(event.block.block_hash)
    if event.block.block_hash in current.invalid or (own is not None and own.result_hash != subject.result_hash):
        diverge(state, event.certificate, own)
        return
    # A body that is held was checked, executed and perhaps logged; nothing that comes later replaces it.
    block = current.bodies.setdefault(event.block.block_hash, event.block)
    current.was_told = True
    conclude(state, Decide(block, event.result, event.certificate))


def take_applied(state: State, event: Applied) -> None:
    """Begin the next height, or stop when the state that was written is not the certified one."""
    head, current = event.head, state.round
    if head.height < current.height:
        return
    certificate = head.certificate
    assert certificate is not None, "a stored block has its certificate"
    if certificate.subject.result_hash != head.result_hash:
        state.halted = "diverged"
        certified = certificate.subject.result_hash
        state.out.report.append(Diverged(head.height, head.block_hash, head.result_hash, certified))
        return
    if head.height == current.height and current.decided is not None:
        assert current.decided.subject.block_hash == head.block_hash, "one block is decided a height"
    note_decided(state, head.height)
    hear_certificate(state, certificate)
    begin_height(state, head)
    if current.was_told:
        go_on_catching_up(state, certificate)


def begin_height(state: State, head: Head) -> None:
    """Start at view 0 of the height above `head`, with what the log and the buffer hold for it (rule 5)."""
    for message in state.round.slots:
        state.past.keep(message)
    state.past.forget_below(Height(head.height + 1))
    state.head = head
    state.others = others_of(head.validators, state.own_id)
    state.round = HeightState(Height(head.height + 1))
    state.heard = {key: value for key, value in state.heard.items() if head.validators.find(key) is not None}
    state.served = {key: value for key, value in state.served.items() if head.validators.find(key) is not None}
    for height in [height for height in state.stored if height <= state.round.height]:
        records = state.stored.pop(height)
        if height == state.round.height:
            _load(state, records)
    take_buffered(state)


def forget_late(state: State) -> None:
    """Stop taking messages for heights decided a while ago for the last votes still under way."""
    grace = max(1, state.config.resend_ticks // 2)
    state.decided_at = {height: tick for height, tick in state.decided_at.items() if state.now - tick < grace}


def hear_logged(state: State, record: Record) -> None:
    """Remember what the log holds of others: their messages, and the votes in certificates and view changes."""
    if record.kind is RecordKind.PREPARED:
        hear_certificate(state, decode_certificate(record.payload))
    elif record.kind in (RecordKind.HEARD, RecordKind.MESSAGE):
        message = decode_message(record.payload)
        assert not isinstance(message, Inquiry | Testimony), "these are not logged"
        hear(state, message)


def _load(state: State, records: list[Record]) -> None:
    """Restore what this replica had said and promised at a height: stored bytes are sent again, never made anew."""
    current = state.round
    for record in records:
        match record.kind:
            case RecordKind.MESSAGE:
                message = decode_message(record.payload)
                assert not isinstance(message, Inquiry | Testimony), "these are not logged"
                hear(state, message)
                if state.own_view(message.kind) < message.view:
                    current.slots.put(message)
            case RecordKind.PREPARED:
                current.prepared = decode_certificate(record.payload)
                hear_certificate(state, current.prepared)
            case RecordKind.HEARD:
                hear_logged(state, record)
            case RecordKind.RESULT:
                block_hash, result = decode(record.payload)
                current.results[Digest(block_hash)] = decode_result(result)
                current.logged_results.add(Digest(block_hash))
    _load_view(state)
    _load_bodies(state, records)


def _load_view(state: State) -> None:
    """Find the view that the log left off in.

    Whoever sent PREPARE in a view had entered it and accepted that block; whoever sent NEW-VIEW had entered it too.
    In any other view above 0 the replica waits for its NEW-VIEW, which the primary sends again.
    """
    current = state.round
    own = [message for message in current.slots if message.signer == state.own_id]
    current.view = max((message.view for message in own), default=current.view)
    prepare = state.own(Kind.PREPARE)
    new_view = state.own(Kind.NEW_VIEW)
    current.entered = current.view == 0
    if isinstance(new_view, NewView) and new_view.view == current.view:
        current.entered = True
        current.forced = choice_of(new_view.view_changes)
    if isinstance(prepare, Vote) and prepare.view == current.view:
        current.entered = True
        current.accepted = Accepted(current.view, prepare.subject.block_hash, current.forced, state.others)


def _load_bodies(state: State, records: list[Record]) -> None:
    """Keep in memory the bodies that were logged last, and those of the accepted and the prepared block in any case."""
    current = state.round
    for record in records:
        if record.kind is RecordKind.BODY:
            block = decode_block(record.payload)
            current.logged.add(block.block_hash)
            keep_body(state, block)
    current.results = {key: value for key, value in current.results.items() if key in current.bodies}
