"""What the ledger expects of a key-value store, the ways in which one fails, and a store in memory.

A write is atomic and durable once it returns. The head travels inside the batch that it describes, so that a store
never holds half a block. chain.store keeps the same promises on disk; this one serves tests and the auditor.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from chain.sorted_keys import SortedKeys
from chain.types import Digest, Height
from chain.values import dataclass

Write = tuple[bytes, bytes | None]
"""A key and its new value; None deletes."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last block whose effects a store holds."""

    height: Height
    block_hash: Digest


class StoreError(Exception):
    """A store could not be opened or used; the message names the folder and the cause."""


class StoreMissing(StoreError):
    """There is no store in the folder, and it was not to be created."""


class StoreLocked(StoreError):
    """Another process holds the store open."""


class StoreFormatUnknown(StoreError):
    """The store was written in a format that this version does not know."""


class StoreForeign(StoreError):
    """The store belongs to another chain, or holds another kind of data."""


class StoreDamaged(StoreError):
    """Bytes on disk are not those that were written, or some are missing."""


class StoreRolledBack(StoreDamaged):
    """The store has fallen behind what it once held: writes that were durable are gone."""


class StoreFull(StoreError):
    """The disk is full, or a quota is used up; the store must be closed."""


class StoreUnusable(StoreError):
    """The system refused to read or write; the store must be closed."""


class FrozenView(Protocol):
    """A store as it was at one moment, whatever is written afterwards; who writes snapshots reads from one."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key."""
        ...

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries with start <= key < end in ascending or descending order."""
        ...

    def close(self) -> None:
        """Give the view up, and with it what the store kept for it; to be done before the store is closed."""
        ...


class Store(Protocol):
    """Ordered keys and values with atomic batches."""

    @property
    def head(self) -> Head | None:
        """The head that was written last, None in an empty store."""
        ...

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key."""
        ...

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries with start <= key < end in ascending or descending order.

        Whether a write made during the scan shows is undefined.
        """
        ...

    def write(self, writes: Iterable[Write], head: Head | None = None) -> None:
        """Carry out all writes or none, and with them the new head, durably."""
        ...

    def close(self) -> None:
        """Give the store up; it cannot be used afterwards."""
        ...


class MemoryStore:
    """A store that ends with the process."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._keys: dict[bytes, SortedKeys] = {}
        """Sorted keys by first byte, so that tables which nobody scans do not slow down those that are scanned."""
        self._head: Head | None = None

    @property
    def head(self) -> Head | None:
        """The head that was written last, None in an empty store."""
        return self._head

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key."""
        return self._values.get(key)

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries with start <= key < end in ascending or descending order.

        Raises:
            ValueError: when the range spans tables, that is, first bytes.
        """
        table = start[:1]
        if not table or (end[:1] != table and end != bytes([table[0] + 1])):
            raise ValueError("a scan stays within one table")
        keys = self._keys.get(table)
        if keys is None:
            return
        for key in keys.range(start, end, reverse):
            yield key, self._values[key]

    def write(self, writes: Iterable[Write], head: Head | None = None) -> None:
        """Carry out all writes, and set the new head."""
        for key, value in writes:
            known = key in self._values
            if value is not None:
                self._values[key] = value
                if not known:
                    self._keys.setdefault(key[:1], SortedKeys()).add(key)
            elif known:
                del self._values[key]
                self._keys[key[:1]].remove(key)
        if head is not None:
            self._head = head

    def write_soon(self, writes: Iterable[Write]) -> None:
        """Carry out all writes."""
        self.write(writes)

    def freeze(self) -> "MemoryStore":
        """Return a copy."""
        copy = MemoryStore()
        copy.write(self._values.items(), self._head)
        return copy

    def close(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._keys.clear()
