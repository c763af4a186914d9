"""Every system call of the kernel has a verdict that is written down, and the lists are those of the kernel."""

import re
from pathlib import Path

import pytest
from test_lockdown_filter import DENY, OWN_PID, verdict

from processes.seccomp import ALLOW, KILL, MACHINES, filter_program
from processes.syscalls import ALWAYS, CONDITIONAL, CONDITIONAL_FILES, FILES, HOSTILE

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "sandbox.md"
HEADERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
LISTS = (ALWAYS, FILES, CONDITIONAL, CONDITIONAL_FILES, HOSTILE)
KERNEL = {
    name: tuple(None if number == "-" else int(number) for number in numbers)
    for name, *numbers in (
        line.split() for line in (HERE / "kernel_calls.txt").read_text().splitlines() if line[0] != "#"
    )
}


def listed(heading: str) -> list[str]:
    """Return the names under a heading of the page."""
    text = PAGE.read_text().partition(f"### {heading}\n")[2].partition("###")[0]
    return re.findall(r"`(\w+)`", text)


def test_each_call_stands_in_one_list_with_the_numbers_of_the_kernel() -> None:
    names = [name for calls in LISTS for name in calls]
    assert len(names) == len(set(names))
    for calls in LISTS:
        for name, numbers in calls.items():
            assert KERNEL[name] == numbers, name


def test_the_table_of_the_kernel_is_one() -> None:
    for column in (0, 1):
        numbers = [entry[column] for entry in KERNEL.values() if entry[column] is not None]
        assert len(numbers) == len(set(numbers)) > 300


def test_the_table_agrees_with_the_headers_of_this_machine() -> None:
    text = HEADERS.read_text() if HEADERS.exists() else ""
    for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", text):
        assert KERNEL[name][0] == int(number), f"{name} is not classified"


def test_the_page_says_what_the_filter_does() -> None:
    assert listed("Allowed") == list(ALWAYS)
    assert listed("Allowed where there is a folder, otherwise EPERM") == list(FILES)
    assert listed("Kills") == list(HOSTILE)
    table = PAGE.read_text().partition("### Decided by the arguments")[2].partition("###")[0]
    first_cells = "".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", first_cells)) == set(CONDITIONAL) | set(CONDITIONAL_FILES)


@pytest.mark.parametrize("machine", sorted(MACHINES))
@pytest.mark.parametrize("files", [True, False])
def test_every_call_of_the_kernel_gets_the_verdict_of_its_list(machine: str, files: bool) -> None:
    column, architecture, _ = MACHINES[machine]
    program = filter_program(machine, OWN_PID, files=files)
    decided = CONDITIONAL | CONDITIONAL_FILES
    for name, numbers in KERNEL.items():
        number = numbers[column]
        if number is None or name in decided:
            continue
        allowed = name in ALWAYS or (files and name in FILES)
        expected = ALLOW if allowed else KILL if name in HOSTILE else DENY
        assert verdict(program, architecture, number) == expected, name
