"""Reads an export for the audit, and finds every byte of it that is not what the other bytes say it is.

The manifest has one form, names exactly the files that are there, and each of its fields is computed anew from them.
A file that differs from the manifest is handed on first: the audit names the block, transaction and field that were
altered. Only where it finds nothing wrong, the file's hash is what differs.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from audit.export_blocks import Damage, first_recompressed, read_on
from audit.export_format import (
    FILE_BYTES_MAX,
    GENESIS_FILE,
    MANIFEST_BYTES_MAX,
    MANIFEST_FILE,
    FileEntry,
    Manifest,
    ManifestError,
    decode_manifest,
    sha256_of,
)
from audit.mismatch import AuditMismatch, Level, Mismatch, SourceUnreadable
from audit.source import Unreadable, unreadable_in
from chain.crypto import tagged_hash
from chain.encoding import DecodeError
from chain.recorded_block import decode_recorded_block

LOST_BLOCKS_MAX: Final = 100_000
"""Blocks that an audit passes over because they are missing or unreadable; behind so many it ends."""


class ExportSource:
    """Implements audit.source.BlockSource over an export's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._manifest: Manifest | None = None
        self._missing: frozenset[str] = frozenset()
        """Files of blocks that the manifest names and nobody finds."""
        self._lost_blocks = 0

    def head_height(self) -> int:
        """Return the height of the last block.

        Raises:
            AuditMismatch: when the manifest is none, or other files are there than it names.
            SourceUnreadable: when there is no export, or the system refuses to read it.
        """
        return self._read_manifest().head_height

    def genesis(self) -> bytes:
        """Return the bytes of the genesis file.

        Raises:
            SourceUnreadable: when the system refuses to read it.
        """
        self._read_manifest()
        return self._read(GENESIS_FILE, FILE_BYTES_MAX, 0)

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the recorded blocks from height `first` to `last`; compare each file, and in the end the manifest.

        Raises:
            AuditMismatch: when a file is not the one that the manifest describes.
            SourceUnreadable: when the system refuses to read one.
        """
        manifest = self._read_manifest()
        record: bytes | None = None
        for entry in manifest.files:
            if entry.last < first or entry.first > last:
                continue
            for height, record in self._file(entry):
                if first <= height <= last:
                    yield record
        if last == manifest.head_height and (record is None or unreadable_in(record) is None):
            self._check_ends(manifest, record)

    def _file(self, entry: FileEntry) -> Iterator[tuple[int, bytes]]:
        if entry.file in self._missing:
            yield from self._lose(entry.first, entry.last, entry.file, "a file that the manifest names", "no such file")
            return
        data = self._read(entry.file, FILE_BYTES_MAX, entry.first)
        heights = f"{entry.first} to {entry.last}"
        expected, is_damaged = entry.first, False
        for height, item in read_on(data, entry.first, entry.last):
            if height > entry.last:
                if isinstance(item, Damage):
                    raise _differs(height, entry.file, "a compressed block", item.why)
                raise _differs(height, f"{entry.file} heights", heights, "more blocks")
            expected = height + 1
            if isinstance(item, bytes):
                yield height, item
                continue
            is_damaged = True
            expected = item.next_height or entry.last + 1
            yield from self._lose(height, expected - 1, entry.file, "a compressed block", item.why)
        if expected <= entry.last:
            is_damaged, found = True, f"{entry.first} to {expected - 1}"
            yield from self._lose(expected, entry.last, f"{entry.file} heights", heights, found)
        if is_damaged:
            # That its length and its hash are others follows.
            return
        if len(data) != entry.bytes:
            raise _differs(entry.first, f"manifest: bytes of {entry.file}", str(len(data)), str(entry.bytes))
        if sha256_of(data) != entry.sha256:
            height = entry.first + (first_recompressed(data) or 0)
            raise _differs(height, f"manifest: sha256 of {entry.file}", sha256_of(data), entry.sha256)

    def _lose(self, first: int, last: int, field: str, expected: str, found: str) -> Iterator[tuple[int, bytes]]:
        """Yield what stands in the place of blocks that cannot be read."""
        instead = Unreadable(field, expected, found).encoded()
        for height in range(first, last + 1):
            self._lost_blocks += 1
            if self._lost_blocks > LOST_BLOCKS_MAX:
                raise _differs(height, field, expected, f"{found}; {LOST_BLOCKS_MAX:,} blocks are lost, here it ends")
            yield height, instead

    def _check_ends(self, manifest: Manifest, last_record: bytes | None) -> None:
        """Compare what the manifest says of the genesis and of the last block."""
        genesis = self.genesis()
        genesis_hash = tagged_hash("genesis", genesis).hex()
        head_hash = genesis_hash if last_record is None else _block_hash(last_record)
        expectations = (
            ("genesis bytes", str(len(genesis)), str(manifest.genesis_bytes)),
            ("genesis sha256", sha256_of(genesis), manifest.genesis_sha256),
            ("genesis_hash", genesis_hash, manifest.genesis_hash),
            ("head hash", head_hash, manifest.head_hash),
        )
        for field, expected, found in expectations:
            if expected != found:
                height = manifest.head_height if field == "head hash" else 0
                raise _differs(height, f"manifest: {field}", expected, found)

    def _read_manifest(self) -> Manifest:
        if self._manifest is None:
            names = self._names()
            if MANIFEST_FILE not in names:
                raise _differs(0, MANIFEST_FILE, "a manifest", "none")
            try:
                manifest = decode_manifest(self._read(MANIFEST_FILE, MANIFEST_BYTES_MAX, 0))
            except ManifestError as error:
                raise _differs(0, MANIFEST_FILE, "a manifest in its one form", str(error)) from error
            self._check_names(manifest, names)
            self._manifest = manifest
        return self._manifest

    def _names(self) -> set[str]:
        try:
            names = {path.name for path in self._folder.iterdir()}
        except OSError as error:
            raise SourceUnreadable(f"{self._folder} cannot be read: {error.strerror}") from error
        if MANIFEST_FILE not in names and GENESIS_FILE not in names:
            raise SourceUnreadable(f"{self._folder} holds no export: there is no {MANIFEST_FILE} in it")
        return names

    def _check_names(self, manifest: Manifest, names: set[str]) -> None:
        missing, extra = sorted(manifest.file_names - names), sorted(names - manifest.file_names)
        self._missing = frozenset(entry.file for entry in manifest.files if entry.file in missing)
        others = [name for name in missing if name not in self._missing]
        if others:
            raise _differs(0, others[0], "a file that the manifest names", "no such file")
        if extra:
            raise _differs(0, extra[0], "no file that the manifest does not name", "a file")

    def _read(self, name: str, bytes_max: int, height: int) -> bytes:
        path = self._folder / name
        try:
            with path.open("rb") as file:
                data = file.read(bytes_max + 1)
        except OSError as error:
            raise SourceUnreadable(f"{path} cannot be read: {error.strerror}") from error
        if len(data) > bytes_max:
            raise _differs(height, name, f"at most {bytes_max} bytes", "more")
        return data


def _block_hash(record: bytes) -> str:
    """Return the hash of the last block; what cannot be read has none, and the audit of it says why."""
    try:
        return decode_recorded_block(record).decoded_block().block_hash.hex()
    except DecodeError:
        return "none: the last block cannot be read"


def _differs(height: int, field: str, expected: str, found: str) -> AuditMismatch:
    return AuditMismatch(Mismatch(Level.FORM, height, field, expected, found))
