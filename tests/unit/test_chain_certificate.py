"""Certificates: exactly a quorum of distinct validators in order, over one subject; anything else proves nothing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from chain_maker import ChainMaker, make_genesis, seed_of

from chain.certificate import (
    CERTIFICATE_BYTES_MAX,
    Certificate,
    CertificateError,
    Phase,
    Subject,
    check_certificate,
    check_certificate_form,
    decode_certificate,
    join_certified_block,
    sign_vote,
    split_certified_block,
    verify_vote,
)
from chain.crypto import tagged_hash
from chain.encoding import DecodeError, decode, encode
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from chain.validators import ValidatorSet

SUBJECT = Subject(
    Digest(bytes(32)), Epoch(0), Height(5), View(2), tagged_hash("block", b"one"), tagged_hash("result", b"one")
)


def signed_by(names: Sequence[str], subject: Subject = SUBJECT, phase: Phase = Phase.COMMIT) -> Certificate:
    votes = tuple((ValidatorId(name), sign_vote(seed_of(name), phase, subject)) for name in names)
    return Certificate(phase, subject, votes)


def validators(count: int) -> ValidatorSet:
    return make_genesis(validators=count, contracts=[]).validators


QUORUMS = {1: 1, 2: 2, 3: 2, 4: 3, 5: 4, 6: 4, 7: 5, 8: 6, 9: 6, 10: 7, 13: 9, 31: 21}


@pytest.mark.parametrize("count", QUORUMS)
def test_exactly_a_quorum_is_enough(count: int) -> None:
    current = validators(count)
    assert current.quorum == QUORUMS[count]
    names = list(current.ids)
    check_certificate(signed_by(names[-current.quorum :]), current)
    assert len(signed_by(names[: current.quorum]).encoded()) <= CERTIFICATE_BYTES_MAX
    for wrong in (names[: current.quorum - 1], names[: current.quorum + 1]):
        if len(wrong) != current.quorum:
            with pytest.raises(CertificateError, match="where a quorum is"):
                check_certificate(signed_by(wrong), current)


def test_two_quorums_share_an_honest_validator() -> None:
    for count in range(1, 32):
        current = validators(count) if count in QUORUMS else None
        faults = (count - 1) // 3
        quorum = (count + faults) // 2 + 1
        assert current is None or (current.faults_max, current.quorum) == (faults, quorum)
        assert 2 * quorum - count >= faults + 1
        assert count - faults >= quorum


def as_if_by(name: str, certificate: Certificate) -> tuple[ValidatorId, Signature]:
    return ValidatorId(name), certificate.signatures[2][1]


BAD: list[tuple[str, Callable[[Certificate], Certificate], str]] = [
    ("short", lambda it: replace(it, signatures=it.signatures[:2]), "2 signatures"),
    ("duplicated", lambda it: replace(it, signatures=(it.signatures[0], *it.signatures[:2])), "distinct"),
    ("unsorted", lambda it: replace(it, signatures=it.signatures[::-1]), "ascending"),
    ("unknown", lambda it: replace(it, signatures=(*it.signatures[:2], signed_by(["v09"]).signatures[0])), "v09"),
    ("other epoch", lambda it: signed_by(["v01", "v02", "v03"], replace(SUBJECT, epoch=Epoch(1))), "epoch 1"),
    ("other view", lambda it: replace(it, subject=replace(SUBJECT, view=View(3))), "bad signature of v01"),
    ("other result", lambda it: replace(it, subject=replace(SUBJECT, result_hash=SUBJECT.block_hash)), "bad"),
    ("other phase", lambda it: replace(it, phase=Phase.PREPARE), "bad signature"),
    (
        "of another",
        lambda it: replace(it, signatures=(*it.signatures[:2], (ValidatorId("v04"), it.signatures[2][1]))),
        "v04",
    ),
]


@pytest.mark.parametrize(("why", "alter", "message"), BAD, ids=[why for why, _, _ in BAD])
def test_what_proves_nothing(why: str, alter: Callable[[Certificate], Certificate], message: str) -> None:
    good = signed_by(["v01", "v02", "v03"])
    check_certificate(good, validators(4))
    with pytest.raises(CertificateError, match=message):
        check_certificate(alter(good), validators(4))


def test_the_form_is_checked_without_the_signatures() -> None:
    names = (ValidatorId("v01"), ValidatorId("v02"), ValidatorId("v03"))
    forged = Certificate(Phase.COMMIT, SUBJECT, tuple((name, Signature(bytes(64))) for name in names))
    check_certificate_form(forged, validators(4))
    with pytest.raises(CertificateError, match="bad signature of v01"):
        check_certificate(forged, validators(4))


def test_what_a_vote_signs() -> None:
    payload = SUBJECT.payload(Phase.COMMIT)
    assert decode(payload) == [1, 2, bytes(32), 0, 5, 2, SUBJECT.block_hash, SUBJECT.result_hash]
    assert decode(SUBJECT.payload(Phase.PREPARE))[1] == 1
    signature = sign_vote(seed_of("v01"), Phase.COMMIT, SUBJECT)
    key = validators(4).validators[0].consensus_key
    assert verify_vote(key, Phase.COMMIT, SUBJECT, signature)
    assert not verify_vote(key, Phase.PREPARE, SUBJECT, signature)


def test_certificates_survive() -> None:
    for phase in Phase:
        certificate = signed_by(["v01", "v02", "v03"], phase=phase)
        assert decode_certificate(certificate.encoded()) == certificate


MALFORMED: list[tuple[int, Any]] = [
    *((0, 2), (1, 0), (1, 3), (1, True), (2, bytes(31)), (3, -1), (4, -1), (5, -1), (6, bytes(33)), (7, "text")),
    *((8, {}), (8, [["v01", bytes(63)]]), (8, [["V1", bytes(64)]]), (8, [["v01"]]), (8, [[b"v01", bytes(64)]])),
    (8, [["v01", bytes(64)]] * 32),
]


@pytest.mark.parametrize(("place", "value"), MALFORMED)
def test_malformed_certificates_are_refused(place: int, value: Any) -> None:
    fields = decode(signed_by(["v01", "v02", "v03"]).encoded())
    fields[place] = value
    with pytest.raises(DecodeError):
        decode_certificate(encode(fields))


def test_oversized_certificates_are_refused() -> None:
    with pytest.raises(DecodeError, match="exceed the limit"):
        decode_certificate(bytes(CERTIFICATE_BYTES_MAX + 1))


def test_certified_blocks_are_joined_and_split() -> None:
    maker = ChainMaker()
    record, _ = maker.decide(maker.transfer())
    joined = join_certified_block(record.block, record.result, record.certificate)
    assert split_certified_block(joined, size_max=len(joined)) == (record.block, record.result, record.certificate)
    with pytest.raises(DecodeError):
        split_certified_block(joined, size_max=len(joined) - 1)
    for wrong in ([1, b"", b""], [2, b"", b"", b""], [1, "", b"", b""], [1, b"", b"", b"", b""]):
        with pytest.raises(DecodeError):
            split_certified_block(encode(wrong), size_max=1_000)
