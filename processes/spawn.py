"""Starts a child process whose standard input is a socket to us, with an empty environment and our import path.

Asynchronous input and output are added by processes.child; this file only starts a process.
"""

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

LIBRARIES: Final = ("msgpack", "nacl", "_cffi_backend", "plyvel")
"""What our children import from outside the standard library and this program."""

_BOOT: Final = Path(__file__).resolve().with_name("boot.py")


def spawn(module: str, folders: Sequence[str]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start `main` of a module in a process of its own; return the process and our end of its pipe.

    `folders` are searched for modules after our own.

    Raises:
        OSError: when the system cannot start another process.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        command = [sys.executable, "-I", "-S", str(_BOOT), module, str(os.getpid()), *import_folders(), *folders]
        environment: dict[str, str] = {}
        process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=environment)  # noqa: S603
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    ours.setblocking(False)
    return process, ours


def import_folders() -> list[str]:
    """Return the folders in which a child finds this program and the libraries, wherever they are installed."""
    folders = [str(_BOOT.parent.parent)]
    for name in LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        folders.append(str((origin.parent if origin.name.startswith("__init__.") else origin).parent))
    return list(dict.fromkeys(folders))
