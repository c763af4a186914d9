"""The batch-updated state tree equals one computed anew from all leaves, in whatever order they came."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.crypto import tagged_hash
from chain.state_leaf import decode_leaf, encode_leaf, leaf_hash, path_of
from chain.state_proof import StateProofError, prove, verify_proof
from chain.state_tree import EMPTY_STATE_ROOT, update_tree

CROWDED_PATHS = st.builds(
    lambda shared, digits, last: bytes.fromhex((("0" * shared) + digits).ljust(63, "5")[:63] + last),
    st.sampled_from([0, 1, 2, 5, 61]),
    st.text("012f", max_size=4),
    st.sampled_from("0123f"),
)
"""Paths that share long beginnings, which hashes hardly ever do."""

BATCHES = st.lists(st.dictionaries(CROWDED_PATHS, st.binary(min_size=32, max_size=32), max_size=12), max_size=6)


def nothing(prefix: bytes) -> None:
    """Nodes of the empty tree."""


def naive_root(leaves: dict[bytes, bytes], depth: int = 0) -> bytes:
    """The definition, recursively over all leaves."""
    if not leaves:
        return EMPTY_STATE_ROOT
    if len(leaves) == 1:
        [(path, digest)] = leaves.items()
        return tagged_hash("leaf-node", path, digest)
    bitmap, children = 0, []
    for digit in range(16):
        below = {path: digest for path, digest in leaves.items() if int(path.hex()[depth], 16) == digit}
        if below:
            bitmap |= 1 << digit
            children.append(naive_root(below, depth + 1))
    return tagged_hash("node", bitmap.to_bytes(2, "big"), *children)


@settings(deadline=None)
@given(BATCHES)
def test_any_batches_give_the_root_of_all_their_leaves(batches: list[dict[bytes, bytes]]) -> None:
    nodes: dict[bytes, bytes] = {}
    leaves: dict[bytes, bytes] = {}
    for batch in batches:
        update = update_tree(nodes.get, batch)
        nodes.update(update.nodes)
        leaves.update(batch)
        assert update.root == naive_root(leaves)


@settings(deadline=None)
@given(st.dictionaries(CROWDED_PATHS, st.binary(min_size=32, max_size=32), max_size=20), st.data())
def test_the_order_and_size_of_batches_change_neither_root_nor_nodes(
    leaves: dict[bytes, bytes], data: st.DataObject
) -> None:
    at_once = update_tree(nothing, leaves)
    nodes: dict[bytes, bytes] = {}
    remaining = data.draw(st.permutations(list(leaves)))
    while remaining:
        count = data.draw(st.integers(1, len(remaining)))
        nodes.update(update_tree(nodes.get, {path: leaves[path] for path in remaining[:count]}).nodes)
        remaining = remaining[count:]
    assert nodes == at_once.nodes


KEYS = st.binary(min_size=1, max_size=1)


@settings(deadline=None)
@given(st.dictionaries(KEYS, st.one_of(st.none(), st.binary(max_size=4)), max_size=60), KEYS)
def test_every_key_has_a_proof_of_what_the_state_holds(values: dict[bytes, bytes | None], asked: bytes) -> None:
    leaves = {key: encode_leaf("c", key, value, 1, 0, None) for key, value in values.items()}
    tree = update_tree(nothing, {path_of("c", key): leaf_hash(leaf) for key, leaf in leaves.items()})
    proof = prove(tree.nodes.get, "c", asked, leaves.get(asked))
    expected = decode_leaf(leaves[asked]) if asked in leaves else None
    assert verify_proof(tree.root, "c", asked, proof) == expected


@settings(deadline=None)
@given(
    st.sets(KEYS, max_size=60),
    KEYS,
    st.integers(0, 10**9),
    st.integers(0, 7),
    st.sampled_from(["flip", "insert", "remove"]),
)
def test_a_proof_with_any_byte_altered_is_refused(keys: set[bytes], asked: bytes, at: int, bit: int, how: str) -> None:
    leaves = {key: encode_leaf("c", key, b"v", 1, 0, None) for key in keys}
    tree = update_tree(nothing, {path_of("c", key): leaf_hash(leaf) for key, leaf in leaves.items()})
    proof = bytearray(prove(tree.nodes.get, "c", asked, leaves.get(asked)))
    at %= len(proof)
    match how:
        case "flip":
            proof[at] ^= 1 << bit
        case "insert":
            proof.insert(at, bit)
        case _:
            del proof[at]
    with pytest.raises(StateProofError):
        verify_proof(tree.root, "c", asked, bytes(proof))
