"""Folders in which attempts are made, and the table of what becomes of each attempt outside and inside of the walls."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

EPERM, EACCES, EXDEV = (f"OSError {number}" for number in (errno.EPERM, errno.EACCES, errno.EXDEV))
EMFILE, EFBIG = (f"OSError {number}" for number in (errno.EMFILE, errno.EFBIG))
NO_CONTROL = None


@dataclass(frozen=True)
class Row:
    """One thing to try that a locked-in process survives."""

    name: str
    argument: str
    control: str | None
    """How its outcome begins without walls; None where that depends on the machine."""
    locked: tuple[str, ...] = (EACCES,)
    """What comes of it in a process that has a folder; without one, opening anything fails with EPERM."""
    without_folder: tuple[str, ...] = (EPERM,)


LANDLOCK = [
    Row("read", "{victim}", "secret"),
    Row("read", "/etc/passwd", "root"),
    Row("read", "/proc/self/status", "Name"),
    Row("read", "/proc/self/environ", ""),
    Row("read", "/proc/self/maps", ""),
    Row("read", "/proc/self/fd/1", ""),
    Row("read", "/proc/{parent}/environ", ""),
    Row("read", "/proc/self/root{victim}", "secret"),
    Row("read", "{inside}/way-out", "secret"),
    Row("append", "/proc/self/mem", "opened"),
    Row("append", "/dev/null", "opened"),
    Row("list", "/", ""),
    Row("list", "{outside}", ""),
    Row("list", "/proc/self/task", "1"),
    Row("write", "{victim}", "written"),
    Row("write", "{outside}/fresh", "written"),
    Row("write", "{inside}/../outside/fresh", "written"),
    Row("write", "{inside}/way-out", "written"),
    Row("write", "/dev/shm/{unique}", "written"),
    Row("append", "{victim}", "opened"),
    Row("empty", "{victim}", "opened"),
    Row("relative", "{inside}|../outside/{base}", "opened"),
    Row("relative", "/|etc/passwd", "opened"),
    Row("rename", "{victim}|{outside}/moved", "None"),
    Row("rename", "{victim}|{inside}/taken", "None", (EACCES, EXDEV)),
    Row("rename", "{inside}/gift|{outside}/given", "None", (EACCES, EXDEV)),
    Row("unlink", "{victim}", "None"),
    Row("make_folder", "{outside}/made", "None"),
    Row("remove_folder", "{outside}/empty", "None"),
]
"""Refused by Landlock, whose error is EACCES, or EXDEV between folders."""

FILTERED = [
    Row("look", "{victim}", "opened", (EPERM,)),
    Row("look", "/", "opened", (EPERM,)),
    Row("truncate", "{victim}", "0", (EPERM,)),
    Row("symlink", "{victim}|{inside}/symlink", "None", (EPERM,)),
    Row("link", "{victim}|{inside}/link", "None", (EPERM,)),
    Row("link", "{inside}/file|{outside}/link", "None", (EPERM,)),
    Row("change_mode", "{victim}", "None", (EPERM,)),
    Row("change_mode", "{inside}/file", "None", (EPERM,)),
    Row("change_owner", "{victim}", "None", (EPERM,)),
    Row("change_time", "{victim}", "None", (EPERM,)),
    Row("attribute", "{inside}/file", NO_CONTROL, (EPERM,)),
    Row("fifo", "{inside}/fifo", "None", (EPERM,)),
    Row("own_name", "", "/", (EPERM,)),
    Row("executable_memory", "", "mapped", (EPERM,)),
    Row("turn_executable", "", "0", (EPERM,)),
    Row("input", "", NO_CONTROL, (EPERM,)),
    *[
        Row("raise_limits", f"RLIMIT_{name}", "set", (EPERM,))
        for name in ("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "STACK")
    ],
    *[
        Row("named_call", call, "", (EPERM,))
        for call in (
            "prctl 4 1",
            "dup 0",
            "eventfd2 0 0",
            "epoll_create1 0",
            "inotify_init1 0",
            "timerfd_create 1 0",
            "setpriority 0 0 5",
            "shmget 0 4096 1023",
        )
    ],
    *[
        Row("named_call", call, NO_CONTROL, (EPERM,))
        for call in (
            "prctl 22 2 0",
            "seccomp 0 0 0",
            "seccomp 3 0 0",
            "sched_setaffinity 0 8 0",
            "sched_setscheduler 0 0 0",
            "ioprio_set 1 0 0",
            "fanotify_init 0 0",
            "signalfd4 -1 0 8 0",
            "uname 0",
            # Duplicates (F_DUPFD), signals to whoever one likes (F_SETOWN, F_SETOWN_EX, F_SETSIG), leases, notices of
            # what happens in a folder, the size of a pipe, seals, advice to the disk.
            *(f"fcntl 0 {command} 1" for command in (0, 8, 10, 15, 1024, 1026, 1030, 1031, 1033, 1036)),
        )
    ],
]
"""Refused by the filter on system calls, which is asked first."""

LIMITS = [
    Row("much_memory", "", "1", ("MemoryError",), ("MemoryError",)),
    Row("many_files", "{inside}", NO_CONTROL, (EMFILE,)),
    Row("large_file", "{inside}/large", "made", (EFBIG,)),
]

ROWS = [*LANDLOCK, *FILTERED, *LIMITS]


@dataclass(frozen=True)
class World:
    """A folder that a process may use, beside one that it may not."""

    inside: Path
    outside: Path

    def argument(self, row: Row, number: int) -> str:
        """Return a row's argument; each row has a victim of its own."""
        victim = self.outside / f"victim-{number}"
        return row.argument.format(
            inside=self.inside,
            outside=self.outside,
            victim=victim,
            base=victim.name,
            parent=os.getpid(),
            unique=f"tallystick-test-{os.getpid()}",
        )

    def attempts(self, rows: list[Row]) -> list[tuple[str, str]]:
        """Return names and arguments of rows."""
        return [(row.name, self.argument(row, number)) for number, row in enumerate(rows)]

    def condition(self) -> dict[str, tuple[int, int, bytes]]:
        """Return mode, time and content of everything outside."""
        paths = sorted(self.outside.rglob("*"))
        return {
            str(path): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in paths
        }


def make_world(folder: Path, rows: list[Row], name: str = "inside") -> World:
    """Return a world with everything that the rows want to do something to."""
    world = World(folder / name, folder / "outside")
    world.inside.mkdir(parents=True)
    world.outside.mkdir()
    (world.outside / "empty").mkdir()
    for number in range(len(rows)):
        (world.outside / f"victim-{number}").write_text("secret")
    (world.inside / "file").touch()
    (world.inside / "gift").touch()
    (world.inside / "way-out").symlink_to(world.outside / "victim-0")
    return world
