"""Reads the snapshots that chain.snapshot_writer made, and gives out nothing that is not as it was written."""

import contextlib
from hashlib import sha256
from pathlib import Path

from chain.encoding import DecodeError, decode, fields_of
from chain.snapshot import Manifest, SnapshotError, decode_manifest, manifest_hash_of
from chain.snapshot_writer import CHECKSUM_BYTES, INDEX_FILE, MANIFEST_FILE, data_file, remove_flat
from chain.types import Digest, Height
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chunk stands."""

    file: int
    offset: int
    size: int
    checksum: bytes
    """SHA-256 of its bytes."""


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """One finished snapshot on disk."""

    folder: Path
    manifest: Manifest
    encoded: bytes
    """The manifest's bytes."""
    manifest_hash: Digest
    places: tuple[Place, ...]
    """Of each chunk, in the order of the manifest."""

    def chunk(self, number: int) -> bytes:
        """Return the bytes of a chunk.

        Raises:
            SnapshotError: when they are gone or are not those that were written.
        """
        place = self.places[number]
        try:
            with (self.folder / data_file(place.file)).open("rb") as file:
                file.seek(place.offset)
                data = file.read(place.size)
        except OSError as error:
            raise SnapshotError(f"chunk {number} of {self.folder} cannot be read: {error.strerror}") from error
        if sha256(data).digest() != place.checksum:
            raise SnapshotError(f"chunk {number} of {self.folder} is damaged")
        return data


def heights_held(folder: Path) -> list[Height]:
    """Return the heights of the snapshots in a folder, ascending; there may be no such folder."""
    with contextlib.suppress(FileNotFoundError):
        names = [path.name for path in folder.iterdir()]
        return sorted(Height(int(name)) for name in names if name.isascii() and name.isdigit())
    return []


def snapshot_folder(folder: Path, height: int) -> Path:
    """Return where the snapshot of a height lies beneath the folder of all."""
    return folder / str(height)


def open_snapshot(folder: Path, height: int) -> StoredSnapshot:
    """Return the snapshot of a height beneath the folder of all.

    Raises:
        SnapshotError: when there is none, or it is damaged.
    """
    place = snapshot_folder(folder, height)
    try:
        encoded, index = (place / MANIFEST_FILE).read_bytes(), (place / INDEX_FILE).read_bytes()
    except OSError as error:
        raise SnapshotError(f"{place} cannot be read: {error.strerror}") from error
    body, checksum = index[:-CHECKSUM_BYTES], index[-CHECKSUM_BYTES:]
    if sha256(body).digest() != checksum:
        raise SnapshotError(f"the index of {place} is damaged")
    try:
        _, manifest_checksum, entries = fields_of(decode(body), "index of a snapshot", 1, bytes, list)
        places = tuple(Place(*fields_of(entry, "place of a chunk", int, int, int, bytes)) for entry in entries)
    except DecodeError as error:
        raise SnapshotError(f"the index of {place} is damaged: {error}") from error
    if sha256(encoded).digest() != manifest_checksum:
        raise SnapshotError(f"the manifest of {place} is damaged")
    manifest = decode_manifest(encoded)
    return StoredSnapshot(place, manifest, encoded, manifest_hash_of(encoded), places)


def remove_snapshot(folder: Path, height: int) -> None:
    """Remove the snapshot of a height, if there is one."""
    remove_flat(snapshot_folder(folder, height))
