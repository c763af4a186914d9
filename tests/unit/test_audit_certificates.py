"""Headers that do not continue the chain, and certificates that prove nothing: the audit names the field."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from audit_support import HEIGHT, WRONG, audit, certified, mismatch_of, original_block, small_history, with_block
from chain_maker import START, ChainMaker, certify

from audit.mismatch import Level
from audit.verdict import Outcome
from chain.block import make_block
from chain.certificate import Certificate, Phase
from chain.types import Epoch, Height, Milliseconds, ValidatorId, View


@pytest.fixture
def maker() -> ChainMaker:
    return small_history()


HEADER_LIES: list[tuple[str, Any, str]] = [
    ("version", 2, "header.version"),
    ("chain_id", WRONG, "header.chain_id"),
    ("height", Height(9), "header.height"),
    ("parent_hash", WRONG, "header.parent_hash"),
    ("parent_result_hash", WRONG, "header.parent_result_hash"),
    ("history_root", WRONG, "header.history_root"),
    ("time", Milliseconds(START + 2_000), "header.time"),
    ("proposer", ValidatorId("v99"), "header.proposer"),
    ("validators_hash", WRONG, "header.validators_hash"),
    ("epoch", Epoch(1), "header.epoch"),
]


@pytest.mark.parametrize(("field", "value", "name"), HEADER_LIES, ids=[lie[0] for lie in HEADER_LIES])
def test_a_header_that_does_not_continue_the_chain(maker: ChainMaker, field: str, value: Any, name: str) -> None:
    block = original_block(maker)
    lie = make_block(replace(block.header, **{field: value}), block.transactions)
    found = mismatch_of(with_block(maker, certified(maker, lie)))
    assert (found.level, found.height, found.field) == (Level.HEADERS, HEIGHT, name)
    assert found.expected != found.found


def test_a_transactions_root_that_is_not_the_transactions(maker: ChainMaker) -> None:
    block = original_block(maker)
    lie = make_block(replace(block.header, transactions_root=WRONG), block.transactions)
    found = mismatch_of(with_block(maker, certified(maker, lie)))
    assert (found.level, found.field, found.found) == (Level.TRANSACTIONS, "header.transactions_root", WRONG.hex())


def test_an_uncertified_change_of_the_time_is_found_by_the_certificate(maker: ChainMaker) -> None:
    record = maker.records[HEIGHT - 1]
    block = original_block(maker)
    lie = make_block(replace(block.header, time=Milliseconds(block.header.time + 1)), block.transactions)
    found = mismatch_of(with_block(maker, replace(record, block=lie.raw)))
    assert (found.level, found.field) == (Level.CERTIFICATES, "certificate.block_hash")
    assert (found.expected, found.found) == (lie.block_hash.hex(), block.block_hash.hex())


def drop_one(certificate: Certificate) -> Certificate:
    return replace(certificate, signatures=certificate.signatures[:-1])


def repeat_one(certificate: Certificate) -> Certificate:
    first, second, _ = certificate.signatures
    return replace(certificate, signatures=(first, second, second))


def reverse(certificate: Certificate) -> Certificate:
    return replace(certificate, signatures=certificate.signatures[::-1])


def swap_signatures(certificate: Certificate) -> Certificate:
    (first, one), (second, two), third = certificate.signatures
    return replace(certificate, signatures=((first, two), (second, one), third))


def unknown_signer(certificate: Certificate) -> Certificate:
    *kept, (_, signature) = certificate.signatures
    return replace(certificate, signatures=(*kept, (ValidatorId("v99"), signature)))


def prepared_only(certificate: Certificate) -> Certificate:
    return replace(certificate, phase=Phase.PREPARE)


def other_view(certificate: Certificate) -> Certificate:
    return replace(certificate, subject=replace(certificate.subject, view=View(7)))


def other_epoch(certificate: Certificate) -> Certificate:
    return replace(certificate, subject=replace(certificate.subject, epoch=Epoch(7)))


def other_height(certificate: Certificate) -> Certificate:
    return replace(certificate, subject=replace(certificate.subject, height=Height(HEIGHT + 1)))


def other_chain(certificate: Certificate) -> Certificate:
    return replace(certificate, subject=replace(certificate.subject, chain_id=WRONG))


def other_result(certificate: Certificate) -> Certificate:
    return replace(certificate, subject=replace(certificate.subject, result_hash=WRONG))


CERTIFICATE_LIES: list[tuple[Callable[[Certificate], Certificate], str]] = [
    (drop_one, "signatures"),
    (repeat_one, "signatures"),
    (reverse, "signatures"),
    (swap_signatures, "signatures"),
    (unknown_signer, "signatures"),
    (other_view, "signatures"),
    (prepared_only, "phase"),
    (other_epoch, "epoch"),
    (other_height, "height"),
    (other_chain, "chain_id"),
    (other_result, "result_hash"),
]


@pytest.mark.parametrize(("lie", "field"), CERTIFICATE_LIES, ids=[lie[0].__name__ for lie in CERTIFICATE_LIES])
def test_a_certificate_that_proves_nothing(
    maker: ChainMaker, lie: Callable[[Certificate], Certificate], field: str
) -> None:
    record = maker.records[HEIGHT - 1]
    altered = replace(record, certificate=lie(record.decoded_certificate()).encoded())
    found = mismatch_of(with_block(maker, altered))
    assert (found.level, found.height, found.field) == (Level.CERTIFICATES, HEIGHT, f"certificate.{field}")


def test_any_quorum_will_do(maker: ChainMaker) -> None:
    record = maker.records[HEIGHT - 1]
    other = certify(maker.genesis, record.decoded_block(), record.decoded_result(), ["v02", "v03", "v04"], view=5)
    assert audit(with_block(maker, replace(record, certificate=other.encoded()))).outcome is Outcome.OK
