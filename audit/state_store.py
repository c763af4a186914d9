"""Where the state grows while contracts run again: in memory, or in a temporary folder if it may get large."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from chain.storage import MemoryStore, Store
from chain.store import open_store
from chain.types import Digest

MEMORY_BLOCKS_MAX: Final = 500
"""Histories with more blocks than this are executed on disk; a block holds up to thousands of transactions."""

CACHE_BYTES: Final = 64 * 1024 * 1024


@contextmanager
def working_store(head_height: int, chain_id: Digest) -> Iterator[Store]:
    """Yield an empty store for the state of a history of this many blocks, and drop it in the end."""
    if head_height <= MEMORY_BLOCKS_MAX:
        yield MemoryStore()
        return
    with tempfile.TemporaryDirectory(prefix="tally-audit-") as folder:
        store = open_store(Path(folder) / "state", "state", chain_id, CACHE_BYTES, create=True)
        try:
            yield store
        finally:
            store.close()
