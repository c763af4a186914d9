"""Writes an export, or continues one: fetches what a source has beyond it, and adds numbered files.

A file of blocks is written beside its place, synced, and renamed; then the manifest is replaced in the same way. An
interruption therefore leaves an export that ends earlier, and perhaps one file more that the next run replaces.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from audit.export_blocks import compress_block, read_blocks
from audit.export_format import (
    FILE_BLOCKS_MAX,
    FILE_BYTES_MAX,
    GENESIS_FILE,
    MANIFEST_BYTES_MAX,
    MANIFEST_FILE,
    PARTIAL_SUFFIX,
    FileEntry,
    Manifest,
    ManifestError,
    block_file_name,
    decode_manifest,
    sha256_of,
)
from audit.source import BlockSource
from chain.crypto import tagged_hash
from chain.encoding import DecodeError
from chain.recorded_block import decode_recorded_block

FILE_BYTES: Final = 4 * 1024 * 1024
"""A file is full once its compressed blocks have this size together."""


class ExportError(Exception):
    """An export cannot be written or continued; the message says why and what to do."""


ExportListener = Callable[[int, int], None]
"""Hears the height that is safely written, and the head's."""


def write_export(
    folder: Path, source: BlockSource, on_progress: ExportListener, file_bytes: int = FILE_BYTES
) -> Manifest:
    """Bring the export in a folder up to the head of a source, and return its manifest.

    Raises:
        ExportError: when the folder holds something else, a damaged export or another chain's, or when the source's
            blocks do not continue each other.
        SourceUnreadable, AuditMismatch: as the source does.
    """
    try:
        return _write(folder, source, on_progress, file_bytes)
    except OSError as error:
        raise ExportError(f"{error.filename or folder} cannot be written: {error.strerror}") from error


def _write(folder: Path, source: BlockSource, on_progress: ExportListener, file_bytes: int) -> Manifest:
    folder.mkdir(parents=True, exist_ok=True)
    head_height = source.head_height()
    manifest = _open(folder, source.genesis())
    on_progress(manifest.head_height, head_height)
    if manifest.head_height >= head_height:
        _check_same_chain(folder, manifest, source, head_height)
        return manifest
    for first, records, last_hash in _linked_batches(manifest, source, head_height, file_bytes):
        data = b"".join(records)
        assert len(data) <= FILE_BYTES_MAX, "a recorded block and a file's worth of others always fit"
        name = block_file_name(len(manifest.files) + 1)
        _write_file(folder / name, data)
        last = first + len(records) - 1
        entry = FileEntry(name, first, last, len(data), sha256_of(data))
        manifest = replace(manifest, head_height=last, head_hash=last_hash, files=(*manifest.files, entry))
        _write_file(folder / MANIFEST_FILE, manifest.encoded())
        on_progress(last, head_height)
    return manifest


def _open(folder: Path, genesis: bytes) -> Manifest:
    """Return the manifest of the export in the folder, which is begun if the folder is empty."""
    names = {path.name for path in folder.iterdir()}
    genesis_hash = tagged_hash("genesis", genesis).hex()
    if MANIFEST_FILE not in names:
        if names - {GENESIS_FILE, GENESIS_FILE + PARTIAL_SUFFIX, MANIFEST_FILE + PARTIAL_SUFFIX}:
            raise ExportError(f"{folder} is not empty and holds no export; choose another folder")
        manifest = Manifest(len(genesis), sha256_of(genesis), genesis_hash, 0, genesis_hash, ())
        _write_file(folder / GENESIS_FILE, genesis)
        _write_file(folder / MANIFEST_FILE, manifest.encoded())
        return manifest
    manifest = _read_manifest(folder)
    if manifest.genesis_hash != genesis_hash:
        raise ExportError(f"{folder} holds an export of chain {manifest.genesis_hash}, not of {genesis_hash}")
    _check_files(folder, manifest)
    # An interrupted run may have written the next file without coming to the manifest.
    next_file = block_file_name(len(manifest.files) + 1)
    for name in sorted(names - manifest.file_names):
        if name != next_file and not name.endswith(PARTIAL_SUFFIX):
            raise ExportError(f"{folder / name} does not belong to the export; remove it or choose another folder")
        (folder / name).unlink()
    return manifest


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST_FILE
    try:
        with path.open("rb") as file:
            return decode_manifest(file.read(MANIFEST_BYTES_MAX))
    except ManifestError as error:
        raise ExportError(f"{path}: {error}; export into another folder") from error


def _check_files(folder: Path, manifest: Manifest) -> None:
    expectations = [(GENESIS_FILE, manifest.genesis_sha256), *((entry.file, entry.sha256) for entry in manifest.files)]
    for name, sha256 in expectations:
        path = folder / name
        if not path.is_file() or sha256_of(path.read_bytes()) != sha256:
            raise ExportError(f"{path} is missing or not what the manifest says; export into another folder")


def _check_same_chain(folder: Path, manifest: Manifest, source: BlockSource, head_height: int) -> None:
    """Refuse a source that is no longer than the export and has another last block."""
    if head_height == 0:
        return
    entry = next(entry for entry in manifest.files if entry.last >= head_height)
    records = list(read_blocks((folder / entry.file).read_bytes()))
    ours = _hashes(records[head_height - entry.first])[1]
    theirs = _hashes(next(source.blocks(head_height, head_height)))[1]
    if ours != theirs:
        raise ExportError(f"block {head_height} is {ours} in the export and {theirs} at the source")


def _linked_batches(
    manifest: Manifest, source: BlockSource, head_height: int, file_bytes: int
) -> Iterator[tuple[int, list[bytes], str]]:
    """Yield what goes into one file after the other: first height, compressed blocks, hash of the last one."""
    records: list[bytes] = []
    first, size, previous = manifest.head_height + 1, 0, manifest.head_hash
    for height, record in enumerate(source.blocks(first, head_height), first):
        parent, block_hash, stated_height = _hashes(record)
        if (parent, stated_height) != (previous, height):
            raise ExportError(
                f"the source gave block {stated_height} on {parent} where block {height} on {previous} follows; "
                "audit it, or export from another node"
            )
        previous = block_hash
        member = compress_block(record)
        records.append(member)
        size += len(member)
        if len(records) == FILE_BLOCKS_MAX or size >= file_bytes:
            yield first, records, previous
            first, records, size = height + 1, [], 0
    if records:
        yield first, records, previous


def _hashes(record: bytes) -> tuple[str, str, int]:
    """Return parent hash, block hash and height of a recorded block."""
    try:
        block = decode_recorded_block(record).decoded_block()
    except DecodeError as error:
        raise ExportError(f"the source gave what is no block: {error}") from error
    return block.header.parent_hash.hex(), block.block_hash.hex(), block.header.height


def _write_file(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole, or not at all."""
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
