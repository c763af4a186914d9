"""What a disk may hold after a power cut, made from the journal of everything that processes did to their files.

The model is that of a journaling file system such as ext4 or XFS in their default modes: an fsync makes the file's
content durable, and with it every change of names (create, rename, remove) before it; what was not synced may be there
in any part, sector by sector, and changes of names behind the last fsync survive up to any one of them, in order.
"""

import random
import struct
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path
from typing import Final

SECTOR_BYTES: Final = 512

_HEAD: Final = struct.Struct("<ciiqII")
_TRUNCATED: Final = 1
_FOLDER: Final = 2


class JournalError(ValueError):
    """Not the journal of a process."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One system call that succeeded."""

    end: int
    """Bytes of the journal up to and with this entry: a moment in time."""
    kind: bytes
    process: int
    descriptor: int
    offset: int
    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that were written and not yet synced; a truncation if `data` is None."""

    offset: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of names: of a file with the content of that number, or of a folder."""

    what: str
    name: str
    number: int = -1
    new_name: str = ""


@dataclass(slots=True)
class Content:
    """A file's content: what is durable, and what came after it."""

    durable: bytes = b""
    pending: list[Write] = field(default_factory=list)

    def sync(self) -> None:
        """Make everything durable."""
        self.durable = apply(self.durable, self.pending)
        self.pending.clear()


def read_journal(path: Path) -> list[Entry]:
    """Return the entries of a journal; one that is not complete yet, at its end, is left out.

    Raises:
        JournalError: when it holds something else.
    """
    data = path.read_bytes()
    entries: list[Entry] = []
    place = 0
    while place + _HEAD.size <= len(data):
        kind, process, descriptor, offset, path_length, data_length = _HEAD.unpack_from(data, place)
        if kind not in b"owtscrum":
            raise JournalError(f"byte {place} begins an entry of unknown kind {kind!r}")
        start = place + _HEAD.size
        end = start + path_length + data_length
        if end > len(data):
            break
        name = normpath(data[start : start + path_length].decode())
        entries.append(Entry(end, kind, process, descriptor, offset, name, data[start + path_length : end]))
        place = end
    return entries


class Disk:
    """Owns what processes did to a folder so far, as far as a power cut may take it back."""

    def __init__(self, files: dict[str, bytes]) -> None:
        """Begin with durable files, by their names below the folder."""
        self._contents = [Content(content) for content in files.values()]
        self._names = {name: number for number, name in enumerate(files)}
        self._changes = [Change("create", name, number) for name, number in self._names.items()]
        self._durable_changes = len(self._changes)
        self._open: dict[tuple[int, int], int | None] = {}

    def take(self, entry: Entry) -> None:
        """Follow one system call.

        Raises:
            KeyError: when it uses a file that nobody opened.
        """
        handle = (entry.process, entry.descriptor)
        match entry.kind:
            case b"o":
                self._open[handle] = self._opened(entry)
            case b"c":
                self._open.pop(handle, None)
            case b"w":
                self._content(handle).pending.append(Write(entry.offset, entry.data))
            case b"t":
                self._content(handle).pending.append(Write(entry.offset, None))
            case b"s":
                if self._open[handle] is not None:
                    self._content(handle).sync()
                self._durable_changes = len(self._changes)
            case b"r":
                self._change(Change("rename", entry.path, new_name=normpath(entry.data.decode())))
            case b"u":
                self._change(Change("remove", entry.path))
            case b"m":
                self._change(Change("folder", entry.path))

    def after_power_cut(self, chance: random.Random) -> tuple[list[str], dict[str, bytes]]:
        """Return folders and files that may be found when the power is back."""
        survived = chance.randint(self._durable_changes, len(self._changes))
        folders: list[str] = []
        names: dict[str, int] = {}
        for change in self._changes[:survived]:
            _apply(change, names, folders)
        lives = {number: _survivor(self._contents[number], chance) for number in sorted(set(names.values()))}
        return folders, {name: lives[number] for name, number in names.items()}

    def _opened(self, entry: Entry) -> int | None:
        if entry.offset & _FOLDER:
            return None
        number = self._names.get(entry.path)
        if number is None:
            number = len(self._contents)
            self._contents.append(Content())
            self._change(Change("create", entry.path, number))
        elif entry.offset & _TRUNCATED:
            self._contents[number].pending.append(Write(0, None))
        return number

    def _content(self, handle: tuple[int, int]) -> Content:
        number = self._open[handle]
        assert number is not None, "nothing is written to a folder"
        return self._contents[number]

    def _change(self, change: Change) -> None:
        self._changes.append(change)
        _apply(change, self._names, [])


def apply(content: bytes, writes: list[Write]) -> bytes:
    """Return a content after writes, holes filled with zeros."""
    result = bytearray(content)
    for write in writes:
        if write.data is None:
            del result[write.offset :]
            result.extend(bytes(write.offset - len(result)))
            continue
        if len(result) < write.offset:
            result.extend(bytes(write.offset - len(result)))
        result[write.offset : write.offset + len(write.data)] = write.data
    return bytes(result)


def _apply(change: Change, names: dict[str, int], folders: list[str]) -> None:
    match change.what:
        case "create":
            names[change.name] = change.number
        case "remove":
            names.pop(change.name, None)
        case "rename":
            folder = f"{change.name}/"
            for name in [name for name in names if name == change.name or name.startswith(folder)]:
                names[change.new_name + name.removeprefix(change.name)] = names.pop(name)
        case "folder":
            folders.append(change.name)


def _survivor(content: Content, chance: random.Random) -> bytes:
    """Return what of a file survives: all of what was synced, and any part of what was not."""
    match chance.choice(("nothing", "everything", "first", "sectors")):
        case "nothing":
            return content.durable
        case "everything":
            return apply(content.durable, content.pending)
        case "first":
            count = chance.randint(0, len(content.pending))
            torn = [_sectors(write)[: chance.randint(0, 8)] for write in content.pending[count : count + 1]]
            return apply(content.durable, content.pending[:count] + [part for parts in torn for part in parts])
    parts = [part for write in content.pending for part in _sectors(write)]
    return apply(content.durable, [part for part in parts if chance.random() < 0.5])


def _sectors(write: Write) -> list[Write]:
    """Cut a write at the borders of sectors."""
    if write.data is None:
        return [write]
    parts: list[Write] = []
    place = 0
    while place < len(write.data):
        size = SECTOR_BYTES - (write.offset + place) % SECTOR_BYTES
        parts.append(Write(write.offset + place, write.data[place : place + size]))
        place += size
    return parts
