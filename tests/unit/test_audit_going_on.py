"""Behind a mismatch the audit goes on as far as that makes sense; and it ends at the level that was asked for."""

from dataclasses import replace

import pytest
from audit_support import (
    BLOCKS,
    HEIGHT,
    WRONG,
    audit,
    certified,
    original_block,
    small_history,
    with_block,
    with_receipts,
)
from chain_maker import ChainMaker, MemorySource, certify

from audit.mismatch import HISTORY_LEVELS, Level, levels_up_to
from audit.verdict import FINDINGS_MAX, RESULTS, Outcome
from chain.receipt import BlockResult


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    return small_history()


def uncertified(maker: ChainMaker, height: int) -> bytes:
    """Return a block whose certificate two of four validators have signed."""
    record = maker.records[height - 1]
    result = record.decoded_result()
    few = certify(maker.genesis, record.decoded_block(), result, ["v01", "v02"])
    return replace(record, certificate=few.encoded()).encoded()


def test_all_blocks_at_fault_are_found_and_contracts_run_to_the_end(maker: ChainMaker) -> None:
    source = maker.source
    source.records[1], source.records[3] = uncertified(maker, 2), uncertified(maker, 4)
    verdict = audit(source)
    assert [(each.level, each.height) for each in verdict.mismatches] == [
        (Level.CERTIFICATES, 2),
        (Level.CERTIFICATES, 4),
    ]
    assert (verdict.blocks, verdict.execution_ended) == (1, None)
    assert verdict.levels_passed == (Level.FORM, Level.HEADERS)
    assert verdict.as_json()["further_mismatches"][0]["height"] == 4


def test_contracts_are_not_run_behind_a_state_that_they_do_not_give(maker: ChainMaker) -> None:
    lie = replace(maker.records[HEIGHT - 1].decoded_result(), state_root=WRONG)
    source = with_block(maker, certified(maker, original_block(maker), lie))
    verdict = audit(source)
    first, second = verdict.mismatches
    assert (first.level, first.height, first.field) == (Level.EXECUTION, HEIGHT, "result.state_root")
    assert (second.level, second.height, second.field) == (Level.HEADERS, BLOCKS, "header.parent_result_hash")
    assert verdict.execution_ended == HEIGHT


def test_behind_a_block_that_cannot_be_read_the_others_are_still_checked(maker: ChainMaker) -> None:
    source = maker.source
    source.records[0], source.records[3] = b"\xc1", uncertified(maker, 4)
    verdict = audit(source)
    assert [(each.level, each.height) for each in verdict.mismatches] == [(Level.FORM, 1), (Level.CERTIFICATES, 4)]
    assert verdict.execution_ended == 1


def test_an_audit_ends_when_nothing_new_would_be_said(maker: ChainMaker) -> None:
    source = MemorySource(maker.genesis.encoded(), [b"\xc1"] * (FINDINGS_MAX + 20))
    assert len(audit(source).mismatches) == FINDINGS_MAX


LIES = {
    Level.HEADERS: lambda maker: with_block(maker, certified(maker, maker.records[0].decoded_block())),
    Level.CERTIFICATES: lambda maker: with_block(
        maker, replace(maker.records[HEIGHT - 1], certificate=maker_other(maker))
    ),
    Level.RECEIPTS: lambda maker: with_receipts(maker, list(maker.records[HEIGHT - 1].decoded_receipts()[:-1])),
    Level.EXECUTION: lambda maker: with_block(
        maker, certified(maker, original_block(maker), replace(result_of(maker), state_root=WRONG))
    ),
}


def maker_other(maker: ChainMaker) -> bytes:
    return maker.records[0].certificate


def result_of(maker: ChainMaker) -> BlockResult:
    return maker.records[HEIGHT - 1].decoded_result()


@pytest.mark.parametrize("level", LIES)
def test_a_lie_is_found_from_its_level_on_and_not_before(maker: ChainMaker, level: Level) -> None:
    source = LIES[level](maker)
    at = HISTORY_LEVELS.index(level)
    before = audit(source, level=HISTORY_LEVELS[at - 1])
    assert all(each.height > HEIGHT for each in before.mismatches)
    found = audit(source, level=level).first_mismatch
    assert found is not None
    assert (found.level, found.height) == (level, HEIGHT)


@pytest.mark.parametrize("level", HISTORY_LEVELS)
def test_a_true_history_passes_each_level_and_the_verdict_says_which(maker: ChainMaker, level: Level) -> None:
    verdict = audit(maker.source, level=level)
    assert (verdict.outcome, verdict.blocks) == (Outcome.OK, BLOCKS)
    assert verdict.levels_passed == verdict.checked == levels_up_to(level)
    assert (RESULTS in verdict.not_excluded) == (level is not Level.EXECUTION)
