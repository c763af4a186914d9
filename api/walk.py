"""Walking through decided blocks: the positions that cursors name, and pages of what blocks hold.

Nothing is indexed here: a page looks through a bounded number of blocks and says where the next one goes on. A page may
therefore be short or empty without being the last; only an absent cursor means the end.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from api.block_cache import BlockCache, KnownBlock
from api.ports import Pruned
from api.problems import Problem
from api.requests import Order
from chain.encoding import INT_MAX
from chain.types import Height
from chain.values import dataclass

T = TypeVar("T")

INDEX_MAX: Final = 2**32 - 1
_CURSOR: Final = re.compile(r"([a-z])([ad])([0-9]{1,19})-([0-9]{1,10})-([0-9]{1,10})")


class Position(NamedTuple):
    """The place of an entry; positions compare in the order of the ledger."""

    height: int
    transaction_index: int
    """Of the transaction in its block."""
    event_index: int
    """Of the event in its receipt."""

    @property
    def next_height(self) -> Height:
        """The first block that may hold something after this position."""
        return Height(self.height + 1 if self == end_of_block(self.height) else self.height)

    @property
    def height_before(self) -> Height:
        """The last block that may hold something before this position."""
        return Height(self.height - 1 if self == Position(self.height, 0, 0) else self.height)


START: Final = Position(0, INDEX_MAX, INDEX_MAX)
"""Before the first block."""

Extract = Callable[[KnownBlock], Iterable[tuple[int, int, T]]]
"""Returns what a listing shows of a block: index, event index and the entry, ascending."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One entry of a listing."""

    position: Position
    block: KnownBlock
    content: T


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Entries in the order asked for, and the position after which the next page goes on; None at the end."""

    entries: Sequence[Entry[T]]
    next: Position | None


def end_of_block(height: int) -> Position:
    """Return the position after everything in a block."""
    return Position(height, INDEX_MAX, INDEX_MAX)


def write_cursor(kind: str, order: Order, position: Position) -> str:
    """Return the cursor of a position in one kind of listing; opaque to clients."""
    return f"{kind}{order.value[0]}{position.height}-{position.transaction_index}-{position.event_index}"


def read_cursor(kind: str, order: Order, text: str | None) -> Position | None:
    """Return the position that a cursor names.

    Raises:
        Problem: invalid_cursor.
    """
    if text is None:
        return None
    match = _CURSOR.fullmatch(text)
    if match is None or match[1] != kind or match[2] != order.value[0]:
        raise Problem("invalid_cursor", f"{text[:64]!r} was not issued for this listing and order")
    position = Position(int(match[3]), int(match[4]), int(match[5]))
    if position.height > INT_MAX or max(position.transaction_index, position.event_index) > INDEX_MAX:
        raise Problem("invalid_cursor", f"{text[:64]!r} is out of range")
    return position


async def read_page(
    blocks: BlockCache,
    head: Height,
    order: Order,
    after: Position | None,
    extract: Extract[T],
    limit: int,
    blocks_max: int,
) -> Page[T]:
    """Return the entries that follow the position `after` in the order given, from at most `blocks_max` blocks.

    A page ends before a block that is no longer kept, and the next one, which would begin there, is refused.

    Raises:
        Pruned: when the first block of the page is no longer kept.
    """
    ascending = order is Order.ASCENDING
    if after is None:
        after = START if ascending else end_of_block(head)
    heights = range(max(after.next_height, 1), head + 1) if ascending else range(min(after.height_before, head), 0, -1)
    entries: list[Entry[T]] = []
    for number, height in enumerate(heights[:blocks_max]):
        try:
            found = await block_entries(blocks, Height(height), extract)
        except Pruned:
            if number == 0:
                raise
            return Page(entries, _after_block(heights[number - 1], ascending))
        for entry in found if ascending else reversed(found):
            if entry.position <= after if ascending else entry.position >= after:
                continue
            if len(entries) == limit:
                return Page(entries, entries[-1].position)
            entries.append(entry)
    if len(heights) <= blocks_max:
        return Page(entries, None)
    return Page(entries, _after_block(heights[blocks_max - 1], ascending))


def _after_block(height: int, ascending: bool) -> Position:
    """Return the position at which a page goes on that has shown all of a block."""
    return end_of_block(height) if ascending else Position(height, 0, 0)


async def block_entries(blocks: BlockCache, height: Height, extract: Extract[T]) -> list[Entry[T]]:
    """Return all entries of one block, ascending."""
    known = await blocks.get(height)
    if known is None:
        raise Problem("unknown_block", f"there is no block {height} yet")
    return [Entry(Position(height, index, event), known, content) for index, event, content in extract(known)]
