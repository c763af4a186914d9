"""An audit in ranges of blocks, which any number of machines check at once; who puts them together is audit.whole.

What needs no state (certificates, signatures, roots, links) is checked of every range at once. Contracts run from
snapshots at the borders of ranges. A border is proven twice: the snapshot against the certified result of its block
(audit.checkpoint), and that result by the range before, which runs its contracts up to the very same block.
"""

from collections.abc import Iterator
from pathlib import Path

from audit.auditor import run_audit
from audit.block_checks import Agreement, check_block, decode_record
from audit.checkpoint import open_checkpoint
from audit.invariants import InvariantWatcher
from audit.links import Links, invalid
from audit.mismatch import AuditMismatch, Level, Mismatch, is_same_damage, levels_up_to
from audit.quick_checks import opened, vouch
from audit.seeing import Point, Watcher
from audit.source import BlockSource
from audit.state_differences import StateWatcher
from audit.state_store import working_store
from audit.statistics import Statistics
from chain.block import Header
from chain.genesis import Genesis
from chain.merkle import Frontier
from chain.receipt import BlockResult
from chain.state_database import StateDatabase
from chain.types import Digest
from chain.validity import InvalidBlock
from chain.values import dataclass
from contracts.engine.runtime import Engine


@dataclass(frozen=True, slots=True)
class Shown:
    """What one block shows of itself; enough to link it to others."""

    header: Header
    block_hash: Digest
    result: BlockResult
    transactions: int


@dataclass(frozen=True, slots=True)
class LightRange:
    """What was found in a range without a state."""

    first: int
    hashes: tuple[tuple[Digest, Digest] | None, ...]
    """Of each block its hash and the history root that it states; None if it cannot be read."""
    transactions: tuple[int, ...]
    """Of each block."""
    opening: Shown | None
    """The first block, None if it cannot be read."""
    closing: Shown | None
    """The last one."""
    mismatches: tuple[Mismatch, ...]


@dataclass(frozen=True, slots=True)
class Border:
    """Where running contracts begins: behind this block, on a snapshot of its state."""

    snapshots: Path
    """Folder of snapshots by height."""
    height: int
    before: Frontier
    """The tree over all blocks before it."""


@dataclass(frozen=True, slots=True)
class ExecutedRange:
    """What was found by running the contracts of a range."""

    last: int
    mismatches: tuple[Mismatch, ...]
    execution_ended: int | None
    invariants: frozenset[str]
    statistics: Statistics
    is_state_compared: bool = False
    """Whether the state database beside the blocks is of a block of this range."""


class LimitedSource:
    """Implements audit.source.BlockSource: a source that ends at a height."""

    def __init__(self, source: BlockSource, last: int) -> None:
        self._source = source
        self._last = last

    def genesis(self) -> bytes:
        """Return the canonical bytes of the genesis."""
        return self._source.genesis()

    def head_height(self) -> int:
        """Return the height at which it ends."""
        return self._last

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the recorded blocks from height `first` to `last`."""
        yield from self._source.blocks(first, min(last, self._last))


def check_light(source: BlockSource, genesis: Genesis, first: int, last: int, level: Level) -> LightRange:
    """Check what needs no state in the blocks `first` to `last`.

    Raises:
        SourceUnreadable: when the source cannot be read.
    """
    agreement = Agreement(genesis.genesis_hash, genesis.validators, level)
    found: list[Mismatch] = []
    shown: list[Shown | None] = []
    links: Links | None = None
    began = -1
    while began < len(shown) <= last - first:
        began = len(shown)
        try:
            for height, data in enumerate(source.blocks(first + began, last), first + began):
                links = _check_one(height, data, agreement, genesis, links, found, shown)
        except AuditMismatch as error:
            # Of a whole file: what stands behind it is read if it can be.
            found.append(error.mismatch)
    if len(shown) < last - first + 1 and not found:
        missing = first + len(shown)
        found.append(Mismatch(Level.FORM, missing, "block", "a block at this height", f"blocks up to {missing - 1}"))
    shown += [None] * (last - first + 1 - len(shown))
    return LightRange(
        first,
        tuple(None if each is None else (each.block_hash, each.header.history_root) for each in shown),
        tuple(0 if each is None else each.transactions for each in shown),
        shown[0],
        shown[-1],
        tuple(found),
    )


def check_executed(
    source: BlockSource,
    genesis: Genesis,
    border: Border | None,
    last: int,
    head_height: int,
    invariants_every: int,
    state: StateDatabase | None = None,
) -> ExecutedRange:
    """Run the contracts of the blocks behind a border, or from genesis, up to `last`; everything else is left out.

    `state` is the state database beside the blocks: it is compared if it is that of a block of this range.

    Raises:
        CheckpointError: when the border is not proven.
        SourceUnreadable, StoreError, LocalFault, ProtocolUnknown: when the range cannot be finished.
    """
    runtime, statistics, invariants = Engine(), Statistics(), InvariantWatcher(invariants_every)
    watchers: list[Watcher] = [invariants, statistics]
    states = None if state is None or state.head is None else StateWatcher(state, state.head)
    if states is not None:
        watchers.append(states)
    with working_store(head_height, genesis.genesis_hash) as store:
        start = None
        if border is not None:
            place = (border.snapshots, border.height, genesis, source, border.before, runtime, store)
            ledger = open_checkpoint(*place)
            frontier = border.before.append(ledger.head.block_hash)
            start = Point(ledger.head, border.before, frontier, ledger, 0)
        verdict = run_audit(
            LimitedSource(source, last),
            genesis_hash=genesis.genesis_hash,
            runtime=runtime,
            watchers=watchers,
            start=start,
            alone=Level.FORM,
        )
    names = frozenset(invariants.names)
    is_compared = states is not None and states.compared
    return ExecutedRange(last, verdict.mismatches, verdict.execution_ended, names, statistics, is_compared)


def _check_one(
    height: int,
    data: bytes,
    agreement: Agreement,
    genesis: Genesis,
    links: Links | None,
    found: list[Mismatch],
    shown: list[Shown | None],
) -> Links | None:
    """Check one block alone and against the one before; return the links behind it."""
    vouched = vouch(height, data, agreement)
    try:
        if vouched is None:
            check_block(height, data, agreement)
    except AuditMismatch as error:
        if not found or not is_same_damage(found[-1], error.mismatch):
            found.append(error.mismatch)
        if error.mismatch.level is Level.FORM:
            shown.append(None)
            return None
    parts = opened(data, vouched)
    block, result = parts.block, parts.result
    if links is not None and Level.HEADERS in levels_up_to(agreement.level):
        try:
            links.check(block.header)
        except InvalidBlock as error:
            found.append(invalid(error, decode_record(height, data), Level.HEADERS))
    shown.append(Shown(block.header, block.block_hash, result, len(block.transactions)))
    return links_behind(genesis, shown[-1])


def links_behind(genesis: Genesis, shown: Shown | None) -> Links | None:
    """Return what the next block is held against, all but the history root; None behind what cannot be read."""
    if shown is None:
        return None
    links = Links.unknown()
    links.take(genesis, shown.header, shown.block_hash, shown.result)
    return links
