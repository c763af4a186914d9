"""When a primary proposes: at once where waiting gains nothing, and never so late that it looks like a fault."""

import asyncio
import time
from typing import Any

import pytest
from chain_maker import make_genesis
from hypothesis import given
from hypothesis import strategies as st

from assembly.proposals import Proposals
from chain.types import ValidatorId
from consensus.pacing import FEW_TRANSACTIONS, TIMEOUT_PARTS, Gathering, gather_seconds

seconds = st.floats(0, 1000, allow_nan=False)


@given(st.integers(0, 100_000), st.booleans(), seconds, seconds)
def test_gathering_is_bounded_and_nothing_for_few_or_for_a_full_block(
    waiting: int, is_full: bool, block_seconds: float, timeout_seconds: float
) -> None:
    gathering = gather_seconds(waiting, is_full=is_full, block_seconds=block_seconds, timeout_seconds=timeout_seconds)
    assert 0 <= gathering <= timeout_seconds / TIMEOUT_PARTS
    if is_full or waiting <= FEW_TRANSACTIONS:
        assert gathering == 0
    else:
        assert gathering == min(block_seconds / 2, timeout_seconds / TIMEOUT_PARTS)


def test_under_load_a_primary_gathers_for_half_as_long_as_its_last_block_took() -> None:
    pace = Gathering(interval_seconds=0.05, timeout_seconds=2.0)
    assert pace.wait_seconds(100.0, 500, is_full=False) == 0, "the first block waits for nothing"
    pace.proposed(100.0)
    pace.applied(100.2, is_own=True)
    assert pace.wait_seconds(100.2, 500, is_full=False) == pytest.approx(0.1)
    assert pace.wait_seconds(100.25, 500, is_full=False) == pytest.approx(0.05)
    assert pace.wait_seconds(100.31, 500, is_full=False) == 0
    assert pace.wait_seconds(100.2, 500, is_full=True) == 0
    assert pace.wait_seconds(100.2, 1, is_full=False) == 0, "a lone transaction goes at once"


def test_a_slow_block_does_not_make_the_next_one_late() -> None:
    pace = Gathering(interval_seconds=0.05, timeout_seconds=2.0)
    pace.proposed(100.0)
    pace.applied(130.0, is_own=True)
    assert pace.wait_seconds(130.0, 500, is_full=False) == pytest.approx(2.0 / TIMEOUT_PARTS)


def test_the_interval_of_genesis_is_kept_under_load_and_others_blocks_say_nothing() -> None:
    pace = Gathering(interval_seconds=0.05, timeout_seconds=2.0)
    pace.proposed(100.0)
    pace.applied(100.01, is_own=True)
    assert pace.wait_seconds(100.01, 500, is_full=False) == pytest.approx(0.04)
    pace.applied(100.02, is_own=False)
    assert pace.wait_seconds(100.02, 500, is_full=False) == 0


class Pool:
    """A mempool that fills after a while."""

    def __init__(self) -> None:
        self.looks = 0

    def __len__(self) -> int:
        return 100

    def fills_block(self, parameters: object) -> bool:
        self.looks += 1
        return self.looks > 2


async def test_gathering_ends_when_what_waits_fills_a_block() -> None:
    pool: Any = Pool()
    proposals = Proposals(make_genesis(contracts=[]), ValidatorId("node1"), pool, pool)
    now = time.monotonic()
    proposals._gathering.proposed(now)
    proposals._gathering.applied(now + 3600, is_own=True)
    async with asyncio.timeout(5):
        await proposals.gather()
    assert pool.looks == 3
