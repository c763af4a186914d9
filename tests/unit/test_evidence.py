"""Evidence convicts whom it names, of what it says, from the genesis alone; and nobody of what honest validators do."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from chain_maker import ChainMaker, key_of, seed_of
from hypothesis import given
from hypothesis import strategies as st

from chain.block import Header, make_block
from chain.certificate import Certificate, Phase, Subject, decode_certificate, sign_vote
from chain.crypto import sign
from chain.encoding import DecodeError, decode, encode
from chain.evidence import Evidence, EvidenceKind, Statement, StatementKind, decode_evidence, evidence_of
from chain.evidence_check import EvidenceError, Finding, check_evidence
from chain.proofs import CertifiedHeader, certified_header_of
from chain.transaction import Transaction, transactions_root_of
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from chain.validators import validator_set
from consensus.evidence import candidates, of_refused, shown_transaction, statement_of
from consensus.pbft.events import BadProposal, Equivocation, HidPrepared
from consensus.pbft.messages import TAGS, NewView, PrePrepare, Ranked, ViewChange, Vote
from consensus.verify import MessageError, check_message

MAKER = ChainMaker()
MAKER.decide_many(2)
GENESIS = MAKER.genesis
CHAIN = GENESIS.genesis_hash
VALIDATORS = GENESIS.validators
BAD, *OTHERS = VALIDATORS.ids
QUORUM = VALIDATORS.quorum
ONE, TWO = Digest(b"\x01" * 32), Digest(b"\x02" * 32)
NOT_SIGNED = Signature(bytes(64))
HEAD = MAKER.head
HERE = Height(HEAD.height + 1)
LAST = MAKER.records[-1]


def signed(message: Ranked, signer: ValidatorId = BAD) -> Ranked:
    """Return the message, signed by somebody's true key."""
    signature = sign(seed_of(signer), TAGS[message.kind], message.payload)
    return replace(message, signer=signer, signature=signature)


def subject(block: Digest = ONE, view: int = 0, height: int = HERE, result: Digest = TWO, epoch: int = 0) -> Subject:
    return Subject(CHAIN, Epoch(epoch), Height(height), View(view), block, result)


def vote(block: Digest = ONE, view: int = 0, phase: Phase = Phase.PREPARE, signer: ValidatorId = BAD) -> Vote:
    made = signed(Vote(phase, subject(block, view), signer, NOT_SIGNED), signer)
    assert isinstance(made, Vote)
    return made


def certificate(about: Subject, phase: Phase = Phase.PREPARE, signers: int = QUORUM) -> Certificate:
    names = VALIDATORS.ids[:signers]
    return Certificate(phase, about, tuple((name, sign_vote(seed_of(name), phase, about)) for name in names))


def last_certificate() -> Certificate:
    return decode_certificate(LAST.certificate)


def change(
    view: int = 2,
    prepared: Certificate | None = None,
    last: Certificate | None = None,
    signer: ValidatorId = BAD,
    height: int = HERE,
) -> ViewChange:
    shown = last_certificate() if last is None and height == HERE else last
    message = ViewChange(CHAIN, Epoch(0), Height(height), View(view), shown, prepared, signer, NOT_SIGNED)
    made = signed(message, signer)
    assert isinstance(made, ViewChange)
    return made


def new_view(*changes: ViewChange, view: int = 2) -> NewView:
    made = signed(NewView(CHAIN, Epoch(0), HERE, View(view), changes, BAD, NOT_SIGNED))
    assert isinstance(made, NewView)
    return made


def proposal(header: Header) -> PrePrepare:
    made = signed(PrePrepare(CHAIN, Epoch(0), header.height, View(0), header.encoded(), BAD, NOT_SIGNED))
    assert isinstance(made, PrePrepare)
    return made


def fresh_header(*transactions: Transaction, **changes: object) -> Header:
    return MAKER.header(list(transactions), **{"proposer": BAD, **changes})


def judged(evidence: Evidence | None) -> Finding:
    """Check evidence after a journey as bytes."""
    assert evidence is not None
    return check_evidence(decode_evidence(evidence.encoded()), GENESIS, CHAIN, VALIDATORS)


def refused(evidence: Evidence | None) -> str:
    with pytest.raises(EvidenceError) as caught:
        judged(evidence)
    return caught.value.code


TWICE: dict[str, tuple[Ranked, Ranked]] = {
    "two_prepares": (vote(ONE), vote(TWO)),
    "two_commits": (vote(ONE, phase=Phase.COMMIT), vote(TWO, phase=Phase.COMMIT)),
    "two_view_changes": (change(), change(prepared=certificate(subject(view=1)))),
    "two_new_views": (
        new_view(*(change(signer=name) for name in VALIDATORS.ids[:3])),
        new_view(*(change(signer=name) for name in VALIDATORS.ids[1:])),
    ),
    "two_proposals": (proposal(fresh_header()), proposal(fresh_header(transactions_root=ONE))),
}


@pytest.mark.parametrize("code", TWICE)
def test_two_messages_for_one_place_convict(code: str) -> None:
    first, second = TWICE[code]
    (found,) = candidates(Equivocation(second, first), None, None)
    finding = judged(found)
    assert (finding.validator, finding.code, finding.kind) == (BAD, code, EvidenceKind.TWO_MESSAGES)
    assert (finding.place.height, finding.place.view) == (HERE, first.view)


def test_two_signatures_of_one_message_convict_nobody() -> None:
    again = replace(vote(), signature=Signature(b"\x01" * 64))
    assert not list(candidates(Equivocation(vote(), again), None, None))
    twice = Evidence(EvidenceKind.TWO_MESSAGES, BAD, (statement_of(vote()), statement_of(again)))
    with pytest.raises(DecodeError):
        decode_evidence(twice.encoded())


def two(first: Ranked, second: Ranked) -> Evidence:
    return evidence_of(EvidenceKind.TWO_MESSAGES, BAD, (statement_of(first), statement_of(second)))


@pytest.mark.parametrize(
    "evidence",
    [
        two(vote(ONE), vote(TWO, view=1)),
        two(vote(ONE), vote(ONE, phase=Phase.COMMIT)),
        two(vote(ONE, phase=Phase.COMMIT), vote(TWO, view=1, phase=Phase.COMMIT)),
        two(change(view=2), change(view=3)),
    ],
)
def test_what_honest_validators_do_too_proves_nothing(evidence: Evidence) -> None:
    """Votes in different views, both phases of one, and commits to two blocks in two views among them."""
    assert refused(evidence) == "proves_nothing"


def test_a_commit_and_a_view_change_that_hides_it() -> None:
    commit = vote(view=1, phase=Phase.COMMIT)
    older = certificate(subject(view=0))
    for hiding in (change(view=2), change(view=3, prepared=older)):
        (found,) = candidates(HidPrepared(hiding, commit), None, None)
        assert judged(found).code == "hidden_prepared"
    for honest in (change(view=2, prepared=certificate(subject(view=1))), change(view=1)):
        (found,) = candidates(HidPrepared(honest, commit), None, None)
        assert refused(found) == "proves_nothing"


def wrong_signature(made: Certificate) -> Certificate:
    (first, _), *rest = made.signatures
    return replace(made, signatures=((first, NOT_SIGNED), *rest))


PREPARED = certificate(subject(view=1))
CHANGES: dict[str, ViewChange] = {
    "": change(prepared=PREPARED),
    "nothing prepared": change(),
    "view_change_to_view_0": change(view=0),
    "last_certificate_missing": replace(change(), last=None),
    "last_certificate_of_something_else": change(last=certificate(subject(), Phase.COMMIT)),
    "prepared_certificate_of_something_else": change(view=1, prepared=PREPARED),
    "bad_certificate": change(prepared=certificate(subject(view=1), signers=QUORUM - 1)),
    "bad_certificate of a forger": change(prepared=wrong_signature(PREPARED)),
    "bad_certificate below": change(last=wrong_signature(last_certificate())),
    "bad_certificate with a repetition": change(prepared=replace(PREPARED, signatures=PREPARED.signatures[:1] * 3)),
}
GOOD = tuple(change(signer=name) for name in VALIDATORS.ids[:QUORUM])
NEW_VIEWS: dict[str, NewView] = {
    "": new_view(*GOOD),
    "new_view_without_quorum": new_view(*GOOD[:-1]),
    "new_view_without_quorum in another order": new_view(*GOOD[::-1]),
    "view_change_of_another_place": new_view(*GOOD[:-1], change(view=3, signer=OTHERS[1])),
    "bad_signature": new_view(*GOOD[:-1], replace(GOOD[-1], signature=NOT_SIGNED)),
    "unknown_signer": new_view(*GOOD[:-1], replace(GOOD[-1], signer=ValidatorId("zed"))),
    "bad_certificate": new_view(*GOOD[:-1], change(prepared=wrong_signature(PREPARED), signer=OTHERS[1])),
}


def edge_refusal(message: Ranked) -> str | None:
    """Return the code with which a replica's edge refuses a message."""
    try:
        check_message(message, VALIDATORS)
    except MessageError as error:
        return error.code
    return None


@pytest.mark.parametrize("made", [*CHANGES.values(), *NEW_VIEWS.values()])
def test_the_judge_and_the_edge_of_every_replica_are_of_one_mind(made: ViewChange | NewView) -> None:
    """What replicas refuse convicts its signer, with the same code; what they take convicts nobody."""
    message = signed(made)
    evidence = of_refused(message)
    refusal = edge_refusal(message)
    if refusal is None:
        assert refused(evidence) == "proves_nothing"
    else:
        assert (judged(evidence).code, judged(evidence).kind) == (refusal, EvidenceKind.FALSE_MESSAGE)


@pytest.mark.parametrize(("code", "made"), [*CHANGES.items(), *NEW_VIEWS.items()])
def test_false_messages_are_false_for_the_reason_they_are_named_for(code: str, made: ViewChange | NewView) -> None:
    evidence = of_refused(signed(made))
    if "_" in code:
        assert judged(evidence).code == code.split()[0]
    else:
        assert refused(evidence) == "proves_nothing"


def bad_proposal(header: Header) -> BadProposal:
    return BadProposal(header.height, View(0), BAD, "whatever", proposal(header))


def below() -> CertifiedHeader:
    return certified_header_of(LAST)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("header_of_another_place", {"height": Height(HERE + 1)}),
        ("wrong_proposer", {"proposer": OTHERS[0]}),
        ("wrong_validators", {"validators_hash": ONE}),
        ("wrong_parent", {"parent_hash": ONE}),
        ("wrong_parent_result", {"parent_result_hash": ONE}),
        ("time_not_increasing", {"time": HEAD.time}),
    ],
)
def test_an_invalid_header_convicts_its_proposer(code: str, changes: dict[str, object]) -> None:
    header = fresh_header(**changes)
    message = signed(PrePrepare(CHAIN, Epoch(0), HERE, View(0), header.encoded(), BAD, NOT_SIGNED))
    found = evidence_of(EvidenceKind.INVALID_PROPOSAL, BAD, (statement_of(message),), below())
    assert judged(found).code == code


def test_a_header_that_is_none_convicts_too() -> None:
    message = signed(PrePrepare(CHAIN, Epoch(0), HERE, View(0), b"\x90", BAD, NOT_SIGNED))
    assert judged(evidence_of(EvidenceKind.INVALID_PROPOSAL, BAD, (statement_of(message),))).code == "malformed_header"


def test_a_valid_proposal_convicts_nobody() -> None:
    transaction = MAKER.transfer()
    block = MAKER.block(transaction)
    header = replace(block.header, proposer=BAD)
    for found in candidates(bad_proposal(header), below(), shown_transaction(block, 0)):
        assert refused(found) == "proves_nothing"


BREACHES: dict[str, Callable[[], Transaction]] = {
    "expired_transaction": lambda: MAKER.transfer(valid_until=HEAD.time),
    "transaction_too_early": lambda: MAKER.transfer(valid_until=HEAD.time + 10**9),
    "foreign_transaction": lambda: MAKER.transfer(chain_id=ONE),
    "transaction_gas_exceeded": lambda: MAKER.transfer(gas_limit=10**12),
    "bad_signature": lambda: replace(MAKER.transfer(), raw=MAKER.transfer().raw[:-1] + b"\x00"),
}


@pytest.mark.parametrize("code", BREACHES)
def test_a_block_with_a_wrong_transaction_convicts_its_proposer(code: str) -> None:
    good, wrong = MAKER.transfer(amount=5), BREACHES[code]()
    raws = (good.raw, wrong.raw)
    header = replace(fresh_header(), transactions_root=transactions_root_of(raws))
    shown = shown_transaction(make_block(header, list(raws)), 1)
    *_, found = candidates(bad_proposal(header), below(), shown)
    assert judged(found).code == code
    *_, innocent = candidates(bad_proposal(header), below(), shown_transaction(make_block(header, list(raws)), 0))
    assert refused(innocent) == "proves_nothing"


def test_who_did_not_sign_is_not_convicted() -> None:
    found = two(vote(ONE), vote(TWO))
    assert refused(replace(found, validator=OTHERS[0])) == "bad_signature"
    assert refused(replace(found, validator=ValidatorId("zed"))) == "unknown_validator"
    first, second = found.statements
    assert refused(replace(found, statements=(first, replace(second, signature=NOT_SIGNED)))) == "bad_signature"


def test_another_chain_or_epoch_says_nothing_here() -> None:
    def elsewhere(made: Vote, **changes: object) -> Ranked:
        return signed(replace(made, subject=replace(made.subject, **changes)))  # type: ignore[arg-type]

    foreign = two(*(elsewhere(vote(block), chain_id=ONE) for block in (ONE, TWO)))
    assert refused(foreign) == "foreign_chain"
    later = two(*(elsewhere(vote(block), epoch=Epoch(1)) for block in (ONE, TWO)))
    assert refused(later) == "unknown_epoch"
    keys = replace(VALIDATORS.validators[0], consensus_key=key_of("another"))
    next_set = validator_set(Epoch(1), [keys, *VALIDATORS.validators[1:]])
    with pytest.raises(EvidenceError, match="bad_signature"):
        check_evidence(later, GENESIS, CHAIN, replace(next_set, epoch=Epoch(1)))


def test_what_does_not_belong_makes_it_malformed() -> None:
    assert refused(replace(two(vote(ONE), vote(TWO)), parent=below())) == "malformed"
    alone = Evidence(EvidenceKind.TWO_MESSAGES, BAD, (statement_of(vote()),))
    assert refused(alone) == "proves_nothing"
    rubbish = Statement(StatementKind.PREPARE, b"\x90", NOT_SIGNED)
    assert refused(Evidence(EvidenceKind.TWO_MESSAGES, BAD, (rubbish,))) == "malformed"


@given(st.data())
def test_any_bytes_are_refused_or_encode_again_to_themselves(data: st.DataObject) -> None:
    good = two(vote(ONE), vote(TWO)).encoded()
    place = data.draw(st.integers(0, len(good) - 1))
    changed = good[:place] + bytes([data.draw(st.integers(0, 255))]) + good[place + 1 :]
    try:
        evidence = decode_evidence(changed)
    except DecodeError:
        return
    assert evidence.encoded() == changed
    if changed != good:
        with pytest.raises(EvidenceError):
            check_evidence(evidence, GENESIS, CHAIN, VALIDATORS)


def test_more_than_two_statements_are_refused() -> None:
    version, kind, validator, statements, *rest = decode(two(vote(ONE), vote(TWO)).encoded())
    with pytest.raises(DecodeError):
        decode_evidence(encode([version, kind, validator, [*statements, statements[0]], *rest]))
