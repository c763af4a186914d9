"""The decided state on top of a store: applied block by block, read by key, by range, with proof and with history.

Invariant: tree, leaves, root and head change in one batch, so that the state is always that of exactly one block.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from chain.bounded_cache import make_cache
from chain.database_keys import (
    STATE_ROOT_KEY,
    TABLE_EXTRA,
    TABLE_LIVE,
    TABLE_TOMBSTONE,
    leaf_key,
    name_end,
    node_key,
    version_key,
)
from chain.state import Entry, ReadState, StateUpdate
from chain.state_leaf import Held, Leaf, decode_leaf, hold_leaf, leaf_hash
from chain.state_proof import prove
from chain.state_seeks import Seeker, StateSeeks
from chain.state_sweeping import StateSweeping
from chain.state_tree import EMPTY_STATE_ROOT
from chain.storage import Head, Store, StoreDamaged, Write
from chain.types import Digest, Height
from chain.values import dataclass

CACHE_BYTES: Final = 16 * 1024 * 1024
"""Recently used leaves and tree nodes kept in memory, each; a read from LevelDB costs a hundred times as much."""


HELD_OVERHEAD_BYTES: Final = 250
"""What a leaf at hand takes besides its bytes, roughly: its value, two hashes, and Python's own."""


class StateGapError(Exception):
    """An update does not follow the state that it was to be applied to."""


class VersionMissingError(Exception):
    """A leaf names a predecessor that this database no longer holds."""


@dataclass(frozen=True, slots=True)
class StateHead:
    """The block whose state a database holds."""

    height: Height
    block_hash: Digest
    state_root: Digest


@dataclass(frozen=True, slots=True)
class ProvenLeaf:
    """What the state holds under a key, provable against the root in `head`."""

    leaf: Leaf | None
    """None if the key never existed; a leaf without a value if it was deleted."""
    proof: bytes
    """For chain.state_proof.verify_proof."""
    head: StateHead


class StateDatabase:
    """Owns a store that holds state; implements chain.state.StateReader."""

    def __init__(self, store: Store, cache_bytes: int = CACHE_BYTES, seeker: Seeker | None = None) -> None:
        """Read the head; keep up to `cache_bytes` of leaves and tree nodes each in memory, none with 0.

        `seeker` is the same store where it can be sought in, and where this pays: on disk, for many reads.

        Raises:
            StoreDamaged: when the store holds a head without a root.
        """
        self._store = store
        self._seeks = None if seeker is None else StateSeeks(store, seeker)
        self._scan = store.scan if seeker is None else StateSweeping(seeker).scan
        if self._seeks is None:
            self._live_leaves = make_cache(cache_bytes, lambda key: hold_leaf(store.get(key)), _held_bytes)
            self._nodes = make_cache(cache_bytes, lambda prefix: store.get(node_key(prefix)))
        else:
            sought = self._seeks.live_leaf
            self._live_leaves = make_cache(cache_bytes, lambda key: hold_leaf(sought(key)), _held_bytes)
            self._nodes = make_cache(cache_bytes, self._seeks.node)
        self.node: Final[Callable[[bytes], bytes | None]] = self._nodes.get
        """Returns the blob of the tree node with a prefix."""
        self._head = _read_head(store)

    @property
    def head(self) -> StateHead | None:
        """The block whose state this is, None before genesis."""
        return self._head

    @property
    def root(self) -> Digest:
        """The state root."""
        return EMPTY_STATE_ROOT if self._head is None else self._head.state_root

    def apply(
        self, update: StateUpdate, height: Height, block_hash: Digest, extra: Sequence[tuple[bytes, bytes | None]] = ()
    ) -> None:
        """Make the update of a decided block the state, with `extra` entries by name, in one durable batch.

        Raises:
            StateGapError: when the block or the update does not follow the present state.
        """
        expected = 0 if self._head is None else self._head.height + 1
        if height != expected or update.parent_root != self.root:
            raise StateGapError(
                f"state of block {height} on {update.parent_root.hex()} does not follow "
                f"the state before block {expected}, {self.root.hex()}"
            )
        writes: list[Write] = [*update.writes, *((TABLE_EXTRA + name, value) for name, value in extra)]
        self._store.write(writes, Head(height, block_hash))
        self._live_leaves.put_all(update.live_leaves)
        if self._seeks is not None:
            self._seeks.deleted(key for key, held in update.live_leaves.items() if held is None)
        self._nodes.put_all(update.nodes)
        self._head = StateHead(height, block_hash, update.root)

    def extra(self, name: bytes) -> bytes | None:
        """Return what was last kept under a name beside the state."""
        return self._store.get(TABLE_EXTRA + name)

    def extras(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the names that begin with `prefix`, ascending, and what is kept under them."""
        start = TABLE_EXTRA + prefix
        for key, value in self._store.scan(start, start + b"\xff" * 16):
            yield key[len(TABLE_EXTRA) :], value

    def held_leaf(self, contract: str, key: bytes) -> Held | None:
        """Return the key's leaf if it has a value."""
        held: Held | None = self._live_leaves.get(leaf_key(TABLE_LIVE, contract, key))
        return held

    def live_leaf(self, contract: str, key: bytes) -> bytes | None:
        """Return the key's encoded leaf if it has a value."""
        held = self.held_leaf(contract, key)
        return None if held is None else held[0]

    def tombstone(self, contract: str, key: bytes) -> bytes | None:
        """Return the key's encoded leaf if it was deleted."""
        return self._store.get(leaf_key(TABLE_TOMBSTONE, contract, key))

    def scan_leaves(self, contract: str, start: bytes, end: bytes, reverse: bool) -> Iterator[Entry]:
        """Yield keys with start <= key < end and their encoded live leaves, in ascending or descending order."""
        first, last = leaf_key(TABLE_LIVE, contract, start), leaf_key(TABLE_LIVE, contract, end)
        at = len(first) - len(start)
        for key, leaf in self._scan(first, last, reverse):
            yield key[at:], leaf

    def leaves(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield contract, key and encoded leaf of everything, the live ones first, in the database's order."""
        for table in (TABLE_LIVE, TABLE_TOMBSTONE):
            for key, encoded in self._store.scan(table, bytes([table[0] + 1])):
                start = name_end(key)
                yield key[3:start].decode(), key[start:], encoded

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value under a key, None if there is none."""
        return ReadState(self).get(contract, key)

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool = False) -> list[Entry]:
        """Return at most `limit` keys and values with start <= key < end in key order, or in reverse order."""
        return ReadState(self).scan(contract, start, end, limit, reverse)

    def leaf(self, contract: str, key: bytes) -> Leaf | None:
        """Return the newest version of a key, deleted or not, None if it never existed."""
        encoded = self._newest(contract, key)
        return None if encoded is None else decode_leaf(encoded)

    def get_with_proof(self, contract: str, key: bytes) -> ProvenLeaf:
        """Return what the state holds under a key and the proof of it.

        Raises:
            StoreDamaged: when tree and leaves contradict each other.
        """
        assert self._head is not None, "a state without a block proves nothing"
        encoded = self._newest(contract, key)
        proof = prove(self.node, contract, key, encoded)
        return ProvenLeaf(None if encoded is None else decode_leaf(encoded), proof, self._head)

    def history(self, contract: str, key: bytes, version: bytes | None = None) -> Iterator[Leaf]:
        """Yield all versions of a key, the newest first, or those from the one with a hash on.

        Raises:
            VersionMissingError: when an older version exists that is not held here.
        """
        encoded = self._newest(contract, key)
        if version is not None and encoded is not None and leaf_hash(encoded) != version:
            encoded = self._store.get(version_key(version))
        while encoded is not None:
            leaf = decode_leaf(encoded)
            if (leaf.contract, leaf.key) != (contract, key):
                return
            yield leaf
            if leaf.previous is None:
                return
            encoded = self._store.get(version_key(leaf.previous))
            if encoded is None:
                raise VersionMissingError(
                    f"version {leaf.previous.hex()} of {contract}/{key.hex()}, "
                    f"replaced in block {leaf.height}, is not held here"
                )

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _newest(self, contract: str, key: bytes) -> bytes | None:
        return self.live_leaf(contract, key) or self.tombstone(contract, key)


def _held_bytes(held: Held) -> int:
    return len(held[0]) + HELD_OVERHEAD_BYTES


def _read_head(store: Store) -> StateHead | None:
    head = store.head
    if head is None:
        return None
    root = store.get(STATE_ROOT_KEY)
    if root is None:
        raise StoreDamaged(f"the state of block {head.height} has no root")
    return StateHead(head.height, head.block_hash, Digest(root))
