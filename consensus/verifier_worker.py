"""A signature verifier process: it locks itself in without any file, then checks batches until its pipe closes.

It holds no secret and decides nothing; it exists because checking a signature costs more than all else that a node
does for a transaction, and a thread for it would starve beside a busy event loop.
"""

import gc
import os
from typing import Final

from chain.crypto import verify
from processes.channel import Channel, PipeClosed
from processes.lockdown import Walls, lock_down

MEMORY_BYTES_MAX: Final = 512 * 1024 * 1024
FIELDS: Final = 4
"""Key, tag, payload and signature of each check follow each other in one array."""


def main() -> None:
    """Report the walls that are missing, then answer each batch with one byte a check: 1 for a good signature."""
    missing = lock_down(Walls(None, MEMORY_BYTES_MAX)).missing
    channel = Channel()
    try:
        channel.send([0, list(missing)])
        gc.collect()
        gc.freeze()
        while True:
            number, fields = channel.receive()
            channel.send([number, bytes(verify(*fields[at : at + FIELDS]) for at in range(0, len(fields), FIELDS))])
    except PipeClosed:
        os._exit(0)
