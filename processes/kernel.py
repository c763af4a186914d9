"""The kernel's calls that Python's standard library does not offer, through ctypes.

Nothing here decides anything: each function makes one call, and raises OSError when the kernel refuses.
"""

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38

CAPABILITY_SET_NUMBER: Final = {"x86_64": 126, "aarch64": 91}
"""The number of capset by machine."""
_CAPABILITY_VERSION_3: Final = 0x20080522


class Libc:
    """Owns the handle of the C library."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._library.syscall.restype = ctypes.c_long

    def system_call(self, number: int, *arguments: "int | ctypes.Array[ctypes.c_char] | None") -> int:
        """Make a system call by its number; buffers are passed by address.

        Raises:
            OSError: with the kernel's error number.
        """
        widened = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
        return _checked(self._library.syscall(ctypes.c_long(number), *widened))

    def process_control(self, option: int, value: int) -> None:
        """Call prctl with one argument.

        Raises:
            OSError: with the kernel's error number.
        """
        _checked(self._library.prctl(option, *(ctypes.c_ulong(item) for item in (value, 0, 0, 0))))


def die_with_parent(libc: Libc, parent: int) -> None:
    """Ask to be killed when the parent ends, and exit now if it already has."""
    libc.process_control(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def keep_capabilities(libc: Libc, kept: int) -> None:
    """Give up every capability outside the mask `kept`, in the effective, permitted and inheritable sets.

    Raises:
        OSError: with the kernel's error number.
        NotImplementedError: on a machine whose number of the call is not known.
    """
    number = CAPABILITY_SET_NUMBER.get(os.uname().machine)
    if number is None:
        raise NotImplementedError(f"capset on {os.uname().machine}")
    header = buffer_of(_CAPABILITY_VERSION_3.to_bytes(4, sys.byteorder) + bytes(4))
    low, high = (half.to_bytes(4, sys.byteorder) for half in (kept & 0xFFFFFFFF, kept >> 32))
    libc.system_call(number, header, buffer_of(low + low + bytes(4) + high + high + bytes(4)))


def buffer_of(data: bytes) -> "ctypes.Array[ctypes.c_char]":
    """Return memory that a system call may be given."""
    return ctypes.create_string_buffer(data, len(data))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
