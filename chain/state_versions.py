"""The leaf versions that a block makes: one for each key and successful transaction, each naming the one before it.

They are made when the block is done, for all of its transactions together, in the order in which those committed.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from chain.database_keys import TABLE_LIVE, TABLE_TOMBSTONE, TABLE_VERSION, leaf_key
from chain.encoding import pack_flat
from chain.state_leaf import LEAF_DOMAIN, LEAF_VERSION, Held, leaf_hash, path_of
from chain.storage import Write
from chain.types import Height

Change = tuple[int, bytes, bytes | None]
"""Index of a transaction, a key, and the value that it has left there; None if it has deleted it."""


class Versions:
    """Owns what a block makes of the leaves, contract by contract."""

    def __init__(self, height: Height, tombstone: Callable[[str, bytes], bytes | None]) -> None:
        """`tombstone` returns the parent's leaf of a key that was deleted."""
        self._height = height
        self._tombstone = tombstone
        self.digests: dict[bytes, bytes] = {}
        """Hash of each changed key's newest leaf, by its path."""
        self.live_leaves: dict[bytes, Held | None] = {}
        """What the database has to hold of live leaves, by its keys."""
        self.other_writes: list[Write] = []
        """What it has to write of tombstones and of versions that were replaced."""

    def add(self, contract: str, changes: Iterable[Change], parents: Mapping[bytes, Held | None]) -> None:
        """Make the versions of one contract; `parents` holds the parent's live leaf of each key, or None."""
        height, other_writes = self._height, self.other_writes
        newest: dict[bytes, Held] = {}
        buried: set[bytes] = set()
        for index, key, value in changes:
            before = newest.get(key) or parents[key]
            if before is None:
                tombstone = self._tombstone(contract, key)
                if tombstone is not None:
                    buried.add(key)
                    before = (tombstone, None, None, None)
            digest = path = None
            if before is not None:
                old, _, digest, path = before
                if digest is None:
                    digest = leaf_hash(old)
                other_writes.append((TABLE_VERSION + digest, old))
            # What encode_leaf and leaf_hash do; to call them would cost half as much again.
            encoded = pack_flat([LEAF_VERSION, contract, key, value, height, index, digest])
            newest[key] = encoded, value, sha256(LEAF_DOMAIN + encoded).digest(), path
        self._finish(contract, newest, buried, parents)

    def _finish(
        self, contract: str, newest: Mapping[bytes, Held], buried: set[bytes], parents: Mapping[bytes, Held | None]
    ) -> None:
        """Say where the newest leaves belong, in the tree and in the database; `buried` are keys that were deleted."""
        live, dead = leaf_key(TABLE_LIVE, contract, b""), leaf_key(TABLE_TOMBSTONE, contract, b"")
        for key, (encoded, value, digest, path) in newest.items():
            assert digest is not None
            if path is None:
                path = path_of(contract, key)
            self.digests[path] = digest
            if value is not None:
                self.live_leaves[live + key] = encoded, value, digest, path
                if key in buried:
                    self.other_writes.append((dead + key, None))
            else:
                self.other_writes.append((dead + key, encoded))
                if parents[key] is not None:
                    self.live_leaves[live + key] = None
