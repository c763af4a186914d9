"""Opens a database without changing a byte of it: evidence stays as it was found.

LevelDB has no way to open a database for reading alone: to open one rewrites its log and its list of files. So a shadow
is made in a temporary folder, which refers to the tables (they never change once written) and has copies of the rest,
and the shadow is opened. The folder's own lock is shared meanwhile: nobody writes to it, and a node that runs on it is
noticed.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from chain.storage import StoreLocked, StoreMissing, StoreUnusable
from chain.store import LevelStore, open_store
from chain.store_folder import DATABASE, LOCK
from chain.store_head import HEAD_COPY

TABLES: Final = (".ldb", ".sst")
NOT_COPIED: Final = ("LOCK", "LOG", "LOG.old")


@contextmanager
def open_read_only(folder: Path, kind: str, cache_bytes: int) -> Iterator[LevelStore]:
    """Yield the store of whatever chain in a folder; what is written to it is lost in the end, the folder unchanged.

    Raises:
        StoreLocked: when a node has it open.
        StoreMissing, StoreError: as chain.store.open_store does.
    """
    with ExitStack() as stack:
        try:
            _share_lock(stack, folder)
            shadow = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tally-read-only-")))
            _make_shadow(folder, shadow)
        except OSError as error:
            raise StoreUnusable(f"{error.filename or folder} cannot be read: {error.strerror}") from error
        store = open_store(shadow, kind, None, cache_bytes, create=False)
        stack.callback(store.close)
        yield store


def _share_lock(stack: ExitStack, folder: Path) -> None:
    """Hold the folder's lock together with other readers, if there is one; a copied folder may have none."""
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    stack.callback(os.close, lock)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StoreLocked(f"{folder}: a running node has the database open") from error


def _make_shadow(folder: Path, shadow: Path) -> None:
    database = folder / DATABASE
    if not database.is_dir():
        raise StoreMissing(f"{folder}: there is no database")
    (shadow / DATABASE).mkdir()
    for path in sorted(database.iterdir()):
        target = shadow / DATABASE / path.name
        if path.suffix in TABLES:
            target.symlink_to(path.resolve())
        elif path.name not in NOT_COPIED:
            shutil.copyfile(path, target)
    if (folder / HEAD_COPY).exists():
        shutil.copyfile(folder / HEAD_COPY, shadow / HEAD_COPY)
