"""Opens the log of what this validator has said; where it is lost or damaged, says so: votes may be lost with it."""

import logging
from dataclasses import dataclass
from pathlib import Path

from chain.types import Height
from consensus.files import OsFileSystem
from consensus.log import LogDamagedError, WriteAheadLog, create_log, has_log, open_log
from consensus.pbft.records import Record

LOG = logging.getLogger("tallystick.start")


@dataclass(frozen=True, slots=True)
class VotingLog:
    """The open log and what the replica is restored from."""

    log: WriteAheadLog
    records: tuple[Record, ...]
    floor: Height
    damaged: bool
    """Votes may be lost: the validator stays a learner (rule 11)."""


def open_voting_log(folder: Path, head: Height) -> VotingLog:
    """Open the log of a node whose own blocks reach `head`, or begin one.

    Raises:
        LogWriteError: when the disk refuses.
    """
    files = OsFileSystem(folder)
    if has_log(files):
        try:
            opened = open_log(files)
            if opened.cut_bytes:
                LOG.warning("the log's last frame was incomplete; %d bytes cut off", opened.cut_bytes)
            return VotingLog(opened.log, opened.records, opened.floor, False)
        except LogDamagedError as error:
            aside = _set_aside(folder)
            LOG.error("the log of votes is damaged (%s); kept as %s", error, aside)
            return VotingLog(create_log(OsFileSystem(folder), Height(head + 1)), (), Height(head + 1), True)
    # Without blocks this is a new node. With blocks it has voted before, and what it said is gone.
    lost = head > 0
    if lost:
        LOG.error("the log of votes is missing in %s, although the ledger stands at height %d", folder, head)
    return VotingLog(create_log(files, Height(head + 1)), (), Height(head + 1), lost)


def _set_aside(folder: Path) -> Path:
    number = 1
    while (target := folder.with_name(f"{folder.name}.damaged-{number}")).exists():
        number += 1
    folder.rename(target)
    return target
