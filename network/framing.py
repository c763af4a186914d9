"""Frames: how messages are cut out of a byte stream, with every limit checked before a byte of the body is kept.

A frame is 4 bytes of length (big-endian, of what follows), 1 byte of channel, and the payload. The decoder does no
I/O and yields one frame at a time, because the limits change in mid-stream when the peer has proven who it is.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from chain.values import dataclass
from network.errors import DisconnectError, Reason
from network.limits import KIB, MIB

_HEADER: Final = struct.Struct(">IB")
READ_BYTES_MAX: Final = 256 * KIB


class Channel(IntEnum):
    """What a payload is; the number is the byte on the wire."""

    CONTROL = 0
    """Greeting, pings: read by the network itself."""
    CONSENSUS = 1
    """Messages of the agreement protocol, opaque here; ahead of everything else in each queue."""
    TRANSACTIONS = 2
    """Batches of raw transactions."""
    BLOCKS = 3
    """Certified blocks sent unasked."""
    REQUEST = 4
    RESPONSE = 5


GREETING_BYTES_MAX: Final[Mapping[int, int]] = {Channel.CONTROL: 1 * KIB}
"""All that a connection may send before it has proven who it is."""

PAYLOAD_BYTES_MAX: Final[Mapping[int, int]] = {
    Channel.CONTROL: 1 * KIB,
    Channel.CONSENSUS: 10 * MIB,
    Channel.TRANSACTIONS: 5 * MIB,
    Channel.BLOCKS: 10 * MIB,
    Channel.REQUEST: 256 * KIB,
    Channel.RESPONSE: 14 * MIB,
}
"""Largest payload of each channel; a block has at most 8 MiB, and the decoder of messages takes at most 16."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    channel: Channel
    payload: bytes


def encode_frame(channel: Channel, payload: bytes) -> bytes:
    """Return the bytes of a frame; a payload above the channel's limit is our own bug."""
    assert len(payload) <= PAYLOAD_BYTES_MAX[channel], f"{len(payload)} bytes on {channel.name}"
    return _HEADER.pack(1 + len(payload), channel) + payload


class FrameDecoder:
    """Turns received bytes into frames; holds at most one frame and one read."""

    def __init__(self, payload_bytes_max: Mapping[int, int]) -> None:
        self.payload_bytes_max = payload_bytes_max
        self._buffer = bytearray()
        self._start = 0

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        del self._buffer[: self._start]
        self._start = 0
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """Return the next complete frame, or None until more bytes are fed.

        Raises:
            DisconnectError: when the header names an unknown channel or a length beyond its limit.
        """
        body = self._start + _HEADER.size
        if len(self._buffer) < body:
            return None
        length, channel = _HEADER.unpack_from(self._buffer, self._start)
        limit = self.payload_bytes_max.get(channel)
        if limit is None or length == 0:
            raise DisconnectError(Reason.MALFORMED, f"frame of {length} bytes on channel {channel}")
        if length - 1 > limit:
            raise DisconnectError(Reason.OVERSIZED, f"{length - 1} bytes on channel {channel}, limit {limit}")
        end = body + length - 1
        if len(self._buffer) < end:
            return None
        self._start = end
        with memoryview(self._buffer) as view:
            return Frame(Channel(channel), bytes(view[body:end]))


class FrameStream:
    """One TLS connection as a stream of frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.decoder = FrameDecoder(GREETING_BYTES_MAX)
        writer.transport.set_write_buffer_limits(high=READ_BYTES_MAX)
        # A vote must not wait for the acknowledgement of the vote before (Nagle's algorithm).
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def peer_certificate(self) -> bytes:
        """The DER bytes of the certificate that the other side showed."""
        tls: ssl.SSLObject = self._writer.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True)
        assert certificate is not None, "contexts demand a certificate"
        return certificate

    async def fill(self) -> int:
        """Wait for bytes, feed the decoder and return their number.

        Raises:
            DisconnectError: when the connection is closed or broken.
        """
        try:
            data = await self._reader.read(READ_BYTES_MAX)
        except OSError as error:
            raise disconnect_of(error) from error
        if not data:
            raise DisconnectError(Reason.CLOSED_BY_PEER)
        self.decoder.feed(data)
        return len(data)

    async def read_frame(self) -> Frame:
        """Return the next frame.

        Raises:
            DisconnectError: when the connection ends or the frame breaks a limit.
        """
        while (frame := self.decoder.next_frame()) is None:
            await self.fill()
        return frame

    @property
    def is_flushed(self) -> bool:
        """Whether the operating system has taken all that was put."""
        return self._writer.transport.get_write_buffer_size() == 0

    def put(self, data: bytes) -> None:
        """Hand over encoded frames without waiting."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the operating system takes more.

        Raises:
            DisconnectError: when the connection is broken.
        """
        try:
            await self._writer.drain()
        except OSError as error:
            raise disconnect_of(error) from error

    async def close(self, farewell_seconds: float = 0.0) -> None:
        """Cut the connection, after giving the peer this long to read what was put and to close it itself."""
        try:
            if farewell_seconds > 0.0:
                # OSError is the base of what sockets and TLS raise, and of the timeout.
                with contextlib.suppress(OSError):
                    async with asyncio.timeout(farewell_seconds):
                        while await self._reader.read(READ_BYTES_MAX):
                            pass
        finally:
            self._writer.transport.abort()
        # Only once and after the abort: a cancelled `wait_closed` cancels all later ones as well.
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def disconnect_of(error: OSError) -> DisconnectError:
    """Name the reason behind an error of the operating system or of TLS (ssl.SSLError is an OSError)."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return DisconnectError(Reason.FOREIGN_CERTIFICATE, error.verify_message)
    if isinstance(error, ssl.SSLError):
        text = error.reason or str(error)
        return DisconnectError(Reason.NOT_ACCEPTED if "ALERT" in text else Reason.NOT_TLS, text)
    if isinstance(error, TimeoutError):
        return DisconnectError(Reason.HANDSHAKE_TIMEOUT, str(error))
    return DisconnectError(Reason.LOST, str(error) or type(error).__name__)
