"""How sockets become TLS frame streams, for connections that this node opens and for those it accepts."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Coroutine
from typing import Any, Final

from network.errors import DisconnectError, Reason
from network.framing import READ_BYTES_MAX, FrameStream, disconnect_of

_BACKLOG: Final = 128
_SHUTDOWN_SECONDS_MAX: Final = 1.0
_ABANDON_STEPS_MAX: Final = 20
"""Turns of the event loop within which a transport notices that its socket was shut down; four are usual."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 lets the system choose.

    Raises:
        OSError: when the address is taken or does not exist on this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    listening.setblocking(False)
    return listening


async def open_stream(host: str, port: int, context: ssl.SSLContext, seconds_max: float) -> FrameStream:
    """Connect and return the stream after the TLS handshake.

    Raises:
        DisconnectError: UNREACHABLE, or the reason why TLS failed.
    """
    try:
        connected = await _connect(host, port)
    except OSError as error:
        raise DisconnectError(Reason.UNREACHABLE, str(error)) from error
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=READ_BYTES_MAX)
    protocol = asyncio.StreamReaderProtocol(reader)
    opening = loop.create_connection(
        lambda: protocol,
        sock=connected,
        ssl=context,
        server_hostname="",
        ssl_handshake_timeout=seconds_max,
        ssl_shutdown_timeout=_SHUTDOWN_SECONDS_MAX,
    )
    transport = await _secured(connected, opening)
    return FrameStream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


async def accept_stream(accepted: socket.socket, context: ssl.SSLContext, seconds_max: float) -> FrameStream:
    """Return the stream of an accepted socket after the TLS handshake.

    Raises:
        DisconnectError: the reason why TLS failed.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=READ_BYTES_MAX)
    protocol = asyncio.StreamReaderProtocol(reader)
    accepting = loop.connect_accepted_socket(
        lambda: protocol,
        accepted,
        ssl=context,
        ssl_handshake_timeout=seconds_max,
        ssl_shutdown_timeout=_SHUTDOWN_SECONDS_MAX,
    )
    transport = await _secured(accepted, accepting)
    return FrameStream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


async def _connect(host: str, port: int) -> socket.socket:
    """Return a connected socket; of several addresses the first that answers."""
    loop = asyncio.get_running_loop()
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure = OSError(f"no address of {host}")
    for family, kind, protocol, _, address in addresses:
        connecting = socket.socket(family, kind, protocol)
        connecting.setblocking(False)
        try:
            await loop.sock_connect(connecting, address)
        except OSError as error:
            connecting.close()
            failure = error
        except BaseException:
            connecting.close()
            raise
        else:
            return connecting
    raise failure


async def _secured(
    raw: socket.socket, handshake: Coroutine[Any, Any, tuple[asyncio.Transport, asyncio.StreamReaderProtocol]]
) -> asyncio.Transport:
    try:
        transport, _ = await handshake
    except OSError as error:
        raise disconnect_of(error) from error
    except asyncio.CancelledError:
        # Cancelled before the transport began, asyncio would do the handshake all the same and leave the connection
        # open. Shut down beneath it, the transport finds the end of the stream and closes the socket itself.
        for _ in range(_ABANDON_STEPS_MAX):
            if raw.fileno() < 0:
                break
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
            await asyncio.sleep(0)
        raise
    return transport
