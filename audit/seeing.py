"""What others may learn while an audit runs, and what they may make it do: watch blocks, save its place, stop it."""

from collections.abc import Callable, Iterable
from typing import Protocol

from audit.mismatch import Mismatch
from chain.block import Block
from chain.ledger import Ledger
from chain.merkle import Frontier
from chain.recorded_block import RecordedBlock
from chain.types import Height
from chain.validity import Head
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an audit has come."""

    height: int
    head_height: int
    transactions: int
    seconds: float
    start_height: int = 0
    """Height at which this run began; more than 0 where an earlier one had stopped."""


ProgressListener = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """One block that was gone through."""

    height: Height
    head_height: int
    record: RecordedBlock
    block: Block
    ledger: Ledger | None
    """The ledger after the block, None where contracts were not run."""
    has_passed: bool
    """Whether nothing was found up to this block."""


class Watcher(Protocol):
    """Looks at each block after it was checked: statistics, invariants, a state database."""

    def see(self, seen: Seen) -> Iterable[Mismatch]:
        """Take notice of a block; return what is wrong."""
        ...


@dataclass(frozen=True, slots=True)
class Point:
    """Where an audit stands between two blocks: enough to go on from there."""

    head: Head
    before: Frontier
    """The tree over all blocks before the head, whose root the head's header states."""
    frontier: Frontier
    """The tree over all blocks up to the head."""
    ledger: Ledger | None
    """The ledger at the head, None where contracts were not run."""
    transactions: int


class Saver(Protocol):
    """Keeps the place of an audit."""

    def is_due(self) -> bool:
        """Tell whether the place should be kept now."""
        ...

    def save(self, point: Point) -> None:
        """Keep the place."""
        ...

    def must_stop(self) -> bool:
        """Tell whether the audit has to end here, to be continued later."""
        ...


class AuditStopped(Exception):
    """The audit was stopped between two blocks, and its place is kept."""

    def __init__(self, height: int) -> None:
        super().__init__(f"the audit was stopped behind block {height}")
        self.height = height
