"""Starts a child process in an interpreter that sees nothing but the standard library and the folders it is given.

Run as `python -I -S boot.py MODULE PARENT_PID LINK FOLDER...`: neither the current folder, nor the environment, nor the
user's site packages can put a module of their own in the place of ours. It ends with its parent, however that ends.
"""

import gc
import importlib
import os
import signal
import sys

LINKED = 3
"""Where the child finds its end of a link; as in processes.link, which cannot be imported yet."""
NO_LINK = -1


def boot(arguments: list[str]) -> None:
    """Extend the import path behind the standard library, then run `main` of the module that was named."""
    module, parent, link, *folders = arguments
    sys.path.extend(folders)
    if int(link) not in (NO_LINK, LINKED):
        os.dup2(int(link), LINKED)
        os.close(int(link))
    # Whoever stops the node as a group (a terminal, a service manager) means the node; it closes the pipe in its turn.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kernel = importlib.import_module("processes.kernel")
    kernel.die_with_parent(kernel.Libc(), int(parent))
    # The collector would walk over all that is imported, which stays; afterwards it need never look at it again.
    gc.disable()
    main = importlib.import_module(module).main
    gc.freeze()
    gc.enable()
    main()


if __name__ == "__main__":
    boot(sys.argv[1:])
