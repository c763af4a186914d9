"""The few file operations that the write-ahead log needs, as a seam: the operating system's, or a simulated disk's.

Writing, fsync, rename and the fsync of a folder are separate, because a power cut may fall between any two of them.
"""

import os
from pathlib import Path
from typing import Protocol

from chain.store_folder import sync_folder


class AppendFile(Protocol):
    """A file that is open for appending."""

    def write(self, data: bytes) -> None:
        """Append all of `data`; after an OSError an unknown part of it may be there."""
        ...

    def sync(self) -> None:
        """Make all that was written durable, the file's size included."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class FileSystem(Protocol):
    """One folder of files; all names are relative to it."""

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        ...

    def read_part(self, name: str, start: int, size: int) -> bytes:
        """Return up to `size` bytes of a file from `start` on; fewer where it ends before."""
        ...

    def create(self, name: str) -> AppendFile:
        """Make a new, empty file; fails when there is one of that name."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file."""
        ...

    def sync_folder(self) -> None:
        """Make names durable: files that were made, renamed or removed."""
        ...


class OsFileSystem:
    """The operating system's files in one folder."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which is made if it is missing."""
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        return sorted(entry.name for entry in self._folder.iterdir() if entry.is_file())

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return (self._folder / name).read_bytes()

    def read_part(self, name: str, start: int, size: int) -> bytes:
        """Return a part of a file."""
        with (self._folder / name).open("rb") as file:
            file.seek(start)
            return file.read(size)

    def create(self, name: str) -> AppendFile:
        """Make a new, empty file."""
        return _OsFile(self._folder / name)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        (self._folder / old).rename(self._folder / new)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._folder / name).unlink()

    def sync_folder(self) -> None:
        """Make names durable."""
        sync_folder(self._folder)


class _OsFile:
    def __init__(self, path: Path) -> None:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)
