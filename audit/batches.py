"""Spreads the checks that need no order over processes, and hands the blocks on in order with what was found.

The first batch is checked in this process, and what it took tells what the rest will take: starting processes costs
a second of computing, which short histories do not repay. Blocks in flight are bounded, so a history of any length
needs the memory of a few batches.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final

from audit.block_checks import Agreement, check_block
from audit.memory import collect_seldom
from audit.mismatch import AuditMismatch, Mismatch, SourceUnreadable
from audit.quick_checks import Vouched, vouch
from audit.source import BlockSource
from chain.values import dataclass

BATCH_BLOCKS_MAX: Final = 64
BATCH_BYTES: Final = 512 * 1024
"""A batch is full once its blocks have this size together."""

BATCHES_WAITING: Final = 8
"""Batches that are read ahead for each process."""

POOL_SECONDS_MIN: Final = 3.0
"""Expected seconds of checking from which further processes are started."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive recorded blocks."""

    first: int
    blocks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """A batch and what was found first in each of its blocks."""

    batch: Batch
    mismatches: tuple[Mismatch | None, ...]
    vouched: tuple[Vouched | None, ...]
    """What is known of each block that is good by itself; None also where that was not told quickly."""


def checked_batches(
    source: BlockSource,
    head_height: int,
    agreement: Agreement,
    processes: int,
    *,
    start: int = 1,
    pool_seconds_min: float = POOL_SECONDS_MIN,
) -> Iterator[CheckedBatch]:
    """Yield all blocks of a source from height `start` on in order, checked.

    Raises:
        AuditMismatch: when the source itself finds something false; blocks before it were yielded.
        SourceUnreadable: when the source cannot be read, or a process that checks has died.
    """
    batches = read_batches(source, head_height, start)
    first = next(batches, None)
    if first is None:
        return
    began = time.monotonic()
    checked = check_batch(first, agreement)
    seconds_a_block = (time.monotonic() - began) / len(first.blocks)
    yield checked
    rest = head_height - start + 1 - len(first.blocks)
    if processes == 1 or seconds_a_block * rest < pool_seconds_min:
        for batch in batches:
            yield check_batch(batch, agreement)
        return
    yield from _in_processes(batches, agreement, processes)


def read_batches(source: BlockSource, head_height: int, start: int = 1) -> Iterator[Batch]:
    """Yield the blocks of a source in batches."""
    blocks: list[bytes] = []
    first = start
    size = 0
    try:
        for block in source.blocks(start, head_height):
            blocks.append(block)
            size += len(block)
            if len(blocks) == BATCH_BLOCKS_MAX or size >= BATCH_BYTES:
                yield Batch(first, tuple(blocks))
                first += len(blocks)
                blocks, size = [], 0
    except AuditMismatch:
        # What came before it is checked first: a difference there is the earlier one.
        if blocks:
            yield Batch(first, tuple(blocks))
        raise
    if blocks:
        yield Batch(first, tuple(blocks))


def check_batch(batch: Batch, agreement: Agreement) -> CheckedBatch:
    """Check each block of a batch up to its first mismatch."""
    vouched = [vouch(height, block, agreement) for height, block in enumerate(batch.blocks, batch.first)]
    mismatches: list[Mismatch | None] = []
    for place, (block, known) in enumerate(zip(batch.blocks, vouched, strict=True)):
        found = None
        if known is None:
            try:
                check_block(batch.first + place, block, agreement)
            except AuditMismatch as error:
                found = error.mismatch
        mismatches.append(found)
    return CheckedBatch(batch, tuple(mismatches), tuple(vouched))


def _in_processes(batches: Iterator[Batch], agreement: Agreement, processes: int) -> Iterator[CheckedBatch]:
    """Check in one process fewer than may be used and, whenever the next batch is not ready, in this one.

    So this process does not wait while the others start, and no more processes compute than were asked for.
    """
    # A fresh interpreter inherits neither threads nor locks of this one.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes - 1, mp_context=context, initializer=_begin)
    try:
        waiting: deque[_Waiting] = deque()
        ended: AuditMismatch | None = None
        reading = True
        while reading or waiting:
            while reading and len(waiting) < BATCHES_WAITING * processes:
                try:
                    batch = next(batches, None)
                except AuditMismatch as error:
                    ended, batch = error, None
                if batch is None:
                    reading = False
                else:
                    waiting.append(_Waiting(batch, pool.submit(_check_elsewhere, batch, agreement)))
            if waiting:
                _help(waiting, agreement)
                yield waiting.popleft().result()
        if ended is not None:
            raise ended
    finally:
        pool.shutdown(cancel_futures=True)


class _Waiting:
    """Owns what becomes of one batch: another process checks it, or this one has."""

    __slots__ = ("batch", "checked", "future")

    def __init__(self, batch: Batch, future: "Future[_Found]") -> None:
        self.batch = batch
        self.future = future
        self.checked: CheckedBatch | None = None

    def result(self) -> CheckedBatch:
        """Return what was found, as soon as it was."""
        if self.checked is not None:
            return self.checked
        try:
            return CheckedBatch(self.batch, *self.future.result())
        except BrokenProcessPool as error:
            raise SourceUnreadable("a process that checks signatures has died; run with fewer --processes") from error


def _help(waiting: deque[_Waiting], agreement: Agreement) -> None:
    """Check batches that nobody has begun in this process, until the first one is ready or all are taken."""
    first = waiting[0]
    for each in waiting:
        if first.checked is not None or first.future.done():
            return
        if each.checked is None and each.future.cancel():
            each.checked = check_batch(each.batch, agreement)


_Found = tuple[tuple[Mismatch | None, ...], tuple[Vouched | None, ...]]


def _check_elsewhere(batch: Batch, agreement: Agreement) -> _Found:
    """Check a batch in another process, and return what is not known in this one."""
    checked = check_batch(batch, agreement)
    return checked.mismatches, tuple(known and Vouched(known.batch) for known in checked.vouched)


def _begin() -> None:
    """Ignore what Ctrl-C sends to all processes of a terminal: the auditor ends the pool once its place is kept."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_auditor, daemon=True).start()
    collect_seldom()


def _end_with_the_auditor() -> None:
    """End this process when the one that started it does, which may be killed without a word.

    Otherwise it would wait for work for ever: it holds the other end of its own queue, too.
    """
    auditor = multiprocessing.parent_process()
    assert auditor is not None, "the pool starts this process"
    auditor.join()
    os._exit(1)
