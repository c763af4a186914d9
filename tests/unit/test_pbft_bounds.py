"""One replica alone: everything it keeps is bounded, and what it must not do it does not do."""

from dataclasses import replace

import pytest

from chain.block import Block, Header, make_block
from chain.certificate import Certificate, Phase, Subject
from chain.crypto import public_key_of, tagged_hash
from chain.receipt import BlockResult
from chain.types import Digest, Epoch, Height, Milliseconds, Signature, ValidatorId, View
from chain.validators import Validator, validator_set
from consensus.pbft import events, messages
from consensus.pbft.config import PbftConfig
from consensus.pbft.records import EVER, Record, RecordKind
from consensus.pbft.replica import Replica
from consensus.pbft.state import State

CHAIN = tagged_hash("test-chain")
NAMES = ("ada", "bob", "cyd", "dan")
ADA, BOB, CYD, DAN = (ValidatorId(name) for name in NAMES)
KEYS = {name: public_key_of(bytes(tagged_hash("test-seed", name.encode()))) for name in NAMES}
VALIDATORS = validator_set(Epoch(0), [Validator(ValidatorId(n), n, key, (b"tls",)) for n, key in KEYS.items()])
CONFIG = PbftConfig(CHAIN, DAN, 1000, Milliseconds(1000), 10, 80, 4, buffer_heights=2, bodies_max=4)
GENESIS = events.Head(Height(0), CHAIN, tagged_hash("zero"), Milliseconds(0), None, None, VALIDATORS)
NOTHING = Signature(bytes(64))
NONCE = bytes(16)
NOW = Milliseconds(10)


def started(*records: Record, floor: int = 1, head: events.Head = GENESIS, awake: bool = True) -> Replica:
    """Return dan, restored, and awake by the testimony of two others."""
    replica = Replica(CONFIG, lambda tag, payload: Signature(tagged_hash(tag, payload) * 2))
    replica.step(events.Restored(head, Height(floor), records, NONCE, NOW))
    for witness in (ADA, BOB) if awake else ():
        arrive(replica, messages.Testimony(CHAIN, NONCE, DAN, None, witness, NOTHING), witness)
    return replica


def arrive(
    replica: Replica, message: messages.Message, sender: ValidatorId | None = None, block: Block | None = None
) -> events.Output:
    return replica.step(events.MessageArrived(sender or message.signer, message, NOW, block))


def inside(replica: Replica) -> State:
    assert replica._state is not None
    return replica._state


def block_of(proposer: ValidatorId, name: str = "block", height: int = 1) -> Block:
    links = (CHAIN, Height(height), GENESIS.block_hash, GENESIS.result_hash, tagged_hash("history"))
    own = (NOW, proposer, tagged_hash("root"), VALIDATORS.validators_hash, Epoch(0))
    return make_block(Header(1, *links, *own), [name.encode()])


def header_of(proposer: ValidatorId, time: int = NOW, height: int = 1) -> Header:
    return replace(block_of(proposer, height=height).header, time=Milliseconds(time))


def result_of(block: Block) -> BlockResult:
    return BlockResult(tagged_hash("state", block.block_hash), tagged_hash("receipts"), VALIDATORS.validators_hash)


def pre_prepare(
    signer: ValidatorId, view: int = 0, header: Header | None = None, height: int = 1
) -> messages.PrePrepare:
    header = header or header_of(signer, height=height)
    where = (CHAIN, Epoch(0), Height(height), View(view))
    return messages.PrePrepare(*where, header.encoded(), signer, NOTHING)


def vote(
    signer: ValidatorId, phase: Phase = Phase.PREPARE, view: int = 0, height: int = 1, block: str = "block"
) -> messages.Vote:
    digest = tagged_hash(block)
    subject = Subject(CHAIN, Epoch(0), Height(height), View(view), digest, digest)
    return messages.Vote(phase, subject, signer, NOTHING)


def view_change(signer: ValidatorId, view: int = 1, height: int = 1) -> messages.ViewChange:
    return messages.ViewChange(CHAIN, Epoch(0), Height(height), View(view), None, None, signer, NOTHING)


def sent(output: events.Output) -> list[messages.Kind]:
    return [item.message.kind for item in output.send if isinstance(item, events.Send)]


def test_messages_of_a_signer_take_one_slot_a_kind() -> None:
    replica = started()
    for view in range(1000):
        for phase in Phase:
            arrive(replica, vote(ADA, phase, view=view))
        arrive(replica, view_change(ADA, view=view + 1))
        arrive(replica, pre_prepare(ADA, view=view))
    assert len(inside(replica).round.slots) == 4
    assert inside(replica).round.slots.commits[ADA].view == 999


def test_buffered_heights_are_bounded_and_the_rest_starts_one_catch_up_an_interval() -> None:
    replica = started()
    outputs = [arrive(replica, vote(ADA, height=height)) for height in range(2, 1000)]
    assert sorted(inside(replica).buffer) == [2, 3]
    assert [item for output in outputs for item in output.fetch] == [events.CatchUp(Height(1), (ADA,))]
    assert len(inside(replica).ahead) == 1
    later = [replica.step(events.Tick(NOW)) for _ in range(CONFIG.resend_ticks)]
    assert [item for output in later for item in output.fetch] == [events.CatchUp(Height(1), (ADA,))]


def test_bodies_are_bounded() -> None:
    replica = started()
    for view in range(0, 400, 4):
        block = make_block(header_of(ADA, time=NOW + view), [])
        arrive(replica, pre_prepare(ADA, view, block.header), block=block)
    assert len(inside(replica).round.bodies) == CONFIG.bodies_max
    assert len(inside(replica).round.results) <= CONFIG.bodies_max


def test_a_body_that_nobody_asked_for_is_not_kept() -> None:
    replica = started()
    replica.step(events.BodyArrived(block_of(ADA)))
    assert not inside(replica).round.bodies
    arrive(replica, pre_prepare(ADA), block=block_of(BOB))
    assert not inside(replica).round.bodies


def test_strangers_are_not_heard() -> None:
    replica = started()
    arrive(replica, vote(ValidatorId("eve")), ADA)
    arrive(replica, vote(ValidatorId("eve"), height=2), ADA)
    assert not len(inside(replica).round.slots)
    assert not inside(replica).buffer.get(Height(2))
    assert "eve" not in inside(replica).heard


def test_a_foreign_chain_is_not_heard() -> None:
    replica = started()
    foreign = replace(vote(ADA), subject=replace(vote(ADA).subject, chain_id=tagged_hash("another")))
    assert arrive(replica, foreign) == events.Output()
    assert not len(inside(replica).round.slots)


def test_only_the_primary_proposes_and_opens_views() -> None:
    replica = started()
    assert not arrive(replica, pre_prepare(BOB)).fetch
    changes = tuple(view_change(name) for name in (ADA, BOB, CYD))
    usurped = messages.NewView(CHAIN, Epoch(0), Height(1), View(1), changes, CYD, NOTHING)
    arrive(replica, usurped)
    assert replica.status.view == 0
    arrive(replica, replace(usurped, signer=BOB))
    assert (replica.status.view, replica.status.is_changing_view) == (1, False)


def test_equivocation_is_reported_once() -> None:
    replica = started()
    first, second, third = (vote(ADA, block=name) for name in ("one", "two", "three"))
    arrive(replica, first)
    assert arrive(replica, second).report == (events.Equivocation(first, second),)
    assert arrive(replica, third).report == ()
    assert inside(replica).round.slots.prepares[ADA] == first


def test_own_messages_from_outside_change_nothing() -> None:
    replica = started()
    arrive(replica, vote(DAN, view=7), ADA)
    arrive(replica, view_change(DAN, view=9), ADA)
    assert replica.status.view == 0
    assert not len(inside(replica).round.slots)


def test_no_vote_without_the_body_nor_without_the_result() -> None:
    replica = started()
    block = block_of(ADA)
    output = arrive(replica, pre_prepare(ADA, header=block.header))
    assert output.fetch == (events.FetchBody(Height(1), block.block_hash, (ADA,)),)
    assert not output.send
    output = replica.step(events.BodyArrived(block))
    assert output.fetch == (events.Execute(block),)
    assert not output.send
    output = replica.step(events.Executed(block.block_hash, result_of(block)))
    assert sent(output) == [messages.Kind.PREPARE]
    assert [record.kind for record in output.persist] == [
        RecordKind.BODY,
        RecordKind.RESULT,
        RecordKind.HEARD,
        RecordKind.MESSAGE,
    ]


def test_no_vote_in_a_view_that_was_left() -> None:
    replica = started()
    block = block_of(ADA)
    arrive(replica, pre_prepare(ADA, header=block.header), block=block)
    arrive(replica, view_change(BOB))
    assert sent(arrive(replica, view_change(CYD))) == [messages.Kind.VIEW_CHANGE]
    assert not replica.step(events.Executed(block.block_hash, result_of(block))).send


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (header_of(BOB), "wrong_proposer"),
        (replace(header_of(ADA), parent_hash=tagged_hash("x")), "wrong_parent"),
        (replace(header_of(ADA), parent_result_hash=tagged_hash("x")), "wrong_parent_result"),
        (replace(header_of(ADA), validators_hash=tagged_hash("x")), "wrong_validators"),
        (replace(header_of(ADA), time=Milliseconds(0)), "time_not_increasing"),
        (replace(header_of(ADA), time=Milliseconds(NOW + 1001)), "clock_drift"),
        (replace(header_of(ADA), epoch=Epoch(1)), "wrong_epoch"),
        (replace(header_of(ADA), height=Height(2)), "wrong_height"),
    ],
)
def test_proposals_with_wrong_headers_are_refused(header: Header, code: str) -> None:
    output = arrive(started(), pre_prepare(ADA, header=header))
    assert [item.code for item in output.report if isinstance(item, events.BadProposal)] == [code]
    assert messages.Kind.PREPARE not in sent(output)
    assert not output.fetch


def decided(result_hash: Digest | None = None) -> tuple[events.CertifiedBlock, events.Head]:
    block = block_of(ADA)
    result = result_of(block)
    subject = Subject(CHAIN, Epoch(0), Height(1), View(0), block.block_hash, result.result_hash)
    certificate = Certificate(Phase.COMMIT, subject, tuple((name, NOTHING) for name in (ADA, BOB, CYD)))
    own = result_hash or result.result_hash
    head = events.Head(Height(1), block.block_hash, own, NOW, ADA, certificate, VALIDATORS)
    return events.CertifiedBlock(block, result, certificate), head


def test_a_state_that_is_not_the_certified_one_stops_the_replica() -> None:
    replica = started()
    certified, head = decided(tagged_hash("something else"))
    replica.step(certified)
    output = replica.step(events.Applied(head))
    assert isinstance(output.report[0], events.Diverged)
    assert replica.status.why_not == "diverged"
    assert replica.step(events.PendingChanged(True)) == events.Output()


def test_peers_that_speak_of_a_decided_height_are_served_but_not_flooded() -> None:
    replica = started()
    certified, head = decided()
    assert replica.step(certified).decide
    replica.step(events.Applied(head))
    assert not arrive(replica, vote(BOB)).send
    for _ in range(CONFIG.resend_ticks):
        replica.step(events.Tick(NOW))
    outputs = [arrive(replica, vote(BOB)) for _ in range(100)]
    assert [item for output in outputs for item in output.send] == [events.Serve(Height(1), BOB)]
    assert len(inside(replica).decided_at) == 0


def test_nothing_is_said_below_the_floor_of_the_log() -> None:
    replica = started(floor=2)
    block = block_of(ADA)
    arrive(replica, pre_prepare(ADA, header=block.header), block=block)
    assert not replica.step(events.Executed(block.block_hash, result_of(block))).send
    assert replica.status.why_not == "below_log"
    certified, head = decided()
    replica.step(certified)
    replica.step(events.Applied(head))
    assert replica.status.votes


def test_nothing_is_said_before_enough_have_testified() -> None:
    replica = started(awake=False)
    replica.step(events.PendingChanged(True))
    outputs = [replica.step(events.Tick(NOW)) for _ in range(100)]
    assert {kind for output in outputs for kind in sent(output)} == {messages.Kind.INQUIRY}
    testimony = messages.Testimony(CHAIN, NONCE, DAN, None, ADA, NOTHING)
    arrive(replica, testimony)
    arrive(replica, testimony)
    arrive(replica, replace(testimony, signer=BOB, nonce=bytes(15) + b"x"))
    arrive(replica, replace(testimony, signer=BOB, about=CYD))
    assert replica.status.why_not == "waiting_for_testimony"
    assert arrive(replica, replace(testimony, signer=BOB)).report == (events.Awoke(),)


def test_a_replaced_key_ends_amnesia() -> None:
    lost = Record(RecordKind.AMNESIA, EVER, KEYS["dan"])
    assert started(lost).status.why_not == "lost_votes"
    assert started(replace(lost, payload=KEYS["ada"])).status.votes


def test_a_follower_says_nothing_but_follows() -> None:
    replica = Replica(replace(CONFIG, own_id=ValidatorId("eve")), lambda tag, payload: NOTHING)
    assert not replica.step(events.Restored(GENESIS, Height(1), (), NONCE, NOW)).send
    certified, _ = decided()
    block = certified.block
    outputs = [arrive(replica, pre_prepare(ADA, header=block.header), block=block)]
    outputs.append(replica.step(events.Executed(block.block_hash, certified.result)))
    for signer in (ADA, BOB, CYD):
        outputs.append(arrive(replica, messages.Vote(Phase.COMMIT, certified.certificate.subject, signer, NOTHING)))
    assert not [item for output in outputs for item in output.send]
    assert outputs[-1].decide[0].certificate == certified.certificate
    assert replica.status.why_not == "not_a_validator"


def test_votes_that_were_dropped_below_the_floor_are_not_lost() -> None:
    shown = vote(DAN, Phase.COMMIT, height=3)
    for floor, why_not in ((4, "below_log"), (3, "lost_votes")):
        replica = started(floor=floor, awake=False)
        for witness in (ADA, BOB):
            arrive(replica, messages.Testimony(CHAIN, NONCE, DAN, shown, witness, NOTHING), witness)
        assert replica.status.why_not == why_not


def test_everything_kept_is_named_and_within_its_limit() -> None:
    replica = started()
    for view in range(0, 400, 4):
        block = make_block(header_of(ADA, time=NOW + view + 1), [])
        arrive(replica, view_change(BOB, view + 1), ADA)
        arrive(replica, view_change(CYD, view + 1), ADA)
        arrive(replica, messages.NewView(CHAIN, Epoch(0), Height(1), View(view + 4), (), ADA, NOTHING))
        arrive(replica, pre_prepare(ADA, view + 4, block.header), block=block)
        if view % 8:
            replica.step(events.ExecutionInvalid(block.block_hash, "wrong_history_root"))
    kept = {what: count for what, count, _ in replica.kept}
    assert all(count <= limit for _, count, limit in replica.kept)
    assert kept["blocks being executed"] > 1
    assert kept["invalid blocks"] > 1
    assert kept["messages of the height"] >= 4
