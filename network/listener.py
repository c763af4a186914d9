"""The peer port: accepts sockets and bounds how many of them may stay strangers.

When one too many is open the oldest is closed, not the newest refused: a greeting takes milliseconds, so whoever opens
connections and leaves them hanging crowds out himself, and a validator that connects still gets through.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final

from network.errors import Reason
from network.limits import LimitedLog
from network.opening import listening_socket

Serve = Callable[[socket.socket, str], Coroutine[Any, Any, None]]
"""Serves an accepted socket, whose address it is told for the log."""

_RETRY_SECONDS: Final = 0.2


class Listener:
    """Owns the listening socket and the tasks of connections that have not proven who they are."""

    def __init__(self, host: str, port: int, unauthenticated_max: int, log: LimitedLog) -> None:
        self._host = host
        self._port = port
        self._unauthenticated_max = unauthenticated_max
        self._log = log
        self._socket: socket.socket | None = None
        self._strangers: dict[asyncio.Task[None], None] = {}
        self.crowded_out = 0
        """Connections closed to make room."""

    @property
    def strangers(self) -> int:
        """The number of connections in the middle of their handshake."""
        return len(self._strangers)

    def bind(self) -> int:
        """Start to listen, if not done yet, and return the port.

        Raises:
            OSError: when the address cannot be had.
        """
        if self._socket is None:
            self._socket = listening_socket(self._host, self._port)
        port: int = self._socket.getsockname()[1]
        return port

    def close(self) -> None:
        """Stop to listen; connections go on."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def authenticated(self, task: asyncio.Task[None]) -> None:
        """Count a connection's task no longer as a stranger's."""
        self._strangers.pop(task, None)

    async def run(self, group: asyncio.TaskGroup, serve: Serve) -> None:
        """Accept for ever; each socket is served in a task of `group`."""
        assert self._socket is not None, "bind first"
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(self._socket)
            except OSError as error:
                # Out of file descriptors, or a client that left between the kernel's queue and us.
                self._log.write(logging.WARNING, "accept", f"cannot accept connections: {error}")
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self._track(group.create_task(serve(accepted, f"{address[0]}:{address[1]}")), accepted)

    def _track(self, task: asyncio.Task[None], accepted: socket.socket) -> None:
        self._strangers[task] = None

        def ended(task: asyncio.Task[None]) -> None:
            self._strangers.pop(task, None)
            # Closes a socket whose task was cancelled before it began; otherwise nothing is left to close.
            accepted.close()

        task.add_done_callback(ended)
        if len(self._strangers) > self._unauthenticated_max:
            oldest = next(iter(self._strangers))
            self._strangers.pop(oldest)
            oldest.cancel()
            self.crowded_out += 1
            self._log.write(logging.WARNING, Reason.CROWDED_OUT, "too many connections that do not greet: closed one")
