"""Builds a state database from the chunks of a snapshot, in whatever order they come, across restarts.

Invariant: the store has no head until every leaf, every tree node and the window stand in it; a store without a head is
never opened as a state. Each chunk is verified before anything of it is written, and written in one batch with the mark
that says so. If the peers move on to a newer snapshot, chunks of unchanged subtrees stay, and the others are written
over: leaves never vanish from a state, so nothing of the older one remains.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from chain.database_keys import (
    STATE_ROOT_KEY,
    TABLE_EXTRA,
    TABLE_LIVE,
    TABLE_TOMBSTONE,
    leaf_key,
    node_key,
)
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.ledger_rows import HEAD_ROW, ORIGIN_ROW, encode_head_row, window_row
from chain.merkle import Frontier
from chain.snapshot import Manifest, SnapshotError, decode_manifest, verify_chunk
from chain.state_cover import Part, cover_nodes
from chain.state_tree import update_tree
from chain.storage import Head as StoreHead
from chain.storage import Store, StoreDamaged, Write
from chain.types import Digest, Milliseconds
from chain.validity import Head
from chain.values import dataclass
from chain.window import WindowEntries, encode_entries

MANIFEST_ROW: Final = TABLE_EXTRA + b"snapshot/manifest"
MIXED_ROW: Final = TABLE_EXTRA + b"snapshot/mixed"
"""Present once chunks of more than one snapshot may stand in the store."""
CHUNK_ROW: Final = TABLE_EXTRA + b"snapshot/chunk/"
"""Followed by the prefix of a subtree that is done."""


@dataclass(frozen=True, slots=True)
class Done:
    """What is remembered of a chunk that was written."""

    root: Digest
    leaves: int
    record: bytes | None
    """Path and leaf hash of a subtree with one leaf."""


class SnapshotState:
    """Owns a store that is to become the state of a snapshot's block."""

    def __init__(self, store: Store) -> None:
        """Go on with what the store holds; it may be empty.

        Raises:
            StoreDamaged: when it holds something else.
        """
        assert store.head is None, "what has a head is a finished state"
        self._store = store
        try:
            stored = store.get(MANIFEST_ROW)
            self._manifest = None if stored is None else decode_manifest(stored)
            self._done = dict(_read_done(store))
        except (SnapshotError, DecodeError) as error:
            raise StoreDamaged(f"an unfinished snapshot cannot be read: {error}") from error

    @property
    def manifest(self) -> Manifest | None:
        """The snapshot that is being put in."""
        return self._manifest

    def begin(self, manifest: Manifest) -> None:
        """Take up a snapshot that is no older than the last; what was put in and is the same in it stays."""
        if manifest == self._manifest:
            return
        known = self._manifest
        assert known is None or (known.chain_id == manifest.chain_id and known.height <= manifest.height)
        roots = {item.prefix: item.root for item in manifest.subtrees}
        stale = [prefix for prefix, done in self._done.items() if roots.get(prefix) != done.root]
        writes: list[Write] = [(CHUNK_ROW + prefix.encode(), None) for prefix in stale]
        if known is not None:
            writes.append((MIXED_ROW, b""))
        self._store.write([*writes, (MANIFEST_ROW, manifest.encoded())])
        self._manifest = manifest
        for prefix in stale:
            del self._done[prefix]

    def parts(self) -> dict[bytes, Part]:
        """Return the subtrees that are done, by the digits of their prefixes."""
        return {prefix.encode(): Part(done.root, done.record) for prefix, done in self._done.items()}

    def missing(self) -> list[int]:
        """Return the numbers of the chunks that are still to be put in."""
        assert self._manifest is not None, "begin comes first"
        return [number for number, item in enumerate(self._manifest.subtrees) if item.prefix not in self._done]

    def put(self, number: int, data: bytes) -> None:
        """Verify a chunk and write it.

        Raises:
            SnapshotError: when it is not the chunk of this number; nothing was written.
        """
        assert self._manifest is not None, "begin comes first"
        subtree = self._manifest.subtrees[number]
        if subtree.prefix in self._done:
            return
        leaves = verify_chunk(subtree, data)
        is_mixed = self._store.get(MIXED_ROW) is not None
        writes: list[Write] = []
        for leaf in leaves:
            table, other = (TABLE_LIVE, TABLE_TOMBSTONE) if leaf.is_live else (TABLE_TOMBSTONE, TABLE_LIVE)
            writes.append((leaf_key(table, leaf.contract, leaf.key), leaf.encoded))
            if is_mixed:
                writes.append((leaf_key(other, leaf.contract, leaf.key), None))
        tree = update_tree(_nothing, {leaf.path: leaf.digest for leaf in leaves})
        depth = len(subtree.prefix)
        if len(leaves) > 1:
            writes.extend((node_key(at), blob) for at, blob in tree.nodes.items() if len(at) >= depth)
        record = leaves[0].path + leaves[0].digest if len(leaves) == 1 else None
        done = Done(subtree.root, len(leaves), record)
        row = encode([1, done.root, done.leaves, done.record])
        self._store.write([*writes, (CHUNK_ROW + subtree.prefix.encode(), row)])
        self._done[subtree.prefix] = done

    def finish(self, head: Head, frontier: Frontier, window: Iterable[tuple[int, int, WindowEntries]]) -> None:
        """Make the store the state of the snapshot's block; `window` yields height, time and entries of its blocks.

        Raises:
            StoreDamaged: when what was written does not have the state root.
        """
        manifest = self._manifest
        assert manifest is not None and not self.missing(), "every chunk is in"
        assert (head.height, head.block_hash) == (manifest.height, manifest.block_hash), "the head is the snapshot's"
        root, nodes = cover_nodes(self.parts())
        if root != head.result.state_root or root != manifest.state_root:
            raise StoreDamaged(f"the snapshot of block {head.height} has the root {root.hex()} after it was put in")
        for height, time, entries in window:
            self._store.write([(TABLE_EXTRA + window_row(height), encode_entries(Milliseconds(time), entries))])
        marks = [prefix.encode() for prefix in self._done]
        last: list[Write] = [(node_key(at), blob) for at, blob in nodes.items()]
        last += [(CHUNK_ROW + mark, None) for mark in marks]
        last += [(MANIFEST_ROW, None), (MIXED_ROW, None), (STATE_ROOT_KEY, root)]
        last.append((TABLE_EXTRA + HEAD_ROW, encode_head_row(head, frontier)))
        last.append((TABLE_EXTRA + ORIGIN_ROW, head.height.to_bytes(8, "big")))
        self._store.write(last, StoreHead(head.height, head.block_hash))


def _nothing(prefix: bytes) -> None:
    return None


def _read_done(store: Store) -> Iterator[tuple[str, Done]]:
    for key, row in store.scan(CHUNK_ROW, CHUNK_ROW + b"\xff"):
        _, root, leaves, record = fields_of(decode(row), "mark of a chunk", 1, bytes, int, None)
        if record is not None and (type(record) is not bytes or len(record) != 64):
            raise DecodeError("the mark of a chunk with one leaf holds path and hash")
        yield key[len(CHUNK_ROW) :].decode(), Done(Digest(root), leaves, record)
