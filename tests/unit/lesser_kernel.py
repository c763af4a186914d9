"""Runs a program as on a kernel that offers less: `python lesser_kernel.py landlock,seccomp,capabilities COMMAND...`.

A filter of system calls, which every process that the program starts inherits, answers the calls with which walls are
made as a kernel without them does. So nothing of the program itself is changed.
"""

import errno
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from processes.kernel import CAPABILITY_SET_NUMBER, PR_SET_NO_NEW_PRIVS, Libc
from processes.landlock import CREATE_RULESET
from processes.seccomp import ALLOW, ERROR, JUMP_IF_EQUAL, LOAD, MACHINES, NUMBER_AT, RETURN, Instruction, install


def main() -> None:
    """Take the walls away, and become the program."""
    absent, *command = sys.argv[1:]
    machine = os.uname().machine
    answers = {
        "landlock": (CREATE_RULESET, errno.ENOSYS),
        "seccomp": (MACHINES[machine][2], errno.ENOSYS),
        "capabilities": (CAPABILITY_SET_NUMBER[machine], errno.EPERM),
    }
    program: list[Instruction] = [(LOAD, 0, 0, NUMBER_AT)]
    for name in absent.split(","):
        number, error = answers[name]
        program += [(JUMP_IF_EQUAL, 0, 1, number), (RETURN, 0, 0, ERROR | error)]
    program.append((RETURN, 0, 0, ALLOW))
    libc = Libc()
    libc.process_control(PR_SET_NO_NEW_PRIVS, 1)
    install(libc, machine, program, 0)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
