"""The format of an export: a folder with the genesis, numbered files of recorded blocks, and a manifest of both.

  genesis.msgpack           the canonical bytes of the genesis
  blocks-000001.gz          recorded blocks from height 1 on, compressed one by one (audit.export_blocks)
  blocks-000002.gz          and so on without a gap; a file is never changed once it is written
  manifest.json             what stands in which file, with the SHA-256 of each

Invariant: the manifest is a function of the other files, and nothing else is in the folder. So every byte of an export
is covered: an auditor computes the manifest anew and expects exactly the same bytes.
"""

import hashlib
import json
from typing import Any, Final

from chain.values import dataclass

FORMAT: Final = "tallystick-export/2"
GENESIS_FILE: Final = "genesis.msgpack"
MANIFEST_FILE: Final = "manifest.json"
PARTIAL_SUFFIX: Final = ".partial"
"""Of a file that is still being written."""

FILE_BYTES_MAX: Final = 32 * 1024 * 1024
"""Bound on any file of an export."""
MANIFEST_BYTES_MAX: Final = FILE_BYTES_MAX
FILE_BLOCKS_MAX: Final = 10_000
"""Blocks of one file."""


class ManifestError(ValueError):
    """Bytes that are no manifest in its one form."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of blocks."""

    file: str
    first: int
    """Height of its first block."""
    last: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds."""

    genesis_bytes: int
    genesis_sha256: str
    genesis_hash: str
    """The chain's id, by which the genesis is known to all."""
    head_height: int
    head_hash: str
    """Hash of the last block; the genesis hash if there is none."""
    files: tuple[FileEntry, ...]

    def encoded(self) -> bytes:
        """Return the one form of this manifest."""
        document = {
            "format": FORMAT,
            "genesis": {
                "file": GENESIS_FILE,
                "bytes": self.genesis_bytes,
                "sha256": self.genesis_sha256,
                "genesis_hash": self.genesis_hash,
            },
            "head": {"height": self.head_height, "hash": self.head_hash},
            "files": [
                {
                    "file": entry.file,
                    "first": entry.first,
                    "last": entry.last,
                    "bytes": entry.bytes,
                    "sha256": entry.sha256,
                }
                for entry in self.files
            ],
        }
        return json.dumps(document, indent=1, ensure_ascii=True).encode() + b"\n"

    @property
    def file_names(self) -> set[str]:
        """Everything that the folder has to hold, the manifest included."""
        return {GENESIS_FILE, MANIFEST_FILE, *(entry.file for entry in self.files)}


def block_file_name(number: int) -> str:
    """Return the name of the file of blocks with a number, from 1."""
    return f"blocks-{number:06d}.gz"


def sha256_of(data: bytes) -> str:
    """Return the plain SHA-256 of a file's content in hexadecimal, as any tool computes it."""
    return hashlib.sha256(data).hexdigest()


def decode_manifest(data: bytes) -> Manifest:
    """Return the manifest in its one form; its ranges are contiguous and its files numbered, from 1.

    Raises:
        ManifestError: when the bytes are none.
    """
    try:
        document = json.loads(data)
        manifest = _from_document(document)
    except KeyError as error:
        raise ManifestError(f"not a manifest: there is no field {error.args[0]!r}") from error
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ManifestError("not a manifest: no JSON, or a field has another form than it must have") from error
    if manifest.encoded() != data:
        raise ManifestError("not in the one form of a manifest, or with a field of the wrong type or unknown")
    height = 0
    for number, entry in enumerate(manifest.files, 1):
        if (
            entry.file != block_file_name(number)
            or entry.first != height + 1
            or not 0 <= entry.last - entry.first < FILE_BLOCKS_MAX
        ):
            raise ManifestError(f"file {number} of blocks is {entry.file} from {entry.first} to {entry.last}")
        height = entry.last
    if height != manifest.head_height:
        raise ManifestError(f"the files end at height {height}, the head is at {manifest.head_height}")
    return manifest


def _from_document(document: Any) -> Manifest:
    genesis, head = document["genesis"], document["head"]
    entries = [
        FileEntry(
            str(entry["file"]), int(entry["first"]), int(entry["last"]), int(entry["bytes"]), str(entry["sha256"])
        )
        for entry in document["files"]
    ]
    return Manifest(
        int(genesis["bytes"]),
        str(genesis["sha256"]),
        str(genesis["genesis_hash"]),
        int(head["height"]),
        str(head["hash"]),
        tuple(entries),
    )
