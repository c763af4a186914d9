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

Bodies are large, and every view that fails leaves one more of them. They are not kept in memory: the log remembers
where each stands in the file, and reads it when somebody asks (`body`). So what a height costs is room on the disk,
and a full disk is a write that fails.

A write or a sync that fails is final: the log refuses everything from then on, and the process must end.
"""

import errno
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from chain.block import Block, decode_block
from chain.encoding import DecodeError, encode
from chain.types import Digest, Height
from chain.values import dataclass
from consensus.files import AppendFile, FileSystem
from consensus.log_format import FRAME, FRAME_BYTES_MAX, MAGIC, LogDamagedError, read_segment
from consensus.pbft.records import Record, RecordKind, decode_record, encode_record

SEGMENT_BYTES_MAX: Final = 8 * 1024 * 1024
"""Size at which forgotten heights are worth a new segment; a synced new file for every block would cost more."""

FIRST_HEIGHT: Final = Height(1)
GROUP_BYTES_MAX: Final = 16 * 1024 * 1024
"""A new segment puts records together into frames of about this size."""

_SUFFIX: Final = ".segment"
_UNFINISHED: Final = ".unfinished"


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


@dataclass(slots=True)
class _Kept:
    """A record that is not forgotten yet."""

    height: Height
    is_body: bool
    data: bytes | None
    """The encoded record; None once it is a body in the file."""
    start: int = 0
    """Where a body's record stands in the current segment."""
    size: int = 0
    checksum: int = 0
    block_hash: Digest | None = None
    """A body's hash, once somebody has asked for one."""


class WriteAheadLog:
    """Appends records to the current segment and forgets old ones."""

    def __init__(
        self,
        files: FileSystem,
        number: int,
        file: AppendFile,
        size: int,
        checksum: int,
        kept: list[_Kept],
        segment_bytes_max: int,
    ) -> None:
        """Continue a segment; use `open_log` or `create_log`."""
        self._files = files
        self._number = number
        self._file = file
        self._size = size
        self._checksum = checksum
        self._kept = kept
        """Records above the floor, for the next segment."""
        self._waiting: list[_Kept] = []
        self._segment_bytes_max = segment_bytes_max
        self._is_dead = False

    def append(self, records: Iterable[Record]) -> None:
        """Add records to the group that the next `sync` writes."""
        self._check_alive()
        for record in records:
            self._waiting.append(_kept_of(record))

    def sync(self) -> None:
        """Write the waiting group as one frame and make it durable.

        Raises:
            LogWriteError: when the disk refuses; the log is dead then.
        """
        self._check_alive()
        if not self._waiting:
            return
        group, self._waiting = self._waiting, []
        frame, self._checksum = _frame_of(group, self._checksum, self._size)
        try:
            self._file.write(frame)
            self._file.sync()
        except OSError as error:
            raise self._die("write", error) from error
        self._size += len(frame)
        _leave_bodies(group)
        self._kept += group

    def drop_below(self, height: Height) -> None:
        """Forget records of heights below this; the disk follows when the segment has grown large.

        Raises:
            LogWriteError: when the disk refuses; the log is dead then.
        """
        self.sync()
        self._kept = [kept for kept in self._kept if kept.height >= height]
        if self._size < self._segment_bytes_max:
            return
        old = _name(self._number)
        try:
            for kept in self._kept:
                kept.data = self._data_of(kept)
            self._file.close()
            segment = _write_segment(self._files, self._number + 1, height, self._kept)
            self._number += 1
            self._file, self._size, self._checksum = segment
            self._files.remove(old)
            self._files.sync_folder()
        except OSError as error:
            raise self._die("begin a segment", error) from error

    def body(self, block_hash: Digest) -> Block | None:
        """Return an undecided block that was written here, read from the disk; None if there is none, or no more."""
        for kept in reversed(self._kept):
            if kept.is_body and kept.block_hash in (None, block_hash):
                block = self._read_body(kept)
                if block is not None and block.block_hash == block_hash:
                    return block
        return None

    def _read_body(self, kept: _Kept) -> Block | None:
        try:
            block = decode_block(decode_record(self._data_of(kept)).payload)
        except (OSError, DecodeError):
            return None
        kept.block_hash = block.block_hash
        return block

    def _data_of(self, kept: _Kept) -> bytes:
        """Return a record's bytes.

        Raises:
            OSError: when they cannot be read as they were written.
        """
        if kept.data is not None:
            return kept.data
        data = self._files.read_part(_name(self._number), kept.start, kept.size)
        if zlib.crc32(data) != kept.checksum:
            raise OSError(errno.EIO, "the record at this place has changed", _name(self._number))
        return data

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
    files: FileSystem,
    floor: Height = FIRST_HEIGHT,
    records: Sequence[Record] = (),
    *,
    segment_bytes_max: int = SEGMENT_BYTES_MAX,
) -> WriteAheadLog:
    """Begin a log that holds `records` from the first moment on: of a new node, or in place of one that is lost.

    Segments that are there already stay, and count no more: the new one is durable before anybody moves them away.

    Raises:
        LogWriteError: when the disk refuses.
    """
    number = max(_segments(files), default=0) + 1
    kept = [_kept_of(record) for record in records]
    try:
        _remove_unfinished(files)
        segment = _write_segment(files, number, floor, kept)
    except OSError as error:
        raise LogWriteError(f"cannot create the log: {error}") from error
    return WriteAheadLog(files, number, *segment, kept, segment_bytes_max)


def segments_before(files: FileSystem) -> list[str]:
    """Return the names of segments that a newer one has made void, ascending."""
    return [_name(number) for number in _segments(files)[:-1]]


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
    floor, records, size = read_segment(data, _name(number))
    kept = [_kept_of(record) for record in records if record.height >= floor]
    try:
        _remove_unfinished(files)
        segment = _write_segment(files, number + 1, floor, kept)
        for older in numbers:
            files.remove(_name(older))
        files.sync_folder()
    except OSError as error:
        raise LogWriteError(f"cannot write the log anew after {_name(number)}: {error}") from error
    log = WriteAheadLog(files, number + 1, *segment, kept, segment_bytes_max)
    return OpenedLog(log, tuple(records), floor, len(data) - size)


def _kept_of(record: Record) -> _Kept:
    return _Kept(record.height, record.kind is RecordKind.BODY, encode_record(record))


def _leave_bodies(group: Sequence[_Kept]) -> None:
    """Forget the bytes of bodies that stand in the file."""
    for kept in group:
        if kept.is_body:
            kept.data = None


def _write_segment(
    files: FileSystem, number: int, floor: Height, records: Sequence[_Kept]
) -> tuple[AppendFile, int, int]:
    """Write a whole segment, make it durable under its name, and return file, size and last checksum."""
    head = struct.pack(">16sQ", MAGIC, floor)
    checksum = zlib.crc32(head)
    content = bytearray(head + struct.pack(">I", checksum))
    for group in _groups(records):
        frame, checksum = _frame_of(group, checksum, len(content))
        content += frame
    unfinished = _name(number) + _UNFINISHED
    file = files.create(unfinished)
    file.write(bytes(content))
    file.sync()
    files.rename(unfinished, _name(number))
    files.sync_folder()
    _leave_bodies(records)
    return file, len(content), checksum


def _groups(records: Sequence[_Kept]) -> Iterator[list[_Kept]]:
    """Yield records in groups that are no larger than need be."""
    group: list[_Kept] = []
    size = 0
    for kept in records:
        assert kept.data is not None, "what is written is at hand"
        if group and size + len(kept.data) > GROUP_BYTES_MAX:
            yield group
            group, size = [], 0
        group.append(kept)
        size += len(kept.data)
    if group:
        yield group


def _frame_of(group: Sequence[_Kept], checksum: int, start: int) -> tuple[bytes, int]:
    """Return the frame that stands at `start`, with its last checksum, and note where bodies stand in it."""
    datas = [kept.data for kept in group if kept.data is not None]
    assert len(datas) == len(group), "what is written is at hand"
    body = encode(datas)
    assert len(body) <= FRAME_BYTES_MAX, "a group holds a few blocks at most"
    place = start + FRAME.size + len(body)
    # From the end: behind a record's own bytes nothing but the next record's head and bytes follows.
    for kept, data in zip(reversed(group), reversed(datas), strict=True):
        place -= len(data)
        if kept.is_body:
            kept.start, kept.size, kept.checksum = place, len(data), zlib.crc32(data)
        place -= _bytes_before(len(data))
    of_length = zlib.crc32(struct.pack(">I", len(body)), checksum)
    of_body = zlib.crc32(body, of_length)
    return FRAME.pack(len(body), of_length, of_body) + body, of_body


def _bytes_before(size: int) -> int:
    """Return how many bytes msgpack puts in front of a byte string."""
    return 2 if size < 1 << 8 else 3 if size < 1 << 16 else 5


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
