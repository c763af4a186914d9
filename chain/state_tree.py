"""The authenticated tree over the state: sixteen children a node, updated in batches.

A key's place is the 64 nibbles of its path. The hash of a subtree is
  - 32 zero bytes for the empty tree (an empty subtree inside it has no hash and is left out of its parent);
  - H("leaf-node", path, leaf hash) if it holds exactly one leaf, at whatever depth;
  - H("node", bitmap, hashes of the non-empty children in order) otherwise; bit i of the two bytes stands for child i.
The root therefore depends on the set of leaves alone, never on the order in which they came.

Each inner node is stored as one blob under its prefix in hexadecimal digits: the bitmap of children that are single
leaves, the bitmap of all, the children's hashes, and path and leaf hash of each single leaf. That is all it takes to
update or prove below it without reading any sibling. A tree of one leaf is stored as a root with that leaf alone.
"""

from binascii import hexlify
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from chain.crypto import domain
from chain.storage import StoreDamaged
from chain.types import Digest
from chain.values import dataclass

EMPTY_STATE_ROOT: Final = Digest(bytes(32))
"""Root of a state that never held anything."""

ROOT_PREFIX: Final = b""

GetNode = Callable[[bytes], bytes | None]
"""Returns the stored blob of the inner node with a prefix of hexadecimal digits, or None."""

_NODE_DOMAIN: Final = domain("node")
_LEAF_NODE_DOMAIN: Final = domain("leaf-node")
_EMPTY_BLOB: Final = bytes(4)
_HEADER_BYTES: Final = 4
_DIGEST_BYTES: Final = 32
_RECORD_BYTES: Final = 64

_BIT_OF_DIGIT: Final = {digit: 1 << int(chr(digit), 16) for digit in b"0123456789abcdef"}


class StateTreeDamagedError(StoreDamaged):
    """A node that must exist is missing or malformed, or a leaf is not the one that the tree holds."""


@dataclass(frozen=True, slots=True)
class TreeUpdate:
    """What a batch of new leaf hashes makes of a tree."""

    root: Digest
    nodes: dict[bytes, bytes]
    """Blobs that changed, by prefix."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """A stored inner node, taken apart."""

    bitmap: int
    leaf_bitmap: int
    hashes: bytes
    records: bytes

    def child_hashes_without(self, bit: int) -> bytes:
        """Return the hashes of all children but the one at `bit`, in order."""
        if not self.bitmap & bit:
            return self.hashes
        at = _rank(self.bitmap, bit) * _DIGEST_BYTES
        return self.hashes[:at] + self.hashes[at + _DIGEST_BYTES :]

    def leaf_at(self, bit: int) -> tuple[bytes, bytes] | None:
        """Return path and leaf hash if the child at `bit` is a single leaf."""
        if not self.leaf_bitmap & bit:
            return None
        at = _rank(self.leaf_bitmap, bit) * _RECORD_BYTES
        record = self.records[at : at + _RECORD_BYTES]
        return record[:_DIGEST_BYTES], record[_DIGEST_BYTES:]

    def is_lone_leaf(self) -> bool:
        """Tell whether this is the root of a tree with exactly one leaf."""
        return self.bitmap == self.leaf_bitmap and self.bitmap.bit_count() == 1


def leaf_node_hash(path: bytes, leaf_hash: bytes) -> Digest:
    """Return the hash of a subtree that holds exactly one leaf."""
    return Digest(sha256(_LEAF_NODE_DOMAIN + path + leaf_hash).digest())


def inner_node_hash(bitmap: int, hashes: bytes) -> Digest:
    """Return the hash of a subtree with at least two leaves."""
    return Digest(sha256(_NODE_DOMAIN + bitmap.to_bytes(2, "big") + hashes).digest())


def digit_bit(path: bytes, depth: int) -> int:
    """Return the bitmap bit of the child that a path takes at a depth."""
    byte = path[depth >> 1]
    return 1 << (byte & 15 if depth & 1 else byte >> 4)


def parse_node(prefix: bytes, blob: bytes) -> NodeView:
    """Take a stored node apart.

    Raises:
        StateTreeDamagedError: when it is malformed.
    """
    leaf_bitmap, bitmap = int.from_bytes(blob[:2], "big"), int.from_bytes(blob[2:4], "big")
    records_at = _HEADER_BYTES + _DIGEST_BYTES * bitmap.bit_count()
    length = records_at + _RECORD_BYTES * leaf_bitmap.bit_count()
    if len(blob) != length or bitmap == 0 or leaf_bitmap & ~bitmap:
        raise StateTreeDamagedError(f"state node {prefix.decode()!r} is malformed")
    return NodeView(bitmap, leaf_bitmap, blob[_HEADER_BYTES:records_at], blob[records_at:])


def tree_root(root_blob: bytes | None) -> Digest:
    """Return the root hash of the tree whose root node is stored as `root_blob`."""
    if root_blob is None:
        return EMPTY_STATE_ROOT
    node = parse_node(ROOT_PREFIX, root_blob)
    return Digest(node.hashes) if node.is_lone_leaf() else inner_node_hash(node.bitmap, node.hashes)


def update_tree(get_node: GetNode, leaf_hashes: Mapping[bytes, bytes]) -> TreeUpdate:
    """Return what becomes of a tree when leaves are set, given as leaf hashes by path.

    Raises:
        StateTreeDamagedError: when a stored node is missing.
    """
    root_blob = get_node(ROOT_PREFIX)
    if not leaf_hashes:
        return TreeUpdate(tree_root(root_blob), {})
    changing = {ROOT_PREFIX: bytearray(root_blob or _EMPTY_BLOB)}
    for path, leaf_hash in leaf_hashes.items():
        _set_leaf(get_node, changing, path, leaf_hash)
    nodes = _hash_upwards(changing)
    return TreeUpdate(tree_root(nodes[ROOT_PREFIX]), nodes)


# The functions below are the hot loop of every block. They change blobs in place instead of objects for children, which
# makes them several times faster; chain.state_proof reads the same blobs through parse_node.


def _set_leaf(get_node: GetNode, changing: dict[bytes, bytearray], path: bytes, leaf_hash: bytes) -> None:
    """Put a leaf into the node where it belongs; `changing` takes that node and all above, whose hashes then wait."""
    digits = hexlify(path)
    depth, blob = 0, changing[ROOT_PREFIX]
    while True:
        bit = _BIT_OF_DIGIT[digits[depth]]
        leaf_bitmap, bitmap = blob[0] << 8 | blob[1], blob[2] << 8 | blob[3]
        if not bitmap & bit or leaf_bitmap & bit:
            break
        depth += 1
        prefix = digits[:depth]
        known = changing.get(prefix)
        if known is None:
            stored = get_node(prefix)
            if stored is None:
                raise StateTreeDamagedError(f"state node {prefix.decode()!r} is missing")
            known = changing[prefix] = bytearray(stored)
        blob = known
    digest = sha256(_LEAF_NODE_DOMAIN + path + leaf_hash).digest()
    hash_at = _HEADER_BYTES + _DIGEST_BYTES * (bitmap & (bit - 1)).bit_count()
    records_at = _HEADER_BYTES + _DIGEST_BYTES * bitmap.bit_count()
    record_at = records_at + _RECORD_BYTES * (leaf_bitmap & (bit - 1)).bit_count()
    if not bitmap & bit:
        # The record stands further behind, so that it goes in first.
        blob[record_at:record_at] = path + leaf_hash
        blob[hash_at:hash_at] = digest
        blob[:_HEADER_BYTES] = ((leaf_bitmap | bit) << 16 | bitmap | bit).to_bytes(_HEADER_BYTES, "big")
        return
    leaf_at = record_at + _DIGEST_BYTES
    other = bytes(blob[record_at:leaf_at])
    if other == path:
        blob[hash_at : hash_at + _DIGEST_BYTES] = digest
        blob[leaf_at : leaf_at + _DIGEST_BYTES] = leaf_hash
        return
    old = _One(other, bytes(blob[leaf_at : leaf_at + _DIGEST_BYTES]), bytes(blob[hash_at : hash_at + _DIGEST_BYTES]))
    del blob[record_at : record_at + _RECORD_BYTES]
    blob[:2] = (leaf_bitmap & ~bit).to_bytes(2, "big")
    _part(changing, depth + 1, digits, old, _One(path, leaf_hash, digest))


class _One(NamedTuple):
    """A subtree of one leaf."""

    path: bytes
    leaf_hash: bytes
    digest: bytes


def _part(changing: dict[bytes, bytearray], depth: int, digits: bytes, old: _One, new: _One) -> None:
    """Add the nodes from `depth` on that lead to two leaves; `digits` are those of the new leaf."""
    others = hexlify(old.path)
    while digits[depth] == others[depth]:
        # Its only child is an inner node, whose hash is put in later.
        only = _BIT_OF_DIGIT[digits[depth]].to_bytes(_HEADER_BYTES, "big")
        changing[digits[:depth]] = bytearray(only + bytes(_DIGEST_BYTES))
        depth += 1
    both = (_BIT_OF_DIGIT[digits[depth]] | _BIT_OF_DIGIT[others[depth]]).to_bytes(2, "big")
    first, second = (old, new) if old.path < new.path else (new, old)
    records = (first.path, first.leaf_hash, second.path, second.leaf_hash)
    changing[digits[:depth]] = bytearray(b"".join((both, both, first.digest, second.digest, *records)))


def _hash_upwards(changing: dict[bytes, bytearray]) -> dict[bytes, bytes]:
    """Return the finished blobs: each one is hashed into the one above it, which changes as well, the deepest first."""
    nodes: dict[bytes, bytes] = {}
    for prefix in sorted(changing, key=len, reverse=True):
        blob = nodes[prefix] = bytes(changing[prefix])
        if prefix:
            children_end = _HEADER_BYTES + _DIGEST_BYTES * (blob[2] << 8 | blob[3]).bit_count()
            above = changing[prefix[:-1]]
            lesser = (above[2] << 8 | above[3]) & (_BIT_OF_DIGIT[prefix[-1]] - 1)
            at = _HEADER_BYTES + _DIGEST_BYTES * lesser.bit_count()
            above[at : at + _DIGEST_BYTES] = sha256(_NODE_DOMAIN + blob[2:children_end]).digest()
    return nodes


def _rank(bitmap: int, bit: int) -> int:
    return (bitmap & (bit - 1)).bit_count()
