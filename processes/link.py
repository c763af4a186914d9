"""A link between two children of a node: packets with bounds of their own, so that either end may die at any moment.

The node makes the pair of sockets and keeps both ends, so that a child that is started again takes up the end of its
predecessor. What was under way is then lost or answered to nobody, but never half a packet.
"""

import os
import socket
from typing import Final

LINKED: Final = 3
"""The descriptor at which a child finds its end of a link, if it has one."""

PACKET_BYTES_MAX: Final = 64 * 1024
"""Well below what a socket of this kind takes by default in one piece."""


class LinkLost(Exception):
    """Nobody holds the other end any more."""


class LinkEnds:
    """Owns both ends, in the process that starts the children."""

    def __init__(self) -> None:
        self._ends: tuple[socket.socket, socket.socket] | None = None

    def renew(self) -> int:
        """Make a new link in place of the present one; return the descriptor of the serving end."""
        self.close()
        serving, asking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Whoever serves must never wait for an asker that does not read.
        serving.setblocking(False)
        self._ends = (serving, asking)
        return serving.fileno()

    def asking(self) -> int:
        """Return the descriptor of the asking end."""
        assert self._ends is not None, "whoever serves is started first"
        return self._ends[1].fileno()

    def close(self) -> None:
        """Let go of both ends; children keep theirs."""
        if self._ends is not None:
            for end in self._ends:
                end.close()
            self._ends = None


class Link:
    """Owns a child's end of a link."""

    def __init__(self, descriptor: int = LINKED) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def receive(self) -> bytes | None:
        """Return the next packet; None if there is none and this end does not wait.

        Raises:
            LinkLost: when none will come any more.
        """
        try:
            packet = os.read(self._descriptor, PACKET_BYTES_MAX)
        except BlockingIOError:
            return None
        except ConnectionResetError as error:
            raise LinkLost from error
        if not packet:
            raise LinkLost
        return packet

    def send(self, packet: bytes) -> None:
        """Send a packet; it is dropped if this end does not wait and the other one does not read.

        Raises:
            LinkLost: when nobody can read it.
        """
        assert len(packet) <= PACKET_BYTES_MAX, "whoever makes packets keeps them short"
        try:
            os.write(self._descriptor, packet)
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError) as error:
            raise LinkLost from error
