"""Bodies in the log: on the disk and not in memory, found by their hash, whatever stands around them."""

import errno
from typing import Final

import pytest

from chain.block import Block, Header, make_block
from chain.crypto import tagged_hash
from chain.types import Epoch, Height, Milliseconds, ValidatorId
from consensus import log as write_ahead_log
from consensus.log import LogWriteError, WriteAheadLog, create_log, open_log
from consensus.pbft.records import Record, RecordKind
from consensus.simulation.chance import chance_of
from consensus.simulation.disk import SimulatedDisk

SIZES: Final = (1, 200, 255, 256, 257, 40_000, 65_500, 65_536, 70_000)
"""Around the sizes at which msgpack's heads grow."""


def block_of(height: int, size: int) -> Block:
    digest = tagged_hash("log-bodies", bytes([size % 251]))
    links = (digest, Height(height), digest, digest, digest)
    header = Header(1, *links, Milliseconds(size + 1), ValidatorId("ada"), digest, digest, Epoch(0))
    return make_block(header, [b"t" * size])


def body(block: Block) -> Record:
    return Record(RecordKind.BODY, block.header.height, block.raw)


def vote(height: int, size: int = 7) -> Record:
    return Record(RecordKind.MESSAGE, Height(height), b"v" * size)


def filled(log: WriteAheadLog, blocks: list[Block]) -> None:
    for place, block in enumerate(blocks):
        log.append([vote(5, place * 30), body(block), vote(5)])
        log.sync()
    log.append([*map(body, blocks[:2]), *(vote(5) for _ in range(20))])
    log.sync()


def in_memory(log: WriteAheadLog) -> int:
    return sum(len(kept.data) for kept in log._kept if kept.data is not None)


@pytest.mark.parametrize("group_bytes_max", [1, 50_000, 10_000_000])
def test_bodies_are_found_before_and_after_a_start(group_bytes_max: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_ahead_log, "GROUP_BYTES_MAX", group_bytes_max)
    disk = SimulatedDisk(chance_of(1, "disk"))
    blocks = [block_of(5, size) for size in SIZES]
    log = create_log(disk)
    filled(log, blocks)
    assert [log.body(block.block_hash) for block in blocks] == blocks
    opened = open_log(disk)
    assert [opened.log.body(block.block_hash) for block in blocks] == blocks
    assert opened.log.body(tagged_hash("log-bodies", b"another")) is None
    assert in_memory(log) == in_memory(opened.log) < 5_000 < sum(SIZES) // 20
    assert [record for record in opened.records if record.kind is RecordKind.BODY] == [
        *map(body, blocks),
        *map(body, blocks[:2]),
    ]


def test_a_new_segment_takes_the_bodies_along_that_count_still() -> None:
    disk = SimulatedDisk(chance_of(1, "disk"))
    log = create_log(disk, segment_bytes_max=1)
    old, new = block_of(5, 300), block_of(6, 70_000)
    log.append([body(old), vote(5), body(new), vote(6)])
    log.sync()
    log.drop_below(Height(6))
    assert log.body(old.block_hash) is None
    assert log.body(new.block_hash) == new
    assert in_memory(log) < 1_000
    assert open_log(disk).log.body(new.block_hash) == new


def test_a_body_that_has_changed_on_the_disk_is_not_given_out_nor_written_again() -> None:
    disk = SimulatedDisk(chance_of(1, "disk"))
    log = create_log(disk, segment_bytes_max=1)
    block = block_of(6, 5_000)
    log.append([body(block)])
    log.sync()
    disk._names[disk.names()[0]].content[2_000] ^= 1
    assert log.body(block.block_hash) is None
    with pytest.raises(LogWriteError, match="has changed") as caught:
        log.drop_below(Height(6))
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EIO
