"""The peer port: accepts sockets and bounds how many of them may stay strangers.

When one too many is open the oldest is closed, not the newest refused: a greeting takes milliseconds, so whoever opens
connections and leaves them hanging crowds out himself, and a validator that connects still gets through. A handshake
costs about a millisecond of CPU, so sockets are taken at a bounded rate; the rest waits in the kernel's queue.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final

from network.errors import Reason
from network.limits import LimitedLog, NetworkLimits, TokenBucket
from network.opening import listening_socket

Serve = Callable[[socket.socket, str], Coroutine[Any, Any, None]]
"""Serves an accepted socket, whose address it is told for the log."""

_RETRY_SECONDS: Final = 0.2
_ACCEPTS_AT_ONCE_MAX: Final = 16


class Listener:
    """Owns the listening socket and the tasks of connections that have not proven who they are."""

    def __init__(self, host: str, port: int, limits: NetworkLimits, log: LimitedLog) -> None:
        self._host = host
        self._port = port
        self._limits = limits
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
        rate = TokenBucket(self._limits.accepts_per_second, loop.time())
        readable = asyncio.Event()
        while True:
            # Not loop.sock_accept: cancelled in the wrong moment it accepts a connection that nobody ever closes.
            loop.add_reader(self._socket, readable.set)
            try:
                await readable.wait()
            finally:
                loop.remove_reader(self._socket)
            readable.clear()
            try:
                accepted = self._accept_some(self._socket, group, serve)
            except OSError as error:
                # Out of file descriptors, most likely; the kernel's queue keeps the others for a while.
                self._log.write(logging.WARNING, "accept", f"cannot accept connections: {error}")
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await asyncio.sleep(rate.take(accepted, loop.time()))

    def _accept_some(self, listening: socket.socket, group: asyncio.TaskGroup, serve: Serve) -> int:
        """Accept what waits, up to a bound, and return how many connections that were."""
        for number in range(_ACCEPTS_AT_ONCE_MAX):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return number
            accepted.setblocking(False)
            self._start(group, accepted, serve, f"{address[0]}:{address[1]}")
        return _ACCEPTS_AT_ONCE_MAX

    def _start(self, group: asyncio.TaskGroup, accepted: socket.socket, serve: Serve, origin: str) -> None:
        begun = False

        async def run() -> None:
            nonlocal begun
            begun = True
            await serve(accepted, origin)

        def ended(task: asyncio.Task[None]) -> None:
            self._strangers.pop(task, None)
            if not begun:
                accepted.close()  # the task was cancelled before it took the socket over

        task = group.create_task(run())
        self._strangers[task] = None
        task.add_done_callback(ended)
        if len(self._strangers) > self._limits.unauthenticated_max:
            oldest = next(iter(self._strangers))
            self._strangers.pop(oldest)
            oldest.cancel()
            self.crowded_out += 1
            self._log.write(logging.WARNING, Reason.CROWDED_OUT, "too many connections that do not greet: closed one")
