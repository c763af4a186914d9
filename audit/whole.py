"""Puts the ranges of an audit together: the links between them, the history root, and one verdict.

How ranges come to workers is not known here: a Workers runs the functions of audit.ranges somewhere, and repeats what
a worker that died has not brought.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from audit.consistency import record_at
from audit.invariants import TIMES
from audit.links import FIELDS, Links
from audit.mismatch import Level, Mismatch, is_same_damage, levels_up_to
from audit.ranges import Border, ExecutedRange, LightRange, links_behind
from audit.source import BlockSource
from audit.statistics import Statistics
from audit.verdict import FINDINGS_MAX, Verdict
from chain.genesis import Genesis
from chain.ledger import genesis_head, open_ledger
from chain.merkle import Frontier
from chain.snapshot_files import heights_held
from chain.state_database import StateDatabase
from chain.storage import MemoryStore
from chain.types import Digest
from chain.validity import InvalidBlock
from chain.values import dataclass
from contracts.engine.runtime import Engine

RANGE_BLOCKS: Final = 500


class Workers(Protocol):
    """Runs the checks of ranges, several at once."""

    def light(self, ranges: Sequence[tuple[int, int]], level: Level) -> Iterator[LightRange]:
        """Check ranges without a state; yield what was found in the order of the ranges."""
        ...

    def executed(
        self, ranges: Sequence[tuple[Border | None, int]], head_height: int, invariants_every: int
    ) -> Iterator[ExecutedRange]:
        """Run the contracts behind each border up to a height; yield what was found in the order of the ranges."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """What came of all ranges together."""

    verdict: Verdict
    statistics: Statistics
    invariants: frozenset[str]
    borders: tuple[int, ...]
    """Heights of the snapshots from which contracts were run."""
    is_state_compared: bool
    """Whether the state database beside the blocks was compared."""


@dataclass(frozen=True, slots=True)
class _Fold:
    """All blocks as they hang together."""

    before: dict[int, Frontier]
    """The tree over all blocks before a height, for the heights that were asked for."""
    hashes: list[Digest | None]
    transactions: list[int]


def audit_in_ranges(
    source: BlockSource,
    genesis: Genesis,
    workers: Workers,
    *,
    anchored: bool,
    level: Level,
    snapshots: Path | None,
    invariants_every: int | None = None,
    range_blocks: int = RANGE_BLOCKS,
) -> Whole:
    """Audit a history on workers; contracts run in as many ranges as there are snapshots, and one more.

    Raises:
        CheckpointError: when a snapshot is not proven.
        SourceUnreadable, StoreError, LocalFault, ProtocolUnknown: when the audit cannot be finished.
    """
    began = time.monotonic()
    head_height = source.head_height()
    borders = () if snapshots is None else tuple(h for h in heights_held(snapshots) if 0 < h < head_height)
    starts = range(1, head_height + 1, range_blocks)
    ranges = [(start, min(start + range_blocks - 1, head_height)) for start in starts]
    found: list[Mismatch] = []
    fold = _folded(genesis, workers.light(ranges, level), borders, found, level)
    statistics, names = Statistics(), set[str]()
    ended: int | None = None
    is_compared = False
    if level is Level.EXECUTION:
        every = invariants_every or max(1, head_height // TIMES)
        for executed in workers.executed(_executions(snapshots, borders, fold, head_height), head_height, every):
            found += executed.mismatches
            statistics.add(executed.statistics)
            names |= executed.invariants
            is_compared = is_compared or executed.is_state_compared
            if executed.execution_ended is not None and ended is None:
                ended = executed.execution_ended
    verdict = _verdict(source, genesis, found, fold, head_height, level)
    verdict = replace(verdict, anchored=anchored, execution_ended=ended, seconds=time.monotonic() - began)
    return Whole(
        verdict, statistics, frozenset(names), tuple(each for each in borders if each in fold.before), is_compared
    )


def _folded(
    genesis: Genesis, ranges: Iterator[LightRange], borders: Sequence[int], found: list[Mismatch], level: Level
) -> _Fold:
    """Link range to range, and recompute the history root of every block."""
    ledger_head = open_ledger(genesis, StateDatabase(MemoryStore()), Engine()).head
    frontier: Frontier | None = genesis_head(genesis, ledger_head.result.state_root)[1]
    links: Links | None = Links(ledger_head, None)
    fold = _Fold({}, [], [])
    linked = Level.HEADERS in levels_up_to(level)
    for part in ranges:
        found += part.mismatches
        if linked and links is not None and part.opening is not None:
            found += _link_mismatch(links, part)
        for height, shown in enumerate(part.hashes, part.first):
            if frontier is not None and height in borders:
                fold.before[height] = frontier
            if shown is None:
                frontier = None
            elif frontier is not None:
                root = frontier.root()
                if linked and root != shown[1]:
                    field = FIELDS["wrong_history_root"]
                    found.append(Mismatch(Level.HEADERS, height, field, root.hex(), shown[1].hex()))
                frontier = frontier.append(shown[0])
            fold.hashes.append(None if shown is None else shown[0])
        fold.transactions.extend(part.transactions)
        links = links_behind(genesis, part.closing)
    return fold


def _link_mismatch(links: Links, part: LightRange) -> list[Mismatch]:
    assert part.opening is not None, "the caller has looked"
    try:
        links.check(part.opening.header)
    except InvalidBlock as error:
        field = FIELDS[error.code]
        return [Mismatch(Level.HEADERS, part.first, field, error.expected, error.found, detail=str(error))]
    return []


def _executions(
    snapshots: Path | None, borders: Sequence[int], fold: _Fold, head_height: int
) -> list[tuple[Border | None, int]]:
    """Return from where to where contracts run, without a gap; borders behind unreadable blocks fall away."""
    usable = [height for height in borders if height in fold.before]
    ends = [*usable, head_height]
    starts: list[Border | None] = [None]
    for height in usable:
        assert snapshots is not None, "borders come from it"
        starts.append(Border(snapshots, height, fold.before[height]))
    return list(zip(starts, ends, strict=True)) if head_height else []


def _verdict(
    source: BlockSource, genesis: Genesis, found: list[Mismatch], fold: _Fold, head_height: int, level: Level
) -> Verdict:
    """Return the verdict; what several ranges have found of one block and field counts once, by its first level."""
    order = list(Level)
    first: dict[tuple[int, str, str | None], Mismatch] = {}
    for each in sorted(found, key=lambda mismatch: (mismatch.height, order.index(mismatch.level))):
        if not first or not is_same_damage(next(reversed(first.values())), each):
            first.setdefault((each.height, each.field, each.key), each)
    mismatches = tuple(first.values())[:FINDINGS_MAX]
    passed = max(0, mismatches[0].height - 1) if mismatches else head_height
    block_hash = genesis.genesis_hash if passed == 0 else fold.hashes[passed - 1]
    root = None if passed == 0 else record_at(source, passed).decoded_result().state_root.hex()
    return Verdict(
        genesis.genesis_hash.hex(),
        False,
        head_height,
        passed,
        sum(fold.transactions[:passed]),
        None if block_hash is None else block_hash.hex(),
        root,
        mismatches[0] if mismatches else None,
        0.0,
        levels_up_to(level),
        mismatches[1:],
    )
