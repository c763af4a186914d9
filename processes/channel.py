"""The child's end of the pipe: blocking, one message after the other, with read and write alone.

A locked-in child may not use the system calls of sockets, so the socket that it inherits is treated as a plain
descriptor. The end of the stream means that the node has closed it or is gone; the child then exits.
"""

import os
from typing import Any, Final

from processes.frames import LENGTH, check_length, decode_payload, encode_frame

INHERITED: Final = 0
"""The descriptor at which every child finds its pipe: it takes the place of standard input."""

_READ_BYTES: Final = 1024 * 1024


class PipeClosed(Exception):
    """The node closed the pipe or is gone."""


class Channel:
    """Owns the child's end of the pipe."""

    def __init__(self, descriptor: int = INHERITED) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    @property
    def has_message(self) -> bool:
        """Whether a whole message was received and not yet taken; otherwise one may still wait in the descriptor."""
        size = LENGTH.size
        return len(self._buffer) >= size and len(self._buffer) - size >= LENGTH.unpack_from(self._buffer)[0]

    def receive(self) -> list[Any]:
        """Wait for the next message and return it.

        Raises:
            PipeClosed: when no message will come any more.
            FrameError: when the stream holds something that is no frame.
        """
        self._fill(LENGTH.size)
        end = LENGTH.size + check_length(LENGTH.unpack_from(self._buffer)[0])
        self._fill(end)
        payload = bytes(self._buffer[LENGTH.size : end])
        del self._buffer[:end]
        return decode_payload(payload)

    def send(self, message: list[Any]) -> None:
        """Send a message.

        Raises:
            PipeClosed: when nobody will read it.
            FrameError: when it exceeds the limit.
        """
        rest = memoryview(encode_frame(message))
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except (BrokenPipeError, ConnectionResetError) as error:
                raise PipeClosed from error

    def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            try:
                data = os.read(self._descriptor, max(_READ_BYTES, size - len(self._buffer)))
            except ConnectionResetError as error:
                raise PipeClosed from error
            if not data:
                raise PipeClosed
            self._buffer += data
