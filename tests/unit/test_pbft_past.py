"""What is remembered of views and heights that are over: bounded, and of each slot what was said first."""

from chain.certificate import Phase, Subject
from chain.crypto import tagged_hash
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from consensus.pbft.messages import Vote
from consensus.pbft.past import HEIGHTS_MAX, VIEWS_MAX, Past, limit_of

CHAIN = tagged_hash("test-chain")


def vote(height: int, view: int, block: str, signer: str = "ada", phase: Phase = Phase.PREPARE, mark: int = 0) -> Vote:
    subject = Subject(CHAIN, Epoch(0), Height(height), View(view), tagged_hash(block), Digest(bytes(32)))
    return Vote(phase, subject, ValidatorId(signer), Signature(bytes([mark]) * 64))


def test_what_is_remembered_is_bounded() -> None:
    past, nodes = Past(), 4
    for height in range(1, 200):
        for view in range(20):
            for node in range(nodes):
                for phase in Phase:
                    past.keep(vote(height, view, "a", f"node{node}", phase))
        past.forget_below(Height(height + 1))
        assert len(past) <= limit_of(nodes)
    assert len(past) == nodes * 2 * VIEWS_MAX * HEIGHTS_MAX
    assert past.other(vote(199, 19 - VIEWS_MAX, "b", "node0"), None) is None
    assert past.other(vote(199, 20 - VIEWS_MAX, "b", "node0"), None) is not None


def test_what_was_said_first_stays() -> None:
    past = Past()
    past.keep(vote(3, 0, "a"))
    past.keep(vote(3, 0, "b"))
    assert past.other(vote(3, 0, "b"), None) == vote(3, 0, "a")
    assert past.other(vote(3, 0, "a"), None) is None


def test_another_signature_of_the_same_vote_is_no_contradiction() -> None:
    past = Past()
    past.keep(vote(3, 0, "a"))
    assert past.other(vote(3, 0, "a", mark=7), None) is None
    assert past.other(vote(3, 0, "b", phase=Phase.COMMIT), None) is None


def test_what_the_slot_holds_counts_where_it_is_of_the_same_view() -> None:
    past, held = Past(), vote(3, 2, "a")
    assert past.other(vote(3, 2, "b"), held) == held
    assert past.other(vote(3, 1, "b"), held) is None


def test_one_accusation_a_height_and_kind() -> None:
    past = Past()
    for view in range(2):
        past.keep(vote(3, view, "a"))
    past.accuse(vote(3, 0, "b"))
    assert past.other(vote(3, 1, "b"), None) is None
    past.keep(vote(4, 0, "a"))
    assert past.other(vote(4, 0, "b"), None) is not None
