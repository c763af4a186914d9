"""What the tests of the auditor share: a small true history, and ways to tamper with one of its blocks."""

from dataclasses import replace
from typing import Any

from chain_maker import ChainMaker, MemorySource, certify

from audit.auditor import run_audit
from audit.mismatch import Mismatch
from audit.verdict import Outcome, Verdict
from chain.block import Block
from chain.merkle import merkle_root
from chain.receipt import BlockResult, Receipt
from chain.recorded_block import RecordedBlock
from chain.types import Digest

BLOCKS = 4
HEIGHT = 3
"""The block that these tests tamper with; its last transaction fails, the others succeed."""
WRONG = Digest(bytes([0xEE]) * 32)


def small_history() -> ChainMaker:
    maker = ChainMaker()
    maker.decide_many(2)
    maker.decide(maker.transfer(amount=5), maker.transfer(amount=6), maker.transfer(amount=0))
    maker.decide_many(1)
    return maker


def audit(source: MemorySource, **options: Any) -> Verdict:
    return run_audit(source, **options)


def mismatch_of(source: MemorySource, **options: Any) -> Mismatch:
    verdict = audit(source, **options)
    assert verdict.outcome is Outcome.MISMATCH
    assert verdict.first_mismatch is not None
    assert verdict.blocks == max(0, verdict.first_mismatch.height - 1)
    return verdict.first_mismatch


def with_block(maker: ChainMaker, record: RecordedBlock) -> MemorySource:
    """Return the history with another block in the place of the one under test."""
    source = maker.source
    source.records[HEIGHT - 1] = record.encoded()
    return source


def certified(
    maker: ChainMaker, block: Block, result: BlockResult | None = None, receipts: tuple[bytes, ...] | None = None
) -> RecordedBlock:
    """Return a block that all validators lied for together."""
    original = maker.records[HEIGHT - 1]
    chosen = result or original.decoded_result()
    certificate = certify(maker.genesis, block, chosen).encoded()
    return RecordedBlock(block.raw, chosen.encoded(), certificate, receipts or original.receipts)


def original_block(maker: ChainMaker) -> Block:
    return maker.records[HEIGHT - 1].decoded_block()


def with_receipts(maker: ChainMaker, receipts: list[Receipt]) -> MemorySource:
    """Return the history with other receipts, all signed for."""
    encoded = tuple(receipt.encoded() for receipt in receipts)
    result = replace(maker.records[HEIGHT - 1].decoded_result(), receipts_root=merkle_root(encoded))
    return with_block(maker, certified(maker, original_block(maker), result, encoded))
