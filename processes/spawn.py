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

NO_LINK: Final = -1
_BOOT: Final = Path(__file__).resolve().with_name("boot.py")


def spawn(
    module: str, folders: Sequence[str], link: int | None = None
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start `main` of a module in a process of its own; return the process and our end of its pipe.

    `folders` are searched for modules after our own; `link` is a descriptor of processes.link that it shall have, too.

    Raises:
        OSError: when the system cannot start another process.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        arguments = [module, str(os.getpid()), str(NO_LINK if link is None else link), *import_folders(), *folders]
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            [sys.executable, "-I", "-S", str(_BOOT), *arguments],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            env={},
            pass_fds=() if link is None else (link,),
        )
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
