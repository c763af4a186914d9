"""The store on disk: the only file that knows LevelDB.

A folder holds `leveldb` (the database), `lock` (held while the store is open) and `head` (a copy of the head that the
database holds). LevelDB is opened with paranoid checks and every read verifies checksums, because otherwise a damaged
file reads silently wrong. What even those miss is a log file that lost its end: the database then opens in an older
state. The copy of the head outside notices that, and serves nothing else.

A write that fails leaves LevelDB in a state that only a fresh start repairs, and a read that fails has met damage: from
then on every call raises.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import plyvel

from chain.encoding import DecodeError, decode, encode
from chain.log_tail import cut_unfinished
from chain.storage import (
    Head,
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreFormatUnknown,
    StoreFull,
    StoreLocked,
    StoreUnusable,
    Write,
)
from chain.store_folder import DATABASE, check_presence, sync_folder, take_lock
from chain.store_head import check_head_copy, head_bytes, open_head_copy, parse_head, with_checksum

FORMAT: Final = 2
"""Raised whenever what the databases hold, or chain.database_keys, changes."""

AFTER_ALL_TABLES: Final = b"\xff"
FORMAT_KEY: Final = b"\x00format"
HEAD_KEY: Final = b"\x00head"

WRITE_BUFFER_BYTES: Final = 8 * 1024 * 1024
TABLE_FILE_BYTES: Final = 16 * 1024 * 1024
BLOOM_FILTER_BITS: Final = 10
RANDOM_KIND: Final = "state"
"""Data of this kind are read key by key at random; taking their blocks apart would double the cost of each read."""

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LOST: Final = (errno.ENOENT, errno.EISDIR, errno.EINVAL)
"""What LevelDB says when one of its files names another that is not there, or is too short (EINVAL)."""


class LevelStore:
    """Owns one open database folder; implements chain.storage.Store."""

    def __init__(self, folder: Path, database: Any, lock: int, head: Head | None) -> None:
        """Take over what `open_store` opened; nothing else calls this."""
        self._folder = folder
        self._database = database
        self._lock = lock
        self._head = head
        self._head_copy: int | None = None
        self._failure: StoreError | None = None
        self._seeker: Any = None
        """An iterator over what is there until the next write."""

    @property
    def head(self) -> Head | None:
        """The head that was written last, None in an empty store."""
        return self._head

    @property
    def failure(self) -> StoreError | None:
        """What made the store unusable, None while it is sound; whoever reads meets it, the owner has to act on it."""
        return self._failure

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key.

        Raises:
            StoreError: when it cannot be read as it was written; the store is unusable from then on.
        """
        self._check_alive()
        try:
            return self._database.get(key, verify_checksums=True)  # type: ignore[no-any-return]
        except plyvel.Error as error:
            raise self._fail(error) from error

    def seek(self, key: bytes) -> bytes | None:
        """Return the value under a key by an iterator, which steps over deleted keys behind it (chain.state_seeks).

        Raises:
            StoreError: when it cannot be read as it was written; the store is unusable from then on.
        """
        self._check_alive()
        try:
            seeker = self._seeker
            if seeker is None:
                seeker = self._seeker = self._database.raw_iterator(verify_checksums=True)
            seeker.seek(key)
            return seeker.value() if seeker.valid() and seeker.key() == key else None
        except plyvel.Error as error:
            raise self._fail(error) from error

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries with start <= key < end in ascending or descending order.

        Raises:
            StoreError: when they cannot be read as they were written; the store is unusable from then on.
        """
        self._check_alive()
        try:
            # To make one that has a start is to read already.
            with closing(
                self._database.iterator(start=start, stop=end, reverse=reverse, verify_checksums=True)
            ) as found:
                yield from found
        except plyvel.Error as error:
            raise self._fail(error) from error

    def forget_deleted(self, start: bytes, end: bytes) -> None:
        """Merge the files around the entries from `start` to `end`, and as far as there is nothing beyond.

        What was deleted there is stepped over no more, unless a view of the earlier content is held.

        Raises:
            StoreError: when what is there cannot be read or written; the store is unusable from then on.
        """
        self._check_alive()
        try:
            with closing(self._database.raw_iterator(verify_checksums=True)) as around:
                around.seek(end)
                high = around.item() if around.valid() else (AFTER_ALL_TABLES, None)
                around.seek(start)
                around.prev() if around.valid() else around.seek_to_last()
                low = around.item() if around.valid() else (b"", None)
            # LevelDB merges no file that has nothing above it: what stands around is written again as it is.
            self._batch([low, high], sync=False).write()
            self._database.compact_range(start=low[0], stop=high[0])
        except plyvel.Error as error:
            raise self._fail(error) from error

    def write(self, writes: Iterable[Write], head: Head | None = None) -> None:
        """Carry out all writes or none, and with them the new head; return when they are on disk.

        Raises:
            StoreError: when that failed; the store is unusable from then on.
        """
        self._check_alive()
        batch = self._batch(writes, sync=True)
        if head is not None:
            batch.put(HEAD_KEY, head_bytes(head))
        try:
            batch.write()
            if head is not None:
                self._copy_head(head)
        except (plyvel.Error, OSError) as error:
            raise self._fail(error) from error

    def write_soon(self, writes: Iterable[Write]) -> None:
        """Carry out all writes or none, without waiting for the disk: a power cut may undo the last of them.

        Raises:
            StoreError: when that failed; the store is unusable from then on.
        """
        self._check_alive()
        batch = self._batch(writes, sync=False)
        try:
            batch.write()
        except plyvel.Error as error:
            raise self._fail(error) from error

    def freeze(self) -> "FrozenLevelStore":
        """Return a view of the present content; it costs nothing but what later writes replace meanwhile.

        Raises:
            StoreError: when the store is unusable.
        """
        self._check_alive()
        return FrozenLevelStore(self._folder, self._database.snapshot())

    def start_thread(self) -> None:
        """Have the database start its only thread now, which it would otherwise do when it first compacts.

        Raises:
            StoreError: when the store is unusable.
        """
        self._check_alive()
        # Nothing lies in this range; to find that out is the thread's work.
        self._database.compact_range(start=AFTER_ALL_TABLES, stop=AFTER_ALL_TABLES + b"\x00")

    def close(self) -> None:
        """Close the database and let go of the folder; closing twice is harmless."""
        self._drop_seeker()
        self._database.close()
        for descriptor in (self._head_copy, self._lock):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)
        self._head_copy, self._lock = None, -1

    def _batch(self, writes: Iterable[Write], *, sync: bool) -> Any:
        """Return writes that wait to be carried out; what was read from before is given up."""
        self._drop_seeker()
        batch = self._database.write_batch(sync=sync)
        for key, value in writes:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        return batch

    def _drop_seeker(self) -> None:
        if self._seeker is not None:
            self._seeker.close()
            self._seeker = None

    def _fail(self, error: Exception) -> StoreError:
        self._failure = _typed(self._folder, error)
        return self._failure

    def _check_alive(self) -> None:
        if self._failure is not None:
            raise type(self._failure)(f"{self._failure}; the store has been unusable since")

    def _copy_head(self, head: Head) -> None:
        """Overwrite the copy outside in place: it may lag behind after a crash, but never runs ahead."""
        if self._head_copy is None:
            self._head_copy = open_head_copy(self._folder, head)
        os.pwrite(self._head_copy, with_checksum(head_bytes(head)), 0)
        self._head = head


class FrozenLevelStore:
    """Owns a snapshot of an open database; implements chain.storage.FrozenView."""

    def __init__(self, folder: Path, snapshot: Any) -> None:
        """Take over what `LevelStore.freeze` made; nothing else calls this."""
        self._folder = folder
        self._snapshot = snapshot

    def get(self, key: bytes) -> bytes | None:
        """Return the value that stood under a key.

        Raises:
            StoreError: when it cannot be read as it was written.
        """
        try:
            return self._snapshot.get(key, verify_checksums=True)  # type: ignore[no-any-return]
        except plyvel.Error as error:
            raise _typed(self._folder, error) from error

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries with start <= key < end as they were, in ascending or descending order.

        Raises:
            StoreError: when they cannot be read as they were written.
        """
        try:
            with closing(
                self._snapshot.iterator(start=start, stop=end, reverse=reverse, verify_checksums=True)
            ) as found:
                yield from found
        except plyvel.Error as error:
            raise _typed(self._folder, error) from error

    def close(self) -> None:
        """Let the database forget what it kept for this view; closing twice is harmless."""
        self._snapshot.close()


def open_store(folder: Path, kind: str, chain_id: bytes | None, cache_bytes: int, create: bool) -> LevelStore:
    """Open the store of one kind of data of one chain, or of any that there is, creating it if asked.

    Raises:
        StoreMissing: when there is none and `create` is false.
        StoreLocked: when it is open already, here or in another process.
        StoreFormatUnknown: when another version of this software wrote it.
        StoreForeign: when it belongs to another chain or holds another kind of data.
        StoreDamaged: when its files are not what was written; StoreRolledBack when writes have got lost.
        StoreFull: when the disk is full.
        StoreUnusable: when the system refuses access for another reason.
    """
    try:
        check_presence(folder, create)
        lock = take_lock(folder)
    except OSError as error:
        raise _typed(folder, error) from error
    try:
        return _open_locked(folder, kind, chain_id, cache_bytes, lock)
    except BaseException:
        os.close(lock)
        raise


def set_aside(folder: Path) -> Path:
    """Rename a damaged store's folder, so that it can be rebuilt and looked into; return the new place."""
    number = 1
    while (target := folder.with_name(f"{folder.name}.damaged-{number}")).exists():
        number += 1
    folder.rename(target)
    return target


def _open_locked(folder: Path, kind: str, chain_id: bytes | None, cache_bytes: int, lock: int) -> LevelStore:
    try:
        if not (folder / DATABASE).exists():
            assert chain_id is not None, "a new store belongs to a chain"
            _create_database(folder, kind, chain_id)
        database = _open_database(folder / DATABASE, kind, cache_bytes)
    except (plyvel.Error, OSError) as error:
        raise _typed(folder, error) from error
    try:
        _check_format(folder, database, kind, chain_id)
        head = _read_head(folder, database)
        check_head_copy(folder, head)
    except BaseException as error:
        database.close()
        if isinstance(error, plyvel.Error | OSError):
            raise _typed(folder, error) from error
        raise
    return LevelStore(folder, database, lock, head)


def _open_database(database: Path, kind: str, cache_bytes: int) -> Any:
    """Open LevelDB; what a power cut left of a write that was under way is cut off first."""

    def attempt() -> Any:
        return plyvel.DB(
            str(database),
            paranoid_checks=True,
            lru_cache_size=cache_bytes,
            write_buffer_size=WRITE_BUFFER_BYTES,
            max_file_size=TABLE_FILE_BYTES,
            bloom_filter_bits=BLOOM_FILTER_BITS,
            compression=None if kind == RANDOM_KIND else "snappy",
        )

    try:
        return attempt()
    except plyvel.CorruptionError:
        if not cut_unfinished(database):
            raise
    return attempt()


def _create_database(folder: Path, kind: str, chain_id: bytes) -> None:
    """Make an empty database aside and put it in place once it is durable: LevelDB does not sync all it begins with."""
    fresh = folder / f"{DATABASE}.new"
    if fresh.exists():
        for path in fresh.iterdir():
            path.unlink()
    database = plyvel.DB(str(fresh), create_if_missing=True)
    database.put(FORMAT_KEY, encode([FORMAT, kind, chain_id]), sync=True)
    database.close()
    sync_folder(fresh)
    fresh.rename(folder / DATABASE)
    sync_folder(folder)


def _check_format(folder: Path, database: Any, kind: str, chain_id: bytes | None) -> None:
    stored = database.get(FORMAT_KEY, verify_checksums=True)
    if stored is None:
        raise StoreFormatUnknown(f"{folder}: the database states no format")
    try:
        fields = decode(stored)
    except DecodeError as error:
        raise StoreFormatUnknown(f"{folder}: the database's format is unreadable") from error
    if not isinstance(fields, list) or len(fields) != 3 or fields[0] != FORMAT:
        found = fields[0] if isinstance(fields, list) and fields else fields
        raise StoreFormatUnknown(f"{folder}: the database has format {found}, this version knows {FORMAT}")
    if fields[1] != kind:
        raise StoreForeign(f"{folder}: the database holds {fields[1]}, not {kind}")
    if chain_id is not None and fields[2] != chain_id:
        raise StoreForeign(f"{folder}: the database belongs to chain {fields[2].hex()}, not {chain_id.hex()}")


def _read_head(folder: Path, database: Any) -> Head | None:
    stored = database.get(HEAD_KEY, verify_checksums=True)
    return None if stored is None else parse_head(folder, stored)


def _typed(folder: Path, error: Exception) -> StoreError:
    """Return the error that names what LevelDB or the system complained about."""
    text = _text(error)
    if isinstance(error, plyvel.CorruptionError):
        return StoreDamaged(f"{folder}: {text}")
    if any(os.strerror(number) in text for number in _FULL):
        return StoreFull(f"{folder}: {text}")
    if isinstance(error, plyvel.IOError) and text.startswith("IO error: lock "):
        return StoreLocked(f"{folder}: {text}")
    if isinstance(error, plyvel.Error) and any(os.strerror(number) in text for number in _LOST):
        return StoreDamaged(f"{folder}: {text}")
    return StoreUnusable(f"{folder}: {text}")


def _text(error: Exception) -> str:
    message = error.args[0] if error.args else ""
    return message.decode("utf-8", "replace") if isinstance(message, bytes) else str(error)
