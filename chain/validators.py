"""The validator set: who may vote, how many votes decide, and whose turn it is to propose.

Sizes follow the number of distinct current validators: f = (n - 1) // 3 and quorum = (n + f) // 2 + 1. Two quorums of
n share at least f + 1 validators, so at least one honest; a quorum can be formed without the f faulty ones. The
familiar 2f + 1 is right only where n = 3f + 1.
"""

from collections.abc import Iterable
from dataclasses import field
from typing import Any, Final

from chain.crypto import PUBLIC_KEY_BYTES, tagged_hash
from chain.encoding import DecodeError, encode, fields_of
from chain.identity import is_name
from chain.types import Digest, Epoch, Height, PublicKey, ValidatorId, View
from chain.values import dataclass

VALIDATORS_LIMIT: Final = 31
"""Upper bound of genesis' `validators_max`."""

CERTIFICATE_BYTES_MAX: Final = 4096
"""Bytes of a validator's X.509 certificate in DER."""


@dataclass(frozen=True, slots=True)
class Validator:
    """One member of the set."""

    validator_id: ValidatorId
    organisation: str
    consensus_key: PublicKey
    tls_certificates: tuple[bytes, ...]
    """X.509 certificates in DER that its TLS connections may show: the current one and, if announced, the next."""


@dataclass(frozen=True, slots=True)
class ValidatorSet:
    """The validators of an epoch, sorted by id."""

    epoch: Epoch
    validators: tuple[Validator, ...]
    ids: tuple[ValidatorId, ...] = field(init=False, repr=False, compare=False)
    """All validator ids, sorted."""
    validators_hash: Digest = field(init=False, repr=False, compare=False)
    """The hash that headers and results name."""
    size: int = field(init=False, repr=False, compare=False)
    """The number of validators, n."""
    faults_max: int = field(init=False, repr=False, compare=False)
    """The number of arbitrary faults that the set tolerates, f."""
    quorum: int = field(init=False, repr=False, compare=False)
    """The number of distinct validators whose equal votes decide."""
    _by_id: dict[str, Validator] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = tuple(validator.validator_id for validator in self.validators)
        assert list(ids) == sorted(set(ids)), "validators are sorted by id and distinct"
        assert ids, "a validator set is not empty"
        # Every message and header asks for these; the set never changes.
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "validators_hash", tagged_hash("validators", encode(self.as_value())))
        size = len(ids)
        faults_max = (size - 1) // 3
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "faults_max", faults_max)
        object.__setattr__(self, "quorum", (size + faults_max) // 2 + 1)
        object.__setattr__(self, "_by_id", dict(zip(ids, self.validators, strict=True)))

    def find(self, validator_id: str) -> Validator | None:
        """Return the validator with this id, if it is in the set."""
        return self._by_id.get(validator_id)

    def primary(
        self, height: Height, view: View, previous_proposer: ValidatorId | None, term_blocks: int
    ) -> ValidatorId:
        """Return the primary of a view: `view` places after the proposer of the block before, cyclically.

        The proposer stays while it serves. At height 1 the first validator starts; where the proposer has left the
        set, the next greater id does; where `height` is a multiple of `term_blocks`, the turn moves one further.
        """
        start = self._place_from(previous_proposer)
        if height % term_blocks == 0:
            start += 1
        return self.validators[(start + view) % self.size].validator_id

    def _place_from(self, proposer: ValidatorId | None) -> int:
        if proposer is None:
            return 0
        for place, validator in enumerate(self.validators):
            if validator.validator_id >= proposer:
                return place
        return 0

    def as_value(self) -> list[Any]:
        """Return the set as a value of the canonical encoding."""
        return [1, self.epoch, [_validator_value(validator) for validator in self.validators]]


def validator_set(epoch: Epoch, validators: Iterable[Validator]) -> ValidatorSet:
    """Return the set of these validators in its one order."""
    return ValidatorSet(epoch, tuple(sorted(validators, key=lambda validator: validator.validator_id)))


def validator_set_from_value(value: Any) -> ValidatorSet:
    """Return the set that a decoded value describes.

    Raises:
        DecodeError: when it describes none: wrong form, unsorted, duplicated ids or keys, or too many.
    """
    _, epoch, entries = fields_of(value, "validator set", 1, int, list)
    if not 1 <= len(entries) <= VALIDATORS_LIMIT or epoch < 0:
        raise DecodeError(f"a validator set has 1 to {VALIDATORS_LIMIT} entries and an epoch from 0")
    validators = [_validator_from_value(entry) for entry in entries]
    ids = [validator.validator_id for validator in validators]
    keys = {validator.consensus_key for validator in validators}
    if ids != sorted(set(ids)) or len(keys) != len(ids):
        raise DecodeError("validators are not sorted by id with distinct keys")
    return ValidatorSet(Epoch(epoch), tuple(validators))


def _validator_value(validator: Validator) -> list[Any]:
    return [
        validator.validator_id,
        validator.organisation,
        validator.consensus_key,
        list(validator.tls_certificates),
    ]


def _validator_from_value(value: Any) -> Validator:
    id_, organisation, key, certificates = fields_of(value, "validator", str, str, bytes, list)
    if not is_name(id_) or not is_name(organisation) or len(key) != PUBLIC_KEY_BYTES:
        raise DecodeError(f"validator {id_[:64]!r} has a bad name or key")
    if not 1 <= len(certificates) <= 2 or any(
        type(item) is not bytes or len(item) > CERTIFICATE_BYTES_MAX for item in certificates
    ):
        raise DecodeError(f"validator {id_!r} does not have one or two TLS certificates")
    return Validator(ValidatorId(id_), organisation, PublicKey(key), tuple(certificates))
