"""A child process that locks itself in and then does what it is told; the tests see what became of it."""

import errno
import mmap
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from chain.store import open_store
from processes import landlock, seccomp
from processes.channel import Channel
from processes.kernel import Libc
from processes.lockdown import Walls, lock_down

NO_SIGNAL = 0
"""Asks whether a signal could be sent; harmless if it can."""
TGKILL = 234 if os.uname().machine == "x86_64" else 131
MEMORY_BYTES_MAX = 512 * 1024 * 1024


def main() -> None:
    """Lock in, try one thing, and report its outcome: a value as text, or the name of the error."""
    channel = Channel()
    folder, attempt, argument, absent = channel.receive()
    if "landlock" in absent:
        landlock.version = _absent
    if "seccomp" in absent:
        seccomp.MACHINES.clear()
    missing = lock_down(Walls(None if folder is None else Path(folder), MEMORY_BYTES_MAX))
    channel.send(["walls", list(missing)])
    try:
        outcome = str(ATTEMPTS[attempt](argument))
    except OSError as error:
        outcome = f"OSError {error.errno}"
    except (MemoryError, RuntimeError) as error:
        outcome = type(error).__name__
    channel.send(["outcome", outcome])


def _absent(libc: Libc) -> int:
    return 0


def _read(path: str) -> str:
    return Path(path).read_text()


def _list(path: str) -> list[str]:
    return os.listdir(path)


def _write(path: str) -> str:
    Path(path).write_text("written")
    return "written"


def _truncate(path: str) -> None:
    os.truncate(path, 0)


def _link(path: str) -> None:
    os.symlink("/etc/passwd", path)


def _connect(port: str) -> None:
    with socket.socket() as client:
        client.connect(("127.0.0.1", int(port)))


def _unix_socket(_: str) -> None:
    socket.socketpair()


def _fork(_: str) -> None:
    if os.fork() == 0:
        os._exit(0)


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


def _kill(pid: str) -> None:
    os.kill(int(pid), NO_SIGNAL)


def _signal_thread(pid: str) -> None:
    Libc().system_call(TGKILL, int(pid), int(pid), NO_SIGNAL)


def _abort(_: str) -> None:
    os.abort()


def _executable_memory(_: str) -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def _system_call(number: str) -> int:
    return Libc().system_call(int(number), 0, 0, 0, 0, 0)


def _much_memory(_: str) -> int:
    return len(bytearray(2 * MEMORY_BYTES_MAX))


def _raise_limits(_: str) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ValueError as error:
        # That is how this module reports EPERM.
        raise PermissionError(errno.EPERM, "setrlimit") from error


def _change_owner(path: str) -> None:
    os.chown(path, 1, 1)


def _database(path: str) -> str:
    """Open a database and write until its background thread has compacted."""
    store = open_store(Path(path), "state", bytes(32), 1024 * 1024, create=True)
    for round_ in range(40):
        store.write([(b"k" + bytes([round_, item % 256, item // 256]), os.urandom(4096)) for item in range(300)])
    found = sum(1 for _ in store.scan(b"k", b"l"))
    store.close()
    tables = len(list((Path(path) / "leveldb").glob("*.ldb")))
    return f"{found} entries, compacted: {tables > 0}"


ATTEMPTS: dict[str, Callable[[str], object]] = {
    name.removeprefix("_"): value for name, value in list(globals().items()) if name[0] == "_" and callable(value)
}
