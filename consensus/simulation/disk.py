"""A disk of one folder that forgets what was not synced: write, fsync, rename and fsync of the folder are separate.

A process that is killed loses nothing: what it wrote is in the page cache. A power cut leaves of a file what was synced
and, of what was written after that, any of its sectors or none; of the folder what was synced and some first few of the
changes after that, as a journal keeps their order. A failed fsync gives up what it was to write: the pages still read
as if nothing had happened and no later fsync writes them, which is what kernels do. Bytes may also rot where they are.
"""

import errno
from dataclasses import dataclass, field
from typing import Final

from consensus.files import AppendFile
from consensus.simulation.chance import Chance, between

SECTOR_BYTES: Final = 512


class ProcessKilled(Exception):
    """The process ends at this very operation."""

    def __init__(self, *, power_cut: bool) -> None:
        super().__init__("power cut" if power_cut else "killed")
        self.power_cut = power_cut


@dataclass(slots=True)
class DiskFaults:
    """What is about to go wrong; counts are operations from now."""

    kill_in: int | None = None
    kill_cuts_power: bool = False
    fail_sync_in: int | None = None
    full: bool = False


@dataclass(slots=True, eq=False)
class _Inode:
    content: bytearray = field(default_factory=bytearray)
    """What a read gives."""
    durable: bytearray = field(default_factory=bytearray)
    """What a power cut leaves for certain."""
    given_up: list[tuple[int, int]] = field(default_factory=list)
    """Ranges that a failed fsync has given up; they are never written any more."""


class SimulatedDisk:
    """One folder; implements consensus.files.FileSystem."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._names: dict[str, _Inode] = {}
        self._durable_names: dict[str, _Inode] = {}
        self._unsynced_names: list[dict[str, _Inode]] = []
        """The folder after each change since its last sync."""
        self.flipped: tuple[str, int] | None = None
        """A file and the place in it of a byte that has changed, if that is the last that went wrong with it."""
        self.faults = DiskFaults()
        self.operations = 0
        self.losses = 0
        """How often something that was durable may have been lost: until it changes, what was held is held."""

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        return sorted(self._names)

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return bytes(self._inode(name).content)

    def read_part(self, name: str, start: int, size: int) -> bytes:
        """Return a part of a file."""
        return bytes(self._inode(name).content[start : start + size])

    def create(self, name: str) -> AppendFile:
        """Make a new, empty file."""
        self.before("create")
        if name in self._names:
            raise FileExistsError(errno.EEXIST, "there is one", name)
        self._refuse_when_full()
        self._names[name] = _Inode()
        self._folder_changed()
        return _SimulatedFile(self, self._names[name])

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        self.before("rename")
        self._names[new] = self._inode(old)
        del self._names[old]
        self._folder_changed()

    def remove(self, name: str) -> None:
        """Remove a file."""
        self.before("remove")
        self._inode(name)
        del self._names[name]
        self._folder_changed()

    def sync_folder(self) -> None:
        """Make names durable."""
        self.before("sync folder")
        # A folder has few files, and they are removed once a height.
        if any(inode not in self._names.values() for inode in self._durable_names.values()):
            self.losses += 1
        self._durable_names = dict(self._names)
        self._unsynced_names.clear()

    def holds(self, data: bytes) -> bool:
        """Tell whether a power cut at this moment would leave these bytes readable in some file."""
        # A file survives a cut when its name does; an older name of the same file counts as well.
        return any(data in inode.durable for inode in self._durable_names.values())

    def holds_before(self, first: bytes, second: bytes) -> bool:
        """Tell whether some file holds durably both, the first in front of the second."""
        files = [inode.durable for inode in self._durable_names.values()]
        return any(0 <= content.find(first) < content.find(second) for content in files)

    @property
    def is_flipped(self) -> bool:
        """Tell whether the newest file has a changed byte, and nothing behind it that reads as if it was not written.

        Sectors, or parts of them at either end of what was to be written, read as zeros then.
        """
        name, place = self.flipped or ("", 0)
        if not self._names or name != self.names()[-1]:
            return False
        content = self._names[name].durable
        ends = [*range(place // SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES, len(content), SECTOR_BYTES), len(content)]
        return len(content) > place and all(content[end - 1] for end in ends)

    def wipe(self) -> None:
        """Lose everything."""
        self.losses += 1
        self._names, self._durable_names, self._unsynced_names = {}, {}, []

    def copy(self) -> "SimulatedDisk":
        """Return what a copy of all files would hold, without the faults that are about to happen."""
        other = SimulatedDisk(self._chance)
        other._names = {
            name: _Inode(bytearray(inode.content), bytearray(inode.content)) for name, inode in self._names.items()
        }
        other._durable_names = dict(other._names)
        return other

    def rot(self, chance: Chance) -> None:
        """Damage some file: flip bits, zero a sector, cut the end off, or lose the whole."""
        if not self._names:
            return
        self.losses += 1
        self.flipped = None
        name = chance.choice(self.names())
        inode = self._names[name]
        size = min(len(inode.content), len(inode.durable))
        place = between(chance, 0, max(1, size))
        match between(chance, 0, 4):
            case 0 if size:
                flip = between(chance, 1, 256)
                inode.content[place] ^= flip
                inode.durable[place] ^= flip
                self.flipped = (name, place)
            case 1 if size:
                start = place // SECTOR_BYTES * SECTOR_BYTES
                end = min(size, start + SECTOR_BYTES)
                inode.content[start:end] = inode.durable[start:end] = bytes(end - start)
            case 2:
                del inode.content[place:], inode.durable[place:]
                inode.given_up.clear()
            case _:
                for names in (self._names, self._durable_names, *self._unsynced_names):
                    names.pop(name, None)

    def flip_in(self, data: bytes, chance: Chance) -> bool:
        """Flip bits of one byte of what some file holds durably; return whether one does."""
        for name in reversed(self.names()):
            inode = self._names[name]
            start = inode.durable.rfind(data)
            if start >= 0:
                place, flip = start + between(chance, 0, len(data)), between(chance, 1, 256)
                inode.content[place] ^= flip
                inode.durable[place] ^= flip
                self.flipped = (name, place)
                self.losses += 1
                return True
        return False

    def cut_power(self) -> None:
        """Lose what was not synced, but for what had reached the disk by chance."""
        self.losses += 1
        kept = between(self._chance, 0, len(self._unsynced_names) + 1)
        self._names = dict(self._unsynced_names[kept - 1] if kept else self._durable_names)
        for name in sorted(self._names):
            self._tear(self._names[name])
        self._durable_names = dict(self._names)
        self._unsynced_names.clear()

    def before(self, operation: str) -> None:
        """Let the planned faults happen that fall on this operation."""
        self.operations += 1
        faults = self.faults
        if faults.kill_in is not None:
            faults.kill_in -= 1
            if faults.kill_in <= 0:
                faults.kill_in = None
                raise ProcessKilled(power_cut=faults.kill_cuts_power)
        if operation == "sync" and faults.fail_sync_in is not None:
            faults.fail_sync_in -= 1

    def write(self, inode: _Inode, data: bytes) -> None:
        """Append to a file; a full disk or a kill leaves a part of it."""
        try:
            self.before("write")
            self._refuse_when_full()
        except (OSError, ProcessKilled):
            inode.content += data[: between(self._chance, 0, len(data) + 1)]
            raise
        inode.content += data

    def sync(self, inode: _Inode) -> None:
        """Make a file durable, or give up what is not."""
        try:
            self.before("sync")
        except ProcessKilled:
            if between(self._chance, 0, 2):
                self._make_durable(inode)
            raise
        if self.faults.fail_sync_in is not None and self.faults.fail_sync_in <= 0:
            self.faults.fail_sync_in = None
            inode.given_up.append((len(inode.durable), len(inode.content)))
            raise OSError(errno.EIO, "the disk did not write")
        self._make_durable(inode)

    def _make_durable(self, inode: _Inode) -> None:
        inode.durable = bytearray(inode.content)
        self.losses += len(inode.given_up)
        for start, end in inode.given_up:
            inode.durable[start:end] = bytes(end - start)

    def _tear(self, inode: _Inode) -> None:
        """Leave of what was not synced all, nothing, the first sectors, or any of them."""
        start, end = len(inode.durable), len(inode.content)
        left = inode.durable
        if start < end:
            fate = between(self._chance, 0, 4)
            if fate == 0:
                left += inode.content[start:]
            elif fate == 1:
                left += inode.content[start : between(self._chance, start, end + 1)]
            elif fate == 2:
                left += self._some_sectors(inode.content, start, end)
        for first, last in inode.given_up:
            left[first:last] = bytes(max(0, min(last, len(left)) - first))
        inode.content, inode.durable, inode.given_up = bytearray(left), bytearray(left), []

    def _some_sectors(self, content: bytearray, start: int, end: int) -> bytearray:
        left = bytearray()
        while start < end:
            boundary = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
            left += content[start:boundary] if between(self._chance, 0, 2) else bytes(boundary - start)
            start = boundary
        return left

    def _folder_changed(self) -> None:
        self._unsynced_names.append(dict(self._names))

    def _inode(self, name: str) -> _Inode:
        if name not in self._names:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        return self._names[name]

    def _refuse_when_full(self) -> None:
        if self.faults.full:
            raise OSError(errno.ENOSPC, "the disk is full")


class _SimulatedFile:
    """An open file; implements consensus.files.AppendFile."""

    def __init__(self, disk: SimulatedDisk, inode: _Inode) -> None:
        self._disk = disk
        self._inode = inode

    def write(self, data: bytes) -> None:
        """Append all of `data`."""
        self._disk.write(self._inode, data)

    def sync(self) -> None:
        """Make the file durable."""
        self._disk.sync(self._inode)

    def close(self) -> None:
        """Give the file back."""
