"""The leaf versions that a block makes: one for each key and successful transaction, each naming the one before it.

They are made when the block is done, for all of its transactions together, in the order in which those committed.
"""

from collections.abc import Callable, Iterable, Mapping

from chain.database_keys import TABLE_LIVE, TABLE_TOMBSTONE, leaf_key, version_key
from chain.state_leaf import encode_leaf, leaf_hash
from chain.storage import Write
from chain.types import Height
from chain.values import dataclass

Place = tuple[str, bytes]
"""A contract and a key within it."""

Change = tuple[int, Place, bytes | None]
"""Index of a transaction, a place, and the value that it has left there; None if it has deleted it."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What a block makes of the leaves."""

    digests: dict[Place, bytes]
    """Hash of each changed key's newest leaf."""
    live_writes: list[Write]
    """What the database has to write of live leaves."""
    other_writes: list[Write]
    """What it has to write of tombstones and of versions that were replaced."""


def make_versions(
    changes: Iterable[Change],
    height: Height,
    live_leaves: Mapping[Place, bytes | None],
    tombstone: Callable[[str, bytes], bytes | None],
) -> Versions:
    """Return the versions that changes make over the parent's state.

    `live_leaves` holds the parent's leaf of each place that is changed, or None; `tombstone` returns its leaf where it
    was deleted.
    """
    newest: dict[Place, tuple[bytes, bytes, bool]] = {}
    buried: set[Place] = set()
    live_writes: list[Write] = []
    other_writes: list[Write] = []
    old: bytes
    digest: bytes | None
    for index, place, value in changes:
        known = newest.get(place)
        if known is not None:
            old, digest, _ = known
        else:
            found = live_leaves[place]
            if found is None:
                found = tombstone(*place)
                if found is not None:
                    buried.add(place)
            old, digest = (b"", None) if found is None else (found, leaf_hash(found))
        if digest is not None:
            other_writes.append((version_key(digest), old))
        contract, key = place
        encoded = encode_leaf(contract, key, value, height, index, digest)
        newest[place] = encoded, leaf_hash(encoded), value is not None
    for place, (encoded, _, is_live) in newest.items():
        if is_live:
            live_writes.append((leaf_key(TABLE_LIVE, *place), encoded))
            if place in buried:
                other_writes.append((leaf_key(TABLE_TOMBSTONE, *place), None))
        else:
            other_writes.append((leaf_key(TABLE_TOMBSTONE, *place), encoded))
            if live_leaves[place] is not None:
                live_writes.append((leaf_key(TABLE_LIVE, *place), None))
    return Versions({place: digest for place, (_, digest, _) in newest.items()}, live_writes, other_writes)
