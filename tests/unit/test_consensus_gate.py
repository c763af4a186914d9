"""A peer may use its own share of signature checks and nobody else's, and the same thing is checked once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chain.certificate import Certificate, Phase, Subject
from chain.crypto import public_key_of, sign, verify
from chain.encoding import encode
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from chain.validators import Validator, ValidatorSet, validator_set
from consensus import gate
from consensus.gate import CHECKS_PER_SECOND, Gate, burst_of, share_of
from consensus.pbft.messages import TAGS, NewView, ViewChange, encode_message
from consensus.verify import check_message

CHAIN = Digest(b"c" * 32)
PEER, OTHER = ValidatorId("v03"), ValidatorId("v02")


def seed_of(name: str) -> bytes:
    return name.encode().ljust(32, b"-")


def validators_of(count: int) -> ValidatorSet:
    names = [f"v{number:02}" for number in range(count)]
    members = [Validator(ValidatorId(name), name, public_key_of(seed_of(name)), (b"tls",)) for name in names]
    return validator_set(Epoch(0), members)


FOUR = validators_of(4)


def certificate(validators: ValidatorSet, phase: Phase, height: int, view: int) -> Certificate:
    subject = Subject(CHAIN, Epoch(0), Height(height), View(view), Digest(bytes(32)), Digest(bytes(32)))
    payload = subject.payload(phase)
    signers = validators.ids[: validators.quorum]
    return Certificate(phase, subject, tuple((name, sign(seed_of(name), "vote", payload)) for name in signers))


def view_change(validators: ValidatorSet, view: int, signer: ValidatorId = PEER) -> ViewChange:
    last, prepared = (certificate(validators, *what) for what in ((Phase.COMMIT, 1, 0), (Phase.PREPARE, 2, 0)))
    unsigned = ViewChange(CHAIN, Epoch(0), Height(2), View(view), last, prepared, signer, Signature(bytes(64)))
    return replace(unsigned, signature=sign(seed_of(signer), TAGS[unsigned.kind], unsigned.payload))


def new_view(validators: ValidatorSet, view: int) -> NewView:
    changes = tuple(view_change(validators, view, signer) for signer in validators.ids[: validators.quorum])
    unsigned = NewView(CHAIN, Epoch(0), Height(2), View(view), changes, PEER, Signature(bytes(64)))
    return replace(unsigned, signature=sign(seed_of(PEER), TAGS[unsigned.kind], unsigned.payload))


@pytest.mark.parametrize("count", [4, 31])
def test_votes_that_were_checked_are_not_checked_again_inside_certificates(count: int) -> None:
    validators, checked = validators_of(count), Gate(verify)
    change = view_change(validators, 1)
    check_message(change, validators, verify=checked.verify)
    assert checked.checks == 1 + 2 * validators.quorum
    check_message(view_change(validators, 2), validators, verify=checked.verify)
    assert checked.checks == 2 + 2 * validators.quorum, "of a second one its own signature alone"
    check_message(new_view(validators, 1), validators, verify=checked.verify)
    known = PEER in validators.ids[: validators.quorum]
    assert checked.checks == 3 + 3 * validators.quorum - known


def test_bad_signatures_are_never_remembered() -> None:
    answers = [False, True]
    checked = Gate(lambda key, tag, payload, signature: answers.pop(0))
    what = (bytes(32), "vote", b"payload", bytes(64))
    assert [checked.verify(*what) for _ in range(4)] == [False, True, True, True]
    assert checked.checks == 2
    answers.append(False)
    assert not checked.verify(bytes(32), "vot", b"epayload", bytes(64)), "tag and payload do not run into each other"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "VERIFIED_MAX", 3)
    checked = Gate(lambda key, tag, payload, signature: True)
    for number in (0, 1, 2, 3, 3, 0):
        checked.verify(bytes(32), "vote", bytes([number]), bytes(64))
    assert checked.checks == 5, "the oldest was forgotten"


def flooded(
    checked: Gate, payloads: Callable[[int], bytes], seconds: float, a_second: int, checks: int
) -> tuple[int, int]:
    """Send so many payloads a second that cost so many checks each; return how many were sent and how many read."""
    sent = int(seconds * a_second)
    read = 0
    for number in range(sent):
        payload = payloads(number)
        if checked.admits(PEER, payload, FOUR, 1000.0 + number / a_second):
            read += 1
            checked.charge(PEER, len(payload), checks)
    return sent, read


def test_a_flood_gets_its_share_and_never_more() -> None:
    checked = Gate(verify)
    sent, read = flooded(checked, lambda number: number.to_bytes(8, "big"), 10, 1000, 7)
    assert sent == 10_000
    assert read * 7 <= burst_of(FOUR) + 10 * share_of(FOUR) + 8
    assert read * 8 >= 10 * share_of(FOUR), "and it does get its share"
    assert checked.excess == {PEER: sent - read}
    assert checked.floods(1010.0) == {PEER: sent - read}
    assert checked.floods(1100.0) == {}, "a while later it is forgiven"


def test_one_peers_flood_takes_nothing_from_another() -> None:
    checked = Gate(verify)
    flooded(checked, lambda number: number.to_bytes(8, "big"), 1, 20_000, 22)
    assert not checked.admits(PEER, b"more", FOUR, 1001.0)
    assert checked.wait_seconds(PEER, FOUR) > 0.0
    for number in range(int(share_of(FOUR) / 2)):
        assert checked.admits(OTHER, number.to_bytes(8, "big"), FOUR, 1001.0)
        checked.charge(OTHER, 8, 1)
    assert checked.wait_seconds(OTHER, FOUR) == 0.0
    assert OTHER not in checked.excess


def test_a_peer_that_stops_is_read_again() -> None:
    checked = Gate(verify)
    flooded(checked, lambda number: number.to_bytes(8, "big"), 1, 20_000, 22)
    pause = checked.wait_seconds(PEER, FOUR)
    assert 0.0 < pause < 1.0
    assert checked.admits(PEER, b"behaves", FOUR, 1001.0 + pause + 0.01)


def test_the_same_bytes_are_read_once_in_half_of_the_interval_of_resending() -> None:
    checked = Gate(verify)
    sent, read = flooded(checked, lambda number: bytes(754), 10, 500, 7)
    assert (sent, read) == (5_000, 40)
    assert not checked.floods(1010.0), "cheap as that is, it costs nobody anything"


def test_honest_resending_is_read() -> None:
    checked = Gate(verify)
    _, read = flooded(checked, lambda number: bytes(754), 10, 2, 7)
    assert read == 20


@pytest.mark.parametrize("count", [1, 2, 4, 7, 31])
def test_the_dearest_honest_message_fits_twice(count: int) -> None:
    validators = validators_of(count)
    if count >= 4:
        checked = Gate(lambda key, tag, payload, signature: True)
        check_message(new_view(validators, 1), validators, verify=checked.verify)
        assert 2 * checked.checks <= burst_of(validators)
    assert share_of(validators) * max(1, count - 1) == pytest.approx(CHECKS_PER_SECOND)


def test_accounts_are_bounded_and_debtors_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PEERS_MAX", 4)
    checked = Gate(verify)
    flooded(checked, lambda number: number.to_bytes(8, "big"), 1, 20_000, 22)
    for number in range(20):
        checked.admits(ValidatorId(f"passer-by-{number}"), b"x", FOUR, 1001.0)
    assert not checked.admits(PEER, b"again", FOUR, 1001.0)
    assert len(checked._accounts) <= 5


def test_a_view_change_is_as_large_as_thought() -> None:
    """The budget counts bytes too: those of the usual messages must be small beside their checks."""
    assert len(encode([1, encode_message(view_change(FOUR, 1)), None])) < gate.BYTES_PER_CHECK / 4
