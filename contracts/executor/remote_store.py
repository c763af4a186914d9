"""The reader's end of the link: the executor's database at one block, as a store that can only be read.

Invariant: between `begin` and `end` all reads are of one block's state.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from chain.storage import Head, Write
from chain.types import Digest, Height, Milliseconds
from chain.views import Place
from contracts.executor.state_link import BEGIN, END, GET, SCAN
from processes.frames import decode_payload, encode_payload
from processes.link import Link, LinkLost

AFTER: Final = b"\x00"
"""Appended to a key, it makes the next greater one."""


class RemoteStore:
    """Implements chain.storage.Store but for writing; the executor at the other end is trusted."""

    def __init__(self, link: Link, number: int) -> None:
        """Requests are numbered from `number` on, so that answers to a predecessor's are told apart."""
        self._link = link
        self._number = number
        self._head: Head | None = None

    @property
    def head(self) -> Head | None:
        """The block whose state is read, None before the first."""
        return self._head

    def begin(self) -> Place:
        """Read the state at the executor's head from now on; return whose it is.

        Raises:
            LinkLost: when the executor is gone; so do all others.
        """
        chain_id, height, block_hash, root, time, version = self._ask(BEGIN)
        self._head = Head(Height(height), Digest(block_hash))
        return Place(
            Digest(chain_id), self._head.height, self._head.block_hash, Digest(root), Milliseconds(time), version
        )

    def end(self) -> None:
        """Tell the executor that nothing more is read of this state."""
        self._number += 1
        self._link.send(encode_payload([self._number, END]))

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key."""
        length, value = self._ask(GET, key, 0)
        if length is None:
            return None
        parts: list[bytes] = [value]
        size = len(value)
        while size < length:
            parts.append(self._ask(GET, key, size)[1])
            size += len(parts[-1])
        return b"".join(parts)

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries with start <= key < end in ascending or descending order."""
        more = True
        while more:
            entries, more = self._ask(SCAN, start, end, reverse)
            for key, inline in entries:
                value = self.get(key) if inline is None else inline
                assert value is not None, "a snapshot does not change"
                yield key, value
            if entries:
                last = entries[-1][0]
                start, end = (start, last) if reverse else (last + AFTER, end)

    def write(self, writes: Iterable[Write], head: Head | None = None) -> None:
        """Refuse: nothing that a reader does is ever written."""
        raise AssertionError("a reader never writes")

    def close(self) -> None:
        """Do nothing: the process ends with its link."""

    def _ask(self, kind: int, *arguments: Any) -> list[Any]:
        self._number += 1
        self._link.send(encode_payload([self._number, kind, *arguments]))
        while True:
            packet = self._link.receive()
            if packet is None:
                raise LinkLost
            number, *values = decode_payload(packet)
            if number == self._number:
                return values
