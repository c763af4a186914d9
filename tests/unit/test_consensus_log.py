"""The write-ahead log: what survives, what is cut off, and what counts as damage."""

import errno
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.types import Height
from consensus.files import AppendFile, OsFileSystem
from consensus.log import LogWriteError, OpenedLog, WriteAheadLog, create_log, has_log, open_log
from consensus.log_format import SECTOR_BYTES, LogDamagedError
from consensus.pbft.records import EVER, Record, RecordKind


def record(height: int, payload: bytes = b"payload", kind: RecordKind = RecordKind.MESSAGE) -> Record:
    return Record(kind, Height(height), payload)


@dataclass
class MemoryFile:
    disk: "MemoryDisk"
    name: str
    content: bytearray

    def write(self, data: bytes) -> None:
        if self.disk.room is not None and len(data) > self.disk.room:
            self.content += data[: self.disk.room]
            raise OSError(errno.ENOSPC, "no space left on device")
        self.content += data

    def sync(self) -> None:
        self.disk.calls.append(f"sync {self.name}")
        if self.disk.fails_sync:
            raise OSError(errno.EIO, "input/output error")

    def close(self) -> None:
        self.disk.calls.append(f"close {self.name}")


@dataclass
class MemoryDisk:
    """A folder in memory; an open file stays the same file when it is renamed."""

    files: dict[str, bytearray] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    room: int | None = None
    fails_sync: bool = False

    def names(self) -> list[str]:
        return sorted(self.files)

    def read(self, name: str) -> bytes:
        return bytes(self.files[name])

    def read_part(self, name: str, start: int, size: int) -> bytes:
        return bytes(self.files[name][start : start + size])

    def create(self, name: str) -> AppendFile:
        assert name not in self.files
        self.files[name] = bytearray()
        return MemoryFile(self, name, self.files[name])

    def rename(self, old: str, new: str) -> None:
        self.calls.append(f"rename {old} {new}")
        self.files[new] = self.files.pop(old)

    def remove(self, name: str) -> None:
        self.calls.append(f"remove {name}")
        del self.files[name]

    def sync_folder(self) -> None:
        self.calls.append("sync folder")


def disk_of(**segments: bytes) -> MemoryDisk:
    """Return a disk with these files; `_1` stands for the first segment."""
    return MemoryDisk({SEGMENT if name == "_1" else name: bytearray(data) for name, data in segments.items()})


def written(disk: MemoryDisk, groups: list[list[Record]]) -> WriteAheadLog:
    log = create_log(disk)
    for group in groups:
        log.append(group)
        log.sync()
    return log


def reopened(disk: MemoryDisk) -> OpenedLog:
    return open_log(disk)


GROUPS = [[record(1, b"a"), record(1, b"b")], [record(2, b"c" * 700, RecordKind.BODY)], [record(2, b"d")]]
RECORDS = tuple(entry for group in GROUPS for entry in group)
SEGMENT = "0000000000000001.segment"
SECOND_SEGMENT = "0000000000000002.segment"


def test_synced_records_come_back_in_order() -> None:
    disk = MemoryDisk()
    written(disk, GROUPS)
    opened = reopened(disk)
    assert opened.records == RECORDS
    assert (opened.floor, opened.cut_bytes) == (1, 0)


def test_records_are_written_by_sync_alone_and_in_one_frame() -> None:
    disk = MemoryDisk()
    log = create_log(disk)
    size = len(disk.read(SEGMENT))
    log.append([record(1)])
    log.append([record(1, b"second")])
    assert len(disk.read(SEGMENT)) == size
    syncs = len(disk.calls)
    log.sync()
    log.sync()
    assert len(disk.calls) == syncs + 1
    assert len(disk.read(SEGMENT)) > size


def test_appending_goes_on_after_opening() -> None:
    disk = MemoryDisk()
    written(disk, GROUPS[:2])
    log = reopened(disk).log
    log.append(GROUPS[2])
    log.sync()
    assert reopened(disk).records == RECORDS


def test_every_cut_within_the_last_frame_loses_that_frame_alone() -> None:
    disk = MemoryDisk()
    log = create_log(disk)
    log.append(GROUPS[0])
    log.sync()
    before = len(disk.read(SEGMENT))
    log.append(GROUPS[1])
    log.sync()
    whole = disk.read(SEGMENT)
    for size in range(before, len(whole)):
        torn = disk_of(_1=whole[:size])
        opened = reopened(torn)
        assert opened.records == tuple(GROUPS[0])
        assert opened.cut_bytes == size - before
        assert torn.names() == [SECOND_SEGMENT]
        assert reopened(torn).cut_bytes == 0


def test_unwritten_sectors_of_the_last_frame_are_cut_off() -> None:
    disk = MemoryDisk()
    log = written(disk, GROUPS[:1])
    before = len(disk.read(SEGMENT))
    log.append([record(2, b"x" * 3 * SECTOR_BYTES)])
    log.sync()
    whole = disk.read(SEGMENT)
    torn = whole[:SECTOR_BYTES] + bytes(SECTOR_BYTES) + whole[2 * SECTOR_BYTES :]
    assert reopened(disk_of(_1=torn)).records == tuple(GROUPS[0])
    nothing_written = whole[:before] + bytes(len(whole) - before)
    assert reopened(disk_of(_1=nothing_written)).records == tuple(GROUPS[0])


def test_every_flipped_bit_is_damage() -> None:
    disk = MemoryDisk()
    written(disk, [[record(1, b"abc")], [record(2, b"def")]])
    whole = disk.read(SEGMENT)
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            with pytest.raises(LogDamagedError):
                reopened(disk_of(_1=bytes(flipped)))


def test_a_frame_that_is_lost_moved_or_repeated_is_damage() -> None:
    disk = MemoryDisk()
    log = create_log(disk)
    frames = []
    for group in ([record(1, b"one")], [record(1, b"two")], [record(1, b"six")]):
        start = len(disk.read(SEGMENT))
        log.append(group)
        log.sync()
        frames.append(disk.read(SEGMENT)[start:])
    head = disk.read(SEGMENT)[: -sum(map(len, frames))]
    one, two, six = frames
    for content in (one + six, two + one + six, one + one + two, one + two + two, two):
        with pytest.raises(LogDamagedError):
            reopened(disk_of(_1=head + content))


def test_a_missing_or_foreign_log_is_damage() -> None:
    with pytest.raises(LogDamagedError, match="no log"):
        reopened(MemoryDisk())
    with pytest.raises(LogDamagedError, match="header"):
        reopened(disk_of(_1=b"tallystick/wal/2" + bytes(12)))
    with pytest.raises(LogDamagedError, match="header"):
        reopened(disk_of(_1=b"tally"))
    assert not has_log(MemoryDisk())
    assert has_log(disk_of(_1=b""))


def test_dropping_keeps_what_is_above_and_what_is_for_ever() -> None:
    disk = MemoryDisk()
    log = create_log(disk, segment_bytes_max=1)
    amnesia = record(EVER, b"key", RecordKind.AMNESIA)
    log.append([record(1), amnesia, record(2), record(3)])
    log.drop_below(Height(3))
    assert disk.names() == ["0000000000000002.segment"]
    opened = reopened(disk)
    assert opened.records == (amnesia, record(3))
    assert opened.floor == 3
    opened.log.append([record(4)])
    opened.log.sync()
    assert reopened(disk).records == (amnesia, record(3), record(4))


def test_the_new_segment_is_durable_before_the_old_one_goes() -> None:
    disk = MemoryDisk()
    log = create_log(disk, segment_bytes_max=1)
    disk.calls.clear()
    log.append([record(2)])
    log.drop_below(Height(2))
    second = "0000000000000002.segment"
    assert disk.calls[2:] == [
        f"sync {second}.unfinished",
        f"rename {second}.unfinished {second}",
        "sync folder",
        f"remove {SEGMENT}",
        "sync folder",
    ]


def test_a_small_segment_is_not_rewritten() -> None:
    disk = MemoryDisk()
    log = written(disk, GROUPS)
    log.drop_below(Height(9))
    assert disk.names() == [SEGMENT]
    assert reopened(disk).records == RECORDS


def test_a_crash_between_segments_leaves_the_newer_finished_one() -> None:
    disk = MemoryDisk()
    log = create_log(disk, segment_bytes_max=1)
    log.append([record(1), record(2)])
    log.sync()
    old = disk.read(SEGMENT)
    log.drop_below(Height(2))
    disk.files[SEGMENT] = bytearray(old)
    disk.files["0000000000000003.segment.unfinished"] = bytearray(b"half")
    assert reopened(disk).records == (record(2),)
    assert disk.names() == ["0000000000000003.segment"]


def test_a_full_disk_ends_the_log() -> None:
    disk = MemoryDisk()
    log = written(disk, GROUPS)
    disk.room = 5
    log.append([record(3)])
    with pytest.raises(LogWriteError, match="no space left"):
        log.sync()
    disk.room = None
    with pytest.raises(LogWriteError, match="failed before"):
        log.append([record(3)])
    assert reopened(disk).records == RECORDS


def test_a_failed_fsync_is_never_tried_again() -> None:
    disk = MemoryDisk()
    log = written(disk, GROUPS)
    disk.fails_sync = True
    log.append([record(3)])
    with pytest.raises(LogWriteError, match="input/output"):
        log.sync()
    disk.fails_sync = False
    with pytest.raises(LogWriteError):
        log.sync()


def test_a_log_on_a_real_disk(tmp_path: Path) -> None:
    folder = tmp_path / "wal"
    log = create_log(OsFileSystem(folder), segment_bytes_max=1)
    log.append(RECORDS)
    log.sync()
    log.drop_below(Height(2))
    log.append([record(3)])
    log.sync()
    log.close()
    with (folder / "0000000000000002.segment").open("ab") as file:
        file.write(b"\x00\x00")
    opened = open_log(OsFileSystem(folder))
    assert opened.records == (*RECORDS[2:], record(3))
    assert opened.cut_bytes == 2
    opened.log.append([record(4)])
    opened.log.sync()
    opened.log.close()
    assert open_log(OsFileSystem(folder)).records[-1] == record(4)


@given(st.lists(st.lists(st.tuples(st.integers(1, 9), st.binary(max_size=40)), max_size=3), max_size=6), st.data())
def test_a_power_cut_leaves_every_synced_group(groups: list[list[tuple[int, bytes]]], data: st.DataObject) -> None:
    disk = MemoryDisk()
    log = create_log(disk)
    synced: list[Record] = []
    sizes = [(len(disk.read(SEGMENT)), 0)]
    for group in groups:
        records = [record(height, payload) for height, payload in group]
        log.append(records)
        log.sync()
        synced += records
        sizes.append((len(disk.read(SEGMENT)), len(synced)))
    cut = data.draw(st.integers(sizes[0][0], sizes[-1][0]))
    kept = max(count for size, count in sizes if size <= cut)
    opened = reopened(disk_of(_1=disk.read(SEGMENT)[:cut]))
    assert opened.records == tuple(synced[:kept])
