"""A follower's database in a file: the embedded default, which needs no server."""

import fcntl
import sqlite3
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from gateway.follower.errors import FollowerError
from gateway.follower.schema import SQLITE, Dialect

VERSION_MIN: Final = (3, 38)
"""The first that has the operators -> and ->> without being asked."""
BUSY_SECONDS: Final = 30.0


class SqliteConnection:
    """Implements gateway.follower.database.Connection; owns the file's connection and its lock."""

    def __init__(self, connection: sqlite3.Connection, lock: TextIOWrapper, path: Path) -> None:
        self._connection = connection
        self._lock = lock
        self._path = path

    @property
    def dialect(self) -> Dialect:
        """How statements are written for it."""
        return SQLITE

    @property
    def failures(self) -> type[Exception]:
        """What its library raises."""
        return sqlite3.Error

    @property
    def name(self) -> str:
        """The file."""
        return str(self._path)

    def cursor(self) -> sqlite3.Cursor:
        """Return what runs statements."""
        return self._connection.cursor()

    def begin(self) -> str:
        """Return the statement that begins a transaction that will write."""
        return "BEGIN IMMEDIATE"

    def has_table(self, table: str) -> bool:
        """Tell whether there is a table."""
        statement = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        return self._connection.execute(statement, (table,)).fetchone() is not None

    def close(self) -> None:
        """Close the connection and let go of the lock."""
        self._connection.close()
        self._lock.close()


def open_sqlite(place: str) -> SqliteConnection:
    """Open or make a database in a file; readers may have it open at the same time.

    Raises:
        FollowerError: when it cannot be opened, is no database, or another follower holds it.
    """
    if sqlite3.sqlite_version_info < VERSION_MIN:
        raise FollowerError(f"SQLite {sqlite3.sqlite_version} is too old; {'.'.join(map(str, VERSION_MIN))} is needed")
    path = Path(place)
    try:
        # Kept beside the database: a lock on the file itself would meet SQLite's own.
        lock = path.with_name(path.name + ".lock").open("w", encoding="ascii")
    except OSError as error:
        raise FollowerError(f"{path} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise FollowerError(f"another follower writes to {path}") from error
    try:
        # Used by one thread at a time, but not always by the same one.
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            # Readers do not wait for the writer; a power cut may take the last transactions, rows and place together.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
    except sqlite3.Error as error:
        lock.close()
        raise FollowerError(f"{path}: {error}") from error
    return SqliteConnection(connection, lock, path)
