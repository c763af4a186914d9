"""The authenticated tree over the state: sixteen children a node, updated in batches of sorted paths.

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
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Final

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

_Item = tuple[bytes, bytes, bytes]
"""Path in hexadecimal digits, path, leaf hash."""


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
    items: list[_Item] = sorted([(hexlify(path), path, leaf_hash) for path, leaf_hash in leaf_hashes.items()])
    nodes: dict[bytes, bytes] = {}
    _update_many(get_node, nodes, 0, items, root_blob or _EMPTY_BLOB)
    return TreeUpdate(tree_root(nodes[ROOT_PREFIX]), nodes)


# The two functions below are the hot loop of every block. They work on slices of blobs instead of on objects for
# children, which makes them several times faster; chain.state_proof reads the same blobs through parse_node.


def _update_many(get_node: GetNode, nodes: dict[bytes, bytes], depth: int, items: list[_Item], blob: bytes) -> bytes:
    """Put `items`, which share their first `depth` digits, into an inner node; record its blob and return its hash."""
    leaf_bitmap, bitmap = blob[0] << 8 | blob[1], blob[2] << 8 | blob[3]
    records_at = _HEADER_BYTES + _DIGEST_BYTES * bitmap.bit_count()
    hashes, records = bytearray(blob[_HEADER_BYTES:records_at]), bytearray(blob[records_at:])
    for group in _groups(items, depth):
        first = group[0]
        bit = _BIT_OF_DIGIT[first[0][depth]]
        hash_at = (bitmap & (bit - 1)).bit_count() * _DIGEST_BYTES
        record_at = (leaf_bitmap & (bit - 1)).bit_count() * _RECORD_BYTES
        occupied = bitmap & bit
        if occupied and not leaf_bitmap & bit:
            child = _stored(get_node, first[0][: depth + 1])
            if len(group) == 1:
                digest = _update_one(get_node, nodes, depth + 1, first, child)
            else:
                digest = _update_many(get_node, nodes, depth + 1, group, child)
        else:
            record_end = record_at + _RECORD_BYTES if leaf_bitmap & bit else record_at
            if record_end > record_at:
                group = _with_leaf(group, bytes(records[record_at:record_end]))
            if len(group) == 1:
                digest = sha256(_LEAF_NODE_DOMAIN + first[1] + first[2]).digest()
                records[record_at:record_end] = first[1] + first[2]
                leaf_bitmap |= bit
            else:
                digest = _update_many(get_node, nodes, depth + 1, group, _EMPTY_BLOB)
                del records[record_at:record_end]
                leaf_bitmap &= ~bit
            bitmap |= bit
        hashes[hash_at : hash_at + _DIGEST_BYTES if occupied else hash_at] = digest
    head = bitmap.to_bytes(2, "big")
    nodes[items[0][0][:depth]] = b"".join((leaf_bitmap.to_bytes(2, "big"), head, hashes, records))
    return sha256(b"".join((_NODE_DOMAIN, head, hashes))).digest()


def _update_one(get_node: GetNode, nodes: dict[bytes, bytes], depth: int, item: _Item, blob: bytes) -> bytes:
    """Do the same for a single item: walk down to where its leaf stands or will, then replace one hash a level up."""
    digits = item[0]
    passed: list[bytes] = []
    while True:
        bit = _BIT_OF_DIGIT[digits[depth]]
        if not (blob[2] << 8 | blob[3]) & bit or (blob[0] << 8 | blob[1]) & bit:
            break
        passed.append(blob)
        depth += 1
        blob = _stored(get_node, digits[:depth])
    digest = _set_leaf(nodes, depth, item, blob) or _update_many(get_node, nodes, depth, [item], blob)
    while passed:
        depth -= 1
        blob = passed.pop()
        bitmap = blob[2] << 8 | blob[3]
        at = _HEADER_BYTES + _DIGEST_BYTES * (bitmap & (_BIT_OF_DIGIT[digits[depth]] - 1)).bit_count()
        blob = blob[:at] + digest + blob[at + _DIGEST_BYTES :]
        nodes[digits[:depth]] = blob
        digest = sha256(_NODE_DOMAIN + blob[2 : _HEADER_BYTES + _DIGEST_BYTES * bitmap.bit_count()]).digest()
    return digest


def _set_leaf(nodes: dict[bytes, bytes], depth: int, item: _Item, blob: bytes) -> bytes | None:
    """Set a leaf in a place that is empty or holds its older version; return None if another leaf stands there."""
    digits, path, leaf_hash = item
    leaf_bitmap, bitmap = blob[0] << 8 | blob[1], blob[2] << 8 | blob[3]
    bit = _BIT_OF_DIGIT[digits[depth]]
    hash_at = _HEADER_BYTES + _DIGEST_BYTES * (bitmap & (bit - 1)).bit_count()
    records_at = _HEADER_BYTES + _DIGEST_BYTES * bitmap.bit_count()
    record_at = records_at + _RECORD_BYTES * (leaf_bitmap & (bit - 1)).bit_count()
    digest = sha256(_LEAF_NODE_DOMAIN + path + leaf_hash).digest()
    if bitmap & bit:
        leaf_at = record_at + _DIGEST_BYTES
        if blob[record_at:leaf_at] != path:
            return None
        between = blob[hash_at + _DIGEST_BYTES : leaf_at]
        blob = b"".join((blob[:hash_at], digest, between, leaf_hash, blob[leaf_at + _DIGEST_BYTES :]))
    else:
        bitmaps = (leaf_bitmap | bit) << 16 | bitmap | bit
        records_at += _DIGEST_BYTES
        head = bitmaps.to_bytes(_HEADER_BYTES, "big")
        hashes = blob[_HEADER_BYTES:hash_at] + digest + blob[hash_at : records_at - _DIGEST_BYTES]
        records = blob[records_at - _DIGEST_BYTES : record_at] + path + leaf_hash + blob[record_at:]
        blob = head + hashes + records
    nodes[digits[:depth]] = blob
    return sha256(_NODE_DOMAIN + blob[2:records_at]).digest()


def _stored(get_node: GetNode, prefix: bytes) -> bytes:
    blob = get_node(prefix)
    if blob is None:
        raise StateTreeDamagedError(f"state node {prefix.decode()!r} is missing")
    return blob


def _groups(items: list[_Item], depth: int) -> Iterable[list[_Item]]:
    """Split sorted items by their digit at `depth`."""
    if len(items) == 1:
        return (items,)
    groups: list[list[_Item]] = []
    start, digit = 0, items[0][0][depth]
    for position, item in enumerate(items):
        if item[0][depth] != digit:
            groups.append(items[start:position])
            start, digit = position, item[0][depth]
    groups.append(items[start:])
    return groups


def _with_leaf(group: list[_Item], record: bytes) -> list[_Item]:
    """Add the leaf that had a child's place to itself, unless the group replaces it."""
    path = record[:_DIGEST_BYTES]
    if any(item[1] == path for item in group):
        return group
    return sorted([*group, (hexlify(path), path, record[_DIGEST_BYTES:])])


def _rank(bitmap: int, bit: int) -> int:
    return (bitmap & (bit - 1)).bit_count()
