"""Quick checks vouch for good blocks, and for nothing that the checks step by step refuse."""

import random
from dataclasses import replace

import pytest
from chain_maker import ChainMaker

from audit.auditor import run_audit
from audit.batches import Batch, check_batch
from audit.block_checks import Agreement, check_block
from audit.mismatch import AuditMismatch, Level
from audit.quick_checks import left_mismatch, vouch
from chain.encoding import decode, encode

SEED = 20261122
MUTATIONS = 250


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    maker = ChainMaker()
    for amount in range(1, 4):
        maker.decide(*[maker.transaction(("token", "transfer", ("zenith.bob", amount))) for _ in range(3)])
    return maker


def agreement(maker: ChainMaker, level: Level = Level.EXECUTION, is_running: bool = False) -> Agreement:
    return Agreement(maker.genesis.genesis_hash, maker.genesis.validators, level, is_running)


@pytest.mark.parametrize("level", [Level.FORM, Level.CERTIFICATES, Level.TRANSACTIONS, Level.RECEIPTS, Level.EXECUTION])
def test_good_blocks_are_vouched_for_at_every_level(maker: ChainMaker, level: Level) -> None:
    for height, data in enumerate(maker.source.records, 1):
        known = vouch(height, data, agreement(maker, level))
        assert known is not None
        assert known.batch is None
        running = vouch(height, data, agreement(maker, level, is_running=True))
        assert running is not None
        assert running.batch is not None
        assert len(running.batch) == 3
        assert left_mismatch(height, data, running, agreement(maker, level, is_running=True)) is None


def test_nothing_altered_is_vouched_for(maker: ChainMaker) -> None:
    data, chosen = maker.source.records[1], random.Random(SEED)
    eager, later = agreement(maker), agreement(maker, is_running=True)
    left = 0
    for _ in range(MUTATIONS):
        at = chosen.randrange(len(data))
        altered = data[:at] + bytes([data[at] ^ 1 << chosen.randrange(8)]) + data[at + 1 :]
        with pytest.raises(AuditMismatch) as caught:
            check_block(2, altered, eager)
        assert vouch(2, altered, eager) is None, f"seed {SEED}, byte {at}"
        running = vouch(2, altered, later)
        if running is not None:
            # Only what is told from receipts is left for later, and then it is told in the same words.
            assert left_mismatch(2, altered, running, later) == caught.value.mismatch, f"seed {SEED}, byte {at}"
            left += 1
    assert left > MUTATIONS // 20, "receipts are a large part of a block"


def test_another_height_and_foreign_blocks_are_not_vouched_for(maker: ChainMaker) -> None:
    data = maker.source.records[1]
    assert vouch(3, data, agreement(maker)) is None
    foreign = replace(agreement(maker), chain_id=maker.genesis.validators.validators_hash)
    assert vouch(2, data, foreign) is None


def test_receipts_behind_the_end_of_execution_are_still_checked(maker: ChainMaker) -> None:
    """A block that nothing can be run behind leaves the receipts after it to be checked by themselves."""
    records = list(maker.source.records)
    version, block, result, certificate, receipts = decode(records[2])
    receipts[1] = receipts[0]
    records[2] = encode([version, block, result, certificate, receipts])
    records[1] = b"\xc0"
    verdict = run_audit(type(maker.source)(maker.genesis.encoded(), records))
    assert verdict.execution_ended == 2
    assert verdict.first_mismatch is not None
    found = [(each.height, each.level, each.field) for each in (verdict.first_mismatch, *verdict.further_mismatches)]
    assert found == [(2, Level.FORM, "block record"), (3, Level.RECEIPTS, "receipt.transaction_id")]


def test_a_transaction_longer_than_the_ledger_allows_is_left_to_the_ledger(maker: ChainMaker) -> None:
    strict = replace(agreement(maker, is_running=True), transaction_bytes_max=10)
    checked = check_batch(Batch(1, tuple(maker.source.records)), strict)
    assert checked.vouched == (None,) * 3
    assert checked.mismatches == (None,) * 3
