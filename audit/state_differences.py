"""Compares two states key by key, and tells in which contract, key and field they differ, and since when.

Leaves name the block and transaction that wrote them. So where two states differ, the lowest height that any differing
leaf names on either side is where they parted at the latest.
"""

from collections.abc import Iterable, Iterator
from heapq import nsmallest
from typing import Any, Final

from audit.mismatch import Level, Mismatch
from audit.seeing import Seen
from chain.encoding import DecodeError, decode
from chain.state_database import StateDatabase, StateHead
from chain.state_keys import decode_key
from chain.state_leaf import Leaf, decode_leaf
from chain.types import Height
from chain.values import dataclass

DIFFERENCES_MAX: Final = 50
"""Differing keys that are named, those that were written first."""
NOTHING: Final = "nothing"
TEXT_CHARACTERS_MAX: Final = 200

Entry = tuple[str, bytes, bytes]
"""Contract, key, encoded leaf."""


@dataclass(frozen=True, slots=True)
class LeafDifference:
    """One key under which two states hold different leaves."""

    contract: str
    key: bytes
    ours: Leaf | None
    theirs: Leaf | None

    @property
    def height(self) -> Height:
        """The lowest block that wrote either."""
        return min(leaf.height for leaf in (self.ours, self.theirs) if leaf is not None)

    @property
    def index(self) -> int:
        """The transaction of that block that wrote it."""
        leaves = [leaf for leaf in (self.ours, self.theirs) if leaf is not None]
        return min((leaf.height, leaf.index) for leaf in leaves)[1]

    @property
    def field(self) -> str:
        """The first field of the leaf that differs."""
        if self.ours is None or self.theirs is None:
            return "leaf"
        for name in ("value", "height", "index", "previous"):
            if getattr(self.ours, name) != getattr(self.theirs, name):
                return f"leaf.{name}"
        return "leaf"

    @property
    def readable_key(self) -> str:
        """The key as a contract's author would write it, or in hexadecimal."""
        try:
            return " ".join(str(part) for part in decode_key(self.key))
        except (DecodeError, IndexError):
            return self.key.hex()

    def shown(self, leaf: Leaf | None) -> str:
        """Return what one side has in the field that differs."""
        if leaf is None:
            return NOTHING
        if self.field in ("leaf", "leaf.value"):
            return _value_text(leaf.value)
        value = getattr(leaf, self.field.removeprefix("leaf."))
        return value.hex() if isinstance(value, bytes) else str(value)


def leaf_differences(ours: StateDatabase, theirs: StateDatabase) -> tuple[int, list[LeafDifference]]:
    """Return how many keys differ, and those of them that were written first, in that order."""
    count = 0

    def counted() -> Iterator[LeafDifference]:
        nonlocal count
        for difference in _differences(ours, theirs):
            count += 1
            yield difference

    first = nsmallest(DIFFERENCES_MAX, counted(), key=lambda each: (each.height, each.index, each.contract, each.key))
    return count, first


def _differences(ours: StateDatabase, theirs: StateDatabase) -> Iterator[LeafDifference]:
    """Yield what differs; a key may be live on one side and deleted on the other, so both kinds are looked up."""
    for contract, key, encoded in ours.leaves():
        other = theirs.live_leaf(contract, key) or theirs.tombstone(contract, key)
        if other != encoded:
            yield _difference(contract, key, encoded, other)
    for contract, key, encoded in theirs.leaves():
        if ours.live_leaf(contract, key) is None and ours.tombstone(contract, key) is None:
            yield _difference(contract, key, None, encoded)


def _difference(contract: str, key: bytes, ours: bytes | None, theirs: bytes | None) -> LeafDifference:
    return LeafDifference(contract, key, _leaf(contract, key, ours), _leaf(contract, key, theirs))


def _leaf(contract: str, key: bytes, encoded: bytes | None) -> Leaf | None:
    if encoded is None:
        return None
    try:
        return decode_leaf(encoded)
    except DecodeError:
        # A database on trial may hold anything; what is no leaf is shown as the bytes that it is.
        return Leaf(contract, key, encoded, Height(0), 0, None)


def _value_text(value: bytes | None) -> str:
    if value is None:
        return "deleted"
    try:
        decoded: Any = decode(value)
    except DecodeError:
        decoded = value
    text = decoded.hex() if isinstance(decoded, bytes) else repr(decoded)
    return text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[:TEXT_CHARACTERS_MAX]}..."


class StateWatcher:
    """Implements audit.seeing.Watcher: compares a node's state database at the block that it belongs to."""

    def __init__(self, theirs: StateDatabase, head: StateHead) -> None:
        self._theirs = theirs
        self._head = head
        self.compared = False
        """Whether the audit came to the block of the state, with contracts running."""

    def see(self, seen: Seen) -> Iterable[Mismatch]:
        """Compare the states if this is the block."""
        if seen.height != self._head.height or seen.ledger is None:
            return
        self.compared = True
        block_hash = seen.ledger.head.block_hash
        if self._head.block_hash != block_hash:
            found = self._head.block_hash.hex()
            yield Mismatch(Level.STATE, seen.height, "state.block_hash", block_hash.hex(), found)
        ours = seen.ledger.database
        count, differences = leaf_differences(ours, self._theirs)
        for difference in differences:
            yield _mismatch(difference, count)
        if not count and ours.root != self._head.state_root:
            found = self._head.state_root.hex()
            yield Mismatch(Level.STATE, seen.height, "state.root", ours.root.hex(), found)


def _mismatch(difference: LeafDifference, count: int) -> Mismatch:
    ours, theirs = difference.ours, difference.theirs
    wrote = f"; {NOTHING} is there" if theirs is None else f", as written by block {theirs.height}"
    detail = f"key {difference.readable_key}{wrote}; {count} keys of the state database differ"
    return Mismatch(
        Level.STATE,
        difference.height,
        difference.field,
        difference.shown(ours),
        difference.shown(theirs),
        difference.index,
        contract=difference.contract,
        detail=detail,
        key=difference.key.hex(),
    )
