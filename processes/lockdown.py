"""Locks the present process in: from here on it can use memory, its pipe and at most one folder, and nothing else.

To be called after all imports, because no module can be read afterwards, and before any thread is started, because
Landlock and seccomp bind the calling thread and those that it starts later. Nothing of it can be undone. The walls
overlap on purpose. Where the kernel lacks one, that is reported, not hidden: whether it will do is the operator's
decision.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from processes import landlock, seccomp
from processes.kernel import PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, Libc, keep_capabilities
from processes.limits import set_limits

CAP_DAC_OVERRIDE: Final = 1 << 1
"""Kept where there is a folder: an operator who is root may not own it, and Landlock confines what it opens."""


@dataclass(frozen=True, slots=True)
class Walls:
    """What a process may still use once it is locked in."""

    folder: Path | None
    """The only folder that it can reach; None for no file at all."""
    memory_bytes_max: int


@dataclass(frozen=True, slots=True)
class LockedIn:
    """What stands around a process."""

    missing: tuple[str, ...]
    """A sentence for each wall that this kernel lacks."""
    machine: str | None
    """Whose system calls are filtered; None where they cannot be."""


def lock_down(walls: Walls) -> LockedIn:
    """Lock the present process in.

    Raises:
        OSError: when the folder cannot be opened.
    """
    assert _threads() == 1, "a thread that runs already would stay outside of the walls"
    libc = Libc()
    missing: list[str] = []
    files = walls.folder is not None
    set_limits(walls.memory_bytes_max, files=files)
    # Whoever handles dumps on this machine may not heed the limit: what is in memory is never written down.
    libc.process_control(PR_SET_DUMPABLE, 0)
    libc.process_control(PR_SET_NO_NEW_PRIVS, 1)
    version = landlock.version(libc)
    if version:
        landlock.restrict(libc, version, walls.folder)
    else:
        missing.append("file system: this kernel offers no Landlock; files are protected by their permissions alone")
    try:
        keep_capabilities(libc, CAP_DAC_OVERRIDE if files and os.geteuid() == 0 else 0)
    except (OSError, NotImplementedError) as error:
        missing.append(f"capabilities: they cannot be given up ({error})")
    machine: str | None = os.uname().machine
    try:
        seccomp.restrict(libc, files=files)
    except (OSError, NotImplementedError) as error:
        machine = None
        missing.append(f"system calls: they cannot be filtered ({error})")
        missing.extend(landlock.gaps(version))
    return LockedIn(tuple(missing), machine)


def forbid_threads(locked_in: LockedIn) -> None:
    """Forbid this process to start any further thread, where system calls can be filtered.

    Raises:
        OSError: when the kernel refuses.
    """
    if locked_in.machine is not None:
        seccomp.forbid_threads(Libc(), locked_in.machine)


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except FileNotFoundError:
        # Without /proc there is no telling; the caller's order of things has to do.
        return 1
