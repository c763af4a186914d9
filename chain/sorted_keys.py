"""A sorted collection of distinct keys that stays cheap to grow: sorted chunks of bounded length."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import Final

CHUNK_KEYS_MAX: Final = 1024


class SortedKeys:
    """Distinct byte strings in ascending order; adding or removing one costs about a microsecond at any size.

    What was added finds its place when somebody asks for the order: many collections are only ever added to.
    """

    def __init__(self) -> None:
        self._chunks: list[list[bytes]] = []
        self._greatest: list[bytes] = []
        """The last key of each chunk."""
        self._added: list[bytes] = []
        """Keys without a place yet."""

    def add(self, key: bytes) -> None:
        """Add a key that is not there yet."""
        self._added.append(key)

    def _settle(self) -> None:
        """Give everything that was added its place."""
        if self._added:
            for key in self._added:
                self._place(key)
            self._added.clear()

    def _place(self, key: bytes) -> None:
        if not self._chunks:
            self._chunks.append([key])
            self._greatest.append(key)
            return
        at = min(bisect_left(self._greatest, key), len(self._chunks) - 1)
        chunk = self._chunks[at]
        insort(chunk, key)
        if len(chunk) > CHUNK_KEYS_MAX:
            half = len(chunk) // 2
            self._chunks[at : at + 1] = [chunk[:half], chunk[half:]]
            self._greatest[at : at + 1] = [chunk[half - 1], chunk[-1]]
        else:
            self._greatest[at] = chunk[-1]

    def remove(self, key: bytes) -> None:
        """Remove a key that is there."""
        self._settle()
        at = bisect_left(self._greatest, key)
        chunk = self._chunks[at]
        position = bisect_left(chunk, key)
        assert chunk[position] == key
        del chunk[position]
        if chunk:
            self._greatest[at] = chunk[-1]
        else:
            del self._chunks[at], self._greatest[at]

    def range(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[bytes]:
        """Yield the keys with start <= key < end in ascending or descending order.

        Keys may be added or removed between two steps; the walk then goes on from the last key it yielded.
        """
        return self._descending(start, end) if reverse else self._ascending(start, end)

    def _ascending(self, start: bytes, end: bytes) -> Iterator[bytes]:
        bound, find = start, bisect_left
        while True:
            self._settle()
            at = find(self._greatest, bound)
            if at == len(self._chunks):
                return
            key = self._chunks[at][find(self._chunks[at], bound)]
            if key >= end:
                return
            yield key
            bound, find = key, bisect_right

    def _descending(self, start: bytes, end: bytes) -> Iterator[bytes]:
        bound = end
        while True:
            self._settle()
            at = bisect_left(self._greatest, bound)
            position = bisect_left(self._chunks[at], bound) if at < len(self._chunks) else 0
            if position == 0:
                if at == 0:
                    return
                at, position = at - 1, len(self._chunks[at - 1])
            key = self._chunks[at][position - 1]
            if key < start:
                return
            yield key
            bound = key
