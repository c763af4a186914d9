"""Reads a segment of the write-ahead log, and tells an incomplete end from damage; consensus/log.py writes them."""

import struct
import zlib
from typing import Final

from chain.encoding import DecodeError, decode
from chain.types import Height
from consensus.pbft.records import Record, decode_record

MAGIC: Final = b"tallystick/wal/1"
"""Names the format and its version; another version is damage to this one."""

FRAME_BYTES_MAX: Final = 128 * 1024 * 1024
SECTOR_BYTES: Final = 512
"""The least that disks write at once."""

HEADER: Final = struct.Struct(">16sQI")
FRAME: Final = struct.Struct(">III")


class LogDamagedError(Exception):
    """The log misses something that it once held; votes may be lost (rule 11)."""


def read_segment(data: bytes, name: str) -> tuple[Height, list[Record], int]:
    """Return floor, records, and the size up to which frames are complete."""
    if len(data) < HEADER.size:
        raise LogDamagedError(f"{name} ends within its header")
    magic, floor, stored = HEADER.unpack_from(data)
    checksum = zlib.crc32(data[: HEADER.size - 4])
    if magic != MAGIC or stored != checksum:
        raise LogDamagedError(f"{name} does not begin with the header of this format")
    records: list[Record] = []
    position = HEADER.size
    while position < len(data):
        end = _end_of_frame(data, position, checksum, name)
        if end is None:
            break
        body = data[position + FRAME.size : end]
        checksum = FRAME.unpack_from(data, position)[2]
        records += _records_of(body, f"{name} at byte {position}")
        position = end
    return Height(floor), records, position


def _end_of_frame(data: bytes, start: int, checksum: int, name: str) -> int | None:
    """Return where the frame at `start` ends, or None when it is an incomplete last one."""
    body_start = start + FRAME.size
    if body_start > len(data):
        return None
    length, of_length, of_body = FRAME.unpack_from(data, start)
    if zlib.crc32(struct.pack(">I", length), checksum) != of_length:
        # A length that was not written hides where the frame ends; it is the last one if no whole one follows.
        if _is_unwritten(data, start, body_start) and not _holds_frame(data, start):
            return None
        raise LogDamagedError(f"{name} is damaged at byte {start}")
    end = body_start + int(length)
    if end > len(data):
        return None
    if zlib.crc32(data[body_start:end], of_length) == of_body:
        return end
    if end == len(data) and _is_unwritten(data, body_start, end):
        return None
    raise LogDamagedError(f"{name} is damaged after byte {start}")


def _is_unwritten(data: bytes, start: int, end: int) -> bool:
    """Tell whether a sector with any of the bytes `start` to `end`, or its part from `start` on, is all zeros."""
    while start < end:
        boundary = min(len(data), (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if not any(data[start:boundary]):
            return True
        start = boundary
    return False


def _holds_frame(data: bytes, start: int) -> bool:
    """Tell whether a whole frame begins anywhere after `start`: a frame's body and its checksum prove each other."""
    for place in range(start + 1, len(data) - FRAME.size + 1):
        length, of_length, of_body = FRAME.unpack_from(data, place)
        body = data[place + FRAME.size : place + FRAME.size + length]
        if 0 < length == len(body) and zlib.crc32(body, of_length) == of_body:
            return True
    return False


def _records_of(body: bytes, where: str) -> list[Record]:
    try:
        return [decode_record(data) for data in decode(body, size_max=FRAME_BYTES_MAX, depth_max=1)]
    except (DecodeError, TypeError) as error:
        raise LogDamagedError(f"{where} holds something other than records: {error}") from error
