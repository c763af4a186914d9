"""The folder of a store: whether a database is in it, who has it open, and that its names are durable."""

import fcntl
import os
from pathlib import Path
from typing import Final

from chain.storage import StoreDamaged, StoreLocked, StoreMissing
from chain.store_head import HEAD_COPY

DATABASE: Final = "leveldb"
LOCK: Final = "lock"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_presence(folder: Path, create: bool) -> None:
    """Tell an absent store from a damaged one: LevelDB would replace a database that lost one file by a new one."""
    database = folder / DATABASE
    if (database / "CURRENT").exists():
        return
    remains = [
        *database.glob("*.ldb"),
        *database.glob("*.sst"),
        *(log for log in database.glob("*.log") if log.stat().st_size),
    ]
    if remains or (folder / HEAD_COPY).exists():
        raise StoreDamaged(f"{folder}: the database has lost its file CURRENT")
    if not create:
        raise StoreMissing(f"{folder}: there is no database")
    if database.exists():
        # It was put in place whole, so this one has lost everything.
        raise StoreDamaged(f"{folder}: the database is empty")
    folder.mkdir(parents=True, exist_ok=True)


def take_lock(folder: Path) -> int:
    """Lock the folder by a file of our own: LevelDB's lock ends as soon as the same process tries to open it twice."""
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise StoreLocked(f"{folder}: the database is open already") from error
    return lock
