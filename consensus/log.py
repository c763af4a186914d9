"""The write-ahead log: what this replica has said and promised, durable before anyone can hear it (rule 10).

A segment file is a header and then frames; each frame is one synced group of records:

    header   16 bytes "tallystick/wal/1", 8 bytes floor, 4 bytes CRC-32 of the 24 before
    frame    4 bytes length of the body, 4 bytes CRC-32 of those 4 continued from the previous frame's last CRC,
             4 bytes CRC-32 of the body continued from that, body = encode([record, ...])

All numbers are big-endian. The floor is the lowest height of which the log still holds everything. The checksums form
a chain, so that a frame that was lost, moved or repeated shows as damage. Frames are never rewritten; at every start,
and to forget old heights, a new segment is written, synced, renamed into place, and only then the old one removed.

Invariant: a frame is written and synced before the next is begun. So a crash can leave at most the last frame
incomplete, and that frame was never acted upon: it is cut off. Incomplete means that the file ends before the frame
does, or that whole sectors of it were never written and read as zeros. Any other damage may have destroyed votes that
others have seen, and raises LogDamagedError: the caller must start the replica with `damaged=True`.

A write or a sync that fails is final: the log refuses everything from then on, and the process must end.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from chain.encoding import DecodeError, decode, encode
from chain.types import Height
from consensus.files import AppendFile, FileSystem
from consensus.pbft.records import Record, decode_record, encode_record

MAGIC: Final = b"tallystick/wal/1"
"""Names the format and its version; another version is damage to this one."""

SEGMENT_BYTES_MAX: Final = 8 * 1024 * 1024
"""Size at which forgotten heights are worth a new segment; a synced new file for every block would cost more."""

FIRST_HEIGHT: Final = Height(1)
FRAME_BYTES_MAX: Final = 128 * 1024 * 1024
SECTOR_BYTES: Final = 512
"""The least that disks write at once."""

_HEADER: Final = struct.Struct(">16sQI")
_FRAME: Final = struct.Struct(">III")
_SUFFIX: Final = ".segment"
_UNFINISHED: Final = ".unfinished"


class LogDamagedError(Exception):
    """The log misses something that it once held; votes may be lost (rule 11)."""


class LogWriteError(Exception):
    """The log could not be written; nothing that depends on it may happen any more."""


@dataclass(frozen=True, slots=True)
class OpenedLog:
    """A log and what it held when it was opened."""

    log: "WriteAheadLog"
    records: tuple[Record, ...]
    floor: Height
    cut_bytes: int
    """Bytes of an incomplete last frame that were cut off."""


class WriteAheadLog:
    """Appends records to the current segment and forgets old ones."""

    def __init__(
        self,
        files: FileSystem,
        number: int,
        file: AppendFile,
        size: int,
        checksum: int,
        kept: Sequence[tuple[Height, bytes]],
        segment_bytes_max: int,
    ) -> None:
        """Continue a segment; use `open_log` or `create_log`."""
        self._files = files
        self._number = number
        self._file = file
        self._size = size
        self._checksum = checksum
        self._kept = list(kept)
        """Encoded records above the floor, for the next segment."""
        self._waiting: list[bytes] = []
        self._segment_bytes_max = segment_bytes_max
        self._is_dead = False

    def append(self, records: Iterable[Record]) -> None:
        """Add records to the group that the next `sync` writes."""
        self._check_alive()
        for record in records:
            data = encode_record(record)
            self._waiting.append(data)
            self._kept.append((record.height, data))

    def sync(self) -> None:
        """Write the waiting group as one frame and make it durable.

        Raises:
            LogWriteError: when the disk refuses; the log is dead then.
        """
        self._check_alive()
        if not self._waiting:
            return
        frame, self._checksum = _frame_of(self._waiting, self._checksum)
        self._waiting.clear()
        try:
            self._file.write(frame)
            self._file.sync()
        except OSError as error:
            raise self._die("write", error) from error
        self._size += len(frame)

    def drop_below(self, height: Height) -> None:
        """Forget records of heights below this; the disk follows when the segment has grown large.

        Raises:
            LogWriteError: when the disk refuses; the log is dead then.
        """
        self.sync()
        self._kept = [(record_height, data) for record_height, data in self._kept if record_height >= height]
        if self._size < self._segment_bytes_max:
            return
        old = _name(self._number)
        try:
            self._file.close()
            segment = _write_segment(self._files, self._number + 1, height, [data for _, data in self._kept])
            self._number += 1
            self._file, self._size, self._checksum = segment
            self._files.remove(old)
            self._files.sync_folder()
        except OSError as error:
            raise self._die("begin a segment", error) from error

    def close(self) -> None:
        """Give the file back; what was not synced is lost."""
        if not self._is_dead:
            self._is_dead = True
            self._file.close()

    def _check_alive(self) -> None:
        if self._is_dead:
            raise LogWriteError("the log was closed or has failed before")

    def _die(self, action: str, error: OSError) -> LogWriteError:
        # After a failed fsync the kernel may have dropped the data and report success the next time.
        self._is_dead = True
        return LogWriteError(f"cannot {action}: {error}")


def create_log(
    files: FileSystem, floor: Height = FIRST_HEIGHT, *, segment_bytes_max: int = SEGMENT_BYTES_MAX
) -> WriteAheadLog:
    """Make the log of a new node, or of one whose old log was set aside; the folder must hold no segment.

    Raises:
        LogWriteError: when the disk refuses.
    """
    assert not _segments(files), "an existing log is opened or set aside, never overwritten"
    try:
        _remove_unfinished(files)
        file, size, checksum = _write_segment(files, 1, floor, [])
    except OSError as error:
        raise LogWriteError(f"cannot create the log: {error}") from error
    return WriteAheadLog(files, 1, file, size, checksum, [], segment_bytes_max)


def has_log(files: FileSystem) -> bool:
    """Tell whether the folder holds a log. A node with blocks and without a log has lost its votes."""
    return bool(_segments(files))


def open_log(files: FileSystem, *, segment_bytes_max: int = SEGMENT_BYTES_MAX) -> OpenedLog:
    """Open an existing log in a new segment, without an incomplete last frame.

    What a segment reads as need not be on the disk: a killed process leaves a frame that was never synced, and a failed
    fsync one that no later fsync will write. It is about to be acted upon, so all of it is written anew.

    Raises:
        LogDamagedError: when there is none, or it is damaged in any other way.
        LogWriteError: when the disk refuses.
    """
    numbers = _segments(files)
    if not numbers:
        raise LogDamagedError("there is no log")
    number = numbers[-1]
    try:
        data = files.read(_name(number))
    except OSError as error:
        raise LogDamagedError(f"cannot read {_name(number)}: {error}") from error
    floor, records, size = _read_segment(data, _name(number))
    kept = [(record.height, encode_record(record)) for record in records if record.height >= floor]
    try:
        _remove_unfinished(files)
        segment = _write_segment(files, number + 1, floor, [encoded for _, encoded in kept])
        for older in numbers:
            files.remove(_name(older))
        files.sync_folder()
    except OSError as error:
        raise LogWriteError(f"cannot write the log anew after {_name(number)}: {error}") from error
    log = WriteAheadLog(files, number + 1, *segment, kept, segment_bytes_max)
    return OpenedLog(log, tuple(records), floor, len(data) - size)


def _write_segment(
    files: FileSystem, number: int, floor: Height, records: Sequence[bytes]
) -> tuple[AppendFile, int, int]:
    """Write a whole segment, make it durable under its name, and return file, size and last checksum."""
    head = struct.pack(">16sQ", MAGIC, floor)
    checksum = zlib.crc32(head)
    content = head + struct.pack(">I", checksum)
    if records:
        frame, checksum = _frame_of(records, checksum)
        content += frame
    unfinished = _name(number) + _UNFINISHED
    file = files.create(unfinished)
    file.write(content)
    file.sync()
    files.rename(unfinished, _name(number))
    files.sync_folder()
    return file, len(content), checksum


def _frame_of(records: Sequence[bytes], checksum: int) -> tuple[bytes, int]:
    body = encode(list(records))
    assert len(body) <= FRAME_BYTES_MAX, "a group holds a few blocks at most"
    of_length = zlib.crc32(struct.pack(">I", len(body)), checksum)
    of_body = zlib.crc32(body, of_length)
    return _FRAME.pack(len(body), of_length, of_body) + body, of_body


def _read_segment(data: bytes, name: str) -> tuple[Height, list[Record], int]:
    """Return floor, records, and the size up to which frames are complete."""
    if len(data) < _HEADER.size:
        raise LogDamagedError(f"{name} ends within its header")
    magic, floor, stored = _HEADER.unpack_from(data)
    checksum = zlib.crc32(data[: _HEADER.size - 4])
    if magic != MAGIC or stored != checksum:
        raise LogDamagedError(f"{name} does not begin with the header of this format")
    records: list[Record] = []
    position = _HEADER.size
    while position < len(data):
        end = _end_of_frame(data, position, checksum, name)
        if end is None:
            break
        body = data[position + _FRAME.size : end]
        checksum = _FRAME.unpack_from(data, position)[2]
        records += _records_of(body, f"{name} at byte {position}")
        position = end
    return Height(floor), records, position


def _end_of_frame(data: bytes, start: int, checksum: int, name: str) -> int | None:
    """Return where the frame at `start` ends, or None when it is an incomplete last one."""
    body_start = start + _FRAME.size
    if body_start > len(data):
        return None
    length, of_length, of_body = _FRAME.unpack_from(data, start)
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
    for place in range(start + 1, len(data) - _FRAME.size + 1):
        length, of_length, of_body = _FRAME.unpack_from(data, place)
        body = data[place + _FRAME.size : place + _FRAME.size + length]
        if 0 < length == len(body) and zlib.crc32(body, of_length) == of_body:
            return True
    return False


def _records_of(body: bytes, where: str) -> list[Record]:
    try:
        return [decode_record(data) for data in decode(body, size_max=FRAME_BYTES_MAX, depth_max=1)]
    except (DecodeError, TypeError) as error:
        raise LogDamagedError(f"{where} holds something other than records: {error}") from error


def _segments(files: FileSystem) -> list[int]:
    """Return the numbers of all finished segments, ascending."""
    stems = [name.removesuffix(_SUFFIX) for name in files.names() if name.endswith(_SUFFIX)]
    return sorted(int(stem) for stem in stems if stem.isascii() and stem.isdigit())


def _remove_unfinished(files: FileSystem) -> None:
    for name in files.names():
        if name.endswith(_UNFINISHED):
            files.remove(name)


def _name(number: int) -> str:
    return f"{number:016d}{_SUFFIX}"
