"""Merkle trees of RFC 6962 (and 9162): roots, inclusion and consistency proofs, and a tree that grows by appending.

A tree over n leaves splits at the largest power of two below n, so that a full subtree, once complete, never changes.
A full subtree is named by its level and index: (level, index) covers the leaves index * 2**level up to
(index + 1) * 2**level. Whoever keeps those hashes can prove any old leaf against any later size in logarithmic work.

Verification is strict: exactly one sequence of hashes proves a leaf or an older tree, anything else raises.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from chain.crypto import DIGEST_BYTES
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.types import Digest
from chain.values import dataclass

LEAF_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"

EMPTY_ROOT: Final = Digest(hashlib.sha256(b"").digest())
"""Root of the tree without leaves (RFC 6962, section 2.1)."""

SIZE_MAX: Final = 2**63 - 1

NodeGetter = Callable[[int, int], bytes]
"""Returns the hash of the full subtree (level, index); it is asked only for subtrees that are complete."""


class MerkleProofError(ValueError):
    """A proof that does not show what it should."""


@dataclass(frozen=True, slots=True)
class SubtreeHash:
    """The hash of one full subtree, in the form in which it is stored."""

    level: int
    index: int
    digest: Digest


def leaf_hash(leaf: bytes) -> Digest:
    """Return the hash of a leaf's content."""
    return Digest(hashlib.sha256(LEAF_PREFIX + leaf).digest())


def node_hash(left: bytes, right: bytes) -> Digest:
    """Return the hash of an inner node."""
    return Digest(hashlib.sha256(NODE_PREFIX + left + right).digest())


def merkle_root(leaves: Iterable[bytes]) -> Digest:
    """Return the root over the contents of all leaves, in order."""
    # Written out, because a call for each of a block's hashes costs as much as the hash.
    sha256 = hashlib.sha256
    level = [sha256(LEAF_PREFIX + leaf).digest() for leaf in leaves]
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        # Pairing neighbours and carrying an odd last one upward is the same tree as splitting at powers of two.
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [sha256(NODE_PREFIX + left + right).digest() for left, right in pairs]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return Digest(level[0])


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree reduced to what appending needs: the hashes of its maximal full subtrees, largest first."""

    size: int
    """Number of leaves."""
    peaks: tuple[Digest, ...]

    def root(self) -> Digest:
        """Return the root over all leaves so far."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def append(self, leaf: bytes) -> "Frontier":
        """Return the tree with one more leaf."""
        return self.append_with_nodes(leaf)[0]

    def append_with_nodes(self, leaf: bytes) -> tuple["Frontier", tuple[SubtreeHash, ...]]:
        """Return the tree with one more leaf, and the full subtrees which that leaf completes."""
        assert self.size < SIZE_MAX
        digest = leaf_hash(leaf)
        peaks = list(self.peaks)
        level, index = 0, self.size
        completed = [SubtreeHash(level, index, digest)]
        while index % 2:
            digest = node_hash(peaks.pop(), digest)
            level, index = level + 1, index // 2
            completed.append(SubtreeHash(level, index, digest))
        return Frontier(self.size + 1, (*peaks, digest)), tuple(completed)

    def encoded(self) -> bytes:
        """Return the canonical form."""
        return encode([1, self.size, list(self.peaks)])


EMPTY_FRONTIER: Final = Frontier(0, ())


def decode_frontier(data: bytes) -> Frontier:
    """Return the frontier that canonical bytes stand for.

    Raises:
        DecodeError: when they stand for none.
    """
    _, size, peaks = fields_of(decode(data), "Merkle frontier", 1, int, list)
    if size < 0 or len(peaks) != size.bit_count() or not all(is_digest(peak) for peak in peaks):
        raise DecodeError("not a Merkle frontier: one hash of 32 bytes stands for each bit of the size")
    return Frontier(size, tuple(peaks))


def load_frontier(size: int, get_node: NodeGetter) -> Frontier:
    """Return the frontier of a tree whose full subtrees are stored."""
    peaks: list[Digest] = []
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            peaks.append(Digest(get_node(level, start >> level)))
            start += 1 << level
    return Frontier(size, tuple(peaks))


def is_digest(value: object) -> bool:
    """Tell whether a decoded value has the form of a hash."""
    return isinstance(value, bytes) and len(value) == DIGEST_BYTES


def inclusion_path(index: int, size: int, get_node: NodeGetter) -> list[Digest]:
    """Return the proof that leaf `index` is in the tree of `size` leaves (RFC 6962, section 2.1.1)."""
    assert 0 <= index < size
    path: list[Digest] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, get_node))
            end = middle
        else:
            path.append(_range_root(start, middle, get_node))
            start = middle
    path.reverse()
    return path


def consistency_path(old_size: int, new_size: int, get_node: NodeGetter) -> list[Digest]:
    """Return the proof that the tree of `new_size` leaves extends that of `old_size` (RFC 6962, section 2.1.2).

    It is empty for equal sizes and for an empty old tree, which every tree extends.
    """
    assert 0 <= old_size <= new_size
    if old_size in (0, new_size):
        return []
    path: list[Digest] = []
    start, end = 0, new_size
    while old_size < end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(_range_root(middle, end, get_node))
            end = middle
        else:
            path.append(_range_root(start, middle, get_node))
            start = middle
    if start > 0:
        # The verifier does not know this part of the old tree; were it all of it, the old root would be enough.
        path.append(_range_root(start, end, get_node))
    path.reverse()
    return path


def leaves_getter(leaves: Sequence[bytes]) -> NodeGetter:
    """Return a getter over leaves in memory, for trees that are built once, such as a block's transactions."""
    levels: list[list[Digest]] = [[leaf_hash(leaf) for leaf in leaves]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
    return lambda level, index: levels[level][index]


def verify_inclusion(root: bytes, size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> None:
    """Check that the content `leaf` stands at `index` in the tree of `size` leaves with that root (RFC 9162, 2.1.3.2).

    Raises:
        MerkleProofError: when the path does not prove it.
    """
    if not 0 <= index < size:
        raise MerkleProofError(f"leaf {index} is not in a tree of {size}")
    _check_digests(path)
    position, last = index, size - 1
    digest = leaf_hash(leaf)
    for sibling in path:
        if last == 0:
            raise MerkleProofError("inclusion proof is too long")
        if position % 2 or position == last:
            digest = node_hash(sibling, digest)
            while position and not position % 2:
                position, last = position >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise MerkleProofError("inclusion proof is too short")
    if digest != root:
        raise MerkleProofError(f"inclusion proof leads to {digest.hex()}, not to {root.hex()}")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree with `new_root` begins with all leaves of the tree with `old_root` (RFC 9162, 2.1.4.2).

    Raises:
        MerkleProofError: when the path does not prove it.
    """
    if not 0 <= old_size <= new_size:
        raise MerkleProofError(f"a tree of {new_size} leaves cannot extend one of {old_size}")
    _check_digests(path)
    if old_size == 0:
        _check_trivial(old_root, EMPTY_ROOT, path)
        return
    if old_size == new_size:
        _check_trivial(old_root, new_root, path)
        return
    hashes = list(path)
    if old_size & (old_size - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        raise MerkleProofError("consistency proof is too short")
    position, last = old_size - 1, new_size - 1
    while position % 2:
        position, last = position >> 1, last >> 1
    old_digest = new_digest = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise MerkleProofError("consistency proof is too long")
        if position % 2 or position == last:
            old_digest = node_hash(sibling, old_digest)
            new_digest = node_hash(sibling, new_digest)
            while position and not position % 2:
                position, last = position >> 1, last >> 1
        else:
            new_digest = node_hash(new_digest, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise MerkleProofError("consistency proof is too short")
    if old_digest != old_root or new_digest != new_root:
        raise MerkleProofError(f"the trees {old_root.hex()} and {new_root.hex()} are not shown to be consistent")


def _check_trivial(root: bytes, expected: bytes, path: Sequence[bytes]) -> None:
    if path:
        raise MerkleProofError("consistency proof is too long")
    if root != expected:
        raise MerkleProofError(f"root {root.hex()} should be {expected.hex()}")


def _check_digests(path: Sequence[bytes]) -> None:
    for digest in path:
        if not is_digest(digest):
            raise MerkleProofError("a proof holds hashes of 32 bytes only")


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(start: int, end: int, get_node: NodeGetter) -> Digest:
    """Return the root over leaves start..end-1, a subtree of the tree, from the full subtrees that it consists of."""
    peaks: list[Digest] = []
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(Digest(get_node(level, start >> level)))
        start += 1 << level
    root = peaks.pop()
    while peaks:
        root = node_hash(peaks.pop(), root)
    return root
