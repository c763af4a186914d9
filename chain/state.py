"""The state while a block executes: what each transaction reads and writes over what earlier ones did.

A BlockState stands on the decided state of the parent block and never touches it. Each transaction works in a
TransactionState of its own; a successful one is committed, which makes one leaf version of each key that it wrote, a
failed one is dropped. `finish` says what the block makes of the state: the new root and the exact database writes.
They may wait beside the database until the block is decided, or be forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from chain.database_keys import STATE_ROOT_KEY, TABLE_LIVE, TABLE_TOMBSTONE, leaf_key, node_key, version_key
from chain.sorted_keys import SortedKeys
from chain.state_leaf import encode_leaf, leaf_hash, path_of, stored_value
from chain.state_tree import ROOT_PREFIX, tree_root, update_tree
from chain.storage import Write
from chain.types import Digest, Height

Entry = tuple[bytes, bytes]
"""A key within a contract and its value."""


class ReadOnlyStateError(Exception):
    """Something wrote where only reading is possible."""


class StateReader(Protocol):
    """The decided state of the parent block, as leaves and tree nodes."""

    def live_leaf(self, contract: str, key: bytes) -> bytes | None:
        """Return the key's encoded leaf if it has a value."""
        ...

    def tombstone(self, contract: str, key: bytes) -> bytes | None:
        """Return the key's encoded leaf if it was deleted."""
        ...

    def scan_leaves(self, contract: str, start: bytes, end: bytes, reverse: bool) -> Iterator[Entry]:
        """Yield keys with start <= key < end and their encoded live leaves, in ascending or descending order."""
        ...

    def node(self, prefix: bytes) -> bytes | None:
        """Return the blob of a tree node."""
        ...


@dataclass(frozen=True, slots=True)
class StateUpdate:
    """What a block makes of its parent's state."""

    parent_root: Digest
    root: Digest
    writes: tuple[Write, ...]
    """Exactly what the state database has to write, apart from its head."""


@dataclass(frozen=True, slots=True)
class _Version:
    """The newest leaf that this block made of a key."""

    encoded: bytes
    digest: Digest
    live: bool


class _Overlay:
    """Values of one contract that hide those beneath; None hides a value by deleting it."""

    __slots__ = ("_keys", "values")

    def __init__(self) -> None:
        self.values: dict[bytes, bytes | None] = {}
        self._keys: SortedKeys | None = None

    def put(self, key: bytes, value: bytes | None) -> None:
        if self._keys is not None and key not in self.values:
            self._keys.add(key)
        self.values[key] = value

    def range(self, start: bytes, end: bytes, reverse: bool) -> Iterator[tuple[bytes, bytes | None]]:
        if self._keys is None:
            # Most contracts never scan, so the order is kept only from the first scan on.
            self._keys = SortedKeys()
            for key in self.values:
                self._keys.add(key)
        return ((key, self.values[key]) for key in self._keys.range(start, end, reverse))


class ReadState:
    """The decided state for views and checks; implements chain.runtime.StateAccess except for writing."""

    def __init__(self, base: StateReader) -> None:
        self._base = base

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value, or None if there is none."""
        leaf = self._base.live_leaf(contract, key)
        return None if leaf is None else stored_value(leaf)

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        """Refuse.

        Raises:
            ReadOnlyStateError: always.
        """
        raise ReadOnlyStateError(f"write of {contract}/{key.hex()} to a state that can only be read")

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[Entry]:
        """Return at most `limit` entries with start <= key < end in key order, or in reverse order."""
        return _take(_values(self._base, contract, start, end, reverse), limit)


class TransactionState:
    """The state as one transaction sees and changes it; implements chain.runtime.StateAccess."""

    def __init__(self, block: "BlockState") -> None:
        self._block = block
        self._overlays: dict[str, _Overlay] = {}

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value, or None if there is none."""
        overlay = self._overlays.get(contract)
        if overlay is not None and key in overlay.values:
            return overlay.values[key]
        return self._block.get(contract, key)

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None."""
        overlay = self._overlays.get(contract)
        if overlay is None:
            overlay = self._overlays[contract] = _Overlay()
        overlay.put(key, value)

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[Entry]:
        """Return at most `limit` entries with start <= key < end in key order, or in reverse order."""
        entries = self._block.entries(contract, start, end, reverse)
        overlay = self._overlays.get(contract)
        if overlay is not None:
            entries = _merge(entries, overlay.range(start, end, reverse), reverse)
        return _take(entries, limit)

    def written(self) -> Iterator[tuple[str, bytes, bytes | None]]:
        """Yield contract, key and final value of everything that was put."""
        for contract, overlay in self._overlays.items():
            for key, value in overlay.values.items():
                yield contract, key, value


class BlockState:
    """The state within one block, after the transactions committed so far."""

    def __init__(self, base: StateReader, height: Height) -> None:
        self._base = base
        self._height = height
        self._overlays: dict[str, _Overlay] = {}
        self._versions: dict[tuple[str, bytes], _Version] = {}
        self._replaced: dict[Digest, bytes] = {}
        """Leaves that are no longer their key's newest, by hash."""
        self._base_leaves: dict[tuple[str, bytes], bytes | None] = {}
        """Live leaves read from the parent's state."""
        self._base_tombstones: set[tuple[str, bytes]] = set()
        """Keys written here that were deleted in the parent's state."""
        self._index_last = -1

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value after the committed transactions, or None if there is none."""
        overlay = self._overlays.get(contract)
        if overlay is not None and key in overlay.values:
            return overlay.values[key]
        leaf = self._base_leaf(contract, key)
        return None if leaf is None else stored_value(leaf)

    def has_written(self, contract: str) -> bool:
        """Tell whether a committed transaction of this block has written to a contract."""
        return contract in self._overlays

    def entries(self, contract: str, start: bytes, end: bytes, reverse: bool) -> Iterator[Entry]:
        """Yield the entries with start <= key < end after the committed transactions."""
        entries = _values(self._base, contract, start, end, reverse)
        overlay = self._overlays.get(contract)
        return entries if overlay is None else _merge(entries, overlay.range(start, end, reverse), reverse)

    def begin_transaction(self) -> TransactionState:
        """Return a state for one transaction; dropping it undoes everything."""
        return TransactionState(self)

    def commit_transaction(self, transaction: TransactionState, index: int) -> None:
        """Make the writes of a successful transaction at `index` visible to the next ones.

        Deleting a key that has no value changes nothing and makes no version.
        """
        assert index > self._index_last, "transactions are committed in the order of the block"
        self._index_last = index
        for contract, key, value in transaction.written():
            overlay = self._overlays.get(contract)
            if value is None and self.get(contract, key) is None:
                continue
            previous = self._retire(contract, key)
            encoded = encode_leaf(contract, key, value, self._height, index, previous)
            self._versions[contract, key] = _Version(encoded, leaf_hash(encoded), value is not None)
            if overlay is None:
                overlay = self._overlays[contract] = _Overlay()
            overlay.put(key, value)

    def finish(self) -> StateUpdate:
        """Return what the committed transactions make of the parent's state; nothing here or there changes."""
        parent_root = tree_root(self._base.node(ROOT_PREFIX))
        tree = update_tree(
            self._base.node,
            {path_of(contract, key): version.digest for (contract, key), version in self._versions.items()},
        )
        writes: list[Write] = [(version_key(digest), encoded) for digest, encoded in self._replaced.items()]
        for (contract, key), version in self._versions.items():
            writes.extend(self._leaf_writes(contract, key, version))
        writes.extend((node_key(prefix), blob) for prefix, blob in tree.nodes.items())
        writes.append((STATE_ROOT_KEY, tree.root))
        return StateUpdate(parent_root, tree.root, tuple(writes))

    def _leaf_writes(self, contract: str, key: bytes, version: _Version) -> Iterator[Write]:
        yield leaf_key(TABLE_LIVE if version.live else TABLE_TOMBSTONE, contract, key), version.encoded
        if version.live and (contract, key) in self._base_tombstones:
            yield leaf_key(TABLE_TOMBSTONE, contract, key), None
        if not version.live and self._base_leaf(contract, key) is not None:
            yield leaf_key(TABLE_LIVE, contract, key), None

    def _retire(self, contract: str, key: bytes) -> Digest | None:
        """Keep the key's newest leaf as a version of the past and return its hash, None if the key never existed."""
        version = self._versions.get((contract, key))
        if version is not None:
            self._replaced[version.digest] = version.encoded
            return version.digest
        leaf = self._base_leaf(contract, key)
        if leaf is None:
            leaf = self._base.tombstone(contract, key)
            if leaf is None:
                return None
            self._base_tombstones.add((contract, key))
        digest = leaf_hash(leaf)
        self._replaced[digest] = leaf
        return digest

    def _base_leaf(self, contract: str, key: bytes) -> bytes | None:
        place = (contract, key)
        if place not in self._base_leaves:
            self._base_leaves[place] = self._base.live_leaf(contract, key)
        return self._base_leaves[place]


def _values(base: StateReader, contract: str, start: bytes, end: bytes, reverse: bool) -> Iterator[Entry]:
    for key, leaf in base.scan_leaves(contract, start, end, reverse):
        value = stored_value(leaf)
        assert value is not None
        yield key, value


def _merge(under: Iterator[Entry], over: Iterator[tuple[bytes, bytes | None]], reverse: bool) -> Iterator[Entry]:
    """Merge two sorted sequences; an entry of `over` hides the one of `under` with the same key."""
    below, above = next(under, None), next(over, None)
    while above is not None:
        if below is not None and (below[0] > above[0] if reverse else below[0] < above[0]):
            yield below
            below = next(under, None)
            continue
        if below is not None and below[0] == above[0]:
            below = next(under, None)
        if above[1] is not None:
            yield above[0], above[1]
        above = next(over, None)
    if below is not None:
        yield below
        yield from under


def _take(entries: Iterator[Entry], limit: int) -> list[Entry]:
    taken: list[Entry] = []
    while len(taken) < limit:
        entry = next(entries, None)
        if entry is None:
            break
        taken.append(entry)
    return taken
