"""The history index: which transactions have a term, and how much happened when; made from blocks, remade at will.

Invariant: what a batch adds and the heights that it covers are written together, so that a block is indexed exactly
once, whatever crash comes between. Writes need not be durable: after a power cut an older whole state comes back, and
what is missing is indexed again. Blocks may be added in any order; the places of a term sort by themselves.

  t totals                                                               activity since the beginning
  m activity           resolution 1, start of the period 8               activity in a minute, an hour or a day
  x covered heights                                                      ranges of heights
"""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from chain.block_store import TransactionPlace
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.height_ranges import HeightRange, add_range, decode_ranges, encode_ranges, range_at
from chain.index_terms import Term, place_key, place_of_key, word_of_key, word_prefix
from chain.storage import Store, StoreDamaged, Write
from chain.types import Height
from chain.values import dataclass

TOTALS_KEY: Final = b"t"
COVERED_KEY: Final = b"x"
TABLE_ACTIVITY: Final = b"m"
RESOLUTIONS: Final = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
"""Lengths of periods in milliseconds."""
CANDIDATES_MAX: Final = 2_000
"""Places of one term that are looked at for a page that asks for several."""
PLACE_MAX: Final = TransactionPlace(Height(2**63 - 1), 0)


@dataclass(frozen=True, slots=True)
class Activity:
    """How much happened."""

    blocks: int = 0
    transactions: int = 0
    failed: int = 0
    """Of the transactions."""
    events: int = 0

    def plus(self, other: "Activity") -> "Activity":
        """Return the sum."""
        return Activity(
            self.blocks + other.blocks,
            self.transactions + other.transactions,
            self.failed + other.failed,
            self.events + other.events,
        )


@dataclass(frozen=True, slots=True)
class IndexedBlock:
    """What the index takes of a block."""

    height: Height
    time: int
    """In milliseconds."""
    activity: Activity
    places: Sequence[bytes]
    """Keys made by place_key."""


@dataclass(frozen=True, slots=True)
class Found:
    """Places in the order asked for."""

    places: tuple[TransactionPlace, ...]
    next: TransactionPlace | None
    """Where the search goes on: its lowest place if ascending, the one above its highest if descending; None at the
    end."""


class WritableStore(Store, Protocol):
    """A store whose writes may be left to reach the disk when it suits the system."""

    def write_soon(self, writes: Sequence[Write]) -> None:
        """Carry out all writes or none; after a power cut they may be gone, with everything written later."""
        ...


class HistoryIndex:
    """Owns the store that holds the index."""

    def __init__(self, store: WritableStore) -> None:
        """Read what is covered.

        Raises:
            StoreDamaged: when that cannot be read.
        """
        self._store = store
        stored = store.get(COVERED_KEY)
        try:
            self._covered: tuple[HeightRange, ...] = () if stored is None else decode_ranges(stored)
            self._totals = _activity(store.get(TOTALS_KEY))
        except DecodeError as error:
            raise StoreDamaged(f"the history index cannot be read: {error}") from error

    @property
    def totals(self) -> Activity:
        """Everything that is indexed."""
        return self._totals

    def covers(self, height: int) -> bool:
        """Tell whether a block is indexed."""
        return range_at(self._covered, height) is not None

    def first_missing(self, start: int = 1) -> Height:
        """Return the lowest height from `start` on that is not indexed."""
        held = range_at(self._covered, start)
        return Height(start if held is None else held[1] + 1)

    def last_missing(self, height: int) -> Height:
        """Return the greatest height up to this one that is not indexed; 0 if all are."""
        held = range_at(self._covered, height)
        return Height(height if held is None else held[0] - 1)

    def prepare(self, blocks: Sequence[IndexedBlock]) -> tuple[list[Write], tuple[HeightRange, ...], Activity]:
        """Return what has to be written for blocks that follow each other, and what holds once it is."""
        writes: list[Write] = []
        periods: dict[bytes, Activity] = {}
        covered, totals = self._covered, self._totals
        for block in blocks:
            assert range_at(covered, block.height) is None, f"block {block.height} is indexed already"
            covered = add_range(covered, block.height, block.height)
            totals = totals.plus(block.activity)
            writes.extend((key, b"") for key in block.places)
            for resolution in RESOLUTIONS.values():
                key = _activity_key(resolution, block.time)
                periods[key] = periods.get(key, Activity()).plus(block.activity)
        for key, activity in periods.items():
            writes.append((key, _encoded(_activity(self._store.get(key)).plus(activity))))
        return [*writes, (TOTALS_KEY, _encoded(totals)), (COVERED_KEY, encode_ranges(covered))], covered, totals

    def write(self, writes: Sequence[Write]) -> None:
        """Write what was prepared, in one batch; may be called from a thread."""
        self._store.write_soon(writes)

    def written(self, covered: tuple[HeightRange, ...], totals: Activity) -> None:
        """Show what was prepared and is written now."""
        self._covered, self._totals = covered, totals

    def find(
        self, terms: Sequence[Term], low: TransactionPlace, high: TransactionPlace, *, limit: int, descending: bool
    ) -> Found:
        """Return at most `limit` places with all these terms, low <= place < high."""
        first, others = terms[0], terms[1:]
        found: list[TransactionPlace] = []
        start, end = place_key(first, low.height, low.index), place_key(first, high.height, high.index)
        for number, (key, _) in enumerate(self._store.scan(start, end, reverse=descending)):
            place = place_of_key(key)
            if len(found) == limit or number == CANDIDATES_MAX:
                last = TransactionPlace(place.height, place.index + 1) if descending else place
                return Found(tuple(found), last)
            if all(self._store.get(place_key(other, place.height, place.index)) is not None for other in others):
                found.append(place)
        return Found(tuple(found), None)

    def words(self, prefix: str, limit: int) -> list[str]:
        """Return at most `limit` different words that begin with a text, in their order."""
        found: list[str] = []
        start = word_prefix(prefix)
        end = start + b"\xff" * 4
        while len(found) < limit:
            entry = next(iter(self._store.scan(start, end)), None)
            if entry is None:
                break
            found.append(word_of_key(entry[0]))
            # Past all places of this word: nothing in a place's bytes sorts behind the next word.
            start = entry[0][:-12] + b"\xff" * 12
        return found

    def activity(self, resolution: int, start: int, end: int) -> Iterator[tuple[int, Activity]]:
        """Yield the periods with start <= beginning < end in which something happened, in milliseconds."""
        for key, value in self._store.scan(_activity_key(resolution, start), _activity_key(resolution, end)):
            yield int.from_bytes(key[2:], "big") * resolution, _activity(value)

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def _activity_key(resolution: int, time: int) -> bytes:
    number = list(RESOLUTIONS.values()).index(resolution)
    return TABLE_ACTIVITY + number.to_bytes(1, "big") + (time // resolution).to_bytes(8, "big")


def _encoded(activity: Activity) -> bytes:
    return encode([1, activity.blocks, activity.transactions, activity.failed, activity.events])


def _activity(stored: bytes | None) -> Activity:
    if stored is None:
        return Activity()
    _, blocks, transactions, failed, events = fields_of(decode(stored), "activity", 1, int, int, int, int)
    return Activity(blocks, transactions, failed, events)
