"""Landlock: file access beneath one folder only, no TCP, no signals to others, no abstract sockets of others.

The rights that a kernel can take away grow with its Landlock version (kernel documentation, "Landlock: unprivileged
access control"); what a version does not know must not be named to it. System call numbers are the same on all
machines.
"""

import os
import struct
from pathlib import Path
from typing import Final

from processes.kernel import Libc, buffer_of

CREATE_RULESET: Final = 444
ADD_RULE: Final = 445
RESTRICT_SELF: Final = 446
CREATE_RULESET_VERSION: Final = 1
RULE_PATH_BENEATH: Final = 1

WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
REMOVE_DIR: Final = 1 << 4
REMOVE_FILE: Final = 1 << 5
MAKE_DIR: Final = 1 << 7
MAKE_REG: Final = 1 << 8
REFER: Final = 1 << 13
TRUNCATE: Final = 1 << 14
IOCTL_DEV: Final = 1 << 15

FILE_RIGHTS_FIRST: Final = (1 << 13) - 1
"""All rights of version 1: the above up to 12, and executing and making devices, sockets, pipes and links."""

WITHIN_FOLDER: Final = WRITE_FILE | READ_FILE | READ_DIR | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | TRUNCATE
"""What a database needs in its own folder."""

NETWORK_RIGHTS: Final = 0b11
"""Binding and connecting TCP sockets (version 4)."""

SCOPES: Final = 0b11
"""Abstract Unix sockets and signals (version 6)."""


def version(libc: Libc) -> int:
    """Return the version of Landlock that the kernel offers, 0 for none."""
    try:
        return libc.system_call(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict(libc: Libc, version: int, folder: Path | None) -> None:
    """Leave this thread, and threads that it starts, no files but those beneath `folder`.

    Raises:
        OSError: when the folder cannot be opened or the kernel refuses.
    """
    rights = file_rights(version)
    attributes = buffer_of(_ruleset_attributes(version, rights))
    ruleset = libc.system_call(CREATE_RULESET, attributes, len(attributes), 0)
    try:
        if folder is not None:
            _allow_beneath(libc, ruleset, folder, rights & WITHIN_FOLDER)
        libc.system_call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def file_rights(version: int) -> int:
    """Return every right on files that a version of Landlock can take away."""
    rights = FILE_RIGHTS_FIRST
    for right, since in ((REFER, 2), (TRUNCATE, 3), (IOCTL_DEV, 5)):
        if version >= since:
            rights |= right
    return rights


def gaps(version: int) -> list[str]:
    """Return a sentence for each thing that this version of Landlock lets through and only seccomp would stop."""
    found: list[str] = []
    if version < 4:
        found.append(f"network: Landlock version {version} does not stop it")
    if version < 6:
        found.append(f"signals to other processes: Landlock version {version} does not stop them")
    return found


def _ruleset_attributes(version: int, rights: int) -> bytes:
    """Return struct landlock_ruleset_attr in the length that the version knows."""
    words = [rights]
    if version >= 4:
        words.append(NETWORK_RIGHTS)
    if version >= 6:
        words.append(SCOPES)
    return struct.pack(f"={len(words)}Q", *words)


def _allow_beneath(libc: Libc, ruleset: int, folder: Path, rights: int) -> None:
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        rule = buffer_of(struct.pack("=Qi", rights, descriptor))
        libc.system_call(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)
