"""The executor's end of the link to its reader: short looks into the database as one block has left it.

A reader asks for one thing at a time, and each answer is bounded by count and bytes, so that a block which comes in
waits for one look at most. What is read is a snapshot that LevelDB keeps: blocks are applied meanwhile, and the reader
goes on in the state that it began with. A packet that is no request is not answered; its sender is ended by the node
when it waits too long.
"""

from collections.abc import Callable
from typing import Any, Final

from chain.ledger import Ledger
from chain.storage import FrozenView
from processes.frames import FrameError, decode_payload, encode_payload

BEGIN: Final = 0
"""Take the state at the head from now on; answered by its place."""
GET: Final = 1
"""The value under a key from an offset on; answered by its length, or nil, and at most CHUNK_BYTES_MAX of it."""
SCAN: Final = 2
"""The first entries of a range; answered by them, and whether there are more."""
END: Final = 3
"""The state is needed no longer; not answered."""

CHUNK_BYTES_MAX: Final = 32 * 1024
PAGE_ENTRIES_MAX: Final = 64
PAGE_BYTES_MAX: Final = 32 * 1024
"""After an entry that exceeds this a page ends."""
INLINE_BYTES_MAX: Final = 16 * 1024
"""A longer value is left out of a page and has to be asked for by its key."""


class StateLink:
    """Owns the snapshot that the reader reads."""

    def __init__(self, ledger: Ledger, freeze: Callable[[], FrozenView]) -> None:
        """`freeze` returns a view of the ledger's database at its head."""
        self._ledger = ledger
        self._freeze = freeze
        self._view: FrozenView | None = None
        self._height = -1
        self._in_use = False
        self.looks = 0
        """Requests answered so far."""

    def answer(self, packet: bytes) -> bytes | None:
        """Return what to answer to a packet, if anything.

        Raises:
            StoreError: when the state cannot be read as it was written.
        """
        try:
            request = decode_payload(packet)
        except FrameError:
            return None
        reply = self._reply(request)
        self.looks += reply is not None
        return None if reply is None else encode_payload([request[0], *reply])

    def applied(self) -> None:
        """Note that the state has changed: a snapshot that nobody reads is not worth keeping."""
        if not self._in_use:
            self._close()

    def _reply(self, request: list[Any]) -> list[Any] | None:
        match request:
            case [int(), int(kind)] if kind == BEGIN:
                return self._begin()
            case [int(), int(kind), bytes(key), int(offset)] if kind == GET and offset >= 0:
                return None if self._view is None else _value(self._view, key, offset)
            case [int(), int(kind), bytes(start), bytes(end), bool(reverse)] if kind == SCAN:
                return None if self._view is None else _page(self._view, start, end, reverse)
            case [int(), int(kind)] if kind == END:
                self._in_use = False
                if self._height != self._ledger.head.height:
                    self._close()
        return None

    def _begin(self) -> list[Any]:
        place = self._ledger.place
        if self._view is None or self._height != place.height:
            self._close()
            self._view = self._freeze()
            self._height = place.height
        self._in_use = True
        return [place.chain_id, place.height, place.block_hash, place.state_root, place.time, place.version]

    def _close(self) -> None:
        if self._view is not None:
            self._view.close()
            self._view = None


def _value(view: FrozenView, key: bytes, offset: int) -> list[Any]:
    value = view.get(key)
    return [None, b""] if value is None else [len(value), value[offset : offset + CHUNK_BYTES_MAX]]


def _page(view: FrozenView, start: bytes, end: bytes, reverse: bool) -> list[Any]:
    entries: list[list[bytes | None]] = []
    size = 0
    for key, value in view.scan(start, end, reverse):
        if len(entries) == PAGE_ENTRIES_MAX or size > PAGE_BYTES_MAX:
            return [entries, True]
        inline = value if len(value) <= INLINE_BYTES_MAX else None
        entries.append([key, inline])
        size += len(key) + (0 if inline is None else len(inline))
    return [entries, False]
