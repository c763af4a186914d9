"""Frames: how messages are cut out of the stream between a node and its child processes.

A frame is a length of 4 bytes, big-endian, and a MessagePack array. Both ends are our own program, but the child may
have been taken over by what it runs; so the length is bounded before anything is kept, and a frame that is no array
ends the child.
"""

import struct
from typing import Any, Final

import msgpack

FRAME_BYTES_MAX: Final = 64 * 1024 * 1024
"""Room for a full block, its receipts, or the largest genesis."""

LENGTH: Final = struct.Struct(">I")


class FrameError(Exception):
    """Bytes that are no frame, or a frame beyond the limit."""


def encode_frame(message: list[Any]) -> bytes:
    """Return a message as a frame.

    Raises:
        FrameError: when the frame exceeds the limit, or the message cannot be encoded.
    """
    payload = encode_payload(message)
    if len(payload) > FRAME_BYTES_MAX:
        raise FrameError(f"a frame of {len(payload)} bytes; at most {FRAME_BYTES_MAX} are allowed")
    return LENGTH.pack(len(payload)) + payload


def encode_payload(message: list[Any]) -> bytes:
    """Return a message as the payload of a frame, or as a packet.

    Raises:
        FrameError: when it holds something that has no encoding.
    """
    try:
        payload: bytes = msgpack.packb(message, use_bin_type=True)
    except (ValueError, TypeError, OverflowError) as error:
        raise FrameError(f"a message that cannot be encoded: {error}") from error
    return payload


def decode_payload(payload: bytes) -> list[Any]:
    """Return the message in a frame's payload.

    Raises:
        FrameError: when it is no MessagePack array.
    """
    try:
        message = msgpack.unpackb(payload, raw=False, strict_map_key=True)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise FrameError(f"not MessagePack: {error or type(error).__name__}") from error
    if type(message) is not list:
        raise FrameError(f"a frame holds an array, not {type(message).__name__}")
    return message


def check_length(length: int) -> int:
    """Return an announced length.

    Raises:
        FrameError: when it exceeds the limit.
    """
    if length > FRAME_BYTES_MAX:
        raise FrameError(f"a frame of {length} bytes was announced; at most {FRAME_BYTES_MAX} are allowed")
    return length


class FrameBuffer:
    """Owns the bytes of a frame that is not complete yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[list[Any]]:
        """Take in what arrived and return the messages that are complete.

        Raises:
            FrameError: when the stream holds something that is no frame; it must not be read on.
        """
        self._buffer += data
        messages: list[list[Any]] = []
        start = 0
        while len(self._buffer) - start >= LENGTH.size:
            length = check_length(LENGTH.unpack_from(self._buffer, start)[0])
            end = start + LENGTH.size + length
            if len(self._buffer) < end:
                break
            messages.append(decode_payload(bytes(self._buffer[start + LENGTH.size : end])))
            start = end
        if start:
            del self._buffer[:start]
        return messages
