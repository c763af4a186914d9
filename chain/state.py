"""The state while a block executes: what each transaction reads and writes over what earlier ones did.

A BlockState stands on the decided state of the parent block and never touches it. Transactions run one after the
other on the same values, so that a read is one look-up: each is a TransactionState that remembers what it replaced. A
successful one is committed, which makes one leaf version of each key that it wrote; a failed one is dropped, which puts
everything back. `finish` says what the block makes of the state: the new root and the exact database writes. They may
wait beside the database until the block is decided, or be forgotten.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from chain.contract_values import ContractValues
from chain.database_keys import STATE_ROOT_KEY, node_key
from chain.runtime import PlainValues, Values
from chain.state_leaf import Held, stored_value
from chain.state_tree import ROOT_PREFIX, tree_root, update_tree
from chain.state_versions import Versions
from chain.storage import Write
from chain.types import Digest, Height
from chain.values import dataclass

Entry = tuple[bytes, bytes]
"""A key within a contract and its value."""


class ReadOnlyStateError(Exception):
    """Something wrote where only reading is possible."""


class StateReader(Protocol):
    """The decided state of the parent block, as leaves and tree nodes."""

    def held_leaf(self, contract: str, key: bytes) -> Held | None:
        """Return the key's leaf if it has a value."""
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
    live_leaves: Mapping[bytes, Held | None]
    """What the database has to hold of live leaves, by its keys; None where one is deleted."""
    other_writes: Sequence[Write]
    """What it has to write of tombstones and of versions that were replaced."""
    nodes: Mapping[bytes, bytes]
    """Blobs of the tree nodes that changed, by prefix."""

    @property
    def writes(self) -> list[Write]:
        """Exactly what the state database has to write, apart from its head."""
        leaves = [(key, None if held is None else held[0]) for key, held in self.live_leaves.items()]
        nodes = [(node_key(prefix), blob) for prefix, blob in self.nodes.items()]
        return [*leaves, *self.other_writes, *nodes, (STATE_ROOT_KEY, self.root)]


class ReadState:
    """The decided state for views and checks; implements chain.runtime.StateAccess except for writing."""

    def __init__(self, base: StateReader) -> None:
        self._base = base

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value, or None if there is none."""
        held = self._base.held_leaf(contract, key)
        return None if held is None else held[1]

    def values(self, contract: str) -> Values:
        """Return the values of a contract, to read."""
        return PlainValues(self, contract)

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        """Refuse.

        Raises:
            ReadOnlyStateError: always.
        """
        raise ReadOnlyStateError(f"write of {contract}/{key.hex()} to a state that can only be read")

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[Entry]:
        """Return at most `limit` entries with start <= key < end in key order, or in reverse order."""
        return _take(_valued(self._base.scan_leaves(contract, start, end, reverse)), limit)


class TransactionState:
    """The state as one transaction after the other sees and changes it; implements chain.runtime.StateAccess."""

    __slots__ = ("_block", "_values")

    def __init__(self, block: "BlockState", values: dict[str, ContractValues]) -> None:
        self._block = block
        self._values = values

    def values(self, contract: str) -> ContractValues:
        """Return what there is of one contract, to read and to put."""
        values = self._values.get(contract)
        return self._block.open_values(contract) if values is None else values

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value, or None if there is none."""
        values = self._values.get(contract)
        return values[key] if values is not None else self.values(contract)[key]

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None."""
        self.values(contract).put(key, value)

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[Entry]:
        """Return at most `limit` entries with start <= key < end in key order, or in reverse order."""
        return _take(self._block.entries(contract, start, end, reverse), limit)


class BlockState:
    """The state within one block: one transaction after the other begins, and is committed or dropped."""

    def __init__(self, base: StateReader, height: Height) -> None:
        self._base = base
        self._height = height
        self._values: dict[str, ContractValues] = {}
        """By contract: what was read from the parent's state, under what has been written since."""
        self._touched: list[ContractValues] = []
        """To what the running transaction has written."""
        self.contracts_written: set[str] = set()
        """Contracts to which committed transactions have written."""
        self._transaction = TransactionState(self, self._values)
        self._is_running = False
        """Whether a transaction has begun and not ended."""
        self._index_last = -1

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value after the committed transactions, or None if there is none."""
        assert not self._is_running, "a running transaction reads for itself"
        return self.open_values(contract)[key]

    def begin_transaction(self) -> TransactionState:
        """Return a state for the next transaction."""
        assert not self._is_running, "one transaction runs at a time"
        self._is_running = True
        return self._transaction

    def drop_transaction(self, transaction: TransactionState) -> None:
        """Undo everything that the running transaction has put."""
        self._end(transaction)
        for values in self._touched:
            values.undo()
        self._touched.clear()

    def commit_transaction(self, transaction: TransactionState, index: int) -> None:
        """Keep everything that the running transaction, which is at `index`, has put.

        Deleting a key that has no value changes nothing and makes no version.
        """
        self._end(transaction)
        assert index > self._index_last, "transactions are committed in the order of the block"
        self._index_last = index
        for values in self._touched:
            if values.keep(index):
                self.contracts_written.add(values.contract)
        self._touched.clear()

    def keys_written(self, contract: str) -> set[bytes]:
        """Return the keys of a contract to which committed transactions have written."""
        values = self._values.get(contract)
        return set() if values is None else {key for _, key, _ in values.changes}

    def finish(self) -> StateUpdate:
        """Return what the committed transactions make of the parent's state; nothing here or there changes."""
        assert not self._is_running, "all transactions have ended"
        base = self._base
        versions = Versions(self._height, base.tombstone)
        for values in self._values.values():
            if values.changes:
                versions.add(values.contract, values.changes, values.parents)
        tree = update_tree(base.node, versions.digests)
        parent_root = tree_root(base.node(ROOT_PREFIX))
        return StateUpdate(parent_root, tree.root, versions.live_leaves, versions.other_writes, tree.nodes)

    def entries(self, contract: str, start: bytes, end: bytes, reverse: bool) -> Iterator[Entry]:
        """Yield the entries with start <= key < end as the running transaction sees them."""
        values = self.open_values(contract)
        over = _present(values, values.ordered().range(start, end, reverse))
        under = values.unwritten(self._base.scan_leaves, start, end, reverse)
        return _merge(_valued(under), over, reverse)

    def open_values(self, contract: str) -> ContractValues:
        """Return what there is of one contract."""
        values = self._values.get(contract)
        if values is None:
            values = self._values[contract] = ContractValues(contract, self._base.held_leaf, self._touched)
        return values

    def _end(self, transaction: TransactionState) -> None:
        assert self._is_running and transaction is self._transaction, "only the running transaction ends"
        self._is_running = False


def _valued(leaves: Iterator[Entry]) -> Iterator[Entry]:
    """Replace encoded live leaves by their values."""
    for key, leaf in leaves:
        value = stored_value(leaf)
        assert value is not None
        yield key, value


def _present(values: ContractValues, keys: Iterator[bytes]) -> Iterator[Entry]:
    for key in keys:
        value = values[key]
        assert value is not None, "a deleted key has no place in the order"
        yield key, value


def _merge(under: Iterator[Entry], over: Iterator[Entry], reverse: bool) -> Iterator[Entry]:
    """Merge two sorted sequences that have no key in common."""
    below, above = next(under, None), next(over, None)
    while above is not None:
        if below is not None and (below[0] > above[0] if reverse else below[0] < above[0]):
            yield below
            below = next(under, None)
        else:
            yield above
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
