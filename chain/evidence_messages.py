"""What may be wrong with a VIEW-CHANGE or a NEW-VIEW by itself: what every replica checks before it believes one.

Replicas check their messages in consensus.verify; this is the same judgement over the signed bytes alone, for those who
only know the ledger. A test holds the two together.
"""

from typing import Any, Final

from chain.certificate import (
    Certificate,
    CertificateError,
    Phase,
    certificate_from_value,
    check_certificate,
)
from chain.crypto import SIGNATURE_BYTES, Verify
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.evidence import EVIDENCE_BYTES_MAX, SIGNED_VALUES_MAX, STATEMENT_TAGS, Place, StatementKind
from chain.identity import is_name
from chain.merkle import is_digest
from chain.validators import ValidatorSet

_VIEW_CHANGE: Final = (1, 1, bytes, int, int, int, None, None, str, bytes)
"""The encoded message: version, kind, place, the last and the prepared certificate, signer, signature."""


class OtherEpoch(ValueError):
    """A certificate of a validator set that is not at hand: nothing can be said."""


class MessageJudge:
    """Judges messages against one validator set."""

    def __init__(self, validators: ValidatorSet, verify: Verify) -> None:
        self._validators = validators
        self._verify = verify
        self._good: set[Certificate] = set()

    def view_change_fault(self, place: Place, last: Any, prepared: Any) -> str | None:
        """Return the code of what is wrong with a VIEW-CHANGE's contents, or None.

        Raises:
            OtherEpoch: when that depends on another validator set.
        """
        if place.view == 0:
            return "view_change_to_view_0"
        if (last is None) != (place.height == 1):
            return "last_certificate_missing"
        try:
            shown = [None if value is None else certificate_from_value(value) for value in (last, prepared)]
        except DecodeError:
            return "malformed_certificate"
        return self._last_fault(place, shown[0]) or self._prepared_fault(place, shown[1])

    def new_view_fault(self, place: Place, changes: list[Any]) -> str | None:
        """Return the code of what is wrong with a NEW-VIEW's contents, or None.

        Raises:
            OtherEpoch: when that depends on another validator set.
        """
        decoded: list[list[Any]] = []
        for change in changes:
            fields = _view_change_fields(change)
            if fields is None:
                return "malformed_view_change"
            decoded.append(fields)
        signers = [fields[-2] for fields in decoded]
        if len(signers) != self._validators.quorum or signers != sorted(set(signers)):
            return "new_view_without_quorum"
        for *where, last, prepared, signer, signature in decoded:
            if tuple(where) != (place.chain_id, place.epoch, place.height, place.view):
                return "view_change_of_another_place"
            fault = self._signature_fault(where, last, prepared, signer, signature)
            fault = fault or self.view_change_fault(place, last, prepared)
            if fault is not None:
                return fault
        return None

    def _signature_fault(self, where: list[Any], last: Any, prepared: Any, signer: str, signature: bytes) -> str | None:
        validator = self._validators.find(signer)
        if validator is None:
            return "unknown_signer"
        payload = encode([1, *where, last, prepared])
        is_good = self._verify(validator.consensus_key, STATEMENT_TAGS[StatementKind.VIEW_CHANGE], payload, signature)
        return None if is_good else "bad_signature"

    def _last_fault(self, place: Place, last: Certificate | None) -> str | None:
        if last is None:
            return None
        subject = last.subject
        is_last = last.phase is Phase.COMMIT and subject.height == place.height - 1
        if not is_last or subject.chain_id != place.chain_id:
            return "last_certificate_of_something_else"
        return self._certificate_fault(last)

    def _prepared_fault(self, place: Place, prepared: Certificate | None) -> str | None:
        if prepared is None:
            return None
        subject = prepared.subject
        is_prepared = prepared.phase is Phase.PREPARE and subject.view < place.view
        where = (subject.chain_id, subject.epoch, subject.height)
        if not is_prepared or where != (place.chain_id, place.epoch, place.height):
            return "prepared_certificate_of_something_else"
        return self._certificate_fault(prepared)

    def _certificate_fault(self, certificate: Certificate) -> str | None:
        if certificate in self._good:
            return None
        if certificate.subject.epoch != self._validators.epoch:
            raise OtherEpoch(f"epoch {certificate.subject.epoch} where {self._validators.epoch} is at hand")
        try:
            check_certificate(certificate, self._validators, self._verify)
        except CertificateError:
            return "bad_certificate"
        self._good.add(certificate)
        return None


def _view_change_fields(data: Any) -> list[Any] | None:
    """Return place, certificates, signer and signature of an encoded VIEW-CHANGE; None where it is none."""
    if type(data) is not bytes:
        return None
    try:
        value = decode(data, size_max=EVIDENCE_BYTES_MAX, depth_max=5, values_max=SIGNED_VALUES_MAX)
        _, _, *fields = fields_of(value, "view-change", *_VIEW_CHANGE)
    except DecodeError:
        return None
    chain_id, epoch, height, view = fields[:4]
    is_formed = is_digest(chain_id) and min(epoch, view) >= 0 and height >= 1
    return fields if is_formed and is_name(fields[-2]) and len(fields[-1]) == SIGNATURE_BYTES else None
