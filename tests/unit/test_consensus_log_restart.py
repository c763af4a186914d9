"""What a restarted process reads from its log is durable before it acts upon it, whatever became of the last write."""

import itertools
from typing import Final

import pytest

from chain.types import Height
from consensus.log import LogWriteError, create_log, open_log
from consensus.log_format import SECTOR_BYTES, LogDamagedError
from consensus.pbft.records import Record, RecordKind
from consensus.simulation.chance import chance_of
from consensus.simulation.disk import ProcessKilled, SimulatedDisk

SEGMENT: Final = "0000000000000001.segment"
FIRST = Record(RecordKind.MESSAGE, Height(1), b"said before")
VOTE = Record(RecordKind.MESSAGE, Height(1), b"said last")


def records_after_power_cut(disk: SimulatedDisk) -> tuple[Record, ...]:
    disk.cut_power()
    return open_log(disk).records


@pytest.mark.parametrize("seed", range(20))
def test_a_frame_that_a_killed_process_did_not_sync(seed: int) -> None:
    disk = SimulatedDisk(chance_of(seed, "disk"))
    log = create_log(disk)
    log.append([FIRST])
    log.sync()
    log.append([VOTE])
    disk.faults.kill_in = 2
    with pytest.raises(ProcessKilled):
        log.sync()
    assert open_log(disk).records == (FIRST, VOTE)
    assert records_after_power_cut(disk) == (FIRST, VOTE)


@pytest.mark.parametrize("seed", range(20))
def test_a_frame_that_a_failed_fsync_gave_up(seed: int) -> None:
    disk = SimulatedDisk(chance_of(seed, "disk"))
    log = create_log(disk)
    log.append([FIRST])
    log.sync()
    log.append([VOTE])
    disk.faults.fail_sync_in = 1
    with pytest.raises(LogWriteError):
        log.sync()
    reopened = open_log(disk)
    assert reopened.records == (FIRST, VOTE)
    reopened.log.append([Record(RecordKind.MESSAGE, Height(1), b"said next")])
    reopened.log.sync()
    assert records_after_power_cut(disk)[:2] == (FIRST, VOTE)


@pytest.mark.parametrize("size", [1, 100, 490, 500, 1000, 3000])
def test_any_sectors_of_the_last_frame_may_be_missing(size: int) -> None:
    for before in range(440, 520, 3):
        disk = SimulatedDisk(chance_of(before, "disk"))
        log = create_log(disk)
        log.append([Record(RecordKind.BODY, Height(1), b"\x01" * before)])
        log.sync()
        start = len(disk.read(SEGMENT))
        log.append([Record(RecordKind.BODY, Height(1), b"\x02" * size)])
        log.sync()
        whole = disk.read(SEGMENT)
        sectors = range(start // SECTOR_BYTES, (len(whole) - 1) // SECTOR_BYTES + 1)
        for missing in itertools.product((False, True), repeat=len(sectors)):
            torn = bytearray(whole)
            for sector, is_missing in zip(sectors, missing, strict=True):
                first, last = max(start, sector * SECTOR_BYTES), min(len(whole), (sector + 1) * SECTOR_BYTES)
                torn[first:last] = bytes(last - first) if is_missing else torn[first:last]
            assert len(open_log(disk_of(bytes(torn))).records) == (2 if torn == whole else 1)


def test_a_missing_sector_before_a_whole_frame_is_damage() -> None:
    disk = SimulatedDisk(chance_of(0, "disk"))
    log = create_log(disk)
    for number in range(8):
        log.append([Record(RecordKind.BODY, Height(1), bytes([number + 1]) * 300)])
        log.sync()
    whole = disk.read(SEGMENT)
    for sector in range(len(whole) // SECTOR_BYTES - 1):
        torn = bytearray(whole)
        torn[sector * SECTOR_BYTES : (sector + 1) * SECTOR_BYTES] = bytes(SECTOR_BYTES)
        with pytest.raises(LogDamagedError):
            open_log(disk_of(bytes(torn)))


def disk_of(segment: bytes) -> SimulatedDisk:
    disk = SimulatedDisk(chance_of(0, "disk"))
    file = disk.create(SEGMENT)
    file.write(segment)
    file.sync()
    disk.sync_folder()
    return disk
