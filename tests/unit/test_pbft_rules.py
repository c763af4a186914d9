"""The pure decisions of PBFT: timeouts, joining, choosing, certificates."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.certificate import Certificate, Phase, Subject
from chain.crypto import public_key_of, tagged_hash
from chain.types import Epoch, Height, Milliseconds, Signature, ValidatorId, View
from chain.validators import Validator, validator_set
from consensus.pbft.config import PbftConfig
from consensus.pbft.messages import ViewChange, Vote
from consensus.pbft.rules import certificate_of, choice_of, is_drifted, timeout_of, view_to_join

CHAIN = tagged_hash("test-chain")
CONFIG = PbftConfig(CHAIN, ValidatorId("ada"), 100, Milliseconds(50), 10, 75, 4)


def subject(view: int, name: str = "block") -> Subject:
    digest = tagged_hash("test", name.encode())
    return Subject(CHAIN, Epoch(0), Height(1), View(view), digest, digest)


def vote(signer: str, of: Subject) -> Vote:
    return Vote(Phase.COMMIT, of, ValidatorId(signer), Signature(signer.encode().ljust(64)))


def change(prepared: Subject | None) -> ViewChange:
    certificate = None if prepared is None else Certificate(Phase.PREPARE, prepared, ())
    place = (CHAIN, Epoch(0), Height(1), View(9))
    return ViewChange(*place, None, certificate, ValidatorId("ada"), Signature(bytes(64)))


def test_timeouts_double_up_to_the_cap() -> None:
    assert [timeout_of(CONFIG, View(view)) for view in range(6)] == [10, 20, 40, 75, 75, 75]
    assert timeout_of(CONFIG, View(2**63 - 1)) == 75


@given(st.lists(st.integers(1, 2**63 - 1).map(View)), st.integers(0, 10))
def test_the_joined_view_is_one_that_an_honest_validator_strives_for(views: list[View], faults: int) -> None:
    joined = view_to_join(views, faults)
    reached = [view for view in views if sum(other >= view for other in views) > faults]
    assert joined == max(reached, default=None)


def test_the_highest_prepared_view_wins() -> None:
    changes = [change(subject(1, "old")), change(None), change(subject(3, "new")), change(subject(2, "mid"))]
    chosen = choice_of(changes)
    assert chosen is not None and chosen.subject == subject(3, "new")
    assert choice_of([change(None), change(None)]) is None


def test_all_orders_of_a_quorum_give_one_choice() -> None:
    changes = [change(subject(2, "left")), change(subject(2, "right")), change(subject(1))]
    choices = {choice_of(order) for order in (changes, changes[::-1], changes[1:] + changes[:1])}
    assert len(choices) == 1


def test_a_certificate_has_exactly_a_quorum_in_order() -> None:
    votes = [vote(name, subject(0)) for name in ("dan", "bob", "cyd", "ada")]
    certificate = certificate_of(votes, 3)
    assert certificate is not None
    assert [signer for signer, _ in certificate.signatures] == ["ada", "bob", "cyd"]
    assert certificate_of(votes[:2], 3) is None


def test_unequal_votes_make_no_certificate() -> None:
    votes = [vote("ada", subject(0)), vote("bob", subject(0)), vote("cyd", subject(1)), vote("dan", subject(0, "x"))]
    assert certificate_of(votes, 3) is None


def test_drift_counts_both_ways() -> None:
    assert not is_drifted(Milliseconds(150), Milliseconds(100), CONFIG)
    assert not is_drifted(Milliseconds(50), Milliseconds(100), CONFIG)
    assert is_drifted(Milliseconds(151), Milliseconds(100), CONFIG)
    assert is_drifted(Milliseconds(49), Milliseconds(100), CONFIG)


@pytest.mark.parametrize("size", range(1, 32))
def test_two_quorums_share_an_honest_validator_and_the_honest_make_one(size: int) -> None:
    names = [f"v{place:02}" for place in range(size)]
    key = public_key_of(bytes(tagged_hash("test")))
    members = validator_set(Epoch(0), [Validator(ValidatorId(name), name, key, (b"tls",)) for name in names])
    assert 2 * members.quorum - size > members.faults_max
    assert size - members.faults_max >= members.quorum


def test_quorum_intersection_by_enumeration() -> None:
    key = public_key_of(bytes(tagged_hash("test")))
    for size in range(1, 8):
        members = validator_set(Epoch(0), [Validator(ValidatorId(f"v{i}"), "v", key, (b"",)) for i in range(size)])
        quorums = [set(quorum) for quorum in combinations(members.ids, members.quorum)]
        assert all(len(one & other) > members.faults_max for one in quorums for other in quorums)
