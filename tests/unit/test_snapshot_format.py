"""Snapshots: what honest nodes write comes back whole, and nothing that anybody alters passes."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from snapshot_support import CHAIN, SMALL, content, grow, grown_state, leaves_of, state_of, write_snapshot

from chain.encoding import decode, encode
from chain.snapshot import (
    Manifest,
    SnapshotError,
    Subtree,
    decode_manifest,
    encode_chunk,
    root_of,
    verify_chunk,
)
from chain.snapshot_files import heights_held, open_snapshot, remove_snapshot
from chain.snapshot_state import SnapshotState
from chain.snapshot_writer import DATA_FILE_BYTES_MAX, SnapshotSizes, SnapshotWriter
from chain.state_cover import Part, cover_nodes
from chain.storage import MemoryStore, StoreDamaged
from chain.types import Digest, Height


def test_a_snapshot_has_many_chunks_and_the_state_root(tmp_path: Path) -> None:
    grown = grown_state()
    stored = write_snapshot(tmp_path, grown)
    manifest = stored.manifest
    assert len(manifest.subtrees) > 20
    assert root_of(manifest.subtrees) == manifest.state_root == grown.database.root
    assert (manifest.chain_id, manifest.height) == (CHAIN, 2)
    assert decode_manifest(stored.encoded) == manifest and manifest.encoded() == stored.encoded
    assert manifest.size == sum(len(stored.chunk(number)) for number in range(len(manifest.subtrees)))
    assert manifest.leaves == sum(1 for _ in leaves_of(grown.store))
    assert len({place.file for place in stored.places}) > 1, "data files are begun anew"


@pytest.mark.parametrize(("leaf_bytes_max", "sorted_bytes_max"), [(100, 100), (100, 10**9), (1_500, 1_600)])
def test_cuts_follow_from_the_state_alone(tmp_path: Path, leaf_bytes_max: int, sorted_bytes_max: int) -> None:
    """However much is sorted in memory, and in whatever order leaves come, the manifest is the same."""
    grown = grown_state()
    stored = write_snapshot(tmp_path, grown, replace(SMALL, leaf_bytes_max=leaf_bytes_max))
    shuffled = list(leaves_of(grown.store))
    random.Random(5).shuffle(shuffled)
    sizes = SnapshotSizes(leaf_bytes_max, sorted_bytes_max, DATA_FILE_BYTES_MAX)
    again = SnapshotWriter(tmp_path / "7", grown.head, sizes)
    for _ in again.steps(shuffled):
        pass
    assert again.leaf_bytes == again.written_bytes == sum(len(encoded) for _, _, encoded in shuffled)
    other = open_snapshot(tmp_path, 7)
    assert other.encoded == stored.encoded
    for number, item in enumerate(other.manifest.subtrees):
        assert other.chunk(number) == stored.chunk(number)
        leaves = verify_chunk(item, other.chunk(number))
        assert len(leaves) == 1 or sum(len(leaf.encoded) for leaf in leaves) <= leaf_bytes_max


@pytest.mark.parametrize("count", [1, 2, 3, 17])
@pytest.mark.parametrize("leaf_bytes_max", [1, 100_000])
def test_tiny_states(tmp_path: Path, count: int, leaf_bytes_max: int) -> None:
    grown = state_of({b"%d" % number: b"x" for number in range(count)})
    stored = write_snapshot(tmp_path, grown, SnapshotSizes(leaf_bytes_max=leaf_bytes_max))
    assert len(stored.manifest.subtrees) == (count if leaf_bytes_max == 1 else 1)
    into = MemoryStore()
    put_in(into, stored.manifest, stored.chunk)
    assert nodes_and_leaves(into) == nodes_and_leaves(grown.store)


def test_a_state_that_is_not_its_root_is_found_out(tmp_path: Path) -> None:
    """Making a snapshot looks at every leaf; a leaf that was altered, lost or added stops it."""
    grown = grown_state()
    leaves = list(leaves_of(grown.store))
    contract, key, encoded = leaves[10]
    altered = [(contract, key, encoded[:-1] + b"?"), *leaves[:10], *leaves[11:]]
    for bad in (leaves[1:], altered, [*leaves, ("beta", b"one more", encoded)]):
        writer = SnapshotWriter(tmp_path / "2", grown.head, SMALL)
        with pytest.raises(StoreDamaged, match="state root"):
            for _ in writer.steps(bad):
                pass
        writer.discard()
        assert not any(tmp_path.iterdir())


def test_a_writer_that_was_interrupted_leaves_nothing_that_counts(tmp_path: Path) -> None:
    grown = grown_state()
    steps = SnapshotWriter(tmp_path / "2", grown.head, SMALL).steps(leaves_of(grown.store))
    for _ in range(12):
        next(steps)
    del steps
    assert heights_held(tmp_path) == []
    stored = write_snapshot(tmp_path, grown)
    assert heights_held(tmp_path) == [2] and stored.manifest.state_root == grown.database.root
    remove_snapshot(tmp_path, 2)
    assert heights_held(tmp_path) == [] and heights_held(tmp_path / "nowhere") == []


@pytest.mark.parametrize("name", ["manifest", "index", "data-0000"])
def test_damage_on_the_serving_disk_is_found_before_it_is_sent(tmp_path: Path, name: str) -> None:
    stored = write_snapshot(tmp_path, grown_state())
    path = tmp_path / "2" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(SnapshotError, match="damaged"):
        again = open_snapshot(tmp_path, 2)
        for number in range(len(stored.places)):
            again.chunk(number)
    path.unlink()
    with pytest.raises(SnapshotError, match="cannot be read"):
        open_snapshot(tmp_path, 2).chunk(0)


# What a peer may claim


def alter(data: bytes, change: Callable[[list[object]], None]) -> bytes:
    value = decode(data)
    change(value)
    return encode(value)


MANIFEST_LIES: dict[str, Callable[[list[object]], None]] = {
    "another root": lambda value: value.__setitem__(4, bytes(32)),
    "a subtree left out": lambda value: value[5].pop(3),  # type: ignore[attr-defined]
    "a subtree twice": lambda value: value[5].insert(3, value[5][3]),  # type: ignore[attr-defined, index]
    "out of order": lambda value: value[5].reverse(),  # type: ignore[attr-defined]
    "another hash": lambda value: value[5][3].__setitem__(3, bytes(32)),  # type: ignore[index]
    "a hash of 31 bytes": lambda value: value[5][3].__setitem__(3, bytes(31)),  # type: ignore[index]
    "a subtree within another": lambda value: value[5].insert(4, [value[5][3][0] + "0", 1, 9, bytes(32)]),  # type: ignore[attr-defined, index]
    "no leaves": lambda value: value[5][3].__setitem__(1, 0),  # type: ignore[index]
    "too large a chunk": lambda value: value[5][3].__setitem__(2, 2**40),  # type: ignore[index]
    "a chunk of no bytes": lambda value: value[5][3].__setitem__(2, 0),  # type: ignore[index]
    "no digits": lambda value: value[5][3].__setitem__(0, "zz"),  # type: ignore[index]
    "65 digits": lambda value: value[5][3].__setitem__(0, "0" * 65),  # type: ignore[index]
    "height 0": lambda value: value.__setitem__(2, 0),
    "a short chain id": lambda value: value.__setitem__(1, b""),
    "another version": lambda value: value.__setitem__(0, 2),
}


@pytest.mark.parametrize("lie", MANIFEST_LIES)
def test_a_false_manifest_is_refused(tmp_path: Path, lie: str) -> None:
    stored = write_snapshot(tmp_path, grown_state())
    with pytest.raises(SnapshotError):
        decode_manifest(alter(stored.encoded, MANIFEST_LIES[lie]))


def test_bytes_that_are_no_manifest_are_refused(tmp_path: Path) -> None:
    encoded = write_snapshot(tmp_path, grown_state()).encoded
    for bad in (b"", encoded[:-1], encoded + b"\x00", encode([1, 2, 3]), b"\xc1" * 100):
        with pytest.raises(SnapshotError):
            decode_manifest(bad)


def test_a_chunk_is_accepted_in_its_one_form_alone(tmp_path: Path) -> None:
    """Wrong, truncated, longer, reordered, with a leaf less or more, or of another place or height: all are refused."""
    grown = grown_state()
    stored = write_snapshot(tmp_path, grown)
    subtrees = stored.manifest.subtrees
    number, subtree = next((at, item) for at, item in enumerate(subtrees) if item.leaves > 3)
    chunk = stored.chunk(number)
    leaves = [leaf.encoded for leaf in verify_chunk(subtree, chunk)]
    other = next(item for item in subtrees if item.prefix != subtree.prefix)
    grow(grown, random.Random(2), blocks=1, keys=200)
    later = write_snapshot(tmp_path, grown)
    later_number = next(at for at, item in enumerate(later.manifest.subtrees) if item.prefix.startswith(subtree.prefix))
    lies = {
        "empty": b"",
        "truncated": chunk[:-1],
        "longer": chunk + b"\x00",
        "a bit flipped": chunk[:-1] + bytes([chunk[-1] ^ 1]),
        "reordered": encode_chunk(subtree.prefix, list(reversed(leaves))),
        "a leaf less": encode_chunk(subtree.prefix, leaves[1:]),
        "a leaf twice": encode_chunk(subtree.prefix, [leaves[0], *leaves[:-1]]),
        "another prefix": encode_chunk(other.prefix, leaves),
        "of another subtree": stored.chunk(subtrees.index(other)),
        "of another height": later.chunk(later_number),
        "no leaves at all": encode([1, subtree.prefix, [1] * len(leaves)]),
        "a value of 20 MB": encode([1, subtree.prefix, [bytes(9_000_000), bytes(9_000_000)]])[:12_000_000],
    }
    for name, lie in lies.items():
        sized = replace(subtree, size=len(lie))
        for expected in (subtree, sized, replace(sized, leaves=len(leaves))):
            with pytest.raises(SnapshotError):
                verify_chunk(expected, lie)
                pytest.fail(name)


def test_numbers_that_a_manifest_only_claims_are_checked_by_the_chunk(tmp_path: Path) -> None:
    """Leaves and bytes do not enter the root; whoever overstates them is found out at the chunk."""
    stored = write_snapshot(tmp_path, grown_state())
    subtree = next(item for item in stored.manifest.subtrees if item.leaves > 3)
    chunk = stored.chunk(stored.manifest.subtrees.index(subtree))
    for lie in (replace(subtree, leaves=subtree.leaves + 1), replace(subtree, size=subtree.size + 1)):
        with pytest.raises(SnapshotError):
            verify_chunk(lie, chunk)


# Putting a snapshot in


def put_in(store: MemoryStore, manifest: Manifest, chunk: Callable[[int], bytes]) -> None:
    """Put all chunks in, in any order, and open what was written anew now and then."""
    SnapshotState(store).begin(manifest)
    order = SnapshotState(store).missing()
    random.Random(3).shuffle(order)
    for start in range(0, len(order), 20):
        state = SnapshotState(store)
        for number in order[start : start + 20]:
            state.put(number, chunk(number))
            state.put(number, b"what is done is not looked at again")
    assert SnapshotState(store).missing() == []


def nodes_and_leaves(store: MemoryStore) -> dict[bytes, bytes]:
    """Return a state's content, with the upper nodes where a snapshot was put in and not finished."""
    found = content(store)
    found.pop(b"s", None)
    if store.head is None:
        done = SnapshotState(store).parts()
        found.update({b"n" + bytes([len(at)]) + at: blob for at, blob in cover_nodes(done)[1].items()})
    return found


def test_what_was_put_in_is_the_state_byte_for_byte(tmp_path: Path) -> None:
    grown = grown_state()
    stored = write_snapshot(tmp_path, grown)
    into = MemoryStore()
    put_in(into, stored.manifest, stored.chunk)
    assert nodes_and_leaves(into) == nodes_and_leaves(grown.store)
    assert cover_nodes(SnapshotState(into).parts())[0] == grown.database.root


@pytest.mark.parametrize("seed", range(4))
def test_a_newer_snapshot_goes_over_an_older_one(tmp_path: Path, seed: int) -> None:
    """Unchanged chunks stay, values that became deletions change their table, and nothing of the older one is left."""
    chance = random.Random(seed)
    grown = grown_state(seed)
    older = write_snapshot(tmp_path, grown)
    into = MemoryStore()
    state = SnapshotState(into)
    state.begin(older.manifest)
    for number in chance.sample(state.missing(), len(state.missing()) * 3 // 4):
        state.put(number, older.chunk(number))
    grow(grown, chance, blocks=chance.randrange(1, 3), keys=4 * 3**seed)
    newer = write_snapshot(tmp_path, grown)
    kept = {item.prefix: item.root for item in older.manifest.subtrees}
    SnapshotState(into).begin(newer.manifest)
    missing = [newer.manifest.subtrees[number] for number in SnapshotState(into).missing()]
    assert all(kept.get(item.prefix) != item.root or item.prefix in kept for item in missing)
    assert len(missing) < len(newer.manifest.subtrees) or seed == 3
    put_in(into, newer.manifest, newer.chunk)
    assert nodes_and_leaves(into) == nodes_and_leaves(grown.store)


def test_a_false_chunk_writes_nothing(tmp_path: Path) -> None:
    stored = write_snapshot(tmp_path, grown_state())
    into = MemoryStore()
    state = SnapshotState(into)
    state.begin(stored.manifest)
    before = dict(into.freeze().scan(b"x", b"y"))
    with pytest.raises(SnapshotError):
        state.put(0, stored.chunk(1))
    assert dict(into.scan(b"x", b"y")) == before and content(into) == {} and 0 in state.missing()


def test_an_unfinished_state_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    stored = write_snapshot(tmp_path, grown_state())
    for key, value in ((b"xsnapshot/manifest", b"?"), (b"xsnapshot/chunk/0", b"?")):
        into = MemoryStore()
        SnapshotState(into).begin(stored.manifest)
        into.write([(key, value)])
        with pytest.raises(StoreDamaged):
            SnapshotState(into)


def test_upper_nodes_of_parts() -> None:
    """A single leaf below several digits takes its place as near to the root as it stands alone."""
    leaf = Part(Digest(b"l" * 32), b"\x12" + bytes(31) + b"h" * 32)
    root, nodes = cover_nodes({b"12": leaf})
    assert root == leaf.root and set(nodes) == {b""}
    two = Part(Digest(b"t" * 32), None)
    root, nodes = cover_nodes({b"120": leaf, b"2": two})
    assert set(nodes) == {b""} and nodes[b""][:4] == b"\x00\x02\x00\x06"
    root, nodes = cover_nodes({b"1200": two})
    assert set(nodes) == {b"", b"1", b"12", b"120"}
    assert root == root_of([Subtree("1200", 2, 1, two.root)])
    assert cover_nodes({})[0] == bytes(32) and Height(1)
