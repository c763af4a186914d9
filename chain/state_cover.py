"""The upper nodes of a state tree whose lower subtrees were put in one by one."""

from collections.abc import Mapping
from typing import NamedTuple

from chain.state_tree import EMPTY_STATE_ROOT, inner_node_hash
from chain.types import Digest


class Part(NamedTuple):
    """A subtree whose nodes are in their places already."""

    root: Digest
    record: bytes | None
    """Path and leaf hash if it holds exactly one leaf."""


def cover_nodes(parts: Mapping[bytes, Part]) -> tuple[Digest, dict[bytes, bytes]]:
    """Return the root of the tree that parts, by the digits of their prefixes, cover, and the nodes above them.

    No part may lie within another. The blobs have the form that chain.state_tree reads.
    """
    nodes: dict[bytes, bytes] = {}
    if not parts:
        return EMPTY_STATE_ROOT, nodes
    whole = _join(sorted(parts.items()), 0, nodes)
    if whole.record is not None:
        # A tree of one leaf is stored as a root with that leaf alone, whatever the digit.
        digit = whole.record[0] >> 4
        nodes[b""] = _blob([(digit, whole)])
    return whole.root, nodes


def _join(parts: list[tuple[bytes, Part]], depth: int, nodes: dict[bytes, bytes]) -> Part:
    prefix, first = parts[0]
    if len(prefix) == depth:
        assert len(parts) == 1, f"a part lies within part {prefix!r}"
        return first
    children: list[tuple[int, Part]] = []
    start = 0
    while start < len(parts):
        digit, end = parts[start][0][depth], start + 1
        while end < len(parts) and parts[end][0][depth] == digit:
            end += 1
        children.append((int(chr(digit), 16), _join(parts[start:end], depth + 1, nodes)))
        start = end
    if len(children) == 1 and children[0][1].record is not None:
        return children[0][1]
    nodes[prefix[:depth]] = _blob(children)
    bitmap = sum(1 << digit for digit, _ in children)
    return Part(inner_node_hash(bitmap, b"".join(child.root for _, child in children)), None)


def _blob(children: list[tuple[int, Part]]) -> bytes:
    bitmap = sum(1 << digit for digit, _ in children)
    leaf_bitmap = sum(1 << digit for digit, child in children if child.record is not None)
    head = leaf_bitmap.to_bytes(2, "big") + bitmap.to_bytes(2, "big")
    hashes = b"".join(child.root for _, child in children)
    return b"".join((head, hashes, *(child.record for _, child in children if child.record is not None)))
