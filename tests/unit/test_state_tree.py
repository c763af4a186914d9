"""The state tree on small cases computed by hand, and what it says of damage."""

import pytest

from chain.crypto import tagged_hash
from chain.state_tree import EMPTY_STATE_ROOT, ROOT_PREFIX, StateTreeDamagedError, parse_node, tree_root, update_tree

LEAF_A, LEAF_B = b"\xaa" * 32, b"\xbb" * 32


def nothing(prefix: bytes) -> None:
    """Nodes of the empty tree."""


def path(digits: str) -> bytes:
    """A path that begins with these hexadecimal digits."""
    return bytes.fromhex(digits.ljust(64, "0"))


def lone(digits: str, leaf: bytes) -> bytes:
    return tagged_hash("leaf-node", path(digits), leaf)


def inner(bitmap: int, *children: bytes) -> bytes:
    return tagged_hash("node", bitmap.to_bytes(2, "big"), *children)


def test_the_empty_tree_has_32_zero_bytes() -> None:
    update = update_tree(nothing, {})
    assert update.root == EMPTY_STATE_ROOT == bytes(32) and update.nodes == {}


def test_one_leaf_is_the_root() -> None:
    update = update_tree(nothing, {path("5"): LEAF_A})
    assert update.root == lone("5", LEAF_A)
    again = update_tree(update.nodes.get, {path("5"): LEAF_B})
    assert again.root == lone("5", LEAF_B)


def test_two_leaves_split_at_the_first_digit_that_differs() -> None:
    update = update_tree(nothing, {path("5"): LEAF_A, path("c"): LEAF_B})
    assert update.root == inner(1 << 5 | 1 << 12, lone("5", LEAF_A), lone("c", LEAF_B))
    assert set(update.nodes) == {b""}


def test_a_shared_prefix_makes_nodes_with_one_child() -> None:
    first = update_tree(nothing, {path("123"): LEAF_A})
    second = update_tree(first.nodes.get, {path("124"): LEAF_B})
    deepest = inner(1 << 3 | 1 << 4, lone("123", LEAF_A), lone("124", LEAF_B))
    assert second.root == inner(1 << 1, inner(1 << 2, deepest))
    assert set(second.nodes) == {b"", b"1", b"12"}


def test_paths_that_differ_in_the_last_digit_alone_are_kept_apart() -> None:
    digits = "7" * 63
    update = update_tree(nothing, {path(digits + "1"): LEAF_A, path(digits + "2"): LEAF_B})
    expected = inner(1 << 1 | 1 << 2, lone(digits + "1", LEAF_A), lone(digits + "2", LEAF_B))
    for _ in digits:
        expected = inner(1 << 7, expected)
    assert update.root == expected
    changed = update_tree(update.nodes.get, {path(digits + "1"): LEAF_B})
    assert len(changed.nodes) == 64 and changed.root != update.root


def test_only_changed_nodes_are_written() -> None:
    nodes = update_tree(nothing, {path(digits): LEAF_A for digits in ("11", "12", "21", "22")}).nodes
    update = update_tree(nodes.get, {path("21"): LEAF_B})
    assert set(update.nodes) == {b"", b"2"}
    assert tree_root(update.nodes[ROOT_PREFIX]) == update.root


def test_updating_nothing_keeps_the_root() -> None:
    built = update_tree(nothing, {path("5"): LEAF_A, path("c"): LEAF_B})
    update = update_tree(built.nodes.get, {})
    assert update.root == built.root and update.nodes == {}


def test_siblings_are_never_read() -> None:
    nodes = update_tree(nothing, {path(f"{first:x}{second}"): LEAF_A for first in range(16) for second in (1, 2)}).nodes
    reads: list[bytes] = []

    def get(prefix: bytes) -> bytes | None:
        reads.append(prefix)
        return nodes.get(prefix)

    update_tree(get, {path("31"): LEAF_B, path("33"): LEAF_B, path("f1"): LEAF_B})
    assert reads == [b"", b"3", b"f"]


def test_a_missing_node_is_damage() -> None:
    nodes = update_tree(nothing, {path(digits): LEAF_A for digits in ("11", "12", "21", "22")}).nodes
    del nodes[b"2"]
    with pytest.raises(StateTreeDamagedError, match="'2' is missing"):
        update_tree(nodes.get, {path("21"): LEAF_B})
    with pytest.raises(StateTreeDamagedError, match="'2' is missing"):
        update_tree(nodes.get, {path("21"): LEAF_B, path("22"): LEAF_B})


@pytest.mark.parametrize("blob", [b"", bytes(4), bytes(3) + b"\x01", b"\x00\x02\x00\x01" + bytes(96)])
def test_a_malformed_node_is_damage(blob: bytes) -> None:
    with pytest.raises(StateTreeDamagedError, match="malformed"):
        parse_node(b"ab", blob)
