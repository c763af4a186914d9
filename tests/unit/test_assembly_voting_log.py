"""A validator that lost its log of votes says so from the new log's first moment on, whatever interrupts its start."""

from pathlib import Path

import pytest

from assembly.voting_log import open_voting_log
from chain.types import Height
from consensus.log import create_log, open_log, segments_before
from consensus.log_format import LogDamagedError
from consensus.pbft.records import Record, RecordKind, amnesia
from consensus.simulation.chance import chance_of
from consensus.simulation.disk import ProcessKilled, SimulatedDisk

KEY = b"a consensus key"
VOTE = Record(RecordKind.MESSAGE, Height(101), b"my vote")
HEAD = Height(100)


def with_a_vote(folder: Path) -> Path:
    """Return the only segment of a log that holds a vote."""
    opened = open_voting_log(folder, Height(0), KEY)
    opened.log.append([VOTE])
    opened.log.sync()
    opened.log.close()
    (segment,) = folder.glob("*.segment")
    return segment


def start_and_die(folder: Path, head: Height, key: bytes | None = KEY) -> tuple[Record, ...]:
    """Return what a replica is restored from by a start that is killed before it writes anything."""
    opened = open_voting_log(folder, head, key)
    opened.log.close()
    return opened.records


@pytest.mark.parametrize("head", [Height(0), HEAD])
def test_damage_is_remembered_by_a_start_that_is_killed_at_once(tmp_path: Path, head: Height) -> None:
    segment = with_a_vote(tmp_path / "wal")
    data = bytearray(segment.read_bytes())
    data[45] ^= 1
    segment.write_bytes(data)
    first = open_voting_log(tmp_path / "wal", head, KEY)
    first.log.close()
    assert first.damaged
    assert first.records == (amnesia(KEY),)
    assert [start_and_die(tmp_path / "wal", head) for _ in range(3)] == [(amnesia(KEY),)] * 3
    assert (tmp_path / "wal.damaged-1" / segment.name).read_bytes() == data, "kept for who wants to look into it"


def test_a_log_that_is_gone_is_remembered_by_a_start_that_is_killed_at_once(tmp_path: Path) -> None:
    first = open_voting_log(tmp_path / "wal", HEAD, KEY)
    first.log.close()
    assert first.damaged
    assert start_and_die(tmp_path / "wal", HEAD) == (amnesia(KEY),)


def test_a_new_node_has_lost_nothing(tmp_path: Path) -> None:
    assert start_and_die(tmp_path / "wal", Height(0)) == start_and_die(tmp_path / "wal", Height(0)) == ()


def test_who_is_no_validator_has_no_key_to_lose(tmp_path: Path) -> None:
    assert start_and_die(tmp_path / "wal", HEAD, None) == ()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("is_power_cut", [False, True])
def test_a_crash_at_any_operation_leaves_either_the_damage_or_the_record(seed: int, is_power_cut: bool) -> None:
    """As consensus/simulation/process.py does it, one operation after the other."""
    found = set()
    for kill_in in range(1, 9):
        disk = SimulatedDisk(chance_of(100 * seed + kill_in, "disk"))
        log = create_log(disk)
        log.append([VOTE])
        log.sync()
        inode = disk._names[disk.names()[0]]
        inode.content[45] ^= 1
        inode.durable[45] ^= 1
        disk.faults.kill_in, disk.faults.kill_cuts_power = kill_in, is_power_cut
        try:
            create_log(disk, Height(101), [amnesia(KEY)])
            for name in segments_before(disk):
                disk.remove(name)
        except ProcessKilled:
            if is_power_cut:
                disk.cut_power()
        disk.faults.kill_in = None
        try:
            assert open_log(disk).records == (amnesia(KEY),)
            found.add("record")
        except LogDamagedError:
            found.add("damage")
    assert found == {"record", "damage"}
