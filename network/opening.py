"""How sockets become TLS frame streams, for connections that this node opens and for those it accepts."""

import asyncio
import socket
import ssl
from typing import Final

from network.errors import DisconnectError, Reason
from network.framing import READ_BYTES_MAX, FrameStream, disconnect_of

_BACKLOG: Final = 128
_SHUTDOWN_SECONDS_MAX: Final = 1.0


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
        reader, writer = await asyncio.open_connection(
            host,
            port,
            limit=READ_BYTES_MAX,
            ssl=context,
            ssl_handshake_timeout=seconds_max,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS_MAX,
        )
    except ssl.SSLError as error:
        raise disconnect_of(error) from error
    except OSError as error:
        raise DisconnectError(Reason.UNREACHABLE, str(error)) from error
    return FrameStream(reader, writer)


async def accept_stream(accepted: socket.socket, context: ssl.SSLContext, seconds_max: float) -> FrameStream:
    """Return the stream of an accepted socket after the TLS handshake.

    Raises:
        DisconnectError: the reason why TLS failed.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=READ_BYTES_MAX)
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            accepted,
            ssl=context,
            ssl_handshake_timeout=seconds_max,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS_MAX,
        )
    except OSError as error:
        raise disconnect_of(error) from error
    return FrameStream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
