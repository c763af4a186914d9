"""The state while a block executes: what each transaction reads and writes over what earlier ones did.

A BlockState stands on the decided state of the parent block and never touches it. Transactions run one after the
other on the same values, so that a read is one look-up: each is a TransactionState that remembers what it replaced. A
successful one is committed, which makes one leaf version of each key that it wrote; a failed one is dropped, which puts
everything back. `finish` says what the block makes of the state: the new root and the exact database writes. They may
wait beside the database until the block is decided, or be forgotten.
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

Place = tuple[str, bytes]
"""A contract and a key within it."""


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
    """The state as one transaction sees and changes it; implements chain.runtime.StateAccess.

    It writes into the values of its block and remembers what to put back.
    """

    __slots__ = ("_block", "_undo", "_values")

    def __init__(self, block: "BlockState", values: dict[str, dict[bytes, bytes | None]]) -> None:
        self._block = block
        self._values = values
        self._undo: dict[Place, bytes | None] = {}

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value, or None if there is none."""
        try:
            return self._values[contract][key]
        except KeyError:
            return self._block.load(contract, key)

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None."""
        place = (contract, key)
        if place not in self._undo:
            self._undo[place] = self.get(contract, key)
            self._block.note_change(contract, key)
        self._values[contract][key] = value

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[Entry]:
        """Return at most `limit` entries with start <= key < end in key order, or in reverse order."""
        return _take(self._block.entries(contract, start, end, reverse), limit)

    @property
    def replaced(self) -> dict[Place, bytes | None]:
        """What everything that was put had as its value before."""
        return self._undo


class BlockState:
    """The state within one block: one transaction after the other begins, and is committed or dropped."""

    def __init__(self, base: StateReader, height: Height) -> None:
        self._base = base
        self._height = height
        self._values: dict[str, dict[bytes, bytes | None]] = {}
        """By contract and key: what was read from the parent's state, under what has been written since."""
        self._base_leaves: dict[Place, bytes | None] = {}
        """Live leaves read from the parent's state."""
        self._base_tombstones: set[Place] = set()
        """Keys written here that were deleted in the parent's state."""
        self._newest: dict[Place, tuple[bytes, Digest]] = {}
        """The newest leaf that this block made of a key, and its hash."""
        self._retired: dict[Digest, bytes] = {}
        """Leaves that are no longer their key's newest, by hash."""
        self._changed: dict[str, SortedKeys] = {}
        """Keys written here, of contracts that were scanned: most never are, so the order is kept only from then on."""
        self._contracts_written: set[str] = set()
        self._running: TransactionState | None = None
        self._index_last = -1

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value after the committed transactions, or None if there is none."""
        assert self._running is None, "a running transaction reads for itself"
        values = self._values.get(contract)
        if values is not None and key in values:
            return values[key]
        return self.load(contract, key)

    def has_written(self, contract: str) -> bool:
        """Tell whether a committed transaction of this block has written to a contract."""
        return contract in self._contracts_written

    def begin_transaction(self) -> TransactionState:
        """Return a state for the next transaction."""
        assert self._running is None, "one transaction runs at a time"
        self._running = TransactionState(self, self._values)
        return self._running

    def drop_transaction(self, transaction: TransactionState) -> None:
        """Undo everything that the running transaction has put."""
        self._end(transaction)
        for place, value in transaction.replaced.items():
            contract, key = place
            self._values[contract][key] = value
            self._note_no_change(place)

    def commit_transaction(self, transaction: TransactionState, index: int) -> None:
        """Make a leaf version of everything that the running transaction, which is at `index`, has put.

        Deleting a key that has no value changes nothing and makes no version.
        """
        self._end(transaction)
        assert index > self._index_last, "transactions are committed in the order of the block"
        self._index_last = index
        height, newest = self._height, self._newest
        for place, replaced in transaction.replaced.items():
            contract, key = place
            value = self._values[contract][key]
            if value is None and replaced is None:
                self._note_no_change(place)
                continue
            previous = self._retire(place)
            encoded = encode_leaf(contract, key, value, height, index, previous)
            newest[place] = encoded, leaf_hash(encoded)
            self._contracts_written.add(contract)

    def finish(self) -> StateUpdate:
        """Return what the committed transactions make of the parent's state; nothing here or there changes."""
        assert self._running is None, "all transactions have ended"
        parent_root = tree_root(self._base.node(ROOT_PREFIX))
        digests: dict[bytes, bytes] = {path_of(*place): digest for place, (_, digest) in self._newest.items()}
        tree = update_tree(self._base.node, digests)
        writes: list[Write] = [(version_key(digest), encoded) for digest, encoded in self._retired.items()]
        for place, (encoded, _) in self._newest.items():
            self._write_leaf(writes, place, encoded)
        writes.extend((node_key(prefix), blob) for prefix, blob in tree.nodes.items())
        writes.append((STATE_ROOT_KEY, tree.root))
        return StateUpdate(parent_root, tree.root, tuple(writes))

    # What follows is for the running transaction and for this class.

    def load(self, contract: str, key: bytes) -> bytes | None:
        """Return a value that was not read before from the parent's state."""
        leaf = self._base.live_leaf(contract, key)
        self._base_leaves[contract, key] = leaf
        value = None if leaf is None else stored_value(leaf)
        values = self._values.get(contract)
        if values is None:
            values = self._values[contract] = {}
        values[key] = value
        return value

    def note_change(self, contract: str, key: bytes) -> None:
        """Take note of a key that the running transaction is about to change."""
        if contract in self._changed and (contract, key) not in self._newest:
            self._changed[contract].add(key)

    def _note_no_change(self, place: Place) -> None:
        """Forget a key that the transaction which has just ended did not change after all."""
        if place[0] in self._changed and place not in self._newest:
            self._changed[place[0]].remove(place[1])

    def entries(self, contract: str, start: bytes, end: bytes, reverse: bool) -> Iterator[Entry]:
        """Yield the entries with start <= key < end as they are now."""
        values = self._values.get(contract, {})
        over = ((key, values[key]) for key in self._changed_keys(contract).range(start, end, reverse))
        return _merge(_values(self._base, contract, start, end, reverse), over, reverse)

    def _changed_keys(self, contract: str) -> SortedKeys:
        changed = self._changed.get(contract)
        if changed is None:
            changed = self._changed[contract] = SortedKeys()
            places = set(self._newest)
            if self._running is not None:
                places.update(self._running.replaced)
            for changed_contract, key in sorted(places):
                if changed_contract == contract:
                    changed.add(key)
        return changed

    def _end(self, transaction: TransactionState) -> None:
        assert transaction is self._running, "only the running transaction ends"
        self._running = None

    def _write_leaf(self, writes: list[Write], place: Place, encoded: bytes) -> None:
        contract, key = place
        live = self._values[contract][key] is not None
        writes.append((leaf_key(TABLE_LIVE if live else TABLE_TOMBSTONE, contract, key), encoded))
        if live and place in self._base_tombstones:
            writes.append((leaf_key(TABLE_TOMBSTONE, contract, key), None))
        if not live and self._base_leaves[place] is not None:
            writes.append((leaf_key(TABLE_LIVE, contract, key), None))

    def _retire(self, place: Place) -> Digest | None:
        """Keep the key's newest leaf as a version of the past and return its hash, None if the key never existed."""
        newest = self._newest.get(place)
        if newest is not None:
            leaf, digest = newest
            self._retired[digest] = leaf
            return digest
        base_leaf = self._base_leaves[place]
        if base_leaf is None:
            base_leaf = self._base.tombstone(*place)
            if base_leaf is None:
                return None
            self._base_tombstones.add(place)
        digest = leaf_hash(base_leaf)
        self._retired[digest] = base_leaf
        return digest


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
