"""State snapshots as they travel: a manifest that cuts the state tree into subtrees, and one chunk of leaves for each.

The manifest names subtrees by the first hexadecimal digits of their paths, with the hash of each. Together they cover
the tree, so their hashes make up the certified state root before a single chunk was fetched; and each chunk is checked
by itself against the hash of its subtree. What a liar adds, leaves out, alters or takes from another height changes
that hash. Where the cuts are follows from the state alone (`is_split`), so that all nodes cut alike and chunks of one
height may come from several.
"""

from binascii import hexlify
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

from chain.crypto import DIGEST_BYTES
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.state_leaf import decode_leaf, leaf_hash, path_of
from chain.state_tree import EMPTY_STATE_ROOT, inner_node_hash, leaf_node_hash
from chain.types import Digest, Height
from chain.values import dataclass

LEAF_BYTES_MAX: Final = 1024 * 1024
"""Bytes of leaves in a subtree that is not cut further; a single leaf may have more."""

CHUNK_BYTES_MAX: Final = 12 * 1024 * 1024
"""Bound on any encoded chunk, and on the largest leaf of which one can be made."""

CHUNKS_MAX: Final = 131_072
MANIFEST_BYTES_MAX: Final = 12 * 1024 * 1024
DIGITS: Final = "0123456789abcdef"
PREFIX_DIGITS_MAX: Final = 2 * DIGEST_BYTES


class SnapshotError(ValueError):
    """A manifest or chunk that is not what it should be: whoever sent it lies, or its disk does."""


@dataclass(frozen=True, slots=True)
class Subtree:
    """One chunk as the manifest names it."""

    prefix: str
    """Digits that the paths of all its leaves begin with; empty for the whole tree."""
    leaves: int
    size: int
    """Bytes of the encoded chunk."""
    root: Digest


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot consists of."""

    chain_id: Digest
    height: Height
    block_hash: Digest
    state_root: Digest
    """Of the result of this block."""
    subtrees: tuple[Subtree, ...]
    """In ascending order of prefix; none lies within another."""

    def encoded(self) -> bytes:
        """Return the canonical bytes; all nodes make the same ones for a height."""
        entries = [[item.prefix, item.leaves, item.size, item.root] for item in self.subtrees]
        return encode([1, self.chain_id, self.height, self.block_hash, self.state_root, entries])

    @property
    def size(self) -> int:
        """Bytes of all chunks together."""
        return sum(item.size for item in self.subtrees)

    @property
    def leaves(self) -> int:
        """Leaves of all chunks together, as far as the manifest can be believed: chunks prove it."""
        return sum(item.leaves for item in self.subtrees)


@dataclass(frozen=True, slots=True)
class SnapshotLeaf:
    """A leaf of a chunk with its place in tree and database."""

    digits: bytes
    """The path in hexadecimal digits."""
    path: Digest
    digest: Digest
    contract: str
    key: bytes
    is_live: bool
    encoded: bytes


def is_split(leaf_bytes: int, leaves: int, leaf_bytes_max: int = LEAF_BYTES_MAX) -> bool:
    """Tell whether a subtree is cut into those of the next digit; otherwise it is one chunk."""
    return leaves > 1 and leaf_bytes > leaf_bytes_max


def manifest_hash_of(data: bytes) -> Digest:
    """Return the hash by which peers compare manifests."""
    return Digest(sha256(data).digest())


def decode_manifest(data: bytes) -> Manifest:
    """Return the manifest in canonical bytes, whose subtrees have its state root.

    Raises:
        SnapshotError: when they are none.
    """
    try:
        value = decode(data, size_max=MANIFEST_BYTES_MAX, depth_max=3)
        _, chain_id, height, block_hash, root, entries = fields_of(
            value, "snapshot manifest", 1, bytes, int, bytes, bytes, list
        )
        subtrees = tuple(_subtree_from(entry) for entry in entries)
    except DecodeError as error:
        raise SnapshotError(str(error)) from error
    if {len(chain_id), len(block_hash), len(root)} != {DIGEST_BYTES} or height < 1 or len(subtrees) > CHUNKS_MAX:
        raise SnapshotError("a snapshot manifest with a digest, height or number of chunks that cannot be")
    if root_of(subtrees) != root:
        raise SnapshotError(f"the subtrees of the snapshot manifest do not have the state root {root.hex()}")
    return Manifest(Digest(chain_id), Height(height), Digest(block_hash), Digest(root), subtrees)


def root_of(subtrees: Sequence[Subtree]) -> Digest:
    """Return the root of the tree that subtrees cover.

    Raises:
        SnapshotError: when they are out of order or one lies within another.
    """
    prefixes = [item.prefix for item in subtrees]
    if prefixes != sorted(set(prefixes)):
        raise SnapshotError("the subtrees of a snapshot are not in ascending order")
    if not subtrees:
        return EMPTY_STATE_ROOT
    return _covered(subtrees, 0).root


def encode_chunk(prefix: str, leaves: Sequence[bytes]) -> bytes:
    """Return the canonical bytes of a chunk; leaves stand in ascending order of their paths."""
    return encode([1, prefix, list(leaves)])


def verify_chunk(subtree: Subtree, data: bytes) -> list[SnapshotLeaf]:
    """Return the leaves of a chunk, in ascending order of path.

    Raises:
        SnapshotError: when it is not exactly the chunk of this subtree.
    """
    if len(data) != subtree.size:
        raise SnapshotError(f"chunk {subtree.prefix!r} has {len(data)} bytes, not {subtree.size}")
    try:
        value = decode(data, size_max=CHUNK_BYTES_MAX, depth_max=2)
        _, prefix, encoded = fields_of(value, "snapshot chunk", 1, str, list)
        leaves = [_leaf_from(item) for item in encoded]
    except DecodeError as error:
        raise SnapshotError(f"chunk {subtree.prefix!r}: {error}") from error
    if prefix != subtree.prefix or len(leaves) != subtree.leaves:
        raise SnapshotError(f"chunk {prefix!r} of {len(leaves)} leaves where {subtree.prefix!r} was expected")
    start = prefix.encode()
    for number, leaf in enumerate(leaves):
        if not leaf.digits.startswith(start) or (number and leaves[number - 1].digits >= leaf.digits):
            raise SnapshotError(f"chunk {prefix!r} holds a leaf at {leaf.digits.decode()}, out of its place")
    if subtree_root([(leaf.digits, leaf.path, leaf.digest) for leaf in leaves], len(prefix)) != subtree.root:
        raise SnapshotError(f"the leaves of chunk {prefix!r} do not have the hash of the subtree")
    return leaves


Item = tuple[bytes, bytes, bytes]
"""Path in hexadecimal digits, path, leaf hash."""


def subtree_root(items: Sequence[Item], depth: int) -> Digest:
    """Return the hash of the subtree of these leaves, in ascending order, whose paths share their first digits."""
    if len(items) == 1:
        return leaf_node_hash(items[0][1], items[0][2])
    bitmap, hashes = 0, []
    for digit, group in groups_at(items, depth):
        bitmap |= 1 << digit
        hashes.append(subtree_root(group, depth + 1))
    return inner_node_hash(bitmap, b"".join(hashes))


def groups_at(items: Sequence[Item], depth: int) -> Iterator[tuple[int, Sequence[Item]]]:
    """Yield sorted leaves by their digit at a depth."""
    start = 0
    while start < len(items):
        digit = items[start][0][depth]
        end = start + 1
        while end < len(items) and items[end][0][depth] == digit:
            end += 1
        yield int(chr(digit), 16), items[start:end]
        start = end


def _covered(subtrees: Sequence[Subtree], depth: int) -> Subtree:
    """Return what some subtrees, whose prefixes share their first digits, are together."""
    first = subtrees[0]
    if len(first.prefix) == depth:
        if len(subtrees) > 1:
            raise SnapshotError(f"subtree {subtrees[1].prefix!r} lies within {first.prefix!r}")
        return first
    children: list[tuple[int, Subtree]] = []
    start = 0
    while start < len(subtrees):
        digit = subtrees[start].prefix[depth]
        end = start + 1
        while end < len(subtrees) and subtrees[end].prefix[depth] == digit:
            end += 1
        children.append((DIGITS.index(digit), _covered(subtrees[start:end], depth + 1)))
        start = end
    leaves = sum(child.leaves for _, child in children)
    if leaves == 1:
        # A subtree with one leaf is that leaf, at whatever depth.
        return children[0][1]
    bitmap = sum(1 << digit for digit, _ in children)
    root = inner_node_hash(bitmap, b"".join(child.root for _, child in children))
    return Subtree(first.prefix[:depth], leaves, sum(child.size for _, child in children), root)


def _subtree_from(value: object) -> Subtree:
    prefix, leaves, size, root = fields_of(value, "subtree of a snapshot", str, int, int, bytes)
    if len(prefix) > PREFIX_DIGITS_MAX or any(digit not in DIGITS for digit in prefix):
        raise DecodeError("the prefix of a subtree is at most 64 hexadecimal digits")
    if leaves < 1 or not 1 <= size <= CHUNK_BYTES_MAX or len(root) != DIGEST_BYTES:
        raise DecodeError(f"subtree {prefix!r} has a number of leaves, a size or a hash that cannot be")
    return Subtree(prefix, leaves, size, Digest(root))


def _leaf_from(encoded: object) -> SnapshotLeaf:
    if type(encoded) is not bytes:
        raise DecodeError("a leaf is a byte string")
    leaf = decode_leaf(encoded)
    path = path_of(leaf.contract, leaf.key)
    return SnapshotLeaf(
        hexlify(path), path, leaf_hash(encoded), leaf.contract, leaf.key, leaf.value is not None, encoded
    )
