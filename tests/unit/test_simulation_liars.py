"""The simulator's liars are worth their name: each false block breaks the rule that it is named for, each false
certificate proves nothing, and what is refused is refused by the product's own checks."""

import pytest

from chain.block import Block, Header, make_block
from chain.certificate import VOTE_TAG, Certificate, CertificateError, Phase, Subject, check_certificate
from chain.crypto import tagged_hash
from chain.ledger import Ledger, open_ledger
from chain.merkle import merkle_root
from chain.receipt import BlockResult
from chain.state_database import StateDatabase
from chain.transaction import Call, Transaction, TransactionBody, sign_transaction, verify_transaction
from chain.types import Digest, Epoch, Height, Milliseconds, Signature, View
from chain.validity import InvalidBlock
from consensus.pbft.config import PbftConfig
from consensus.pbft.events import Head
from consensus.pbft.messages import NewView, PrePrepare, ViewChange
from consensus.pbft.rules import fresh_header_fault
from consensus.simulation.chance import chance_of
from consensus.simulation.contract import (
    CALL_GAS,
    CONTRACT,
    Registers,
    consensus_seed,
    genesis_of,
    member_seed,
    name_of,
)
from consensus.simulation.liars import blocks, certificates, messages
from consensus.simulation.liars.craft import Craft
from consensus.simulation.settings import GENESIS_TIME
from consensus.simulation.signatures import RealSignatures, StandInSignatures, key_of
from consensus.simulation.store import SimulatedStore
from consensus.verify import MessageError, check_message

GENESIS = genesis_of(4)
CHAIN = GENESIS.genesis_hash
ADA, *OTHERS = (name_of(place) for place in range(4))
SIGNATURES = RealSignatures()
CONFIG = PbftConfig(CHAIN, ADA, 3, Milliseconds(1_000), 5, 20, 5)


class Knowing:
    """An insight into a node that has decided one block; implements Insight."""

    def __init__(self, head: Head, committed: bytes) -> None:
        self.head = head
        self._committed = committed
        self.kept: list[Block] = []

    def certified(self, height: Height) -> bytes | None:
        return None

    def executed(self, block_hash: Digest) -> tuple[Block, BlockResult] | None:
        return None

    def old_transaction(self, height: Height) -> bytes | None:
        return self._committed

    def keep(self, block: Block) -> Block:
        self.kept.append(block)
        return block


def transaction(nonce: int) -> Transaction:
    seed = member_seed(ADA)
    call = Call(CONTRACT, "write", ("rice", nonce))
    until = Milliseconds(GENESIS_TIME + 9_000)
    body = TransactionBody(CHAIN, key_of(seed), nonce.to_bytes(16, "big"), until, (call,), CALL_GAS)
    return sign_transaction(body, seed)


def block_on(ledger: Ledger, chosen: Transaction) -> Block:
    head = ledger.head
    links = (CHAIN, Height(head.height + 1), head.block_hash, head.result.result_hash, head.history_root)
    own = (Milliseconds(head.time + 10), ADA, merkle_root([chosen.merkle_leaf]))
    header = Header(head.next_version, *links, *own, head.validators.validators_hash, Epoch(0))
    return make_block(header, [chosen.raw])


def certificate_of(phase: Phase, subject: Subject) -> Certificate:
    names = GENESIS.validators.ids[:3]
    payload = subject.payload(phase)
    signatures = [(name, SIGNATURES.sign(consensus_seed(name), VOTE_TAG, payload)) for name in names]
    return Certificate(phase, subject, tuple(signatures))


def subject_of(block: Block, result: Digest, view: int = 0) -> Subject:
    return Subject(CHAIN, Epoch(0), block.header.height, View(view), block.block_hash, result)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    ledger = open_ledger(GENESIS, StateDatabase(SimulatedStore(chance_of(0, "store")), 1 << 16), Registers())
    ledger.apply(ledger.execute(block_on(ledger, transaction(1)), verify_transaction))
    return ledger


@pytest.fixture
def head(ledger: Ledger) -> Head:
    own = ledger.head
    last = Subject(CHAIN, Epoch(0), own.height, View(0), own.block_hash, own.result.result_hash)
    certificate = certificate_of(Phase.COMMIT, last)
    return Head(own.height, own.block_hash, own.result.result_hash, own.time, ADA, certificate, own.validators)


@pytest.fixture
def craft(head: Head) -> Craft:
    insight = Knowing(head, transaction(1).raw)
    return Craft(ADA, GENESIS, SIGNATURES, tuple(OTHERS), lambda block_hash, code: None, chance_of(1, "liar"), insight)


@pytest.mark.parametrize("code", sorted(blocks.FORGERS))
@pytest.mark.parametrize("seed", range(3))
def test_each_false_block_breaks_the_rule_that_it_is_named_for(
    code: str, seed: int, craft: Craft, ledger: Ledger, head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "FORGERS", {code: blocks.FORGERS[code]})
    craft.chance = chance_of(seed, code)
    told: list[str] = []
    craft.on_poison = lambda block_hash, named: told.append(named)
    good = block_on(ledger, transaction(2))
    assert ledger.execute(good, verify_transaction).result is not None
    where = (CHAIN, Epoch(0), good.header.height, View(0))
    message = craft.signed(PrePrepare(*where, good.header.encoded(), ADA, Signature(bytes(64))))
    proposal, false = blocks.invalid_proposal(craft, message, good)
    assert told == [code]
    if code == "wrong_proposer":
        assert fresh_header_fault(false.header, head, CONFIG, ADA) == code
        return
    with pytest.raises(InvalidBlock) as error:
        ledger.execute(false, verify_transaction)
    assert error.value.code == code
    if code not in ("wrong_chain", "wrong_height", "wrong_epoch"):
        check_message(proposal, GENESIS.validators)


@pytest.mark.parametrize("forger", certificates.FORGERS, ids=lambda forger: str(forger.__name__))
@pytest.mark.parametrize("phase", list(Phase))
def test_no_false_certificate_proves_anything(
    forger: certificates.Forger, phase: Phase, craft: Craft, ledger: Ledger
) -> None:
    genuine = certificate_of(phase, subject_of(block_on(ledger, transaction(2)), tagged_hash("result")))
    check_certificate(genuine, GENESIS.validators)
    with pytest.raises(CertificateError):
        check_certificate(forger(craft, genuine), GENESIS.validators)


@pytest.mark.parametrize("seed", range(40))
def test_no_fabricated_view_change_gets_past_the_edge(seed: int, craft: Craft, ledger: Ledger, head: Head) -> None:
    craft.chance = chance_of(seed, "fabricated")
    subject = subject_of(block_on(ledger, transaction(2)), tagged_hash("result"))
    place = (CHAIN, Epoch(0), subject.height, View(2))
    prepared = certificate_of(Phase.PREPARE, subject)
    changes = [
        craft.signed(ViewChange(*place, head.certificate, prepared, name, Signature(bytes(64))))
        for name in [ADA, *OTHERS]
    ]
    for change in changes:
        check_message(change, GENESIS.validators)
    with pytest.raises(MessageError):
        check_message(certificates.fabricated(craft, changes[0], subject), GENESIS.validators)
    new_view = craft.signed(NewView(*place, tuple(changes[:3]), ADA, Signature(bytes(64))))
    check_message(new_view, GENESIS.validators)
    with pytest.raises(MessageError):
        check_message(certificates.false_new_view(craft, new_view), GENESIS.validators)


def test_views_far_away_are_in_range_and_validly_signed(craft: Craft) -> None:
    for _ in range(30):
        told = messages.far_view(craft)
        assert told is not None and isinstance(told.content, ViewChange)
        assert 1 <= told.content.view <= 2**63 - 1
        check_message(told.content, GENESIS.validators)


def test_the_stand_in_for_signatures_keeps_what_the_protocol_needs() -> None:
    seeds = [consensus_seed(name) for name in (ADA, *OTHERS)]
    stand_in = StandInSignatures(seeds)
    for signatures in (stand_in, SIGNATURES):
        signature = signatures.sign(seeds[0], "vote", b"payload")
        assert signature == signatures.sign(seeds[0], "vote", b"payload") and len(signature) == 64
        assert signatures.verify(key_of(seeds[0]), "vote", b"payload", signature)
        others = [(seeds[1], "vote", b"payload"), (seeds[0], "votf", b"payload"), (seeds[0], "vote", b"payloae")]
        for seed, tag, payload in others:
            assert not signatures.verify(key_of(seed), tag, payload, signature)
        assert not signatures.verify(key_of(seeds[0]), "vote", b"payload", replace_last(signature))
    assert not stand_in.verify(key_of(member_seed(ADA)), "vote", b"payload", signature), "of an unknown key"


def replace_last(signature: bytes) -> bytes:
    return signature[:-1] + bytes([signature[-1] ^ 1])


def test_a_second_proposal_is_as_valid_as_the_first(craft: Craft, ledger: Ledger) -> None:
    good = block_on(ledger, transaction(2))
    where = (CHAIN, Epoch(0), good.header.height, View(0))
    message = craft.signed(PrePrepare(*where, good.header.encoded(), ADA, Signature(bytes(64))))
    second, block = blocks.second_proposal(craft, message, good)
    check_message(second, GENESIS.validators)
    assert ledger.execute(block, verify_transaction).block_hash == block.block_hash != good.block_hash


def test_the_strangers_transaction_is_well_signed_but_nobody_knows_its_sender(craft: Craft, ledger: Ledger) -> None:
    good = block_on(ledger, transaction(2))
    header, raws = blocks.FORGERS["unknown_sender"](craft, good.header, good.transactions)
    assert ledger.find_member(key_of(member_seed("a stranger"))) is None
    assert len(raws) == 2 and header == good.header
