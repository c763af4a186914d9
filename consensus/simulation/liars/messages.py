"""Lies that nobody has asked for: old messages again, foreign ones, far ones, and view changes without end."""

from dataclasses import replace
from typing import Final, TypeVar

from chain.block import decode_block
from chain.certificate import Certificate, Phase, decode_certificate, join_certified_block, split_certified_block
from chain.crypto import tagged_hash
from chain.encoding import INT_MAX, decode, encode
from chain.types import Epoch, Height, Signature, ValidatorId, View
from consensus.pbft.messages import (
    Inquiry,
    Message,
    NewView,
    PrePrepare,
    Ranked,
    Testimony,
    ViewChange,
    Vote,
    decode_message,
    encode_message,
)
from consensus.simulation.liars.certificates import forged
from consensus.simulation.liars.craft import Craft
from consensus.simulation.liars.lies import Told
from consensus.simulation.packet import Channel, Packet

FAR_AWAY: Final = (1, 2, 3, 4, 5, 100, 2**31, 2**32, 2**53, 2**62, INT_MAX)
"""How far a number is moved, or what it becomes if that would not fit."""

AnyRanked = TypeVar("AnyRanked", ViewChange, NewView, PrePrepare, Vote)


def replayed(craft: Craft) -> Told | None:
    """Say again what somebody else said earlier, or what the same key signed on another chain or in another epoch."""
    if not craft.heard:
        return None
    payload = craft.chance.choice(craft.heard)
    match craft.chance.randrange(3):
        case 0:
            payload = _foreign(craft, payload, chain=True)
        case 1:
            payload = _foreign(craft, payload, chain=False)
    return Told(craft.some_others(), Packet(Channel.CONSENSUS, payload))


def far_message(craft: Craft) -> Told | None:
    """Say something, validly signed, about a view or a height far away."""
    own = _some_message(craft)
    if own is None:
        return None
    draw = craft.chance.randrange(3)
    height = own.height if draw == 0 else Height(_moved(craft, own.height))
    view = own.view if draw == 1 else View(_moved(craft, own.view))
    return Told(craft.some_others(), craft.signed(_placed(own, height, view, craft.name)))


def far_view(craft: Craft) -> Told | None:
    """Demand a view far away of the height that is being decided."""
    return demanded_view(craft, craft.chance.choice(FAR_AWAY))


def demanded_view(craft: Craft, view: int) -> Told | None:
    """Demand a view of the height that is being decided."""
    if craft.insight is None:
        return None
    head = craft.insight.head
    place = (craft.genesis.genesis_hash, head.validators.epoch, Height(head.height + 1), View(view))
    change = ViewChange(*place, head.certificate, None, craft.name, Signature(bytes(64)))
    return Told(craft.others, craft.signed(change))


def in_another_name(craft: Craft) -> Told | None:
    """Say something in the name of somebody else, with one's own signature."""
    own = _some_message(craft)
    if own is None:
        return None
    signed = craft.signed(_placed(own, own.height, own.view, craft.name))
    other = craft.chance.choice(craft.others)
    payload = encode([1, encode_message(replace(signed, signer=other)), None])
    return Told(craft.some_others(), Packet(Channel.CONSENSUS, payload))


def vote_of_another(craft: Craft, vote: Vote, other: ValidatorId) -> Told:
    """Say one's own vote in the name of somebody else."""
    payload = encode([1, encode_message(replace(craft.signed(vote), signer=other)), None])
    return Told(craft.rest((other,)), Packet(Channel.CONSENSUS, payload))


def forged_block(craft: Craft) -> Told | None:
    """Hand out a decided block with a certificate that proves nothing, or a body that is another's."""
    insight = craft.insight
    if insight is None or insight.head.height == 0:
        return None
    # Who is behind wants the last one most.
    height = Height(max(1, insight.head.height - craft.chance.choice((0, 0, 0, 1, 2))))
    data = insight.certified(height)
    assert data is not None, "heights up to the head are stored"
    return Told(craft.some_others(), Packet(Channel.BLOCK, false_certified(craft, data)))


def block_of_too_few(craft: Craft) -> Told | None:
    """Hand out the block that is being decided, with as many genuine COMMITs as were heard, one of them repeated."""
    insight = craft.insight
    votes = [] if insight is None else _commits(craft, Height(insight.head.height + 1))
    executed = insight.executed(votes[0].subject.block_hash) if insight is not None and votes else None
    if executed is None:
        return None
    subject = votes[0].subject
    entries = {vote.signer: vote.signature for vote in votes if vote.subject == subject}
    signatures = sorted(entries.items())
    if craft.chance.randrange(2):
        signatures = sorted([*signatures, *signatures[:1]])
    block, result = executed
    certificate = Certificate(Phase.COMMIT, subject, tuple(signatures))
    data = join_certified_block(block.raw, result.encoded(), certificate.encoded())
    return Told(craft.some_others(), Packet(Channel.BLOCK, data))


def _commits(craft: Craft, height: Height) -> list[Vote]:
    """Return the COMMITs of a height that were heard."""
    found = [decode_message(decode(payload)[1]) for payload in craft.heard]
    return [item for item in found if isinstance(item, Vote) and item.phase is Phase.COMMIT and item.height == height]


def false_certified(craft: Craft, data: bytes) -> bytes:
    """Return a certified block that is false in one of its parts."""
    raw, result, certificate = split_certified_block(data, size_max=len(data))
    genuine = decode_certificate(certificate)
    match craft.chance.randrange(6):
        case 0 | 1:
            block = decode_block(raw)
            bodies = ([*block.transactions, *block.transactions[:1]], block.transactions[1:])
            raw = encode([1, block.header.encoded(), list(craft.chance.choice(bodies))])
        case 2:
            root = tagged_hash("simulation-lie")
            result = encode([1, root, *decode(result)[2:]])
        case _:
            certificate = forged(craft, genuine, Phase.COMMIT, genuine.subject).encoded()
    return join_certified_block(raw, result, certificate)


def _foreign(craft: Craft, payload: bytes, *, chain: bool) -> bytes:
    """Return what its signer might have signed on another chain with the same validators, or in another epoch."""
    value = decode(payload)
    message = decode_message(value[1])
    chain_id = tagged_hash("simulation-foreign-chain")
    match message:
        case Vote(subject=subject):
            changed = replace(subject, chain_id=chain_id) if chain else replace(subject, epoch=Epoch(subject.epoch + 1))
            message = craft.signed(replace(message, subject=changed))
        case Inquiry() | Testimony():
            message = craft.signed(replace(message, chain_id=chain_id))
        case _ if chain:
            message = craft.signed(replace(message, chain_id=chain_id))
        case _:
            message = craft.signed(replace(message, epoch=Epoch(message.epoch + 1)))
    return encode([1, encode_message(message), value[2]])


def _some_message(craft: Craft) -> Ranked | None:
    """Return some message of consensus that was heard, whoever's."""
    payload = craft.heard_lately()
    if payload is None:
        return None
    message: Message = decode_message(decode(payload)[1])
    return None if isinstance(message, Inquiry | Testimony) else message


def _placed(message: Ranked, height: Height, view: View, signer: ValidatorId) -> Ranked:
    match message:
        case Vote(subject=subject):
            return replace(message, subject=replace(subject, height=height, view=view), signer=signer)
        case _:
            return replace(message, height=height, view=view, signer=signer)


def _moved(craft: Craft, number: int) -> int:
    by = craft.chance.choice(FAR_AWAY)
    return number + by if number + by <= INT_MAX else by
