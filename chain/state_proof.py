"""Proofs that the state holds a leaf under a key, or that it never held one.

A proof is encode([1, steps, end]). Each step is one inner node on the way from the root: [bitmap, hashes], with the
hashes of its non-empty children except the one that the path takes, run together. The end is
  - the encoded leaf itself: the key has this value, or is deleted if the leaf is a tombstone;
  - [path, leaf hash] of another leaf, the only one in the subtree where the key's would stand: the key never existed;
  - nil: the path runs into an empty place of the last step's node, or the tree is empty: the key never existed.
For a given root and key exactly one sequence of bytes is a proof.
"""

from typing import Any, Final

from chain.crypto import DIGEST_BYTES
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.state_leaf import Leaf, decode_leaf, leaf_hash, path_of
from chain.state_tree import (
    EMPTY_STATE_ROOT,
    ROOT_PREFIX,
    GetNode,
    StateTreeDamagedError,
    digit_bit,
    inner_node_hash,
    leaf_node_hash,
    parse_node,
)
from chain.types import Digest
from chain.values import dataclass

PROOF_VERSION: Final = 1
DEPTH_MAX: Final = 64
VALUES_MAX: Final = 256
"""The values of a proof: three for each step, and less than ten around them."""
_BITMAP_MAX: Final = 0xFFFF


class StateProofError(ValueError):
    """A proof that does not show what the state holds under a key."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One inner node on the way, without the child that the path takes."""

    bitmap: int
    hashes: bytes


def prove(get_node: GetNode, contract: str, key: bytes, leaf: bytes | None) -> bytes:
    """Return the proof of what a tree holds under a key; `leaf` is the key's encoded leaf, if it has one.

    Raises:
        StateTreeDamagedError: when a stored node is missing or malformed, or tree and leaf contradict each other.
    """
    path = path_of(contract, key)
    steps, other = _descend(get_node, path)
    found = other is not None and other[0] == path
    if found != (leaf is not None) or (leaf is not None and other is not None and other[1] != leaf_hash(leaf)):
        raise StateTreeDamagedError(f"the state tree and the leaf of {contract}/{key.hex()} contradict each other")
    end = leaf if found else other and list(other)
    return encode([PROOF_VERSION, [[step.bitmap, step.hashes] for step in steps], end])


def verify_proof(root: bytes, contract: str, key: bytes, proof: bytes) -> Leaf | None:
    """Return the leaf that the state with this root holds under a key, or None if it never held one.

    Raises:
        StateProofError: when the bytes prove neither.
    """
    try:
        steps, end = _parse(decode(proof, values_max=VALUES_MAX))
        leaf = decode_leaf(end) if isinstance(end, bytes) else None
    except DecodeError as error:
        raise StateProofError(f"malformed state proof: {error}") from error
    path = path_of(contract, key)
    digest: Digest | None = None
    if isinstance(end, bytes):
        assert leaf is not None
        if (leaf.contract, leaf.key) != (contract, key):
            raise StateProofError(f"the proof shows {leaf.contract}/{leaf.key.hex()}, not {contract}/{key.hex()}")
        digest = leaf_node_hash(path, leaf_hash(end))
    elif end is not None:
        _check_neighbour(path, end[0], len(steps))
        digest = leaf_node_hash(*end)
    computed = _climb(path, steps, digest)
    if computed != root:
        raise StateProofError(f"the state proof leads to {computed.hex()}, not to {root.hex()}")
    return leaf


def _descend(get_node: GetNode, path: bytes) -> tuple[list[_Step], tuple[bytes, bytes] | None]:
    """Walk from the root towards a path; return the nodes passed and the leaf at the end, whosever it is."""
    steps: list[_Step] = []
    digits = path.hex().encode()
    blob = get_node(ROOT_PREFIX)
    if blob is None:
        return [], None
    for depth in range(DEPTH_MAX):
        prefix = digits[:depth]
        if blob is None:
            raise StateTreeDamagedError(f"state node {prefix.decode()!r} is missing")
        node = parse_node(prefix, blob)
        if depth == 0 and node.is_lone_leaf():
            return [], node.leaf_at(node.bitmap)
        bit = digit_bit(path, depth)
        steps.append(_Step(node.bitmap, node.child_hashes_without(bit)))
        if not node.bitmap & bit:
            return steps, None
        leaf = node.leaf_at(bit)
        if leaf is not None:
            return steps, leaf
        blob = get_node(digits[: depth + 1])
    raise StateTreeDamagedError("the state tree is deeper than a path")


def _climb(path: bytes, steps: list[_Step], digest: Digest | None) -> Digest:
    """Return the root that a subtree's hash leads to through the nodes above it."""
    for depth in reversed(range(len(steps))):
        step = steps[depth]
        bit = digit_bit(path, depth)
        if bool(step.bitmap & bit) != (digest is not None):
            raise StateProofError(f"the bitmap at depth {depth} contradicts the rest of the proof")
        present = step.bitmap.bit_count() - (digest is not None)
        if len(step.hashes) != present * DIGEST_BYTES:
            raise StateProofError(f"{len(step.hashes)} bytes of hashes at depth {depth} do not fit the bitmap")
        at = (step.bitmap & (bit - 1)).bit_count() * DIGEST_BYTES
        digest = inner_node_hash(step.bitmap, step.hashes[:at] + (digest or b"") + step.hashes[at:])
    return EMPTY_STATE_ROOT if digest is None else digest


def _parse(value: Any) -> tuple[list[_Step], bytes | tuple[bytes, bytes] | None]:
    _, steps, end = fields_of(value, "state proof", PROOF_VERSION, list, None)
    if len(steps) > DEPTH_MAX:
        raise DecodeError(f"a state proof has at most {DEPTH_MAX} steps, not {len(steps)}")
    return [_parse_step(step) for step in steps], _parse_end(end)


def _parse_step(value: Any) -> _Step:
    bitmap, hashes = fields_of(value, "step of a state proof", int, bytes)
    if not 0 < bitmap <= _BITMAP_MAX:
        raise DecodeError(f"a bitmap of sixteen children cannot be {bitmap}")
    return _Step(bitmap, hashes)


def _parse_end(value: Any) -> bytes | tuple[bytes, bytes] | None:
    if value is None or type(value) is bytes:
        return value
    path, digest = fields_of(value, "end of a state proof", bytes, bytes)
    if len(path) != DIGEST_BYTES or len(digest) != DIGEST_BYTES:
        raise DecodeError("another leaf's path and hash have 32 bytes each")
    return path, digest


def _check_neighbour(path: bytes, other: bytes, depth: int) -> None:
    """Check that another leaf stands where the path would: it differs, yet shares all digits down to there."""
    if other == path:
        raise StateProofError("the proof denies a leaf that it shows")
    if other.hex()[:depth] != path.hex()[:depth]:
        raise StateProofError("the proof ends at a leaf outside the key's subtree")
