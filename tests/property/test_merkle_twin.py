"""The iterative Merkle code equals the recursive definitions of RFC 6962, and any altered proof is refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.encoding import DecodeError
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

LEAVES = st.lists(st.binary(max_size=3), min_size=1, max_size=40)


def split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def naive_root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = split(len(leaves))
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_extension(old: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return [*naive_extension(old, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_extension(old - k, leaves[k:], False), naive_root(leaves[:k])]


@given(LEAVES)
def test_roots_and_frontiers_equal_the_definition(leaves: list[bytes]) -> None:
    frontier = EMPTY_FRONTIER
    stored = {}
    for leaf in leaves:
        frontier, nodes = frontier.append_with_nodes(leaf)
        stored.update({(node.level, node.index): node.digest for node in nodes})
    assert merkle_root(leaves) == frontier.root() == naive_root(leaves)
    assert load_frontier(len(leaves), lambda level, index: stored[level, index]) == frontier
    assert decode_frontier(frontier.encoded()) == frontier


@given(LEAVES, st.data())
def test_inclusion_proofs_equal_the_definition_and_verify(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = inclusion_path(index, len(leaves), leaves_getter(leaves))
    assert path == naive_path(index, leaves)
    verify_inclusion(merkle_root(leaves), len(leaves), index, leaves[index], path)


@given(LEAVES, st.data())
def test_consistency_proofs_equal_the_definition_and_verify(leaves: list[bytes], data: st.DataObject) -> None:
    old = data.draw(st.integers(0, len(leaves)))
    path = consistency_path(old, len(leaves), leaves_getter(leaves))
    assert path == (naive_extension(old, leaves, True) if old else [])
    verify_consistency(old, merkle_root(leaves[:old]), len(leaves), merkle_root(leaves), path)


@st.composite
def altered(draw: st.DrawFn, path: list[bytes]) -> list[bytes]:
    """A sequence of digests that differs from `path` in one respect."""
    changed = list(path)
    at = draw(st.integers(0, len(path)))
    match draw(st.sampled_from(["insert", "remove", "flip"])):
        case "remove" if at < len(path):
            del changed[at]
        case "flip" if at < len(path):
            byte = draw(st.integers(0, 31))
            changed[at] = changed[at][:byte] + bytes([changed[at][byte] ^ 1]) + changed[at][byte + 1 :]
        case _:
            changed.insert(at, draw(st.sampled_from([*path, bytes(32)])))
    return changed


@given(LEAVES, st.data())
def test_an_altered_inclusion_proof_is_refused(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = data.draw(altered(list(inclusion_path(index, len(leaves), leaves_getter(leaves)))))
    with pytest.raises(MerkleProofError):
        verify_inclusion(merkle_root(leaves), len(leaves), index, leaves[index], path)


@given(LEAVES, st.data())
def test_a_proof_holds_for_its_own_leaf_alone(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = inclusion_path(index, len(leaves), leaves_getter(leaves))
    with pytest.raises(MerkleProofError):
        verify_inclusion(merkle_root(leaves), len(leaves), index, leaves[index] + b"x", path)


@given(LEAVES, st.data())
def test_an_altered_consistency_proof_is_refused(leaves: list[bytes], data: st.DataObject) -> None:
    old = data.draw(st.integers(1, len(leaves)))
    path = data.draw(altered(list(consistency_path(old, len(leaves), leaves_getter(leaves)))))
    with pytest.raises(MerkleProofError):
        verify_consistency(old, merkle_root(leaves[:old]), len(leaves), merkle_root(leaves), path)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_frontier_in_one_form_or_raise(data: bytes) -> None:
    try:
        frontier = decode_frontier(data)
    except DecodeError:
        return
    assert frontier.encoded() == data
