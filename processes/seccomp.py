"""The filter on system calls (seccomp-bpf): an allow-list, and death for what only an intruder tries.

What is neither needed nor hostile fails with EPERM, so that a library which probes for a feature goes on without it.
No memory becomes executable any more, no process is started, and a signal reaches nobody else. The filter is a program
for the kernel's classic BPF machine, made here instruction by instruction (kernel documentation, "Seccomp BPF").
"""

import ctypes
import errno
import os
import struct
from typing import Final

from processes.kernel import Libc, buffer_of
from processes.syscalls import ALWAYS, CONDITIONAL, CONDITIONAL_FILES, FILES, HOSTILE, Numbers

Instruction = tuple[int, int, int, int]
"""Code, instructions to skip if true, if false, operand (struct sock_filter)."""

MACHINES: Final = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}
"""Column of processes.syscalls, AUDIT_ARCH, and number of the call seccomp, by machine."""

SET_MODE_FILTER: Final = 1
ALL_THREADS: Final = 1
"""SECCOMP_FILTER_FLAG_TSYNC: the filter binds the threads that run already, too."""
X32: Final = 0x40000000
"""Marks a call of the x32 interface, which has the architecture of x86_64 and rights of its own."""
O_PATH: Final = 0x200000

LOAD: Final = 0x20
AND: Final = 0x54
JUMP_IF_EQUAL: Final = 0x15
JUMP_IF_ANY_BIT: Final = 0x45
RETURN: Final = 0x06

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
ERROR: Final = 0x00050000

NUMBER_AT: Final = 0
ARCHITECTURE_AT: Final = 4
ARGUMENTS_AT: Final = 16

PROT_EXEC: Final = 4
CLONE_THREAD: Final = 0x00010000 | 0x00000800 | 0x00000100
"""CLONE_THREAD, CLONE_SIGHAND and CLONE_VM: all three make a thread."""
CLONE_NEVER: Final = 0x7E020000 | 0x00004000 | 0x00002000
"""New namespaces, CLONE_VFORK and CLONE_PTRACE."""
FCNTL_COMMANDS: Final = (1, 2, 3, 5, 6, 7)
"""Descriptor flags (F_GETFD, F_SETFD), F_GETFL, and locks (F_GETLK, F_SETLK, F_SETLKW)."""


def restrict(libc: Libc, *, files: bool) -> None:
    """Filter the system calls of this thread, and of threads that it starts, for good.

    Raises:
        NotImplementedError: on a machine whose numbers are not known.
        OSError: when the kernel refuses.
    """
    machine = os.uname().machine
    if machine not in MACHINES:
        raise NotImplementedError(f"the system calls of {machine} are not known")
    install(libc, machine, filter_program(machine, os.getpid(), files=files), 0)


def forbid_threads(libc: Libc, machine: str) -> None:
    """Forbid all threads of this process to start another, for good; it has been restricted, and has those it needs.

    Raises:
        OSError: when the kernel refuses.
    """
    install(libc, machine, last_filter_program(machine), ALL_THREADS)


def install(libc: Libc, machine: str, program: list[Instruction], flags: int) -> None:
    """Bind this thread, or all threads of the process, by a filter, for good.

    Raises:
        OSError: when the kernel refuses.
    """
    code = buffer_of(b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
    head = buffer_of(struct.pack("@HP", len(program), ctypes.addressof(code)))
    libc.system_call(MACHINES[machine][2], SET_MODE_FILTER, flags, head)


def last_filter_program(machine: str) -> list[Instruction]:
    """Return the filter that is added when the last thread runs; what the first one refuses stays refused."""
    column, architecture, filter_call = MACHINES[machine]
    clone = CONDITIONAL["clone"][column]
    assert clone is not None, "all machines have this call"
    return [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_IF_EQUAL, 1, 0, architecture),
        _give(KILL),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_IF_EQUAL, 0, 1, clone),
        _give(KILL),
        (JUMP_IF_EQUAL, 0, 1, filter_call),
        _give(ERROR | errno.EPERM),
        _give(ALLOW),
    ]


def filter_program(machine: str, own_pid: int, *, files: bool) -> list[Instruction]:
    """Return the filter for a process that may, or may not, use files."""
    column, architecture, _ = MACHINES[machine]
    # Another architecture's calls have other numbers; a process that switches to one is up to no good.
    program: list[Instruction] = [(LOAD, 0, 0, ARCHITECTURE_AT), (JUMP_IF_EQUAL, 1, 0, architecture), _give(KILL)]
    program.append((LOAD, 0, 0, NUMBER_AT))
    if machine == "x86_64":
        program += [(JUMP_IF_ANY_BIT, 0, 1, X32), _give(KILL)]
    for number in _numbers(ALWAYS | FILES if files else ALWAYS, column):
        program += [(JUMP_IF_EQUAL, 0, 1, number), _give(ALLOW)]
    conditional = CONDITIONAL | CONDITIONAL_FILES if files else CONDITIONAL
    bodies = _conditions(own_pid)
    if not files:
        # Only the database needs a thread.
        bodies["clone"] = [_give(KILL)]
    for name, numbers in conditional.items():
        body = bodies[name]
        for number in _numbers({name: numbers}, column):
            program += [(JUMP_IF_EQUAL, 0, len(body), number), *body]
    for number in _numbers(HOSTILE, column):
        program += [(JUMP_IF_EQUAL, 0, 1, number), _give(KILL)]
    return [*program, _give(ERROR | errno.EPERM)]


def _conditions(own_pid: int) -> dict[str, list[Instruction]]:
    """Return what decides a call by its arguments; each ends in a verdict."""
    no_code = _without_flag(2, PROT_EXEC)
    only_threads: list[Instruction] = [
        _load_argument(0),
        (AND, 0, 0, CLONE_THREAD | CLONE_NEVER),
        (JUMP_IF_EQUAL, 0, 1, CLONE_THREAD),
        _give(ALLOW),
        _give(KILL),
    ]
    only_asking: list[Instruction] = [
        _load_argument(2),
        (JUMP_IF_EQUAL, 0, 3, 0),
        _load_argument(2, high=True),
        (JUMP_IF_EQUAL, 0, 1, 0),
        _give(ALLOW),
        _give(ERROR | errno.EPERM),
    ]
    only_oneself: list[Instruction] = [
        _load_argument(0),
        (JUMP_IF_EQUAL, 0, 1, own_pid),
        _give(ALLOW),
        _give(KILL),
    ]
    only_filters: list[Instruction] = [
        _load_argument(0),
        (JUMP_IF_EQUAL, 0, 1, SET_MODE_FILTER),
        _give(ALLOW),
        _give(ERROR | errno.EPERM),
    ]
    commands: list[Instruction] = [_load_argument(1)]
    for command in FCNTL_COMMANDS:
        commands += [(JUMP_IF_EQUAL, 0, 1, command), _give(ALLOW)]
    return {
        "mmap": no_code,
        "mprotect": no_code,
        "clone": only_threads,
        # Its flags lie in memory, where a filter cannot look; without it, libraries fall back on clone.
        "clone3": [_give(ERROR | errno.ENOSYS)],
        "prlimit64": only_asking,
        "tgkill": only_oneself,
        "fcntl": [*commands, _give(ERROR | errno.EPERM)],
        # Landlock says nothing of a descriptor that can only be looked at.
        "openat": _without_flag(2, O_PATH),
        "open": _without_flag(1, O_PATH),
        # More filters take more away; nothing else can be asked of this call.
        "seccomp": only_filters,
    }


def _without_flag(index: int, flag: int) -> list[Instruction]:
    return [_load_argument(index), (JUMP_IF_ANY_BIT, 0, 1, flag), _give(ERROR | errno.EPERM), _give(ALLOW)]


def _numbers(calls: Numbers, column: int) -> list[int]:
    return [number for numbers in calls.values() if (number := numbers[column]) is not None]


def _load_argument(index: int, *, high: bool = False) -> Instruction:
    """Load half of an argument; both machines are little-endian."""
    return (LOAD, 0, 0, ARGUMENTS_AT + 8 * index + (4 if high else 0))


def _give(verdict: int) -> Instruction:
    return (RETURN, 0, 0, verdict)
