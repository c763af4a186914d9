"""The parent's end of a child process: messages out, messages in, and its death as a value.

Owns one process and its pipe from start to the collected exit status, so that none is left behind as a zombie. The
child counts as dead when the pipe has ended, for only the child holds the other end; what it still does after that is
exit, and if it does not, it is killed.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from processes.frames import FrameBuffer, FrameError, encode_frame
from processes.spawn import spawn

EXIT_SECONDS_MAX: Final = 5.0
"""Time that a child has from the end of its pipe to its exit."""

OnMessage = Callable[[list[Any]], None]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended."""

    status: int
    """Exit status; the negative number of the signal that killed it."""
    cause: str | None
    """Why we ended it, None if it ended by itself."""

    def __str__(self) -> str:
        killed = self.status < 0
        how = f"was killed by {_signal_name(-self.status)}" if killed else f"exited with status {self.status}"
        return f"{how} ({self.cause})" if self.cause else how


class Child(asyncio.Protocol):
    """Owns a child process and our end of its pipe."""

    def __init__(self, process: subprocess.Popen[bytes], on_message: OnMessage) -> None:
        self._process = process
        self._on_message = on_message
        self._buffer = FrameBuffer()
        self._transport: asyncio.WriteTransport | None = None
        self._cause: str | None = None
        self._pipe_ended = asyncio.Event()
        self._ending: Ending | None = None

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, message: list[Any]) -> None:
        """Send a message; it is lost when the child is dead or dies before it reads it.

        Raises:
            FrameError: when the message exceeds the limit of a frame.
        """
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.write(encode_frame(message))

    def kill(self, cause: str) -> None:
        """End the child at once."""
        if self._cause is None:
            self._cause = cause
        if self._ending is None:
            self._process.kill()
        assert self._transport is not None
        self._transport.abort()

    def close_pipe(self) -> None:
        """Let the child exit of itself, which it does when it finds the end of the pipe."""
        assert self._transport is not None
        self._transport.close()

    async def wait(self) -> Ending:
        """Return how the child ended, once its pipe has ended and it has exited."""
        await self._pipe_ended.wait()
        if self._ending is None:
            try:
                async with asyncio.timeout(EXIT_SECONDS_MAX):
                    await _exited(self._process)
            except TimeoutError:
                self._cause = self._cause or f"it did not exit within {EXIT_SECONDS_MAX} s of the end of its pipe"
        return self.collect()

    def collect(self) -> Ending:
        """Kill the child if it still runs and collect its status, so that nothing of it is left."""
        if self._ending is None:
            if self._process.poll() is None:
                self.kill("it was no longer needed")
            self._ending = Ending(self._process.wait(), self._cause)
        return self._ending

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the pipe's transport (asyncio.Protocol)."""
        # A socket's transport; other event loops than asyncio's own do not inherit from its classes.
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Hand on the messages that are complete (asyncio.Protocol)."""
        try:
            messages = self._buffer.feed(data)
        except FrameError as error:
            self.kill(f"it sent what is no frame: {error}")
            return
        for message in messages:
            if self._cause is not None:
                # What a child says after it was condemned counts for nothing.
                return
            self._on_message(message)

    def eof_received(self) -> bool:
        """Close our end too (asyncio.Protocol)."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Note that nothing will come any more (asyncio.Protocol)."""
        self._pipe_ended.set()


async def start_child(
    module: str, on_message: OnMessage, folders: Sequence[str] = (), link: int | None = None
) -> Child:
    """Start `main` of a module as a child process; `on_message` is called with each message that it sends.

    `folders` are searched for modules after our own; `link` is its end of a link to another child.

    Raises:
        OSError: when the system cannot start another process.
    """
    process, ours = spawn(module, folders, link)
    child = Child(process, on_message)
    try:
        await asyncio.get_running_loop().create_unix_connection(lambda: child, sock=ours)
    except BaseException:
        ours.close()
        process.kill()
        process.wait()
        raise
    return child


async def _exited(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process to exit, without a thread and without polling."""
    if process.poll() is not None:
        return
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        # A kernel without pidfd: the pipe has ended, so the process is about to exit or no longer of use.
        process.kill()
        return
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
