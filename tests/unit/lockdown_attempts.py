"""What a process that was taken over would try, and a child process that tries it, locked in or not."""

import ctypes
import errno
import fcntl
import mmap
import os
import resource
import signal
import socket
import stat
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from processes import landlock, seccomp
from processes.channel import Channel
from processes.kernel import Libc
from processes.lockdown import LockedIn, Walls, forbid_threads, lock_down
from processes.syscalls import Numbers

NO_SIGNAL = 0
"""Asks whether a signal could be sent; harmless if it can."""
COLUMN = 0 if os.uname().machine == "x86_64" else 1
MEMORY_BYTES_MAX = 512 * 1024 * 1024
OPEN_FILES_MORE = 8192
LARGE_FILE_BYTES = 5 * 1024**3

CALLS: Numbers = {
    "clone": (56, 220),
    "dup": (32, 23),
    "eventfd2": (290, 19),
    "epoll_create1": (291, 20),
    "fanotify_init": (300, 262),
    "fcntl": (72, 25),
    "inotify_init1": (294, 26),
    "ioctl": (16, 29),
    "ioprio_set": (251, 30),
    "memfd_create": (319, 279),
    "mprotect": (10, 226),
    "prctl": (157, 167),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "seccomp": (317, 277),
    "setpriority": (141, 140),
    "setxattr": (188, 5),
    "shmget": (29, 194),
    "signalfd4": (289, 74),
    "tgkill": (234, 131),
    "timerfd_create": (283, 85),
    "truncate": (76, 45),
    "uname": (63, 160),
}
"""Numbers of calls that Python offers no function for, or only a function that does more."""

TIOCSTI = 0x5412
PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_SECCOMP = 3, 4, 22


def main() -> None:
    """Try one thing after the other, each in a process that locks itself in as told, and report what came of each."""
    channel = Channel()
    folder, is_locked, absent, attempts = channel.receive()
    if any(name == "database" for name, _ in attempts):
        import chain.store  # noqa: F401 - no module can be read once a process is locked in
    code = prepared_code()
    if "landlock" in absent:
        landlock.version = _absent
    if "seccomp" in absent:
        seccomp.MACHINES.clear()
    walls = Walls(None if folder is None else Path(folder), MEMORY_BYTES_MAX) if is_locked else None
    for name, argument in attempts:
        channel.send(apart(name, argument, walls, code))


def apart(name: str, argument: str, walls: Walls | None, code: Callable[[], int] | None) -> list[object]:
    """Return the walls that were missing and what came of an attempt in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        locked_in = LockedIn((), None) if walls is None else lock_down(walls)
        missing = locked_in.missing
        if name == "other_architecture" and code is not None:
            outcome = str(code())
        elif name == "late_thread":
            outcome = _late_thread(locked_in)
        else:
            outcome = tried(name, argument)
        os.write(writing, "\0".join((outcome, *missing)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status < 0:
        return [[], f"killed by {signal.Signals(-status).name}"]
    outcome, *missing_walls = said.split("\0")
    return [missing_walls, outcome if status == 0 else f"exited with {status}"]


def tried(name: str, argument: str) -> str:
    """Return what came of an attempt: a value as text, or the name of the error."""
    if name not in ATTEMPTS:
        return "not here"
    try:
        return str(ATTEMPTS[name](argument))
    except OSError as error:
        return f"OSError {error.errno}"
    except (MemoryError, RuntimeError) as error:
        return type(error).__name__


def prepared_code() -> Callable[[], int] | None:
    """Return code that asks for the process id by the interrupt of 32-bit programs, made while code can be made."""
    if os.uname().machine != "x86_64":
        return None
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    code = ctypes.CFUNCTYPE(ctypes.c_int)(address)
    return lambda: int(code() > 0 and page is not None)


def call(name: str, *arguments: "int | ctypes.Array[ctypes.c_char] | None") -> int:
    """Make a system call by its name."""
    number = CALLS[name][COLUMN]
    assert number is not None
    return Libc().system_call(number, *arguments)


def _absent(libc: Libc) -> int:
    return 0


def _two(argument: str) -> tuple[str, str]:
    first, _, second = argument.partition("|")
    return first, second


def _read(path: str) -> str:
    return Path(path).read_text(errors="replace")


def _list(path: str) -> int:
    return len(os.listdir(path))


def _write(path: str) -> str:
    Path(path).write_text("written")
    return "written"


def _append(path: str) -> str:
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
    return "opened"


def _empty(path: str) -> str:
    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))
    return "opened"


def _truncate(path: str) -> int:
    return call("truncate", ctypes.create_string_buffer(path.encode()), 0)


def _look(path: str) -> str:
    os.close(os.open(path, os.O_PATH))
    return "opened"


def _relative(argument: str) -> str:
    folder, name = _two(argument)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.close(os.open(name, os.O_RDONLY, dir_fd=descriptor))
    return "opened"


def _symlink(argument: str) -> None:
    os.symlink(*_two(argument))


def _link(argument: str) -> None:
    os.link(*_two(argument))


def _rename(argument: str) -> None:
    os.rename(*_two(argument))


def _unlink(path: str) -> None:
    os.unlink(path)


def _make_folder(path: str) -> None:
    os.mkdir(path)


def _remove_folder(path: str) -> None:
    os.rmdir(path)


def _change_mode(path: str) -> None:
    os.chmod(path, 0o777)


def _change_owner(path: str) -> None:
    os.chown(path, os.getuid(), os.getgid())


def _change_time(path: str) -> None:
    os.utime(path, (0, 0))


def _attribute(path: str) -> int:
    name, value = ctypes.create_string_buffer(b"user.x"), ctypes.create_string_buffer(b"y")
    return call("setxattr", ctypes.create_string_buffer(path.encode()), name, value, 1, 0)


def _fifo(path: str) -> None:
    os.mkfifo(path)


def _own_name(_: str) -> str:
    return os.fsencode(os.readlink("/proc/self/exe")).decode()


def _connect(port: str) -> None:
    with socket.socket() as client:
        client.connect(("127.0.0.1", int(port)))


def _abstract(name: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"\0{name}")


def _socket(family: str) -> None:
    socket.socket(int(family), socket.SOCK_RAW if int(family) == socket.AF_NETLINK else socket.SOCK_STREAM).close()


def _unix_socket(_: str) -> None:
    socket.socketpair()


def _fork(_: str) -> str:
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    return "forked"


def _execute(_: str) -> None:
    os.execv(sys.executable, [sys.executable, "-c", "pass"])


def _spawn(_: str) -> None:
    os.posix_spawn(sys.executable, [sys.executable, "-c", "pass"], {})


def _thread(_: str) -> str:
    done: list[str] = []
    thread = threading.Thread(target=done.append, args=("ran",))
    thread.start()
    thread.join()
    return done[0]


def _late_thread(locked_in: LockedIn) -> str:
    _thread("")
    forbid_threads(locked_in)
    return _thread("")


def _kill(pid: str) -> None:
    os.kill(int(pid), NO_SIGNAL)


def _signal_thread(pid: str) -> int:
    return call("tgkill", int(pid), int(pid), NO_SIGNAL)


def _abort(_: str) -> None:
    os.abort()


def _executable_memory(_: str) -> str:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    return "mapped"


def _turn_executable(_: str) -> int:
    page = mmap.mmap(-1, mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return call("mprotect", address, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC)


def _system_call(number: str) -> int:
    return Libc().system_call(int(number), 0, 0, 0, 0, 0)


def _named_call(argument: str) -> int:
    name, *arguments = argument.split()
    return call(name, *map(int, arguments))


def _new_filter(_: str) -> int:
    program = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000), 8)
    head = ctypes.create_string_buffer(struct.pack("@HP", 1, ctypes.addressof(program)), 16)
    return call("seccomp", 1, 0, head)


def _code_after_a_new_filter(_: str) -> str:
    _new_filter("")
    return _executable_memory("")


def _input(_: str) -> int:
    return call("ioctl", 2, TIOCSTI, ctypes.create_string_buffer(b"x"))


def _much_memory(_: str) -> int:
    return len(bytearray(2 * MEMORY_BYTES_MAX))


def _many_files(folder: str) -> str:
    kept = []
    try:
        for _ in range(OPEN_FILES_MORE):
            kept.append(os.open(folder, os.O_RDONLY))
    finally:
        for descriptor in kept:
            os.close(descriptor)
    return "all opened"


def _large_file(path: str) -> str:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.ftruncate(descriptor, LARGE_FILE_BYTES)
    finally:
        os.close(descriptor)
        os.unlink(path)
    return "made"


def _raise_limits(name: str) -> str:
    which = getattr(resource, name or "RLIMIT_CORE")
    try:
        resource.setrlimit(which, resource.getrlimit(which))
    except ValueError as error:
        # That is how this module reports EPERM.
        raise PermissionError(errno.EPERM, "setrlimit") from error
    return "set"


def _limits(_: str) -> str:
    names = ("RLIMIT_CORE", "RLIMIT_DATA", "RLIMIT_NOFILE", "RLIMIT_FSIZE")
    return " ".join(str(resource.getrlimit(getattr(resource, name))) for name in names)


def _environment(_: str) -> str:
    return ",".join(sorted(os.environ))


def _descriptors(_: str) -> str:
    """Return every open descriptor with what it is: a socket, or device and number of a file, or unknown."""
    found: list[str] = []
    for descriptor in range(256):
        try:
            fcntl.fcntl(descriptor, fcntl.F_GETFD)
        except OSError:
            continue
        try:
            status = os.fstat(descriptor)
        except PermissionError:
            found.append(f"{descriptor}=?")
            continue
        kind = "socket" if stat.S_ISSOCK(status.st_mode) else f"{status.st_dev}:{status.st_ino}"
        found.append(f"{descriptor}={kind}")
    return " ".join(found)


def _identity(_: str) -> str:
    return f"{os.getpid()}"


def _every_call(numbers: str) -> str:
    """Make each call with arguments that are no use to it; return the numbers that did not fail with EPERM."""
    libc = Libc()
    others: list[str] = []
    for number in map(int, numbers.split()):
        try:
            libc.system_call(number, -1, -1, -1, -1, -1)
        except OSError as error:
            if error.errno == errno.EPERM:
                continue
        others.append(str(number))
    return " ".join(others)


def _database(path: str) -> str:
    """Open a database and write until its background thread has compacted."""
    from chain.store import open_store

    store = open_store(Path(path), "state", bytes(32), 1024 * 1024, create=True)
    store.start_thread()
    for round_ in range(40):
        store.write([(b"k" + bytes([round_, item % 256, item // 256]), os.urandom(4096)) for item in range(300)])
    found = sum(1 for _ in store.scan(b"k", b"l"))
    store.close()
    tables = len(list((Path(path) / "leveldb").glob("*.ldb")))
    return f"{found} entries, compacted: {tables > 0}"


ATTEMPTS: dict[str, Callable[[str], object]] = {
    name.removeprefix("_"): value
    for name, value in list(globals().items())
    if name[0] == "_" and callable(value) and value not in (_absent, _two, _late_thread)
}
