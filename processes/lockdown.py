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
from processes.kernel import PR_SET_NO_NEW_PRIVS, Libc, keep_capabilities
from processes.limits import set_limits

CAP_DAC_OVERRIDE: Final = 1 << 1
"""Kept where there is a folder: an operator who is root may not own it, and Landlock confines what it opens."""


@dataclass(frozen=True, slots=True)
class Walls:
    """What a process may still use once it is locked in."""

    folder: Path | None
    """The only folder that it can reach; None for no file at all."""
    memory_bytes_max: int


def lock_down(walls: Walls) -> tuple[str, ...]:
    """Lock the present process in; return a sentence for each wall that this kernel lacks.

    Raises:
        OSError: when the folder cannot be opened.
    """
    assert _threads() == 1, "a thread that runs already would stay outside of the walls"
    libc = Libc()
    missing: list[str] = []
    set_limits(walls.memory_bytes_max, threads=walls.folder is not None)
    libc.process_control(PR_SET_NO_NEW_PRIVS, 1)
    version = landlock.version(libc)
    if version:
        landlock.restrict(libc, version, walls.folder)
    else:
        missing.append("file system: this kernel offers no Landlock; files are protected by their permissions alone")
    try:
        keep_capabilities(libc, CAP_DAC_OVERRIDE if walls.folder is not None and os.geteuid() == 0 else 0)
    except (OSError, NotImplementedError) as error:
        missing.append(f"capabilities: they cannot be given up ({error})")
    try:
        seccomp.restrict(libc, files=walls.folder is not None)
    except (OSError, NotImplementedError) as error:
        missing.append(f"system calls: they cannot be filtered ({error})")
        missing.extend(landlock.gaps(version))
    return tuple(missing)


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except FileNotFoundError:
        # Without /proc there is no telling; the caller's order of things has to do.
        return 1
