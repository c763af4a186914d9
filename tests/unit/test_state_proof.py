"""Proofs of presence and absence: each kind verifies, and any other claim on the same bytes is refused."""

from dataclasses import dataclass, field

import pytest

from chain.encoding import decode, encode
from chain.state_leaf import encode_leaf, leaf_hash, path_of
from chain.state_proof import StateProofError, prove, verify_proof
from chain.state_tree import EMPTY_STATE_ROOT, StateTreeDamagedError, update_tree


@dataclass
class Tree:
    """A tree over the keys of one contract, in memory."""

    nodes: dict[bytes, bytes] = field(default_factory=dict)
    leaves: dict[bytes, bytes] = field(default_factory=dict)
    root: bytes = EMPTY_STATE_ROOT

    def put(self, *keys: bytes, value: bytes | None = b"v") -> None:
        for key in keys:
            self.leaves[key] = encode_leaf("c", key, value, 3, 0, None)
        update = update_tree(self.nodes.get, {path_of("c", key): leaf_hash(self.leaves[key]) for key in keys})
        self.nodes.update(update.nodes)
        self.root = update.root

    def prove(self, key: bytes) -> bytes:
        return prove(self.nodes.get, "c", key, self.leaves.get(key))


def keys_of(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


@pytest.fixture
def tree() -> Tree:
    tree = Tree()
    tree.put(*keys_of(200))
    tree.put(b"7", value=None)
    return tree


def test_a_present_key_yields_its_leaf(tree: Tree) -> None:
    leaf = verify_proof(tree.root, "c", b"42", tree.prove(b"42"))
    assert leaf is not None and (leaf.key, leaf.value, leaf.height) == (b"42", b"v", 3)


def test_a_deleted_key_yields_its_tombstone(tree: Tree) -> None:
    leaf = verify_proof(tree.root, "c", b"7", tree.prove(b"7"))
    assert leaf is not None and leaf.value is None


def test_absence_is_proven_by_an_empty_place_or_by_another_leaf(tree: Tree) -> None:
    ends = set()
    for number in range(1000, 1100):
        proof = tree.prove(b"%d" % number)
        assert verify_proof(tree.root, "c", b"%d" % number, proof) is None
        ends.add(type(decode(proof)[2]))
    assert ends == {type(None), list}


def test_the_empty_tree_holds_nothing() -> None:
    proof = Tree().prove(b"k")
    assert verify_proof(EMPTY_STATE_ROOT, "c", b"k", proof) is None
    with pytest.raises(StateProofError, match="leads to"):
        verify_proof(b"\x01" * 32, "c", b"k", proof)


def test_a_tree_of_one_leaf_needs_no_steps() -> None:
    tree = Tree()
    tree.put(b"k")
    assert decode(tree.prove(b"k"))[1] == [] == decode(tree.prove(b"other"))[1]
    assert verify_proof(tree.root, "c", b"k", tree.prove(b"k")) is not None
    assert verify_proof(tree.root, "c", b"other", tree.prove(b"other")) is None


def test_a_proof_speaks_of_its_own_key_alone(tree: Tree) -> None:
    proof = tree.prove(b"42")
    with pytest.raises(StateProofError, match="the proof shows c/3432"):
        verify_proof(tree.root, "c", b"43", proof)
    with pytest.raises(StateProofError, match="the proof shows"):
        verify_proof(tree.root, "d", b"42", proof)


def test_a_proof_holds_for_its_own_root_alone(tree: Tree) -> None:
    proof = tree.prove(b"42")
    tree.put(b"43", value=b"other")
    with pytest.raises(StateProofError, match="leads to"):
        verify_proof(tree.root, "c", b"42", proof)


def test_a_present_key_cannot_be_denied(tree: Tree) -> None:
    _, steps, leaf = decode(tree.prove(b"42"))
    denial = encode([1, steps, [path_of("c", b"42"), leaf_hash(leaf)]])
    with pytest.raises(StateProofError, match="denies a leaf"):
        verify_proof(tree.root, "c", b"42", denial)
    with pytest.raises(StateProofError, match="bitmap at depth"):
        verify_proof(tree.root, "c", b"42", encode([1, steps, None]))


def test_a_leaf_from_elsewhere_proves_no_absence(tree: Tree) -> None:
    _, steps, leaf = decode(tree.prove(b"42"))
    elsewhere = encode([1, steps, [path_of("c", b"42"), leaf_hash(leaf)]])
    stranger = next(key for key in keys_of(2000)[1000:] if path_of("c", key)[0] != path_of("c", b"42")[0])
    with pytest.raises(StateProofError, match="outside the key's subtree"):
        verify_proof(tree.root, "c", stranger, elsewhere)


def test_a_forged_value_is_refused(tree: Tree) -> None:
    _, steps, _ = decode(tree.prove(b"42"))
    forged = encode([1, steps, encode_leaf("c", b"42", b"forged", 3, 0, None)])
    with pytest.raises(StateProofError, match="leads to"):
        verify_proof(tree.root, "c", b"42", forged)


@pytest.mark.parametrize(
    "proof",
    [
        [2, [], None],
        [True, [], None],
        [1, [], None, None],
        [1, [[0, b""]], None],
        [1, [[65536, b""]], None],
        [1, [[True, b""]], None],
        [1, [[1]], None],
        [1, [[65535, bytes(31)]], None],
        [1, [[1, b""]] * 65, None],
        [1, [], [bytes(32), bytes(31)]],
        [1, [], [bytes(32)]],
        [1, [], "leaf"],
        [1, [], b"leaf"],
        [1, [], b""],
        "proof",
    ],
)
def test_malformed_proofs_are_refused(proof: object) -> None:
    with pytest.raises(StateProofError):
        verify_proof(bytes(32), "c", b"k", encode(proof))


@pytest.mark.parametrize("proof", [b"", b"\xc1", bytes(100), b"\x93\x01"])
def test_rubbish_is_refused(proof: bytes) -> None:
    with pytest.raises(StateProofError, match="malformed"):
        verify_proof(bytes(32), "c", b"k", proof)


def test_tree_and_leaf_that_contradict_each_other_are_damage(tree: Tree) -> None:
    with pytest.raises(StateTreeDamagedError, match="contradict"):
        prove(tree.nodes.get, "c", b"42", None)
    with pytest.raises(StateTreeDamagedError, match="contradict"):
        prove(tree.nodes.get, "c", b"42", encode_leaf("c", b"42", b"other", 3, 0, None))
    with pytest.raises(StateTreeDamagedError, match="contradict"):
        prove(tree.nodes.get, "c", b"1000", encode_leaf("c", b"1000", b"v", 3, 0, None))
