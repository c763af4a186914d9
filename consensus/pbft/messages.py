"""What replicas say to each other: every message's fields, the bytes that are signed and the bytes that travel.

The words are those of Castro and Liskov (1999), sections 4.2 to 4.4. Three things differ from the paper. PREPARE and
COMMIT sign the result of executing the block, not only its order, so that a quorum of COMMITs proves both. One height
is decided at a time and a decided block with its certificate is a stable checkpoint, so that there are no CHECKPOINT
messages and no watermarks. NEW-VIEW holds no PRE-PREPAREs: what a view must re-propose follows from its VIEW-CHANGEs
alone, every follower computes it, and so a primary cannot state it wrongly.

Invariant: any bytes either decode to a message that encodes to the same bytes, or raise DecodeError. Decoding checks
form alone; signatures, certificates and who may say what are checked in consensus/verify.py, at the edge.
"""

from dataclasses import field
from enum import IntEnum
from typing import Any, Final

from chain.block import Header, block_hash_of, decode_header
from chain.certificate import CERTIFICATE_VALUES_MAX, VOTE_TAG, Certificate, Phase, Subject, certificate_from_value
from chain.crypto import DIGEST_BYTES, SIGNATURE_BYTES
from chain.encoding import DecodeError, decode, encode, fields_of, pack_flat
from chain.identity import is_name
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from chain.validators import VALIDATORS_LIMIT
from chain.values import dataclass

MESSAGE_BYTES_MAX: Final = 512 * 1024
"""Bytes of any message; the largest is a NEW-VIEW of 31 validators, about 110 KB."""

MESSAGE_VALUES_MAX: Final = 9 + 2 * CERTIFICATE_VALUES_MAX
"""Values in any message, each array and field counted; the most has a VIEW-CHANGE with two certificates.

A NEW-VIEW or TESTIMONY holds others as bytes, which are counted when they are decoded.
"""

UNCOUNTED_BYTES_MAX: Final = 1024
"""Messages of so many bytes are not counted before they are decoded: what they could stand for takes a few pages."""

NONCE_BYTES: Final = 16
"""Bytes of the fresh value by which an INQUIRY knows its TESTIMONYs."""


class Kind(IntEnum):
    """Kinds of messages. The first five are in the order that ranks messages of one height and view (rule 11)."""

    VIEW_CHANGE = 1
    NEW_VIEW = 2
    PRE_PREPARE = 3
    PREPARE = 4
    COMMIT = 5
    INQUIRY = 6
    TESTIMONY = 7


RANKED_KINDS: Final = frozenset((Kind.VIEW_CHANGE, Kind.NEW_VIEW, Kind.PRE_PREPARE, Kind.PREPARE, Kind.COMMIT))
"""Kinds of messages that belong to a height and a view."""

TAGS: Final = {
    Kind.VIEW_CHANGE: "view-change",
    Kind.NEW_VIEW: "new-view",
    Kind.PRE_PREPARE: "pre-prepare",
    Kind.PREPARE: VOTE_TAG,
    Kind.COMMIT: VOTE_TAG,
    Kind.INQUIRY: "inquiry",
    Kind.TESTIMONY: "testimony",
}
"""The signature domain of each kind; votes carry their phase inside the signed bytes."""


@dataclass(frozen=True, slots=True)
class Vote:
    """PREPARE or COMMIT (section 4.2): this validator executed this block and got this result."""

    phase: Phase
    subject: Subject
    signer: ValidatorId
    signature: Signature
    # Most messages are votes, and each is asked for these ten times over.
    kind: Kind = field(init=False, repr=False, compare=False)
    chain_id: Digest = field(init=False, repr=False, compare=False)
    epoch: Epoch = field(init=False, repr=False, compare=False)
    height: Height = field(init=False, repr=False, compare=False)
    """The height that is voted on."""
    view: View = field(init=False, repr=False, compare=False)
    """The view in which the vote counts."""

    def __post_init__(self) -> None:
        store, subject = object.__setattr__, self.subject
        store(self, "kind", Kind.PREPARE if self.phase is Phase.PREPARE else Kind.COMMIT)
        store(self, "chain_id", subject.chain_id)
        store(self, "epoch", subject.epoch)
        store(self, "height", subject.height)
        store(self, "view", subject.view)

    @property
    def payload(self) -> bytes:
        """The signed bytes."""
        return self.subject.payload(self.phase)


@dataclass(frozen=True, slots=True)
class PrePrepare:
    """PRE-PREPARE (section 4.2): the primary of a view proposes a fresh block.

    It carries the header and never the body, which travels beside it or is fetched by its hash.
    """

    chain_id: Digest
    epoch: Epoch
    height: Height
    view: View
    header: bytes
    """The encoded header; the block hash is its hash."""
    signer: ValidatorId
    signature: Signature

    @property
    def kind(self) -> Kind:
        """The kind of message."""
        return Kind.PRE_PREPARE

    @property
    def block_hash(self) -> Digest:
        """The hash of the proposed block."""
        return block_hash_of(self.header)

    @property
    def decoded_header(self) -> Header:
        """The proposed header; it was checked for form when the message was decoded or made."""
        return decode_header(self.header)

    @property
    def payload(self) -> bytes:
        """The signed bytes."""
        return encode([1, self.chain_id, self.epoch, self.height, self.view, self.header])


@dataclass(frozen=True, slots=True)
class ViewChange:
    """VIEW-CHANGE (section 4.4): its signer votes in no view below `view` any more, and shows what it has prepared."""

    chain_id: Digest
    epoch: Epoch
    height: Height
    view: View
    last: Certificate | None
    """The COMMIT certificate of the block below; None at height 1 alone."""
    prepared: Certificate | None
    """The signer's highest PREPARE certificate at this height."""
    signer: ValidatorId
    signature: Signature

    @property
    def kind(self) -> Kind:
        """The kind of message."""
        return Kind.VIEW_CHANGE

    @property
    def payload(self) -> bytes:
        """The signed bytes."""
        last = None if self.last is None else self.last.as_value()
        prepared = None if self.prepared is None else self.prepared.as_value()
        return encode([1, self.chain_id, self.epoch, self.height, self.view, last, prepared])


@dataclass(frozen=True, slots=True)
class NewView:
    """NEW-VIEW (section 4.4): the primary of a view shows exactly a quorum of VIEW-CHANGEs for exactly this view."""

    chain_id: Digest
    epoch: Epoch
    height: Height
    view: View
    view_changes: tuple[ViewChange, ...]
    """In ascending order of signer."""
    signer: ValidatorId
    signature: Signature

    @property
    def kind(self) -> Kind:
        """The kind of message."""
        return Kind.NEW_VIEW

    @property
    def payload(self) -> bytes:
        """The signed bytes."""
        changes = [encode_message(change) for change in self.view_changes]
        return encode([1, self.chain_id, self.epoch, self.height, self.view, changes])


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A validator that starts asks the others for the highest message signed by itself that they hold (rule 11)."""

    chain_id: Digest
    nonce: bytes
    """A value that this start alone uses, so that answers to an earlier start prove nothing."""
    signer: ValidatorId
    signature: Signature

    @property
    def kind(self) -> Kind:
        """The kind of message."""
        return Kind.INQUIRY

    @property
    def payload(self) -> bytes:
        """The signed bytes."""
        return encode([1, self.chain_id, self.nonce])


@dataclass(frozen=True, slots=True)
class Testimony:
    """The answer to an INQUIRY: the highest message of the inquirer that the signer holds, or None."""

    chain_id: Digest
    nonce: bytes
    about: ValidatorId
    """Who inquired; `highest` was signed by it."""
    highest: "Ranked | None"
    signer: ValidatorId
    signature: Signature

    @property
    def kind(self) -> Kind:
        """The kind of message."""
        return Kind.TESTIMONY

    @property
    def payload(self) -> bytes:
        """The signed bytes."""
        highest = None if self.highest is None else encode_message(self.highest)
        return encode([1, self.chain_id, self.nonce, self.about, highest])


Ranked = ViewChange | NewView | PrePrepare | Vote
"""Messages of one height and view: those that a log stores, that are sent again and that a TESTIMONY may show."""

Message = Ranked | Inquiry | Testimony


def rank_of(message: Ranked) -> tuple[Height, View, Kind]:
    """Return the message's place in the order of rule 11: height, then view, then kind. An honest key fills it once."""
    return message.height, message.view, message.kind


def encode_message(message: Message) -> bytes:
    """Return the canonical bytes of a message, which are what travels and what the log stores."""
    if isinstance(message, Vote):
        about = message.subject
        where: list[Any] = [about.chain_id, about.epoch, about.height, about.view]
        own: list[Any] = [about.block_hash, about.result_hash, message.signer, message.signature]
        return pack_flat([1, int(message.kind), *where, *own])
    return encode([1, int(message.kind), *_fields(message), message.signer, message.signature])


def _fields(message: PrePrepare | ViewChange | NewView | Inquiry | Testimony) -> list[Any]:
    match message:
        case Inquiry():
            return [message.chain_id, message.nonce]
        case Testimony(highest=highest):
            shown = None if highest is None else encode_message(highest)
            return [message.chain_id, message.nonce, message.about, shown]
        case PrePrepare():
            own: list[Any] = [message.header]
        case ViewChange(last=last, prepared=prepared):
            own = [None if item is None else item.as_value() for item in (last, prepared)]
        case NewView():
            own = [[encode_message(change) for change in message.view_changes]]
    return [message.chain_id, message.epoch, message.height, message.view, *own]


def decode_message(data: bytes) -> Message:
    """Return the message in canonical bytes, checked for form alone.

    Raises:
        DecodeError: when the bytes are no message or longer than MESSAGE_BYTES_MAX.
    """
    return _message_from_value(_value_of(data))


def _value_of(data: bytes) -> list[Any]:
    # Few bytes cannot stand for many values: most messages are votes, which need no count.
    values_max = MESSAGE_VALUES_MAX if len(data) > UNCOUNTED_BYTES_MAX else None
    value = decode(data, size_max=MESSAGE_BYTES_MAX, depth_max=5, values_max=values_max)
    if type(value) is not list or len(value) < 2 or type(value[1]) is not int:
        raise DecodeError("not a message: no kind")
    return value


def _message_from_value(value: list[Any]) -> Message:
    kind = value[1]
    match kind:
        case Kind.PREPARE | Kind.COMMIT:
            return _decode_vote(value, Phase.PREPARE if kind == Kind.PREPARE else Phase.COMMIT)
        case Kind.PRE_PREPARE:
            return _decode_pre_prepare(value)
        case Kind.VIEW_CHANGE:
            return _decode_view_change(value)
        case Kind.NEW_VIEW:
            return _decode_new_view(value)
        case Kind.INQUIRY:
            return _decode_inquiry(value)
        case Kind.TESTIMONY:
            return _decode_testimony(value)
    raise DecodeError(f"message of unknown kind {kind}")


_PLACE: Final = (1, int, bytes, int, int, int)
_TAIL: Final = (str, bytes)


def _decode_vote(value: Any, phase: Phase) -> Vote:
    *_, block, result, signer, signature = fields_of(value, "vote", *_PLACE, bytes, bytes, *_TAIL)
    chain_id, epoch, height, view = _place(value)
    subject = Subject(chain_id, epoch, height, view, _digest(block), _digest(result))
    return Vote(phase, subject, *_signed(signer, signature))


def _decode_pre_prepare(value: Any) -> PrePrepare:
    *_, header, signer, signature = fields_of(value, "pre-prepare", *_PLACE, bytes, *_TAIL)
    decode_header(header)
    return PrePrepare(*_place(value), header, *_signed(signer, signature))


def _decode_view_change(value: Any) -> ViewChange:
    *_, last, prepared, signer, signature = fields_of(value, "view-change", *_PLACE, None, None, *_TAIL)
    certificates = (_optional_certificate(last), _optional_certificate(prepared))
    return ViewChange(*_place(value), *certificates, *_signed(signer, signature))


def _decode_new_view(value: Any) -> NewView:
    *_, changes, signer, signature = fields_of(value, "new-view", *_PLACE, list, *_TAIL)
    if len(changes) > VALIDATORS_LIMIT:
        raise DecodeError(f"new-view with {len(changes)} view-changes")
    view_changes = tuple(_embedded_view_change(change) for change in changes)
    return NewView(*_place(value), view_changes, *_signed(signer, signature))


def _decode_inquiry(value: Any) -> Inquiry:
    _, _, chain_id, nonce, signer, signature = fields_of(value, "inquiry", 1, int, bytes, bytes, *_TAIL)
    return Inquiry(_digest(chain_id), _nonce(nonce), *_signed(signer, signature))


def _decode_testimony(value: Any) -> Testimony:
    kinds = (1, int, bytes, bytes, str, None, *_TAIL)
    _, _, chain_id, nonce, about, shown, signer, signature = fields_of(value, "testimony", *kinds)
    highest = None if shown is None else _embedded(shown, RANKED_KINDS)
    assert not isinstance(highest, Inquiry | Testimony), "the kind was checked"
    if not is_name(about):
        raise DecodeError("testimony about no validator")
    return Testimony(_digest(chain_id), _nonce(nonce), ValidatorId(about), highest, *_signed(signer, signature))


def _embedded(data: Any, kinds: frozenset[Kind]) -> Message:
    # The kind is checked before anything inside is decoded, so that messages cannot nest without bound.
    if type(data) is not bytes:
        raise DecodeError("an embedded message is not a byte string")
    value = _value_of(data)
    if value[1] not in kinds:
        raise DecodeError(f"a message of kind {value[1]} may not stand here")
    return _message_from_value(value)


def _embedded_view_change(data: Any) -> ViewChange:
    change = _embedded(data, frozenset((Kind.VIEW_CHANGE,)))
    assert isinstance(change, ViewChange), "the kind was checked"
    return change


def _optional_certificate(value: Any) -> Certificate | None:
    return None if value is None else certificate_from_value(value)


def _place(value: list[Any]) -> tuple[Digest, Epoch, Height, View]:
    chain_id, epoch, height, view = value[2:6]
    if min(epoch, view) < 0 or height < 1:
        raise DecodeError("message with a negative number or height 0")
    return _digest(chain_id), Epoch(epoch), Height(height), View(view)


def _digest(data: bytes) -> Digest:
    if len(data) != DIGEST_BYTES:
        raise DecodeError(f"a digest has {DIGEST_BYTES} bytes, not {len(data)}")
    return Digest(data)


def _nonce(data: bytes) -> bytes:
    if len(data) != NONCE_BYTES:
        raise DecodeError(f"a nonce has {NONCE_BYTES} bytes, not {len(data)}")
    return data


def _signed(signer: str, signature: bytes) -> tuple[ValidatorId, Signature]:
    if not is_name(signer) or len(signature) != SIGNATURE_BYTES:
        raise DecodeError("message with a bad signer or a signature that is not 64 bytes")
    return ValidatorId(signer), Signature(signature)
