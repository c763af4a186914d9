"""The edge of consensus: what is refused before the core sees it, with which code, and at what cost."""

from dataclasses import replace
from typing import TypeVar

import pytest

from chain.block import Header, make_block
from chain.certificate import Certificate, CertificateError, Phase, Subject, sign_vote
from chain.crypto import public_key_of, sign, tagged_hash
from chain.encoding import encode
from chain.receipt import BlockResult
from chain.transaction import transactions_root_of
from chain.types import Digest, Epoch, Height, Milliseconds, Signature, ValidatorId, View
from chain.validators import Validator, validator_set
from consensus import verify
from consensus.pbft import messages
from consensus.verify import MessageError, UnknownEpochError, check_certified_block, check_message

CHAIN = tagged_hash("test-chain")
SEEDS = {name: bytes(tagged_hash("test-seed", name.encode())) for name in ("ada", "bob", "cyd", "dan")}
VALIDATORS = validator_set(
    Epoch(1), [Validator(ValidatorId(name), name, public_key_of(seed), (b"tls",)) for name, seed in SEEDS.items()]
)
PREVIOUS = replace(VALIDATORS, epoch=Epoch(0))
NOTHING = Signature(bytes(64))
ADA, BOB = ValidatorId("ada"), ValidatorId("bob")
HEIGHT = Height(5)
AnyMessage = TypeVar("AnyMessage", bound=messages.Message)


def digest(text: str) -> Digest:
    return tagged_hash("test", text.encode())


def signed(message: AnyMessage) -> AnyMessage:
    signature = sign(SEEDS[message.signer], messages.TAGS[message.kind], message.payload)
    return replace(message, signature=signature)


def subject(height: int = HEIGHT, view: int = 0, epoch: int = 1) -> Subject:
    return Subject(CHAIN, Epoch(epoch), Height(height), View(view), digest("block"), digest("result"))


def certificate(phase: Phase, of: Subject, signers: tuple[str, ...] = ("ada", "bob", "cyd")) -> Certificate:
    signatures = tuple((ValidatorId(name), sign_vote(SEEDS[name], phase, of)) for name in signers)
    return Certificate(phase, of, signatures)


LAST = certificate(Phase.COMMIT, subject(HEIGHT - 1))
PREPARED = certificate(Phase.PREPARE, subject())


def view_change(
    signer: str = "ada",
    view: int = 1,
    height: int = HEIGHT,
    last: Certificate | None = LAST,
    prepared: Certificate | None = PREPARED,
) -> messages.ViewChange:
    where = (CHAIN, Epoch(1), Height(height), View(view))
    return signed(messages.ViewChange(*where, last, prepared, ValidatorId(signer), NOTHING))


def new_view(changes: tuple[messages.ViewChange, ...]) -> messages.NewView:
    return signed(messages.NewView(CHAIN, Epoch(1), HEIGHT, View(1), changes, BOB, NOTHING))


QUORUM = tuple(view_change(name) for name in ("ada", "bob", "cyd"))


def header(height: int = HEIGHT) -> Header:
    links = (CHAIN, Height(height), digest("parent"), digest("parent result"), digest("history"))
    own = (Milliseconds(9), ADA, digest("root"), VALIDATORS.validators_hash, Epoch(1))
    return Header(1, *links, *own)


def pre_prepare(height: int = HEIGHT) -> messages.PrePrepare:
    return signed(messages.PrePrepare(CHAIN, Epoch(1), HEIGHT, View(0), header(height).encoded(), ADA, NOTHING))


def refused(message: messages.Message) -> str:
    with pytest.raises(MessageError) as caught:
        check_message(message, VALIDATORS)
    return caught.value.code


def test_honest_messages_pass() -> None:
    vote = signed(messages.Vote(Phase.COMMIT, subject(), ADA, NOTHING))
    inquiry = signed(messages.Inquiry(CHAIN, bytes(16), ADA, NOTHING))
    testimony = signed(messages.Testimony(CHAIN, bytes(16), ADA, vote, BOB, NOTHING))
    first = view_change(height=1, last=None, prepared=certificate(Phase.PREPARE, subject(1)))
    for message in (vote, pre_prepare(), view_change(), first, new_view(QUORUM), inquiry, testimony):
        check_message(message, VALIDATORS)


def test_signatures() -> None:
    vote = signed(messages.Vote(Phase.COMMIT, subject(), ADA, NOTHING))
    assert refused(replace(vote, signer=BOB)) == "bad_signature"
    assert refused(replace(vote, phase=Phase.PREPARE)) == "bad_signature"
    assert refused(replace(vote, signer=ValidatorId("eve"))) == "unknown_signer"
    assert refused(replace(pre_prepare(), view=View(1))) == "bad_signature"
    assert refused(replace(view_change(), prepared=None)) == "bad_signature"


def test_a_header_belongs_to_its_message() -> None:
    assert refused(pre_prepare(HEIGHT + 1)) == "header_of_another_place"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (view_change(view=0, prepared=None), "view_change_to_view_0"),
        (view_change(last=None), "last_certificate_missing"),
        (view_change(height=1, prepared=None), "last_certificate_missing"),
        (view_change(last=certificate(Phase.PREPARE, subject(HEIGHT - 1))), "last_certificate_of_something_else"),
        (view_change(last=certificate(Phase.COMMIT, subject(HEIGHT - 2))), "last_certificate_of_something_else"),
        (view_change(prepared=certificate(Phase.COMMIT, subject())), "prepared_certificate_of_something_else"),
        (view_change(prepared=certificate(Phase.PREPARE, subject(view=1))), "prepared_certificate_of_something_else"),
        (view_change(prepared=certificate(Phase.PREPARE, subject(7))), "prepared_certificate_of_something_else"),
        (view_change(prepared=certificate(Phase.PREPARE, subject(), ("ada", "bob"))), "bad_certificate"),
        (view_change(prepared=certificate(Phase.PREPARE, subject(), ("ada", "bob", "bob"))), "bad_certificate"),
        (view_change(prepared=certificate(Phase.PREPARE, subject(), ("cyd", "bob", "ada"))), "bad_certificate"),
        (view_change(prepared=certificate(Phase.PREPARE, subject(), tuple(SEEDS))), "bad_certificate"),
        (view_change(prepared=replace(PREPARED, subject=subject(view=0, height=5), signatures=LAST.signatures)),
         "bad_certificate"),
    ],
)  # fmt: skip
def test_view_changes(change: messages.ViewChange, code: str) -> None:
    assert refused(change) == code
    others = tuple(view_change(name) for name in ("bob", "cyd"))
    if (change.height, change.view) == (HEIGHT, 1):
        assert refused(new_view((change, *others))) == code


def test_a_new_view_shows_exactly_a_quorum_for_itself() -> None:
    assert refused(new_view(QUORUM[:2])) == "new_view_without_quorum"
    assert refused(new_view((*QUORUM, view_change("dan")))) == "new_view_without_quorum"
    assert refused(new_view((QUORUM[0], QUORUM[0], QUORUM[1]))) == "new_view_without_quorum"
    assert refused(new_view((QUORUM[1], QUORUM[0], QUORUM[2]))) == "new_view_without_quorum"
    assert refused(new_view((*QUORUM[:2], view_change("cyd", view=2)))) == "view_change_of_another_place"
    assert refused(new_view((*QUORUM[:2], replace(QUORUM[2], prepared=None)))) == "bad_signature"


def test_a_testimony_shows_a_message_of_whom_it_is_about() -> None:
    vote = signed(messages.Vote(Phase.COMMIT, subject(), ADA, NOTHING))
    about_bob = signed(messages.Testimony(CHAIN, bytes(16), BOB, vote, ADA, NOTHING))
    assert refused(about_bob) == "testimony_about_another"
    forged = signed(messages.Testimony(CHAIN, bytes(16), ADA, replace(vote, signature=NOTHING), BOB, NOTHING))
    assert refused(forged) == "bad_signature"


def test_another_epoch_is_no_fault() -> None:
    vote = signed(messages.Vote(Phase.COMMIT, subject(epoch=2), ADA, NOTHING))
    with pytest.raises(UnknownEpochError) as caught:
        check_message(vote, VALIDATORS)
    assert (caught.value.epoch, caught.value.height) == (2, HEIGHT)


def test_the_last_certificate_may_be_of_the_previous_set() -> None:
    change = view_change(last=certificate(Phase.COMMIT, subject(HEIGHT - 1, epoch=0)))
    with pytest.raises(UnknownEpochError):
        check_message(change, VALIDATORS)
    check_message(change, VALIDATORS, PREVIOUS)


def test_each_signature_of_a_new_view_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Certificate] = []
    monkeypatch.setattr(verify, "check_certificate", lambda item, *_: checked.append(item))
    check_message(new_view(QUORUM), VALIDATORS)
    assert checked == [LAST, PREPARED]


def test_certified_blocks() -> None:
    result = BlockResult(digest("state"), digest("receipts"), VALIDATORS.validators_hash)
    raws = [encode([1, b"body", b"signature"]), encode([1, b"another body", b"signature"])]
    block = make_block(replace(header(), transactions_root=transactions_root_of(raws)), raws)
    decided = Subject(CHAIN, Epoch(1), HEIGHT, View(3), block.block_hash, result.result_hash)
    proof = certificate(Phase.COMMIT, decided)
    check_certified_block(block, result, proof, VALIDATORS)
    for body in (raws[:1], raws[::-1], [], [*raws, raws[0]]):
        swapped = make_block(block.header, body)
        assert swapped.block_hash == block.block_hash, "a block's hash covers its header alone"
        with pytest.raises(MessageError, match="body_of_something_else"):
            check_certified_block(swapped, result, proof, VALIDATORS)
    with pytest.raises(MessageError, match="malformed_body"):
        check_certified_block(make_block(block.header, [b"rubbish"]), result, proof, VALIDATORS)
    foreign = [
        certificate(Phase.PREPARE, decided),
        certificate(Phase.COMMIT, replace(decided, height=Height(6))),
        certificate(Phase.COMMIT, replace(decided, block_hash=digest("other"))),
        certificate(Phase.COMMIT, replace(decided, result_hash=digest("other"))),
        certificate(Phase.COMMIT, replace(decided, chain_id=digest("other"))),
    ]
    for item in foreign:
        with pytest.raises(MessageError, match="certificate_of_something_else"):
            check_certified_block(block, result, item, VALIDATORS)
    with pytest.raises(CertificateError):
        check_certified_block(block, result, certificate(Phase.COMMIT, decided, ("ada", "bob")), VALIDATORS)
    with pytest.raises(UnknownEpochError):
        check_certified_block(block, result, certificate(Phase.COMMIT, replace(decided, epoch=Epoch(2))), VALIDATORS)
