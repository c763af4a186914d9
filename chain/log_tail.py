"""Cuts off what a power cut left of LevelDB's last write, which LevelDB itself takes for damage.

Each of our writes is synced before the next one begins, so only the last record of the newest log, or of the manifest,
can be incomplete, in any of its sectors. LevelDB forgives one that is merely short; with paranoid checks it refuses
one with holes. What is cut here was never acknowledged. A bad record with a good one behind it is no unfinished
write, and nothing is cut then. That a record which had been written was damaged later, the copy of the head notices.

The format is LevelDB's (its doc/log_format.md): blocks of 32 KiB, in them fragments of a masked CRC-32C, a length and a
type; a record is one FULL fragment, or a FIRST one, any MIDDLE ones and a LAST one.
"""

import os
import struct
from pathlib import Path
from typing import Final

BLOCK_BYTES: Final = 32 * 1024
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4

_HEAD: Final = struct.Struct("<IHB")
_POLYNOMIAL: Final = 0x82F63B78
"""CRC-32C (RFC 3720, appendix B.4), bits reversed."""
_MASK_DELTA: Final = 0xA282EAD8


def cut_unfinished(database: Path) -> int:
    """Cut an unfinished last record off the newest log and the manifest of a closed database; return the bytes cut.

    Raises:
        OSError: when a file cannot be read or shortened.
    """
    return sum(map(_cut_file, _growing_files(database)))


def complete_bytes(data: bytes) -> int | None:
    """Return where the last complete record of a log ends; None if something complete follows a bad record."""
    end = place = 0
    inside = bad = False
    while (place := _next_fragment(place, len(data))) < len(data):
        kind, size = _fragment(data, place)
        if kind in (FULL, FIRST) and bad:
            return None
        expected = (MIDDLE, LAST) if inside else (FULL, FIRST)
        bad = bad or kind not in expected
        # Where the length cannot be believed, only the next block is sure to begin with a fragment.
        place = place + size if size else (place // BLOCK_BYTES + 1) * BLOCK_BYTES
        inside = kind in (FIRST, MIDDLE)
        if not bad and not inside:
            end = place
    return end


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of `data`, masked as LevelDB stores it."""
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum = _TABLE[(checksum ^ byte) & 0xFF] ^ (checksum >> 8)
    checksum ^= 0xFFFFFFFF
    return ((checksum >> 15 | checksum << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _growing_files(database: Path) -> list[Path]:
    logs = sorted(path for path in database.glob("*.log") if path.stem.isdigit())
    try:
        # Bytes, because a process that has locked itself in can load no other codec than it has.
        current = database / os.fsdecode((database / "CURRENT").read_bytes().strip())
    except FileNotFoundError:
        return logs[-1:]
    return [*logs[-1:], *(path for path in database.glob("MANIFEST-*") if path == current)]


def _cut_file(path: Path) -> int:
    data = path.read_bytes()
    end = complete_bytes(data)
    if end is None or end == len(data):
        return 0
    with path.open("r+b") as file:
        file.truncate(end)
        os.fsync(file.fileno())
    return len(data) - end


def _next_fragment(place: int, size: int) -> int:
    """Return where the next fragment begins; a block's end too short for a head is filled with zeros."""
    room = BLOCK_BYTES - place % BLOCK_BYTES
    return min(place + room, size) if room < _HEAD.size else place


def _fragment(data: bytes, place: int) -> tuple[int, int]:
    """Return type and size of the fragment at a place: type 0 if it is bad, size 0 if its length is no help either."""
    block_end = (place // BLOCK_BYTES + 1) * BLOCK_BYTES
    if place + _HEAD.size > len(data):
        return 0, 0
    checksum, length, kind = _HEAD.unpack_from(data, place)
    end = place + _HEAD.size + length
    if end > block_end or kind == 0:
        return 0, 0
    # The checksum covers the type and the content.
    good = end <= len(data) and crc32c(data[place + _HEAD.size - 1 : end]) == checksum
    return (kind if good else 0), end - place


def _table() -> tuple[int, ...]:
    entries = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (_POLYNOMIAL if number & 1 else 0)
        entries.append(number)
    return tuple(entries)


_TABLE: Final = _table()
