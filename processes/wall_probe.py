"""A process that locks itself in and only reports which walls it lacks: what a machine offers, without a node."""

import os
from pathlib import Path
from typing import Final

from processes.channel import Channel, PipeClosed
from processes.lockdown import Walls, lock_down

MEMORY_BYTES_MAX: Final = 512 * 1024 * 1024


def main() -> None:
    """Receive the folder that it may use, or nil, lock itself in, and send the sentences that name what is missing."""
    channel = Channel()
    try:
        (folder,) = channel.receive()
        missing = lock_down(Walls(None if folder is None else Path(folder), MEMORY_BYTES_MAX)).missing
        channel.send([list(missing)])
        channel.receive()
    except PipeClosed:
        os._exit(0)
