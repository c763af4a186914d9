"""Checks spread over processes: everything comes back in order, and whatever is wrong is found as in one process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from chain_maker import ChainMaker, MemorySource

from audit import batches
from audit.auditor import run_audit
from audit.batches import checked_batches, read_batches
from audit.block_checks import Agreement
from audit.mismatch import AuditMismatch, Level, Mismatch
from audit.state_store import MEMORY_BLOCKS_MAX, working_store
from audit.verdict import Outcome
from chain.storage import Head, MemoryStore
from chain.store import LevelStore
from chain.types import Digest, Height

ROOT = Path(__file__).parents[2]
BLOCKS = 3 * batches.BATCH_BLOCKS_MAX + 5


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    maker = ChainMaker()
    for _ in range(BLOCKS):
        maker.decide()
    return maker


def agreement(maker: ChainMaker) -> Agreement:
    return Agreement(maker.genesis.genesis_hash, maker.genesis.validators)


class Failing(MemorySource):
    """Finds something false itself after some blocks."""

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        yield from self.records[: BLOCKS - 3]
        raise AuditMismatch(Mismatch(Level.FORM, BLOCKS - 2, "file", "one thing", "another"))


@pytest.mark.parametrize("processes", [1, 2])
def test_all_blocks_come_in_order(maker: ChainMaker, processes: int) -> None:
    seen: list[bytes] = []
    first = 1
    for checked in checked_batches(maker.source, BLOCKS, agreement(maker), processes):
        assert checked.batch.first == first
        assert checked.mismatches == (None,) * len(checked.batch.blocks)
        seen.extend(checked.batch.blocks)
        first += len(checked.batch.blocks)
    assert seen == maker.source.records


class NeverStarting:
    """A pool whose processes never start; what was handed to it can be taken back."""

    def __init__(self, processes: int, **options: Any) -> None:
        self.processes = processes
        self.futures: list[Future[Any]] = []

    def submit(self, work: Any, *arguments: Any) -> "Future[Any]":
        self.futures.append(Future())
        return self.futures[-1]

    def shutdown(self, *, cancel_futures: bool) -> None:
        assert cancel_futures


def test_what_no_other_process_has_begun_is_checked_in_this_one(
    maker: ChainMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[NeverStarting] = []

    def start(processes: int, **options: Any) -> NeverStarting:
        pools.append(NeverStarting(processes, **options))
        return pools[-1]

    monkeypatch.setattr(batches, "ProcessPoolExecutor", start)
    checked = list(checked_batches(maker.source, BLOCKS, agreement(maker), 2, pool_seconds_min=0))
    assert [each.batch.first for each in checked] == [1, 65, 129, 193]
    assert not any(mismatch for each in checked for mismatch in each.mismatches)
    assert [pool.processes for pool in pools] == [1], "this process is the second one"
    assert all(future.cancelled() for future in pools[0].futures)


def test_processes_that_were_started_find_the_same(maker: ChainMaker) -> None:
    """Short histories start none unless they are made to."""
    source = MemorySource(maker.source.genesis_bytes, list(maker.source.records))
    height = 2 * batches.BATCH_BLOCKS_MAX + 3
    source.records[height - 1] = source.records[height - 1][:-1] + b"\xc0"
    alone, together = (
        list(checked_batches(source, BLOCKS, agreement(maker), processes, pool_seconds_min=0)) for processes in (1, 2)
    )
    assert [each.batch for each in together] == [each.batch for each in alone]
    assert [each.mismatches for each in together] == [each.mismatches for each in alone]
    assert [mismatch.height for each in together for mismatch in each.mismatches if mismatch is not None] == [height]


POOL = """
import os, sys
from audit import batches

if __name__ == "__main__":
    context = batches.multiprocessing.get_context("spawn")
    pool = batches.ProcessPoolExecutor(1, mp_context=context, initializer=batches._begin)
    print(pool.submit(os.getpid).result(), flush=True)
    sys.stdin.read()
"""


def test_processes_end_with_an_auditor_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "pool.py").write_text(POOL)
    command = [sys.executable, str(tmp_path / "pool.py")]
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": {"PYTHONPATH": str(ROOT)}}
    with subprocess.Popen(command, **options) as auditor:
        assert auditor.stdout is not None
        worker = int(auditor.stdout.readline())
        auditor.kill()
        # The worker holds the same pipe: its end is seen when the last of both processes is gone.
        try:
            auditor.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.kill(worker, signal.SIGKILL)
            raise


@pytest.mark.parametrize("processes", [1, 2])
def test_a_mismatch_of_the_source_comes_after_the_blocks_before_it(maker: ChainMaker, processes: int) -> None:
    source = Failing(maker.genesis.encoded(), maker.source.records)
    seen = 0
    with pytest.raises(AuditMismatch):
        for checked in checked_batches(source, BLOCKS, agreement(maker), processes):
            seen += len(checked.batch.blocks)
    assert seen == BLOCKS - 3


@pytest.mark.parametrize("processes", [1, 2])
def test_the_verdict_does_not_depend_on_the_number_of_processes(maker: ChainMaker, processes: int) -> None:
    source = maker.source
    verdict = run_audit(source, processes=processes)
    assert (verdict.outcome, verdict.blocks) == (Outcome.OK, BLOCKS)
    height = 2 * batches.BATCH_BLOCKS_MAX + 3
    source.records[height - 1] = source.records[height - 1][:-1] + b"\xc0"
    verdict = run_audit(source, processes=processes)
    assert verdict.first_mismatch is not None
    assert (verdict.first_mismatch.level, verdict.first_mismatch.height) == (Level.FORM, height)


def test_an_earlier_lie_counts_before_what_the_source_finds(maker: ChainMaker) -> None:
    records = list(maker.source.records)
    records[BLOCKS - 5] = b"\xc0"
    verdict = run_audit(Failing(maker.genesis.encoded(), records))
    assert verdict.first_mismatch is not None
    assert (verdict.first_mismatch.height, verdict.first_mismatch.field) == (BLOCKS - 4, "block record")


def test_batches_are_bounded_in_blocks_and_bytes(maker: ChainMaker) -> None:
    sizes = [len(batch.blocks) for batch in read_batches(maker.source, BLOCKS)]
    assert sizes == [batches.BATCH_BLOCKS_MAX] * 3 + [5]
    large = MemorySource(b"", [bytes(batches.BATCH_BYTES)] * 3)
    assert [len(batch.blocks) for batch in read_batches(large, 3)] == [1, 1, 1]


def test_long_histories_are_executed_on_disk() -> None:
    chain_id = Digest(bytes(32))
    with working_store(MEMORY_BLOCKS_MAX, chain_id) as store:
        assert isinstance(store._store, MemoryStore)
    with working_store(MEMORY_BLOCKS_MAX + 1, chain_id) as store:
        assert isinstance(store._store, LevelStore)
        folder = store._store._folder
        store.write([(b"xkey", b"value"), (b"vhash", b"an older leaf")], Head(Height(1), chain_id))
        assert store.get(b"xkey") == b"value"
        assert store.get(b"vhash") is None
        assert store.head == Head(Height(1), chain_id)
        assert list(store.scan(b"x", b"y")) == [(b"xkey", b"value")]
    assert not folder.exists()
