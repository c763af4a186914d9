"""Votes and quorum certificates: a quorum of equal votes proves a block's order and its outcome in one object.

PREPARE and COMMIT sign the same subject (domain, chain, epoch, height, view, block hash, result hash) and differ only
in the phase. A quorum of PREPAREs is a prepared certificate, a quorum of COMMITs the block's certificate.
"""

from enum import IntEnum
from typing import Any, Final

from chain.crypto import DIGEST_BYTES, SIGNATURE_BYTES, Verify, sign, verify
from chain.encoding import DecodeError, decode, encode, fields_of, pack_flat
from chain.identity import is_name
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from chain.validators import VALIDATORS_LIMIT, ValidatorSet
from chain.values import dataclass

VOTE_TAG: Final = "vote"
CERTIFICATE_BYTES_MAX: Final = 8192
CERTIFICATE_VALUES_MAX: Final = 10 + 3 * VALIDATORS_LIMIT
"""The array, its nine fields, and for each signature an array of two."""


class Phase(IntEnum):
    """The two voting phases of PBFT (Castro and Liskov, section 4.2)."""

    PREPARE = 1
    COMMIT = 2


@dataclass(frozen=True, slots=True)
class Subject:
    """What a vote is about; equal votes have equal subjects."""

    chain_id: Digest
    epoch: Epoch
    height: Height
    view: View
    block_hash: Digest
    result_hash: Digest

    def payload(self, phase: Phase) -> bytes:
        """Return the bytes that a vote of this phase signs."""
        where: list[Any] = [self.chain_id, self.epoch, self.height, self.view]
        return pack_flat([1, int(phase), *where, self.block_hash, self.result_hash])


@dataclass(frozen=True, slots=True)
class Certificate:
    """Exactly a quorum of signatures over one subject, in ascending order of validator."""

    phase: Phase
    subject: Subject
    signatures: tuple[tuple[ValidatorId, Signature], ...]

    def encoded(self) -> bytes:
        """Return the canonical bytes; certificates of one block differ between nodes and are never hashed."""
        return encode(self.as_value())

    def as_value(self) -> list[Any]:
        """Return the certificate as a value of the canonical encoding."""
        subject = self.subject
        where: list[Any] = [subject.chain_id, subject.epoch, subject.height, subject.view]
        signatures = [[validator, signature] for validator, signature in self.signatures]
        return [1, int(self.phase), *where, subject.block_hash, subject.result_hash, signatures]


class CertificateError(ValueError):
    """A certificate that proves nothing."""


def sign_vote(seed: bytes, phase: Phase, subject: Subject) -> Signature:
    """Sign a vote with a validator's consensus seed."""
    return sign(seed, VOTE_TAG, subject.payload(phase))


def verify_vote(key: bytes, phase: Phase, subject: Subject, signature: bytes) -> bool:
    """Tell whether a vote's signature is good."""
    return verify(key, VOTE_TAG, subject.payload(phase), signature)


def check_certificate(certificate: Certificate, validators: ValidatorSet, verify: Verify = verify) -> None:
    """Check a certificate completely against the set that had to sign it.

    `verify` is the product's; the simulator puts something cheaper in its place.

    Raises:
        CertificateError: when the epoch differs, the number of signatures is not exactly the quorum, a signer is
            unknown, out of order or repeated, or a signature is bad.
    """
    check_certificate_form(certificate, validators)
    payload = certificate.subject.payload(certificate.phase)
    for validator_id, signature in certificate.signatures:
        validator = validators.find(validator_id)
        assert validator is not None, "the form was checked"
        if not verify(validator.consensus_key, VOTE_TAG, payload, signature):
            raise CertificateError(f"bad signature of {validator_id} at height {certificate.subject.height}")


def check_certificate_form(certificate: Certificate, validators: ValidatorSet) -> None:
    """Check everything about a certificate except the signatures themselves.

    Raises:
        CertificateError: as `check_certificate` does, bad signatures aside.
    """
    if certificate.subject.epoch != validators.epoch:
        raise CertificateError(f"epoch {certificate.subject.epoch} where {validators.epoch} is current")
    signers = [validator_id for validator_id, _ in certificate.signatures]
    if len(signers) != validators.quorum:
        raise CertificateError(f"{len(signers)} signatures where a quorum is {validators.quorum}")
    if signers != sorted(set(signers)):
        raise CertificateError("signers are not distinct and in ascending order")
    for signer in signers:
        if validators.find(signer) is None:
            raise CertificateError(f"signer {signer} is not a validator")


def decode_certificate(data: bytes) -> Certificate:
    """Return the certificate in canonical bytes, checked for form alone.

    Raises:
        DecodeError: when the bytes are no certificate.
    """
    return certificate_from_value(decode(data, size_max=CERTIFICATE_BYTES_MAX))


def certificate_from_value(value: Any) -> Certificate:
    """Return the certificate that a decoded value describes.

    Raises:
        DecodeError: when it describes none.
    """
    kinds = (1, int, bytes, int, int, int, bytes, bytes, list)
    _, phase, chain_id, epoch, height, view, block, result, signatures = fields_of(value, "certificate", *kinds)
    if {len(chain_id), len(block), len(result)} != {DIGEST_BYTES} or min(epoch, height, view) < 0:
        raise DecodeError("certificate with a bad digest or a negative number")
    if phase not in (Phase.PREPARE, Phase.COMMIT) or len(signatures) > VALIDATORS_LIMIT:
        raise DecodeError("certificate of an unknown phase or with too many signatures")
    subject = Subject(Digest(chain_id), Epoch(epoch), Height(height), View(view), Digest(block), Digest(result))
    return Certificate(Phase(phase), subject, tuple(_signature_from_value(entry) for entry in signatures))


def _signature_from_value(value: Any) -> tuple[ValidatorId, Signature]:
    validator, signature = fields_of(value, "signature entry", str, bytes)
    if not is_name(validator) or len(signature) != SIGNATURE_BYTES:
        raise DecodeError("signature entry with a bad name or length")
    return ValidatorId(validator), Signature(signature)


def join_certified_block(block: bytes, result: bytes, certificate: bytes) -> bytes:
    """Return the canonical bytes of a certified block: block, result and certificate as they are stored and sent."""
    return encode([1, block, result, certificate])


def split_certified_block(data: bytes, *, size_max: int) -> tuple[bytes, bytes, bytes]:
    """Return block, result and certificate bytes of a certified block.

    Raises:
        DecodeError: when the bytes are no certified block.
    """
    value = fields_of(
        decode(data, size_max=size_max, depth_max=2, values_max=5), "certified block", 1, bytes, bytes, bytes
    )
    return value[1], value[2], value[3]
