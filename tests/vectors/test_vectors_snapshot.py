"""Golden vectors of state snapshots; tests/vectors/README.md explains their fields."""

import json
from pathlib import Path
from typing import Any

import pytest

from chain.snapshot import SnapshotError, decode_manifest, manifest_hash_of, verify_chunk
from chain.snapshot_files import open_snapshot
from chain.snapshot_writer import SnapshotHead, SnapshotSizes, SnapshotWriter
from chain.state_leaf import decode_leaf
from chain.types import Digest, Height

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "snapshot.json").read_text(encoding="utf-8"))
MANIFEST = bytes.fromhex(VECTORS["manifest"])
CHUNKS = [bytes.fromhex(chunk) for chunk in VECTORS["chunks"]]


def why(case: dict[str, Any]) -> str:
    return str(case["why"])


def test_leaves_make_this_manifest_and_these_chunks(tmp_path: Path) -> None:
    digests = (Digest(bytes.fromhex(VECTORS[name])) for name in ("chain_id", "block_hash", "state_root"))
    chain_id, block_hash, state_root = digests
    head = SnapshotHead(chain_id, Height(VECTORS["height"]), block_hash, state_root)
    sizes = SnapshotSizes(leaf_bytes_max=VECTORS["leaf_bytes_max"])
    encoded = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
    leaves = [(leaf.contract, leaf.key, data) for data in encoded for leaf in (decode_leaf(data),)]
    for _ in SnapshotWriter(tmp_path / "5", head, sizes).steps(leaves):
        pass
    stored = open_snapshot(tmp_path, 5)
    assert stored.encoded == MANIFEST and stored.manifest_hash.hex() == VECTORS["manifest_hash"]
    assert [stored.chunk(number) for number in range(len(stored.places))] == CHUNKS


def test_manifest_and_chunks_are_good() -> None:
    manifest = decode_manifest(MANIFEST)
    assert manifest_hash_of(MANIFEST).hex() == VECTORS["manifest_hash"]
    assert manifest.state_root.hex() == VECTORS["state_root"] and len(manifest.subtrees) == len(CHUNKS)
    found = [
        leaf.encoded
        for item, chunk in zip(manifest.subtrees, CHUNKS, strict=True)
        for leaf in verify_chunk(item, chunk)
    ]
    assert sorted(found) == sorted(bytes.fromhex(leaf) for leaf in VECTORS["leaves"])


@pytest.mark.parametrize("case", VECTORS["invalid_manifests"], ids=why)
def test_invalid_manifests(case: dict[str, Any]) -> None:
    with pytest.raises(SnapshotError):
        decode_manifest(bytes.fromhex(case["encoded"]))


@pytest.mark.parametrize("case", VECTORS["invalid_chunks"], ids=why)
def test_invalid_chunks(case: dict[str, Any]) -> None:
    with pytest.raises(SnapshotError):
        verify_chunk(decode_manifest(MANIFEST).subtrees[case["number"]], bytes.fromhex(case["encoded"]))
