"""Makes a snapshot's files from the leaves of a state, in small steps, so that whoever executes blocks can do it aside.

The database holds leaves by contract and key; a snapshot needs them by path. They are dealt out into files by the first
two digits of their paths, and those that are too large into files by the next digit, until the leaves of one file can
be sorted in memory. Then subtrees are cut (chain.snapshot.is_split), hashed and appended to data files. All hashes are
made from the leaves themselves: a state whose leaves are not those of its root is found out here.

Nothing is synced, because all of it is checked when it is read and can be made again. The folder gets its name last.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from hashlib import sha256
from pathlib import Path
from typing import Final

from chain.encoding import encode
from chain.snapshot import (
    CHUNK_BYTES_MAX,
    CHUNKS_MAX,
    LEAF_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    Item,
    Manifest,
    Subtree,
    encode_chunk,
    is_split,
    root_of,
    subtree_root,
)
from chain.state_leaf import leaf_hash, path_of
from chain.storage import StoreDamaged
from chain.types import Digest, Height
from chain.values import dataclass

MANIFEST_FILE: Final = "manifest"
INDEX_FILE: Final = "index"
UNFINISHED: Final = ".unfinished"
CHECKSUM_BYTES: Final = 32

DATA_FILE_BYTES_MAX: Final = 1024 * 1024 * 1024
BUFFER_BYTES: Final = 32 * 1024
"""Leaves that wait for each of up to 256 files: 8 MiB together."""
SORTED_BYTES_MAX: Final = 2 * 1024 * 1024
"""Bytes of leaves that are sorted in memory at a time: some ten thousand, which takes milliseconds."""
LEAVES_A_STEP: Final = 64

_LENGTH_BYTES: Final = 4


class SnapshotTooLargeError(Exception):
    """The state has more chunks, or a larger leaf, than a snapshot can hold."""


@dataclass(frozen=True, slots=True)
class SnapshotHead:
    """The block whose state is written down."""

    chain_id: Digest
    height: Height
    block_hash: Digest
    state_root: Digest


@dataclass(frozen=True, slots=True)
class SnapshotSizes:
    """Bounds that tests lower in order to have many chunks of few leaves."""

    leaf_bytes_max: int = LEAF_BYTES_MAX
    sorted_bytes_max: int = SORTED_BYTES_MAX
    data_file_bytes_max: int = DATA_FILE_BYTES_MAX

    def __post_init__(self) -> None:
        assert self.sorted_bytes_max >= self.leaf_bytes_max, "whatever is one chunk can be sorted"


@dataclass(slots=True)
class _Pile:
    """Leaves whose paths share their first digits, in a file."""

    path: Path
    buffer: bytearray = field(default_factory=bytearray)
    leaf_bytes: int = 0
    leaves: int = 0

    def add(self, path: bytes, encoded: bytes) -> None:
        self.buffer += path
        self.buffer += len(encoded).to_bytes(_LENGTH_BYTES, "big")
        self.buffer += encoded
        self.leaf_bytes += len(encoded)
        self.leaves += 1
        if len(self.buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        with self.path.open("ab") as file:
            file.write(self.buffer)
        self.buffer.clear()


Piles = dict[str, _Pile]
"""By prefix."""


class SnapshotWriter:
    """Owns the folder in which one snapshot comes into being; `steps` does the work."""

    def __init__(self, folder: Path, head: SnapshotHead, sizes: SnapshotSizes | None = None) -> None:
        """Take the folder that the finished snapshot will have, beneath one that exists."""
        self._final = folder
        self._folder = folder.with_name(folder.name + UNFINISHED)
        self._head = head
        self._sizes = sizes or SnapshotSizes()
        self._subtrees: list[Subtree] = []
        self._places: list[list[object]] = []
        self._data_file = 0
        self._data_bytes = 0
        self.leaf_bytes = 0
        """Bytes of leaves that were dealt out."""
        self.written_bytes = 0
        """Bytes of leaves that stand in chunks."""

    def steps(self, leaves: Iterable[tuple[str, bytes, bytes]]) -> Iterator[None]:
        """Write the snapshot of these leaves (contract, key, encoded), all of the state, one short step after another.

        Raises:
            StoreDamaged: when the leaves do not have the state root.
            SnapshotTooLargeError: when there are too many, or one is too large.
            OSError: when the disk refuses.
        """
        remove_flat(self._folder)
        self._folder.mkdir()
        piles: Piles = {}
        for number, (contract, key, encoded) in enumerate(leaves):
            path = path_of(contract, key)
            self._pile(piles, path.hex()[:2]).add(path, encoded)
            self.leaf_bytes += len(encoded)
            if number % LEAVES_A_STEP == LEAVES_A_STEP - 1:
                yield
        yield from self._cut(piles, "", depth_of_piles=2)
        if root_of(self._subtrees) != self._head.state_root:
            raise StoreDamaged(
                f"the leaves of the state do not have the state root of block {self._head.height}, "
                f"{self._head.state_root.hex()}"
            )
        self._finish()

    def discard(self) -> None:
        """Remove what was written so far."""
        remove_flat(self._folder)

    def _pile(self, piles: Piles, prefix: str) -> _Pile:
        pile = piles.get(prefix)
        if pile is None:
            pile = piles[prefix] = _Pile(self._folder / f"pile-{prefix}")
        return pile

    def _cut(self, piles: Piles, prefix: str, depth_of_piles: int) -> Iterator[None]:
        """Make chunks of the leaves whose paths begin with `prefix`, which lie in piles by longer prefixes."""
        inside = {name: pile for name, pile in piles.items() if name.startswith(prefix)}
        leaf_bytes = sum(pile.leaf_bytes for pile in inside.values())
        leaves = sum(pile.leaves for pile in inside.values())
        if not leaves:
            return
        fits = leaf_bytes <= self._sizes.sorted_bytes_max or leaves == 1
        if fits and (len(prefix) == depth_of_piles or not is_split(leaf_bytes, leaves, self._sizes.leaf_bytes_max)):
            yield from self._cut_in_memory(prefix, [pile for _, pile in sorted(inside.items())])
        elif len(prefix) < depth_of_piles:
            for digit in "0123456789abcdef":
                yield from self._cut(inside, prefix + digit, depth_of_piles)
        else:
            yield from self._deal_further(inside[prefix], prefix)

    def _deal_further(self, pile: _Pile, prefix: str) -> Iterator[None]:
        """Deal a pile that is too large for memory out by the next digit."""
        further: Piles = {}
        depth = len(prefix) + 1
        for number, (path, encoded) in enumerate(self._taken(pile)):
            self._pile(further, path.hex()[:depth]).add(path, encoded)
            if number % LEAVES_A_STEP == LEAVES_A_STEP - 1:
                yield
        yield from self._cut(further, prefix, depth)

    def _cut_in_memory(self, prefix: str, piles: Sequence[_Pile]) -> Iterator[None]:
        entries: list[tuple[Item, bytes]] = []
        for pile in piles:
            for number, (path, encoded) in enumerate(self._taken(pile)):
                entries.append(((path.hex().encode(), path, leaf_hash(encoded)), encoded))
                if number % LEAVES_A_STEP == LEAVES_A_STEP - 1:
                    yield
        entries.sort(key=_digits_of)
        yield
        yield from self._cut_entries(prefix, entries)

    def _cut_entries(self, prefix: str, entries: Sequence[tuple[Item, bytes]]) -> Iterator[None]:
        leaf_bytes = sum(len(encoded) for _, encoded in entries)
        if not is_split(leaf_bytes, len(entries), self._sizes.leaf_bytes_max):
            yield from self._write_chunk(prefix, entries)
            return
        yield
        depth, start = len(prefix), 0
        while start < len(entries):
            digit, end = entries[start][0][0][depth], start + 1
            while end < len(entries) and entries[end][0][0][depth] == digit:
                end += 1
            yield from self._cut_entries(prefix + chr(digit), entries[start:end])
            start = end

    def _write_chunk(self, prefix: str, entries: Sequence[tuple[Item, bytes]]) -> Iterator[None]:
        chunk = encode_chunk(prefix, [encoded for _, encoded in entries])
        if len(chunk) > CHUNK_BYTES_MAX or len(self._subtrees) == CHUNKS_MAX:
            raise SnapshotTooLargeError(f"chunk {prefix!r}, number {len(self._subtrees) + 1}, has {len(chunk)} bytes")
        yield
        # A subtree of thousands of leaves is hashed in parts, for a block may be waiting.
        parts: list[Subtree] = []
        items, depth = [item for item, _ in entries], min(len(prefix) + 2, 64)
        start = 0
        while start < len(items):
            digits, end = items[start][0][:depth], start + 1
            while end < len(items) and items[end][0][:depth] == digits:
                end += 1
            parts.append(Subtree(digits.decode(), end - start, 0, subtree_root(items[start:end], depth)))
            start = end
            yield
        whole = [Subtree(part.prefix[len(prefix) :], part.leaves, 0, part.root) for part in parts]
        self._subtrees.append(Subtree(prefix, len(items), len(chunk), root_of(whole)))
        self._append(chunk)
        self.written_bytes += sum(len(encoded) for _, encoded in entries)
        yield

    def _append(self, chunk: bytes) -> None:
        if self._data_bytes and self._data_bytes + len(chunk) > self._sizes.data_file_bytes_max:
            self._data_file, self._data_bytes = self._data_file + 1, 0
        with (self._folder / data_file(self._data_file)).open("ab") as file:
            file.write(chunk)
        self._places.append([self._data_file, self._data_bytes, len(chunk), sha256(chunk).digest()])
        self._data_bytes += len(chunk)

    def _taken(self, pile: _Pile) -> Iterator[tuple[bytes, bytes]]:
        """Yield paths and leaves of a pile, which is gone afterwards."""
        pile.flush()
        with pile.path.open("rb") as file:
            while head := file.read(CHECKSUM_BYTES + _LENGTH_BYTES):
                yield head[:CHECKSUM_BYTES], file.read(int.from_bytes(head[CHECKSUM_BYTES:], "big"))
        pile.path.unlink()

    def _finish(self) -> None:
        head = self._head
        manifest = Manifest(head.chain_id, head.height, head.block_hash, head.state_root, tuple(self._subtrees))
        encoded = manifest.encoded()
        if len(encoded) > MANIFEST_BYTES_MAX:
            raise SnapshotTooLargeError(f"a manifest of {len(encoded)} bytes")
        (self._folder / MANIFEST_FILE).write_bytes(encoded)
        index = encode([1, sha256(encoded).digest(), self._places])
        (self._folder / INDEX_FILE).write_bytes(index + sha256(index).digest())
        remove_flat(self._final)
        self._folder.rename(self._final)


def _digits_of(entry: tuple[Item, bytes]) -> bytes:
    return entry[0][0]


def remove_flat(folder: Path) -> None:
    """Remove a folder that holds only files, if it is there.

    A locked-in process may not do what shutil.rmtree does: it duplicates descriptors.
    """
    if not folder.exists():
        return
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    folder.rmdir()


def data_file(number: int) -> str:
    """Return the name of a file that holds chunks."""
    return f"data-{number:04d}"
