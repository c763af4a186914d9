"""Merkle trees against the roots that certificate transparency's implementations share, and their refusals."""

import pytest

from chain.encoding import DecodeError, encode
from chain.merkle import (
    EMPTY_FRONTIER,
    EMPTY_ROOT,
    MerkleProofError,
    consistency_path,
    decode_frontier,
    inclusion_path,
    leaf_hash,
    leaves_getter,
    load_frontier,
    merkle_root,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes(range(0x60, 0x70)))

ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Roots of the first 1 to 8 leaves, as RFC 6962 implementations publish them."""

ROOT_7 = bytes.fromhex(ROOTS[6])


@pytest.mark.parametrize("size", range(1, 9))
def test_root_equals_the_published_one(size: int) -> None:
    assert merkle_root(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle_root([]) == EMPTY_ROOT == EMPTY_FRONTIER.root()
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_frontier_grows_to_the_published_roots() -> None:
    frontier = EMPTY_FRONTIER
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        frontier = frontier.append(leaf)
        assert frontier.root().hex() == root


def test_appending_names_exactly_the_subtrees_that_became_full() -> None:
    frontier = EMPTY_FRONTIER
    completed = []
    for leaf in LEAVES:
        frontier, nodes = frontier.append_with_nodes(leaf)
        completed.append([(node.level, node.index) for node in nodes])
    assert completed[0] == [(0, 0)]
    assert completed[1] == [(0, 1), (1, 0)]
    assert completed[3] == [(0, 3), (1, 1), (2, 0)]
    assert completed[6] == [(0, 6)]
    assert completed[7] == [(0, 7), (1, 3), (2, 1), (3, 0)]


def test_a_proof_reads_a_logarithmic_number_of_nodes() -> None:
    stored = {}
    frontier = EMPTY_FRONTIER
    for number in range(1000):
        frontier, nodes = frontier.append_with_nodes(number.to_bytes(2, "big"))
        stored.update({(node.level, node.index): node.digest for node in nodes})
    reads: list[tuple[int, int]] = []

    def counting(level: int, index: int) -> bytes:
        reads.append((level, index))
        return stored[level, index]

    path = inclusion_path(3, 1000, counting)
    assert len(path) <= 10 and len(reads) <= 20
    verify_inclusion(frontier.root(), 1000, 3, (3).to_bytes(2, "big"), path)
    reads.clear()
    consistency_path(513, 1000, counting)
    assert len(reads) <= 20
    assert load_frontier(1000, lambda level, index: stored[level, index]) == frontier


def test_an_inclusion_proof_must_have_the_exact_length() -> None:
    path = inclusion_path(2, 7, leaves_getter(LEAVES))
    verify_inclusion(ROOT_7, 7, 2, LEAVES[2], path)
    with pytest.raises(MerkleProofError, match="too short"):
        verify_inclusion(ROOT_7, 7, 2, LEAVES[2], path[:-1])
    with pytest.raises(MerkleProofError, match="too long"):
        verify_inclusion(ROOT_7, 7, 2, LEAVES[2], [*path, path[0]])


def test_an_inner_node_does_not_pass_for_a_leaf() -> None:
    left, right = leaf_hash(LEAVES[0]), leaf_hash(LEAVES[1])
    sibling = node_hash(leaf_hash(LEAVES[2]), leaf_hash(LEAVES[3]))
    with pytest.raises(MerkleProofError, match="leads to"):
        verify_inclusion(bytes.fromhex(ROOTS[3]), 2, 0, left + right, [sibling])


@pytest.mark.parametrize("index", [-1, 7, 8])
def test_a_leaf_outside_the_tree_is_refused(index: int) -> None:
    with pytest.raises(MerkleProofError, match="not in a tree"):
        verify_inclusion(ROOT_7, 7, index, LEAVES[0], [])


def test_digests_of_another_length_are_refused() -> None:
    path = inclusion_path(2, 7, leaves_getter(LEAVES))
    with pytest.raises(MerkleProofError, match="32 bytes"):
        verify_inclusion(ROOT_7, 7, 2, LEAVES[2], [path[0] + path[1], *path[2:]])


def test_consistency_proof_must_have_the_exact_length() -> None:
    old = bytes.fromhex(ROOTS[2])
    path = consistency_path(3, 7, leaves_getter(LEAVES))
    verify_consistency(3, old, 7, ROOT_7, path)
    with pytest.raises(MerkleProofError, match="too short"):
        verify_consistency(3, old, 7, ROOT_7, path[:-1])
    with pytest.raises(MerkleProofError, match="too short"):
        verify_consistency(3, old, 7, ROOT_7, [])
    with pytest.raises(MerkleProofError, match="too long"):
        verify_consistency(3, old, 7, ROOT_7, [*path, path[0]])
    with pytest.raises(MerkleProofError, match="not shown to be consistent"):
        verify_consistency(3, old, 7, ROOT_7, list(reversed(path)))


def test_trees_of_equal_size_are_consistent_only_if_equal() -> None:
    verify_consistency(7, ROOT_7, 7, ROOT_7, [])
    with pytest.raises(MerkleProofError, match="should be"):
        verify_consistency(7, bytes(32), 7, ROOT_7, [])
    with pytest.raises(MerkleProofError, match="too long"):
        verify_consistency(7, ROOT_7, 7, ROOT_7, [ROOT_7])


def test_every_tree_extends_the_empty_one_and_none_shrinks() -> None:
    verify_consistency(0, EMPTY_ROOT, 7, ROOT_7, [])
    with pytest.raises(MerkleProofError, match="should be"):
        verify_consistency(0, ROOT_7, 7, ROOT_7, [])
    with pytest.raises(MerkleProofError, match="cannot extend"):
        verify_consistency(7, ROOT_7, 3, bytes.fromhex(ROOTS[2]), [])


@pytest.mark.parametrize(
    "value",
    [
        [1, 2, [bytes(32), bytes(32)]],
        [1, 3, [bytes(32)]],
        [1, 1, [bytes(31)]],
        [1, 1, ["text"]],
        [1, True, [bytes(32)]],
        [1, -1, []],
        [2, 0, []],
        [1, 0],
    ],
)
def test_malformed_frontiers_are_refused(value: object) -> None:
    with pytest.raises(DecodeError):
        decode_frontier(encode(value))
