"""The reader process: runs views and makes proofs on one block's state at a time, beside the execution of blocks.

It reads the executor's database through a link, writes nothing, and reaches no file and nothing else. Whatever a view
does to it, blocks are executed meanwhile; at worst it is started again.
"""

import os
import sys
from typing import Final

from chain.encoding import fields_of
from chain.runtime import ContractRuntime, LocalFault
from contracts.executor.memory import settle
from contracts.executor.protocol import EXIT_LINK_LOST, Kind, Outcome
from contracts.executor.reader_service import ReaderService
from contracts.executor.remote_store import RemoteStore
from processes.channel import Channel, PipeClosed
from processes.link import Link, LinkLost
from processes.lockdown import Walls, lock_down

EXIT_FAULT: Final = 3


def run(runtime: ContractRuntime) -> None:
    """Serve the node at the other end of the inherited pipe, then exit."""
    channel = Channel()
    status = 0
    try:
        _, kind, *arguments = channel.receive()
        assert kind == Kind.OPEN, "the first request opens"
        memory_bytes_max, number = fields_of(arguments, "open request", int, int)
        missing = lock_down(Walls(None, memory_bytes_max)).missing
        channel.send([0, Outcome.DONE, list(missing)])
        status = _serve(channel, ReaderService(RemoteStore(Link(), number), runtime))
    except PipeClosed:
        pass
    except LinkLost:
        status = EXIT_LINK_LOST
    sys.stderr.flush()
    os._exit(status)


def _serve(channel: Channel, service: ReaderService) -> int:
    settle()
    while True:
        number, kind, *arguments = channel.receive()
        try:
            reply = service.answer(kind, arguments)
        except (LocalFault, MemoryError, RecursionError) as error:
            channel.send([number, Outcome.FAULT, f"{type(error).__name__}: {error}"])
            return EXIT_FAULT
        channel.send([number, *reply])
