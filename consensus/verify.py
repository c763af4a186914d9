"""The edge: signatures, certificates and bounds of everything that comes from peers, before the core sees it.

The core takes each message as authentic. Here every signature in it is checked exactly once, embedded certificates
and VIEW-CHANGEs included, and everything that costs little is checked before the first signature. What depends on the
replica's own place (its chain and height, who is primary, whether a header fits) is the core's to judge.
"""

from chain.block import Block, block_hash_of
from chain.certificate import Certificate, CertificateError, Phase, check_certificate, check_certificate_form
from chain.crypto import Verify, verify
from chain.encoding import DecodeError
from chain.receipt import BlockResult
from chain.transaction import transactions_root_of
from chain.types import Epoch, Height, ValidatorId
from chain.validators import ValidatorSet
from consensus.pbft.messages import (
    TAGS,
    Inquiry,
    Message,
    NewView,
    PrePrepare,
    Ranked,
    Testimony,
    ViewChange,
    decode_message,
)


class MessageError(ValueError):
    """A message that proves that its sender is faulty."""

    def __init__(self, code: str, signer: str) -> None:
        """Name the stable code of what is wrong and who claims to have signed it."""
        super().__init__(f"{code} in a message of {signer}")
        self.code = code
        self.signer = signer


class UnknownEpochError(ValueError):
    """A message of a validator set that is not current here, never a reason to blame (rule 7).

    If its height is decided here, it is answered with block and certificate; otherwise it is a reason to catch up.
    """

    def __init__(self, epoch: Epoch, height: Height) -> None:
        """Name the epoch and the height that the message speaks of."""
        super().__init__(f"validator set of epoch {epoch} at height {height} is not the current one")
        self.epoch = epoch
        self.height = height


def decode_and_check(data: bytes, validators: ValidatorSet, previous: ValidatorSet | None = None) -> Message:
    """Return the checked message in bytes that came from a peer.

    Raises:
        DecodeError: when the bytes are no message.
        MessageError, UnknownEpochError: as `check_message`.
    """
    message = decode_message(data)
    check_message(message, validators, previous)
    return message


def check_message(
    message: Message, validators: ValidatorSet, previous: ValidatorSet | None = None, verify: Verify = verify
) -> None:
    """Check a decoded message completely against the current set.

    `previous` is the set before the current epoch: the last certificate in a VIEW-CHANGE may be its. `verify` is the
    product's; the simulator puts something cheaper in its place.

    Raises:
        MessageError: when its sender must be faulty.
        UnknownEpochError: when it belongs to an epoch that is not the current one.
    """
    _Check(validators, previous, verify).message(message)


def check_certified_block(
    block: Block, result: BlockResult, certificate: Certificate, validators: ValidatorSet, verify: Verify = verify
) -> None:
    """Check that a certificate decides this block with this result.

    Raises:
        MessageError: when they do not belong together.
        UnknownEpochError: when another set decided it.
        CertificateError: when the certificate proves nothing.
    """
    subject, header = certificate.subject, block.header
    if subject.epoch != validators.epoch:
        raise UnknownEpochError(subject.epoch, subject.height)
    belongs = (
        certificate.phase is Phase.COMMIT
        and subject.chain_id == header.chain_id
        and subject.height == header.height
        and subject.block_hash == block.block_hash == block_hash_of(header.encoded())
        and subject.result_hash == result.result_hash
    )
    if not belongs:
        raise MessageError("certificate_of_something_else", header.proposer)
    # The certificate covers the header, the header's root the body: without this look anybody could swap the body.
    try:
        root = transactions_root_of(block.transactions)
    except DecodeError as error:
        raise MessageError("malformed_body", header.proposer) from error
    if root != header.transactions_root:
        raise MessageError("body_of_something_else", header.proposer)
    check_certificate(certificate, validators, verify)


class _Check:
    """Checks one message; remembers the certificates that it has verified, as NEW-VIEWs repeat them."""

    def __init__(self, validators: ValidatorSet, previous: ValidatorSet | None, verify: Verify) -> None:
        self.validators = validators
        self.previous = previous
        self.verify = verify
        self.verified: set[Certificate] = set()

    def message(self, message: Message) -> None:
        match message:
            case Testimony(highest=highest, about=about):
                if highest is not None and (highest.signer != about or highest.chain_id != message.chain_id):
                    raise MessageError("testimony_about_another", message.signer)
                self.signature(message)
                if highest is not None:
                    self.ranked(highest)
            case Inquiry():
                self.signature(message)
            case ranked:
                self.ranked(ranked)

    def ranked(self, message: Ranked) -> None:
        if message.epoch != self.validators.epoch:
            raise UnknownEpochError(message.epoch, message.height)
        match message:
            case PrePrepare():
                self.pre_prepare_form(message)
                self.signature(message)
            case ViewChange():
                self.view_change_form(message)
                self.signature(message)
                self.view_change_certificates(message)
            case NewView():
                self.new_view_form(message)
                self.signature(message)
                for change in message.view_changes:
                    self.signature(change)
                    self.view_change_certificates(change)
            case _:
                self.signature(message)

    def signature(self, message: Message) -> None:
        validator = self.validators.find(message.signer)
        if validator is None:
            raise MessageError("unknown_signer", message.signer)
        if not self.verify(validator.consensus_key, TAGS[message.kind], message.payload, message.signature):
            raise MessageError("bad_signature", message.signer)

    def pre_prepare_form(self, message: PrePrepare) -> None:
        header = message.decoded_header
        where = (header.chain_id, header.epoch, header.height)
        if where != (message.chain_id, message.epoch, message.height):
            raise MessageError("header_of_another_place", message.signer)

    def view_change_form(self, message: ViewChange) -> None:
        if message.view == 0:
            raise MessageError("view_change_to_view_0", message.signer)
        if (message.last is None) != (message.height == 1):
            raise MessageError("last_certificate_missing", message.signer)
        if message.last is not None:
            subject = message.last.subject
            is_last = message.last.phase is Phase.COMMIT and subject.height == message.height - 1
            if not is_last or subject.chain_id != message.chain_id:
                raise MessageError("last_certificate_of_something_else", message.signer)
            self.certificate_form(message.last, message.signer)
        if message.prepared is not None:
            subject = message.prepared.subject
            is_prepared = message.prepared.phase is Phase.PREPARE and subject.view < message.view
            place = (subject.chain_id, subject.epoch, subject.height)
            if not is_prepared or place != (message.chain_id, message.epoch, message.height):
                raise MessageError("prepared_certificate_of_something_else", message.signer)
            self.certificate_form(message.prepared, message.signer)

    def new_view_form(self, message: NewView) -> None:
        signers = [change.signer for change in message.view_changes]
        if len(signers) != self.validators.quorum or signers != sorted(set(signers)):
            raise MessageError("new_view_without_quorum", message.signer)
        for change in message.view_changes:
            place = (change.chain_id, change.epoch, change.height, change.view)
            if place != (message.chain_id, message.epoch, message.height, message.view):
                raise MessageError("view_change_of_another_place", message.signer)
            self.view_change_form(change)

    def certificate_form(self, certificate: Certificate, signer: ValidatorId) -> None:
        try:
            check_certificate_form(certificate, self.set_of(certificate))
        except CertificateError as error:
            raise MessageError("bad_certificate", signer) from error

    def view_change_certificates(self, message: ViewChange) -> None:
        for certificate in (message.last, message.prepared):
            if certificate is None or certificate in self.verified:
                continue
            try:
                check_certificate(certificate, self.set_of(certificate), self.verify)
            except CertificateError as error:
                raise MessageError("bad_certificate", message.signer) from error
            self.verified.add(certificate)

    def set_of(self, certificate: Certificate) -> ValidatorSet:
        for validators in (self.validators, self.previous):
            if validators is not None and validators.epoch == certificate.subject.epoch:
                return validators
        raise UnknownEpochError(certificate.subject.epoch, certificate.subject.height)
