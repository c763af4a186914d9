"""Golden vectors of Merkle trees and the state tree; tests/vectors/README.md explains their fields."""

import json
from pathlib import Path
from typing import Any

import pytest

from chain.encoding import DecodeError
from chain.merkle import (
    EMPTY_FRONTIER,
    MerkleProofError,
    consistency_path,
    decode_frontier,
    inclusion_path,
    leaves_getter,
    merkle_root,
    verify_consistency,
    verify_inclusion,
)
from chain.state_leaf import decode_leaf, encode_leaf, leaf_hash, path_of
from chain.state_proof import StateProofError, verify_proof
from chain.state_tree import update_tree

Case = dict[str, Any]


def load(name: str) -> Any:
    return json.loads((Path(__file__).parent / name).read_text())


MERKLE = load("merkle.json")
STATE_TREE = load("state_tree.json")
LEAVES = [bytes.fromhex(leaf) for leaf in MERKLE["leaves"]]


def unhex(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def why(case: Case) -> str:
    return str(case["why"])


def test_merkle_roots() -> None:
    frontier = EMPTY_FRONTIER
    for case in MERKLE["roots"]:
        assert merkle_root(LEAVES[: case["size"]]).hex() == frontier.root().hex() == case["root"]
        if case["size"] < len(LEAVES):
            frontier = frontier.append(LEAVES[case["size"]])


@pytest.mark.parametrize("case", MERKLE["inclusion"], ids=why)
def test_merkle_inclusion(case: Case) -> None:
    path = [bytes.fromhex(digest) for digest in case["path"]]
    arguments = bytes.fromhex(case["root"]), case["size"], case["index"], bytes.fromhex(case["leaf"]), path
    if case["valid"]:
        verify_inclusion(*arguments)
        assert inclusion_path(case["index"], case["size"], leaves_getter(LEAVES)) == path
    else:
        with pytest.raises(MerkleProofError):
            verify_inclusion(*arguments)


@pytest.mark.parametrize("case", MERKLE["consistency"], ids=why)
def test_merkle_consistency(case: Case) -> None:
    path = [bytes.fromhex(digest) for digest in case["path"]]
    old_root, new_root = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
    if case["valid"]:
        verify_consistency(case["old_size"], old_root, case["new_size"], new_root, path)
        assert consistency_path(case["old_size"], case["new_size"], leaves_getter(LEAVES)) == path
    else:
        with pytest.raises(MerkleProofError):
            verify_consistency(case["old_size"], old_root, case["new_size"], new_root, path)


@pytest.mark.parametrize("case", MERKLE["frontiers"], ids=lambda case: str(case["size"]))
def test_merkle_frontiers(case: Case) -> None:
    frontier = EMPTY_FRONTIER
    for leaf in LEAVES[: case["size"]]:
        frontier = frontier.append(leaf)
    assert frontier.encoded().hex() == case["encoded"]
    assert decode_frontier(bytes.fromhex(case["encoded"])) == frontier


@pytest.mark.parametrize("case", MERKLE["malformed_frontiers"], ids=why)
def test_malformed_merkle_frontiers(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_frontier(bytes.fromhex(case["encoded"]))


@pytest.mark.parametrize("case", STATE_TREE["leaves"], ids=lambda case: f"height {case['height']}")
def test_state_leaves(case: Case) -> None:
    key = bytes.fromhex(case["key"])
    value, previous = unhex(case["value"]), unhex(case["previous"])
    encoded = encode_leaf(case["contract"], key, value, case["height"], case["index"], previous)
    assert encoded.hex() == case["encoded"]
    assert leaf_hash(encoded).hex() == case["leaf_hash"]
    assert path_of(case["contract"], key).hex() == case["path"]
    leaf = decode_leaf(encoded)
    assert (leaf.contract, leaf.key, leaf.value, leaf.previous) == (case["contract"], key, value, previous)
    assert (leaf.height, leaf.index) == (case["height"], case["index"])


@pytest.mark.parametrize("case", STATE_TREE["malformed_leaves"], ids=why)
def test_malformed_state_leaves(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_leaf(bytes.fromhex(case["encoded"]))


@pytest.mark.parametrize("case", STATE_TREE["trees"], ids=why)
def test_state_roots(case: Case) -> None:
    nodes: dict[bytes, bytes] = {}
    leaves = {bytes.fromhex(leaf["path"]): bytes.fromhex(leaf["leaf_hash"]) for leaf in case["leaves"]}
    assert update_tree(nodes.get, leaves).root.hex() == case["root"]


@pytest.mark.parametrize("case", STATE_TREE["proofs"], ids=why)
def test_state_proofs(case: Case) -> None:
    arguments = bytes.fromhex(case["root"]), case["contract"], bytes.fromhex(case["key"]), bytes.fromhex(case["proof"])
    if case["valid"]:
        expected = unhex(case["leaf"])
        assert verify_proof(*arguments) == (None if expected is None else decode_leaf(expected))
    else:
        with pytest.raises(StateProofError):
            verify_proof(*arguments)
