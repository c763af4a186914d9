"""Starts a child process in an interpreter that sees nothing but the standard library and the folders it is given.

Run as `python -I -S boot.py MODULE PARENT_PID FOLDER...`: neither the current folder, nor the environment, nor the
user's site packages can put a module of their own in the place of ours. It ends with its parent, however that ends.
"""

import importlib
import signal
import sys


def boot(arguments: list[str]) -> None:
    """Extend the import path behind the standard library, then run `main` of the module that was named."""
    module, parent, *folders = arguments
    sys.path.extend(folders)
    # Whoever stops the node as a group (a terminal, a service manager) means the node; it closes the pipe in its turn.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kernel = importlib.import_module("processes.kernel")
    kernel.die_with_parent(kernel.Libc(), int(parent))
    importlib.import_module(module).main()


if __name__ == "__main__":
    boot(sys.argv[1:])
