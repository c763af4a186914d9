"""Every forbidden thing is tried from inside a locked-in process, and everything allowed still works."""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from processes.child import Ending, start_child
from processes.syscalls import ALWAYS, CONDITIONAL, FILES, HOSTILE

HERE = str(Path(__file__).parent)
DEADLINE_SECONDS = 30
DENIED = {f"OSError {errno.EPERM}", f"OSError {errno.EACCES}"}
MISSING = {
    "landlock": ["file system"],
    "seccomp": ["system calls"],
    "landlock and seccomp": ["file system", "system calls", "network", "signals to other processes"],
}
COLUMN = 0 if os.uname().machine == "x86_64" else 1


async def attempt(
    folder: Path | None, what: str, argument: str = "", absent: Sequence[str] = ()
) -> tuple[str | None, Ending]:
    """Return what a locked-in process reported of an attempt, None if it did not live to, and how it ended.

    On a kernel that lacks `absent`, and nothing else.
    """
    messages: list[list[Any]] = []
    child = await start_child("lockdown_attempts", messages.append, (HERE,))
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            child.send([None if folder is None else str(folder), what, argument, " ".join(absent)])
            ending = await child.wait()
    finally:
        child.collect()
    reported = [sentence.partition(":")[0] for sentence in messages[0][1]]
    assert reported == [wall for name in absent for wall in MISSING[name]], (
        "this kernel lacks walls that the test needs"
    )
    return (messages[1][1] if len(messages) > 1 else None), ending


async def test_files_elsewhere_cannot_be_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    for path in ("/etc/passwd", "/proc/self/status", "/dev/null", str(outside)):
        assert (await attempt(inside, "read", path))[0] in DENIED
    assert (await attempt(inside, "list", "/"))[0] in DENIED


async def test_files_elsewhere_cannot_be_changed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "file").touch()
    assert (await attempt(inside, "write", str(outside)))[0] in DENIED
    assert (await attempt(inside, "write", str(tmp_path / "fresh")))[0] in DENIED
    assert (await attempt(inside, "truncate", str(outside)))[0] in DENIED
    assert (await attempt(inside, "change_owner", str(outside)))[0] in DENIED
    assert (await attempt(inside, "write", str(inside / ".." / "outside")))[0] in DENIED
    assert outside.read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "outside"]


async def test_the_folder_itself_can_be_used(tmp_path: Path) -> None:
    assert (await attempt(tmp_path, "write", str(tmp_path / "file")))[0] == "written"
    assert (await attempt(tmp_path, "read", str(tmp_path / "file")))[0] == "written"
    assert (await attempt(tmp_path, "link", str(tmp_path / "link")))[0] in DENIED
    outcome, ending = await attempt(tmp_path, "database", str(tmp_path / "database"))
    assert outcome == "12000 entries, compacted: True"
    assert ending.status == 0


async def test_a_process_without_a_folder_reaches_no_file(tmp_path: Path) -> None:
    assert (await attempt(None, "write", str(tmp_path / "file")))[0] in DENIED
    assert (await attempt(None, "read", "/etc/passwd"))[0] in DENIED
    assert list(tmp_path.iterdir()) == []


async def test_the_network_is_out_of_reach(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        outcome, ending = await attempt(tmp_path, "connect", str(server.getsockname()[1]))
    assert outcome is None
    assert ending.status == -signal.SIGSYS
    assert (await attempt(tmp_path, "unix_socket"))[1].status == -signal.SIGSYS


@pytest.mark.parametrize("what", ["fork", "execute", "spawn"])
async def test_no_process_can_be_started(tmp_path: Path, what: str) -> None:
    outcome, ending = await attempt(tmp_path, what)
    assert outcome is None
    assert ending.status == -signal.SIGSYS


async def test_threads_can_be_started() -> None:
    assert (await attempt(Path("/tmp"), "thread"))[0] == "ran"


async def test_signals_reach_nobody_else(tmp_path: Path) -> None:
    for what in ("kill", "signal_thread"):
        outcome, ending = await attempt(tmp_path, what, str(os.getpid()))
        assert outcome is None
        assert ending.status == -signal.SIGSYS
    assert (await attempt(tmp_path, "abort"))[1].status == -signal.SIGABRT


async def test_memory_cannot_become_code_or_exceed_its_limit(tmp_path: Path) -> None:
    assert (await attempt(tmp_path, "executable_memory"))[0] in DENIED
    assert (await attempt(tmp_path, "much_memory"))[0] == "MemoryError"
    assert (await attempt(tmp_path, "raise_limits"))[0] in DENIED


@pytest.mark.parametrize("name", ["ptrace", "bpf", "mount", "io_uring_setup", "keyctl", "unshare", "capset"])
async def test_hostile_system_calls_kill(tmp_path: Path, name: str) -> None:
    outcome, ending = await attempt(tmp_path, "system_call", str(HOSTILE[name][COLUMN]))
    assert outcome is None
    assert ending.status == -signal.SIGSYS


async def test_other_system_calls_fail() -> None:
    unknown = 1000
    epoll_create = (291, 20)[COLUMN]
    for number in (unknown, epoll_create):
        assert (await attempt(Path("/tmp"), "system_call", str(number)))[0] == f"OSError {errno.EPERM}"


def test_each_system_call_stands_in_one_list() -> None:
    lists = [ALWAYS, FILES, CONDITIONAL, HOSTILE]
    for column in (0, 1):
        numbers = [entry[column] for calls in lists for entry in calls.values() if entry[column] is not None]
        assert len(numbers) == len(set(numbers))


async def test_each_wall_holds_without_the_other(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert (await attempt(tmp_path, "connect", port, ["seccomp"]))[0] in DENIED
        assert (await attempt(tmp_path, "connect", port, ["landlock"]))[1].status == -signal.SIGSYS
    assert (await attempt(tmp_path, "read", "/etc/passwd", ["seccomp"]))[0] in DENIED
    assert (await attempt(tmp_path, "kill", str(os.getpid()), ["seccomp"]))[0] in DENIED
    assert (await attempt(tmp_path, "fork", "", ["landlock"]))[1].status == -signal.SIGSYS


async def test_a_kernel_without_walls_is_reported(tmp_path: Path) -> None:
    assert (await attempt(tmp_path, "read", "/etc/hostname", ["landlock and seccomp"]))[1].status == 0
