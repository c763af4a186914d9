"""The state while a block executes: what each transaction reads and writes over what earlier ones did.

A BlockState stands on the decided state of the parent block and never touches it. Transactions run one after the
other on the same values, so that a read is one look-up: each is a TransactionState that remembers what it replaced. A
successful one is committed, which makes one leaf version of each key that it wrote; a failed one is dropped, which puts
everything back. `finish` says what the block makes of the state: the new root and the exact database writes. They may
wait beside the database until the block is decided, or be forgotten.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from chain.database_keys import STATE_ROOT_KEY, node_key
from chain.sorted_keys import SortedKeys
from chain.state_leaf import path_of, stored_value
from chain.state_tree import ROOT_PREFIX, tree_root, update_tree
from chain.state_versions import Change, Place, make_versions
from chain.storage import Write
from chain.types import Digest, Height
from chain.values import dataclass

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
    live_writes: Sequence[Write]
    """What the database has to write of live leaves."""
    other_writes: Sequence[Write]
    """What it has to write of tombstones and of versions that were replaced."""
    nodes: Mapping[bytes, bytes]
    """Blobs of the tree nodes that changed, by prefix."""

    @property
    def writes(self) -> list[Write]:
        """Exactly what the state database has to write, apart from its head."""
        nodes = [(node_key(prefix), blob) for prefix, blob in self.nodes.items()]
        return [*self.live_writes, *self.other_writes, *nodes, (STATE_ROOT_KEY, self.root)]


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
    """The state as one transaction after the other sees and changes it; implements chain.runtime.StateAccess.

    It writes into the values of its block and remembers what to put back.
    """

    __slots__ = ("_block", "_values", "replaced")

    def __init__(self, block: "BlockState", values: dict[str, dict[bytes, bytes | None]]) -> None:
        self._block = block
        self._values = values
        self.replaced: dict[Place, bytes | None] = {}
        """What everything that the present transaction has put had as its value before."""

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value, or None if there is none."""
        try:
            return self._values[contract][key]
        except KeyError:
            return self._block.load(contract, key)

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None."""
        place = (contract, key)
        try:
            values = self._values[contract]
            before = values[key]
        except KeyError:
            before = self._block.load(contract, key)
            values = self._values[contract]
        if place not in self.replaced:
            self.replaced[place] = before
            if contract in self._block.changed:
                self._block.note_change(place)
        values[key] = value

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[Entry]:
        """Return at most `limit` entries with start <= key < end in key order, or in reverse order."""
        return _take(self._block.entries(contract, start, end, reverse), limit)


class BlockState:
    """The state within one block: one transaction after the other begins, and is committed or dropped."""

    def __init__(self, base: StateReader, height: Height) -> None:
        self._base = base
        self._height = height
        self._values: dict[str, dict[bytes, bytes | None]] = {}
        """By contract and key: what was read from the parent's state, under what has been written since."""
        self._base_leaves: dict[Place, bytes | None] = {}
        """Live leaves read from the parent's state."""
        self._changes: list[Change] = []
        """What committed transactions have left where, in their order."""
        self.places_written: set[Place] = set()
        """Everything to which committed transactions have written."""
        self.changed: dict[str, SortedKeys] = {}
        """Keys written here, of contracts that were scanned: most never are, so the order is kept only from then on."""
        self.contracts_written: set[str] = set()
        """Contracts to which committed transactions have written."""
        self._transaction = TransactionState(self, self._values)
        self._is_running = False
        """Whether a transaction has begun and not ended."""
        self._index_last = -1

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value after the committed transactions, or None if there is none."""
        assert not self._is_running, "a running transaction reads for itself"
        values = self._values.get(contract)
        if values is not None and key in values:
            return values[key]
        return self.load(contract, key)

    def begin_transaction(self) -> TransactionState:
        """Return a state for the next transaction."""
        assert not self._is_running, "one transaction runs at a time"
        self._is_running = True
        self._transaction.replaced = {}
        return self._transaction

    def drop_transaction(self, transaction: TransactionState) -> None:
        """Undo everything that the running transaction has put."""
        self._end(transaction)
        for place, value in transaction.replaced.items():
            contract, key = place
            self._values[contract][key] = value
            self._note_no_change(place)

    def commit_transaction(self, transaction: TransactionState, index: int) -> None:
        """Keep everything that the running transaction, which is at `index`, has put.

        Deleting a key that has no value changes nothing and makes no version.
        """
        self._end(transaction)
        assert index > self._index_last, "transactions are committed in the order of the block"
        self._index_last = index
        changes, places_written = self._changes, self.places_written
        contract = ""
        for place, replaced in transaction.replaced.items():
            if place[0] is not contract:
                contract = place[0]
                values = self._values[contract]
            value = values[place[1]]
            if value is None and replaced is None:
                self._note_no_change(place)
                continue
            changes.append((index, place, value))
            places_written.add(place)
            self.contracts_written.add(contract)

    def finish(self) -> StateUpdate:
        """Return what the committed transactions make of the parent's state; nothing here or there changes."""
        assert not self._is_running, "all transactions have ended"
        base = self._base
        versions = make_versions(self._changes, self._height, self._base_leaves, base.tombstone)
        tree = update_tree(base.node, {path_of(*place): digest for place, digest in versions.digests.items()})
        parent_root = tree_root(base.node(ROOT_PREFIX))
        return StateUpdate(parent_root, tree.root, versions.live_writes, versions.other_writes, tree.nodes)

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

    def note_change(self, place: Place) -> None:
        """Keep the order of a contract's keys, one of which the running transaction is about to change."""
        if place not in self.places_written:
            self.changed[place[0]].add(place[1])

    def _note_no_change(self, place: Place) -> None:
        """Forget a key that the transaction which has just ended did not change after all."""
        if place[0] in self.changed and place not in self.places_written:
            self.changed[place[0]].remove(place[1])

    def entries(self, contract: str, start: bytes, end: bytes, reverse: bool) -> Iterator[Entry]:
        """Yield the entries with start <= key < end as they are now."""
        values = self._values.get(contract, {})
        over = ((key, values[key]) for key in self._changed_keys(contract).range(start, end, reverse))
        return _merge(_values(self._base, contract, start, end, reverse), over, reverse)

    def _changed_keys(self, contract: str) -> SortedKeys:
        changed = self.changed.get(contract)
        if changed is None:
            changed = self.changed[contract] = SortedKeys()
            places = set(self.places_written)
            if self._is_running:
                places.update(self._transaction.replaced)
            for changed_contract, key in sorted(places):
                if changed_contract == contract:
                    changed.add(key)
        return changed

    def _end(self, transaction: TransactionState) -> None:
        assert self._is_running and transaction is self._transaction, "only the running transaction ends"
        self._is_running = False


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
