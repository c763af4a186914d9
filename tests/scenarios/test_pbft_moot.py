"""What would change nothing is told before a signature is checked, whatever a validator floods the others with.

The bench asserts of every message in every scenario and storm that one that is called moot does change nothing.
"""

from dataclasses import replace

import pytest
from pbft_bench import CHAIN_ID, Bench, Host, seed_of

from chain.certificate import Certificate, Phase, Subject
from chain.crypto import sign, tagged_hash
from chain.types import Digest, Epoch, Height, ValidatorId, View
from consensus.evidence import candidates
from consensus.pbft import messages as said
from consensus.pbft.events import Equivocation, MessageArrived
from consensus.pbft.messages import TAGS, Inquiry, Ranked, ViewChange, Vote
from consensus.pbft.normal import UNSIGNED
from consensus.pbft.past import HEIGHTS_MAX
from consensus.pbft.replica import Replica

LIAR = ValidatorId("dan")


@pytest.fixture
def bench() -> Bench:
    """Return four hosts that have decided five blocks and stand at height 6."""
    bench = Bench(4)
    bench.start_all()
    for number in range(5):
        bench.submit(b"transaction %d" % number)
        bench.settle()
    bench.tick(4)
    assert set(bench.heights().values()) == {5}
    return bench


def signed(message: Ranked, signer: ValidatorId = LIAR) -> Ranked:
    return replace(message, signature=sign(seed_of(signer), TAGS[message.kind], message.payload))


def view_change(bench: Bench, height: int, view: int, signer: ValidatorId = LIAR) -> ViewChange:
    """Return a genuine VIEW-CHANGE of the present or an earlier height."""
    last = bench.hosts[signer].chain[height - 2].certificate
    made = signed(ViewChange(CHAIN_ID, Epoch(0), Height(height), View(view), last, None, signer, UNSIGNED), signer)
    assert isinstance(made, ViewChange)
    return made


def vote(height: int, view: int, block: bytes) -> Ranked:
    subject = Subject(CHAIN_ID, Epoch(0), Height(height), View(view), tagged_hash(block.decode()), Digest(bytes(32)))
    return signed(Vote(Phase.PREPARE, subject, LIAR, UNSIGNED))


def replica_of(host: Host) -> Replica:
    assert host.replica is not None
    return host.replica


def looked_at(host: Host, messages: list[Ranked], sender: ValidatorId = LIAR) -> int:
    """Return how many of these, sent one after the other, would have their signatures checked."""
    count = 0
    for message in messages:
        if not replica_of(host).is_moot(sender, message, has_body=False):
            count += 1
            host.step(MessageArrived(sender, message, host.clock))
    return count


def test_a_message_that_is_held_is_checked_once(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    assert looked_at(host, [view_change(bench, 6, 1)] * 100) == 1
    assert looked_at(host, [vote(6, 0, b"a")] * 100) == 1, "its slot is another one"


def test_lower_views_than_the_one_that_is_held_are_not_checked(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    assert looked_at(host, [view_change(bench, 6, view) for view in (5, 4, 3, 2, 1)]) == 1
    assert looked_at(host, [view_change(bench, 6, view) for view in (6, 7, 8)]) == 3, "each replaces the one before"


def test_an_equivocation_is_checked_once_a_slot(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    votes = [vote(6, 0, b"block %d" % number) for number in range(50)]
    assert looked_at(host, votes) == 2, "the one that is held, and the one that proves the lie"
    assert len([report for report in host.reports if "Equivocation" in type(report).__name__]) == 1


def equivocations(host: Host) -> list[Equivocation]:
    return [report for report in host.reports if isinstance(report, Equivocation)]


def test_a_second_vote_in_a_view_that_is_over_is_evidence(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    assert looked_at(host, [vote(6, 0, b"a"), vote(6, 3, b"a")]) == 2
    assert looked_at(host, [vote(6, 0, b"a"), vote(6, 1, b"b"), vote(6, 2, b"c")]) == 0, "no contradiction"
    assert looked_at(host, [vote(6, 0, b"b"), vote(6, 0, b"c")]) == 1, "one proves the lie"
    assert equivocations(host) == [Equivocation(vote(6, 0, b"a"), vote(6, 0, b"b"))]


def test_a_second_vote_after_the_decision_is_evidence(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    late = [vote(height, 0, b"b") for height in (5, 5, 4, 3)]
    assert [looked_at(host, [message]) for message in late] == [1, 0, 1, 1]
    assert [report.second for report in equivocations(host)] == [late[0], late[2], late[3]]
    for report in equivocations(host):
        (evidence,) = candidates(report, None, None)
        assert [statement.signature for statement in evidence.statements].count(report.first.signature) == 1


def test_heights_that_are_long_over_and_unread_votes_leave_no_evidence(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    for number in range(HEIGHTS_MAX):
        bench.submit(b"another %d" % number)
        bench.settle()
    bench.tick(4)
    looked_at(host, [vote(5, 0, b"b"), vote(6, 1, b"a"), vote(6, 1, b"b")])
    assert equivocations(host) == []
    assert looked_at(host, [vote(6, 0, b"b")]) == 1 and len(equivocations(host)) == 1


def test_messages_of_decided_heights_are_checked_only_when_they_are_answered(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    assert looked_at(host, [view_change(bench, 2, view) for view in range(1, 100)]) == 1
    assert looked_at(host, [view_change(bench, 3, view) for view in range(1, 100)]) == 1, "once more for a later height"


def test_messages_of_far_heights_are_checked_once_an_interval(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    far = [vote(2**62, view, b"a") for view in range(50)]
    assert looked_at(host, [far[-1], *far]) == 1


def test_testimonies_and_inquiries_are_checked_while_somebody_waits_for_them(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    testimony = said.Testimony(CHAIN_ID, bytes(16), host.name, None, LIAR, UNSIGNED)
    assert replica_of(host).is_moot(LIAR, testimony, has_body=False), "this one is awake"
    inquiry = Inquiry(CHAIN_ID, bytes(16), ValidatorId("stranger"), UNSIGNED)
    assert replica_of(host).is_moot(LIAR, inquiry, has_body=False)
    assert not replica_of(host).is_moot(LIAR, replace(inquiry, signer=LIAR), has_body=False)


def test_nothing_of_another_chain_or_of_this_replica_itself_is_checked(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    foreign = replace(view_change(bench, 6, 1), chain_id=tagged_hash("another"))
    assert looked_at(host, [foreign]) == 0
    assert looked_at(host, [view_change(bench, 6, 1, host.name)]) == 0


def test_who_is_no_validator_or_speaks_of_another_set_is_refused_and_not_passed_over(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    change = view_change(bench, 6, 1)
    for odd in (replace(change, signer=ValidatorId("stranger")), replace(change, epoch=Epoch(7))):
        assert not replica_of(host).is_moot(LIAR, odd, has_body=False)


def test_a_certificate_is_heard_from_a_message_that_is_new(bench: Bench) -> None:
    host = bench.hosts[ValidatorId("ada")]
    change = view_change(bench, 6, 2)
    assert isinstance(change.last, Certificate)
    assert looked_at(host, [change, replace(change, last=None)]) == 2, "another message in the slot may be evidence"
