"""Opens the log of what this validator has said; where it is lost or damaged, says so: votes may be lost with it."""

import logging
from pathlib import Path

from chain.types import Height
from chain.values import dataclass
from consensus.files import OsFileSystem
from consensus.log import WriteAheadLog, create_log, has_log, open_log, segments_before
from consensus.log_format import LogDamagedError
from consensus.pbft.records import Record, amnesia

LOG = logging.getLogger("tallystick.start")


@dataclass(frozen=True, slots=True)
class VotingLog:
    """The open log and what the replica is restored from."""

    log: WriteAheadLog
    records: tuple[Record, ...]
    floor: Height
    damaged: bool
    """Votes may be lost: the validator stays a learner (rule 11)."""


def open_voting_log(folder: Path, head: Height, consensus_key: bytes | None) -> VotingLog:
    """Open the log of a node whose own blocks reach `head`, or begin one.

    `consensus_key` is this validator's at the head, None where it is no validator there. In place of a log that is lost
    or damaged a new one begins that says so from its first moment on; only when it is durable is the old one moved
    away. So a crash in between cannot make anybody forget that votes were lost.

    Raises:
        LogWriteError: when the disk refuses.
    """
    files, floor = OsFileSystem(folder), Height(head + 1)
    if has_log(files):
        try:
            opened = open_log(files)
            if opened.cut_bytes:
                LOG.warning("the log's last frame was incomplete; %d bytes cut off", opened.cut_bytes)
            return VotingLog(opened.log, opened.records, opened.floor, False)
        except LogDamagedError as error:
            LOG.error("the log of votes is damaged: %s", error)
        log = _begin(files, floor, consensus_key)
        aside = _set_aside(folder, segments_before(files))
        LOG.error("the damaged log of votes is kept as %s", aside)
        return log
    # Without blocks this is a new node. With blocks it has voted before, and what it said is gone.
    if head > 0:
        LOG.error("the log of votes is missing in %s, although the ledger stands at height %d", folder, head)
        return _begin(files, floor, consensus_key)
    return VotingLog(create_log(files, floor), (), floor, False)


def _begin(files: OsFileSystem, floor: Height, consensus_key: bytes | None) -> VotingLog:
    """Begin a log that says that votes were lost."""
    records = () if consensus_key is None else (amnesia(consensus_key),)
    return VotingLog(create_log(files, floor, records), records, floor, True)


def _set_aside(folder: Path, names: list[str]) -> Path:
    """Move segments out of the folder, to one beside it."""
    number = 1
    while (target := folder.with_name(f"{folder.name}.damaged-{number}")).exists():
        number += 1
    target.mkdir(mode=0o700)
    for name in names:
        (folder / name).rename(target / name)
    return target
