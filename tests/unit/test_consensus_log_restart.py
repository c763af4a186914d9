"""What a restarted process reads from its log is durable before it acts upon it, whatever became of the last write."""

import pytest

from chain.types import Height
from consensus.log import LogWriteError, create_log, open_log
from consensus.pbft.records import Record, RecordKind
from consensus.simulation.chance import chance_of
from consensus.simulation.disk import ProcessKilled, SimulatedDisk

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
