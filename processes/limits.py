"""Limits on what a locked-in process may use up (setrlimit)."""

import resource
from typing import Final

OPEN_FILES_MAX: Final = 4096
"""LevelDB keeps up to 1,000 table files open."""
DESCRIPTORS_MAX: Final = 16
"""For a process that opens no file: the pipe, the link, the standard ones, and some that libraries keep."""

FILE_BYTES_MAX: Final = 4 * 1024**3
"""Far above any file of a database; bounds a runaway."""

MAPPED_BYTES_EXTRA: Final = 64 * 1024**3
"""Address space beyond the memory limit: LevelDB maps its table files for reading."""


def set_limits(memory_bytes_max: int, *, files: bool) -> None:
    """Limit memory, files and processes of this process for good; `files` is whether it uses files, and threads."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_DATA, memory_bytes_max)
    _limit(resource.RLIMIT_AS, memory_bytes_max + MAPPED_BYTES_EXTRA)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES_MAX if files else DESCRIPTORS_MAX)
    # Also where no file is opened: standard error may be one, and the last words of a process must not be lost.
    _limit(resource.RLIMIT_FSIZE, FILE_BYTES_MAX)
    if not files:
        # The kernel counts all threads of the user, so that only "none at all" can be said here.
        _limit(resource.RLIMIT_NPROC, 0)


def _limit(which: int, value: int) -> None:
    """Lower a limit, soft and hard; one that is lower already stays."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))
