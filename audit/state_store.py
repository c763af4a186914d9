"""Where the state grows while contracts run again: in memory, or in a temporary folder if it may get large.

The state is dropped in the end, so nothing waits for a disk. Versions of keys that were replaced are not kept: their
hashes are in the leaves that replaced them, and an audit reads nothing else of them.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from chain.database_keys import TABLE_VERSION
from chain.storage import Head, MemoryStore, Write
from chain.store import LevelStore, open_store
from chain.types import Digest

MEMORY_BLOCKS_MAX: Final = 500
"""Histories with more blocks than this are executed on disk; a block holds up to thousands of transactions."""

CACHE_BYTES: Final = 64 * 1024 * 1024
_VERSION: Final = TABLE_VERSION[0]


class WorkingStore:
    """Implements chain.storage.Store over a store that is dropped in the end; keeps the newest of each key."""

    def __init__(self, store: MemoryStore | LevelStore) -> None:
        self._store = store
        self._head = store.head
        self.seeker = store if isinstance(store, LevelStore) else None
        """What the state can be sought in."""

    @property
    def head(self) -> Head | None:
        """The head that was written last."""
        return self._head

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key."""
        return self._store.get(key)

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries with start <= key < end in ascending or descending order."""
        return self._store.scan(start, end, reverse)

    def write(self, writes: Iterable[Write], head: Head | None = None) -> None:
        """Carry out all writes but those of replaced versions, without waiting for a disk."""
        self._store.write_soon([write for write in writes if write[0][0] != _VERSION])
        if head is not None:
            self._head = head

    def close(self) -> None:
        """Give the store up."""
        self._store.close()


@contextmanager
def working_store(head_height: int, chain_id: Digest) -> Iterator[WorkingStore]:
    """Yield an empty store for the state of a history of this many blocks, and drop it in the end."""
    if head_height <= MEMORY_BLOCKS_MAX:
        yield WorkingStore(MemoryStore())
        return
    with tempfile.TemporaryDirectory(prefix="tally-audit-") as folder:
        store = WorkingStore(open_store(Path(folder) / "state", "state", chain_id, CACHE_BYTES, create=True))
        try:
            yield store
        finally:
            store.close()
