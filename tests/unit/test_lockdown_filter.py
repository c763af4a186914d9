"""The filter on system calls, run instruction by instruction for every machine, and Landlock's versions."""

import errno

import pytest

from processes import landlock
from processes.kernel import Libc
from processes.seccomp import ALLOW, ERROR, KILL, MACHINES, Instruction, filter_program, last_filter_program
from processes.syscalls import ALWAYS, CONDITIONAL, CONDITIONAL_FILES, FILES, HOSTILE

OWN_PID = 4321
DENY = ERROR | errno.EPERM
X32 = 0x40000000
"""Marks a call of the x32 interface, whose numbers are otherwise those of x86_64."""


def verdict(program: list[Instruction], architecture: int, number: int, *arguments: int) -> int:
    """Run a filter on a system call, as the kernel's BPF machine would."""
    words = [number, architecture, 0, 0]
    for argument in (*arguments, *[0] * (6 - len(arguments))):
        words += [argument & 0xFFFFFFFF, argument >> 32]
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        if code == 0x20:
            accumulator = words[operand // 4]
        elif code == 0x54:
            accumulator &= operand
        elif code == 0x15:
            at += if_true if accumulator == operand else if_false
        elif code == 0x45:
            at += if_true if accumulator & operand else if_false
        else:
            assert code == 0x06
            return operand


@pytest.mark.parametrize("machine", sorted(MACHINES))
@pytest.mark.parametrize("files", [True, False])
def test_each_list_gets_its_verdict(machine: str, files: bool) -> None:
    column, architecture, _ = MACHINES[machine]
    program = filter_program(machine, OWN_PID, files=files)
    wanted = [(ALWAYS, ALLOW), (FILES, ALLOW if files else DENY), (HOSTILE, KILL)]
    for calls, expected in wanted:
        for name, numbers in calls.items():
            if (number := numbers[column]) is not None:
                assert verdict(program, architecture, number) == expected, name
                assert verdict(program, architecture ^ 1, number) == KILL
                assert verdict(program, architecture, number | X32) == (KILL if machine == "x86_64" else DENY)


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_every_other_number_fails(machine: str) -> None:
    column, architecture, _ = MACHINES[machine]
    program = filter_program(machine, OWN_PID, files=True)
    lists = (ALWAYS, FILES, HOSTILE, CONDITIONAL, CONDITIONAL_FILES)
    known = {numbers[column] for calls in lists for numbers in calls.values()}
    for number in range(700):
        if number not in known:
            assert verdict(program, architecture, number) == DENY, number


@pytest.mark.parametrize("machine", sorted(MACHINES))
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("mmap", (0, 4096, 0b011), ALLOW),
        ("mmap", (0, 4096, 0b101), DENY),
        ("mmap", (0, 4096, 0b111), DENY),
        ("mprotect", (4096, 4096, 0b001), ALLOW),
        ("mprotect", (4096, 4096, 0b100), DENY),
        ("clone", (17,), KILL),
        ("clone", (0x01200011,), KILL),
        ("clone", (0x4111,), KILL),
        ("clone", (0x3D0F00 | 0x10000000,), KILL),
        ("clone", (0x3D0F00 & ~0x100,), KILL),
        ("clone3", (1 << 40, 88), ERROR | errno.ENOSYS),
        ("prlimit64", (0, 7, 0, 1 << 40), ALLOW),
        ("prlimit64", (0, 7, 1 << 40, 0), DENY),
        ("prlimit64", (0, 7, 16, 0), DENY),
        ("tgkill", (OWN_PID, OWN_PID + 1, 6), ALLOW),
        ("tgkill", (OWN_PID + 1, OWN_PID + 1, 6), KILL),
        ("fcntl", (3, 6), ALLOW),
        ("fcntl", (3, 8), DENY),
    ],
)
def test_arguments_decide(machine: str, name: str, arguments: tuple[int, ...], expected: int) -> None:
    column, architecture, _ = MACHINES[machine]
    number = CONDITIONAL[name][column]
    assert number is not None
    for files in (True, False):
        assert verdict(filter_program(machine, OWN_PID, files=files), architecture, number, *arguments) == expected


@pytest.mark.parametrize("machine", sorted(MACHINES))
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (0x3D0F00,), ALLOW),
        ("clone", (0x7D0F00,), ALLOW),
        ("openat", (3, 1 << 40, 0x80000), ALLOW),
        ("openat", (3, 1 << 40, 0x280000), DENY),
        ("open", (1 << 40, 0x80000), ALLOW),
        ("open", (1 << 40, 0x200000), DENY),
        ("seccomp", (1, 1, 1 << 40), ALLOW),
        ("seccomp", (0, 0, 0), DENY),
        ("seccomp", (2, 0, 1 << 40), DENY),
    ],
)
def test_arguments_decide_where_there_is_a_folder(
    machine: str, name: str, arguments: tuple[int, ...], expected: int
) -> None:
    column, architecture, _ = MACHINES[machine]
    number = {**CONDITIONAL, **CONDITIONAL_FILES}[name][column]
    if number is None:
        return
    assert verdict(filter_program(machine, OWN_PID, files=True), architecture, number, *arguments) == expected
    without = verdict(filter_program(machine, OWN_PID, files=False), architecture, number, *arguments)
    assert without == (KILL if name == "clone" else DENY)


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_the_last_filter_takes_threads_and_further_filters_away(machine: str) -> None:
    column, architecture, _ = MACHINES[machine]
    program = last_filter_program(machine)
    expected = {CONDITIONAL["clone"][column]: KILL, CONDITIONAL_FILES["seccomp"][column]: DENY}
    for number in range(600):
        assert verdict(program, architecture, number) == expected.get(number, ALLOW)
    assert verdict(program, architecture ^ 1, 0) == KILL


@pytest.mark.parametrize(
    ("version", "highest_right", "gaps"),
    [(1, 12, 2), (2, 13, 2), (3, 14, 2), (4, 14, 1), (5, 15, 1), (6, 15, 0), (9, 15, 0)],
)
def test_only_rights_that_a_version_knows_are_named(version: int, highest_right: int, gaps: int) -> None:
    assert landlock.file_rights(version) == (1 << highest_right + 1) - 1
    assert len(landlock.gaps(version)) == gaps


def test_a_kernel_without_landlock_has_version_0() -> None:
    class Refusing(Libc):
        def system_call(self, number: int, *arguments: object) -> int:
            raise OSError(errno.ENOSYS, "no such call")

    assert landlock.version(Refusing()) == 0
