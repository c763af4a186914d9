"""Reads leaves and tree nodes by seeking: questions are what LevelDB takes for a reason to merge its files.

LevelDB counts each `get` that has to look into a second file, and merges the first one with all that lies below it when
as many have come as the file has 16 kB. Where keys are read at random that is nearly every `get`, and what is below is
the whole state: with a million accounts the merging took twice as much processor time as executing the transactions
(ADR 6). An iterator is hardly counted. But it steps over deleted keys, of which a contract can leave any number in
front of a key that it reads, for nothing. So a key is sought only where no deleted one can lie ahead.

Invariant: a place is sought only if the next row of the database from there on is a live one. Tree nodes are never
deleted. Of live leaves that is known for those of one storage of a contract, as long as nothing of it was deleted, up
to a key that is there for certain. Everything else is asked for by `get`.
"""

from collections.abc import Iterable
from typing import Protocol

from chain.database_keys import TABLE_LIVE, TABLE_TOMBSTONE, name_end, node_key
from chain.state_sweeping import Sweepable
from chain.storage import Store


class Seeker(Sweepable, Protocol):
    """A store on disk that can be read in another way."""

    def seek(self, key: bytes) -> bytes | None:
        """Return the value under a key, at the cost of stepping over deleted keys behind it."""
        ...


class StateSeeks:
    """Owns what is known of where deleted leaves lie; whoever writes to the store keeps that true by `deleted`."""

    def __init__(self, store: Store, seeker: Seeker) -> None:
        self._get = store.get
        self._seek = seeker.seek
        self._touched: set[bytes] = set()
        """Storages from which something was deleted, by what the keys of their live leaves begin with."""
        self._last: dict[bytes, bytes] = {}
        """By storage from which nothing was deleted: the greatest key of a leaf that is known to be there. There are as
        many storages as contracts declare."""
        self._find_deleted(store)

    def node(self, prefix: bytes) -> bytes | None:
        """Return the blob of a tree node."""
        return self._seek(node_key(prefix))

    def live_leaf(self, key: bytes) -> bytes | None:
        """Return the live leaf under a key of the database."""
        storage = _storage_of(key)
        last = self._last.get(storage, b"")
        if key <= last:
            return self._seek(key)
        leaf = self._get(key)
        if leaf is not None and storage not in self._touched:
            self._last[storage] = key
        return leaf

    def deleted(self, keys: Iterable[bytes]) -> None:
        """Note that live leaves were deleted, given by their keys in the database."""
        for key in keys:
            storage = _storage_of(key)
            self._touched.add(storage)
            self._last.pop(storage, None)

    def _find_deleted(self, store: Store) -> None:
        """Look up once of what storages there are tombstones; a key that came back to life hides that it was dead."""
        start, end = TABLE_TOMBSTONE, bytes([TABLE_TOMBSTONE[0] + 1])
        while (entry := next(iter(store.scan(start, end)), None)) is not None:
            storage = _storage_of(entry[0])
            self._touched.add(TABLE_LIVE + storage[1:])
            start = storage[:-1] + b"\x01" if storage.endswith(b"\x00") else storage + b"\x00"


def _storage_of(key: bytes) -> bytes:
    """Return what all keys begin with that belong to the same storage of a contract: its name ends with a zero.

    The keys that begin so stand together. A key without a zero is taken for a storage of its own.
    """
    end = key.find(b"\x00", name_end(key))
    return key if end < 0 else key[: end + 1]
