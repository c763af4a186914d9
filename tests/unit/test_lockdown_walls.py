"""Everything forbidden is tried from inside of the walls, and works without them; what is allowed still works."""

import asyncio
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lockdown_attempts import COLUMN
from lockdown_world import EACCES, EPERM, FILTERED, LANDLOCK, ROWS, make_world
from test_lockdown_filter import DENY, verdict

from processes.child import start_child
from processes.seccomp import MACHINES, filter_program
from processes.syscalls import HOSTILE

HERE = str(Path(__file__).parent)
DEADLINE_SECONDS = 60
DENIED = {EPERM, EACCES}
MISSING = {
    "landlock": ["file system"],
    "seccomp": ["system calls"],
    "landlock and seccomp": ["file system", "system calls", "network", "signals to other processes"],
}
KILLED = "killed by SIGSYS"
ARCHITECTURE = MACHINES[os.uname().machine][1]


async def tried(
    folder: Path | None, attempts: Sequence[tuple[str, str]], absent: Sequence[str] = (), *, is_locked: bool = True
) -> list[str]:
    """Return what came of each attempt, made in a process of its own.

    On a kernel that lacks `absent`, and nothing else.
    """
    messages: list[list[Any]] = []
    child = await start_child("lockdown_attempts", messages.append, (HERE,))
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            place = None if folder is None else str(folder)
            child.send([place, is_locked, " ".join(absent), [list(each) for each in attempts]])
            ending = await child.wait()
    finally:
        child.collect()
    assert ending.status == 0 and len(messages) == len(attempts)
    expected = [wall for name in absent for wall in MISSING[name]]
    for missing, outcome in messages:
        if is_locked and not outcome.startswith("killed"):
            found = [sentence.partition(":")[0] for sentence in missing]
            assert found == expected, "this kernel lacks walls that the test needs"
    return [outcome for _, outcome in messages]


async def attempt(folder: Path | None, what: str, argument: str = "", absent: Sequence[str] = ()) -> str:
    """Return what came of one attempt."""
    return (await tried(folder, [(what, argument)], absent))[0]


async def test_without_walls_every_attempt_succeeds(tmp_path: Path) -> None:
    """Otherwise the tests below would show nothing."""
    rows = [*LANDLOCK, *FILTERED]
    world = make_world(tmp_path, rows)
    outcomes = await tried(None, world.attempts(rows), is_locked=False)
    (Path("/dev/shm") / f"tallystick-test-{os.getpid()}").unlink()
    for row, outcome in zip(rows, outcomes, strict=True):
        if row.control is not None:
            assert outcome.startswith(row.control) and not outcome.startswith("OSError"), (row, outcome)


@pytest.mark.parametrize("has_folder", [True, False])
async def test_inside_the_walls_none_does(tmp_path: Path, has_folder: bool) -> None:
    world = make_world(tmp_path, ROWS)
    before = world.condition()
    outcomes = await tried(world.inside if has_folder else None, world.attempts(ROWS))
    for row, outcome in zip(ROWS, outcomes, strict=True):
        assert outcome in (row.locked if has_folder else row.without_folder), (row, outcome)
    assert world.condition() == before
    assert sorted(path.name for path in world.inside.iterdir()) == ["file", "gift", "way-out"]


async def test_each_wall_holds_without_the_other(tmp_path: Path) -> None:
    world = make_world(tmp_path, LANDLOCK)
    before = world.condition()
    outcomes = await tried(world.inside, world.attempts(LANDLOCK), ["seccomp"])
    assert [outcome in row.locked for row, outcome in zip(LANDLOCK, outcomes, strict=True)] == [True] * len(LANDLOCK)
    assert world.condition() == before
    world = make_world(tmp_path / "again", FILTERED)
    outcomes = await tried(world.inside, world.attempts(FILTERED), ["landlock"])
    assert outcomes == [EPERM] * len(FILTERED)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert await attempt(tmp_path, "connect", port, ["seccomp"]) in DENIED
        assert await attempt(tmp_path, "connect", port, ["landlock"]) == KILLED
    assert await attempt(tmp_path, "kill", str(os.getpid()), ["seccomp"]) in DENIED
    assert await attempt(tmp_path, "fork", "", ["landlock"]) == KILLED


async def test_the_folder_itself_can_be_used(tmp_path: Path) -> None:
    attempts = [("write", str(tmp_path / "file")), ("read", str(tmp_path / "file")), ("unlink", str(tmp_path / "file"))]
    assert await tried(tmp_path, attempts) == ["written", "written", "None"]
    assert await attempt(tmp_path, "database", str(tmp_path / "database")) == "12000 entries, compacted: True"


@pytest.mark.parametrize("has_folder", [True, False])
async def test_no_socket_of_any_family(tmp_path: Path, has_folder: bool) -> None:
    families = [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK]
    attempts = [("unix_socket", ""), *(("socket", str(int(family))) for family in (*families, socket.AF_ALG))]
    assert await tried(tmp_path if has_folder else None, attempts) == [KILLED] * len(attempts)


async def test_no_listener_is_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as listener:
        name = f"tallystick-test-{os.getpid()}"
        listener.bind(f"\0{name}")
        listener.listen()
        attempts = [("connect", str(server.getsockname()[1])), ("abstract", name)]
        assert await tried(None, attempts, is_locked=False) == ["None", "None"]
        assert await tried(tmp_path, attempts) == [KILLED, KILLED]


async def test_no_process_can_be_started_and_no_thread_after_the_last(tmp_path: Path) -> None:
    attempts = [(name, "") for name in ("fork", "execute", "spawn", "late_thread")]
    assert await tried(tmp_path, attempts) == [KILLED] * len(attempts)
    assert await tried(None, [("fork", ""), ("thread", "")]) == [KILLED, KILLED]
    assert await attempt(tmp_path, "thread") == "ran", "a database needs one"


async def test_signals_reach_nobody_else(tmp_path: Path) -> None:
    pid = str(os.getpid())
    assert await tried(tmp_path, [("kill", pid), ("signal_thread", pid)]) == [KILLED, KILLED]
    assert await attempt(tmp_path, "abort") == "killed by SIGABRT"


async def test_filters_can_only_be_added(tmp_path: Path) -> None:
    # The new one allows everything; the old one goes on refusing.
    assert await tried(tmp_path, [("new_filter", ""), ("code_after_a_new_filter", "")]) == ["0", EPERM]
    assert await attempt(None, "new_filter") == EPERM


async def test_each_hostile_call_kills() -> None:
    calls = {name: numbers[COLUMN] for name, numbers in HOSTILE.items() if numbers[COLUMN] is not None}
    outcomes = await tried(None, [("system_call", str(number)) for number in calls.values()])
    assert [name for name, outcome in zip(calls, outcomes, strict=True) if outcome != KILLED] == []


async def test_calls_of_other_architectures_kill(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "other_architecture")
    if os.uname().machine == "x86_64":
        # Without 32-bit programs the kernel knows nothing of their interrupt.
        assert outcome in (KILLED, "killed by SIGSEGV")
        getpid_of_x32 = str(0x40000000 | 39)
        assert await attempt(tmp_path, "system_call", getpid_of_x32) == KILLED
    else:
        assert outcome == "not here"


async def test_every_other_call_fails() -> None:
    program = filter_program(os.uname().machine, os.getpid(), files=False)
    refused = [number for number in range(600) if verdict(program, ARCHITECTURE, number) == DENY]
    if os.uname().machine == "x86_64":
        # The kernel asks no filter about these two, which serve its own tracing; anybody else's call ends in SIGILL.
        refused = [number for number in refused if number not in (335, 336)]
    assert len(refused) > 400
    assert await attempt(None, "every_call", " ".join(map(str, refused))) == ""


async def test_nothing_of_the_node_is_inherited(tmp_path: Path) -> None:
    for folder in (tmp_path, None):
        names = [("descriptors", ""), ("environment", ""), ("limits", "")]
        descriptors, environment, limits = await tried(folder, names)
        # Beside the pipe and the standard ones there is that to the process which collects the outcomes.
        assert [each.split("=")[0] for each in descriptors.split()] == ["0", "1", "2", "4"]
        assert set(environment.split(",")) <= {"", "LC_CTYPE"}
        assert limits.startswith("(0, 0) ")


async def test_no_memory_is_ever_dumped(tmp_path: Path) -> None:
    get_dumpable = ("named_call", "prctl 3 0")
    assert await tried(None, [get_dumpable], is_locked=False) == ["1"]
    assert await tried(tmp_path, [get_dumpable], ["seccomp"]) == ["0"]


async def test_a_kernel_without_walls_is_reported(tmp_path: Path) -> None:
    assert not (await attempt(tmp_path, "read", "/etc/hostname", ["landlock and seccomp"])).startswith("OSError")
