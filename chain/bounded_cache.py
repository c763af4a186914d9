"""A cache in front of a store: what was used lately, up to a number of bytes, in two generations.

What is used or written goes into the young generation. When that has taken half of the room it becomes the old one, and
what was old and has not been used since is forgotten. So a look-up is one of a dictionary, and a whole block's writes
are taken in by one update; keeping the exact order of use would cost several times as much.

What is written again is counted again, so that a count is an upper bound; before it makes a generation old, that is
counted anew.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

ENTRY_OVERHEAD_BYTES: Final = 200
"""What Python itself needs for an entry, roughly: two byte strings and a place in the table."""

Load = Callable[[bytes], Any]
"""Returns what stands under a key, None if nothing does."""
SizeOf = Callable[[Any], int]
"""Returns the bytes that something takes, roughly, apart from ENTRY_OVERHEAD_BYTES."""


class BoundedCache:
    """Owns copies of values, absent ones included; whoever writes to the store keeps it true by `put_all`."""

    def __init__(self, bytes_max: int, load: Load, size_of: SizeOf = len) -> None:
        self._bytes_max = bytes_max
        self._load = load
        self._size_of = size_of
        self._young: dict[bytes, Any] = {}
        self._old: dict[bytes, Any] = {}
        """A key that stands in both has its present value in the young generation."""
        self._young_bytes = self._old_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Bytes in use, by estimate; at most those that were allowed."""
        return self._young_bytes + self._old_bytes

    def get(self, key: bytes) -> Any:
        """Return the value under a key, loading it if it is not here."""
        try:
            return self._young[key]
        except KeyError:
            value = self._old[key] if key in self._old else self._load(key)
        self.put_all({key: value})
        return value

    def put_all(self, items: Mapping[bytes, Any]) -> None:
        """Remember what the store now holds under several keys; None if nothing."""
        self._young_bytes += self._size(items)
        if self._young_bytes > self._bytes_max // 2:
            # Counted anew after it has grown by a quarter of its room at least, so that this is done seldom.
            before = {key: value for key, value in self._young.items() if key not in items}
            before_bytes = self._size(before)
            added = self._size(items)
            if before_bytes + added > 3 * self._bytes_max // 8:
                self._old, self._old_bytes = before, before_bytes
                before, before_bytes = {}, 0
            self._young, self._young_bytes = before, before_bytes + added
        self._young.update(items)
        if self.size_bytes > self._bytes_max:
            self._old, self._old_bytes = {}, 0
        if self.size_bytes > self._bytes_max:
            self._young, self._young_bytes = {}, 0

    def _size(self, items: Mapping[bytes, Any]) -> int:
        """Return what entries take, roughly."""
        values = [value for value in items.values() if value is not None]
        return sum(map(len, items)) + sum(map(self._size_of, values)) + len(items) * ENTRY_OVERHEAD_BYTES


class NoCache:
    """Stands where a cache may, in front of a store that is as fast as one."""

    def __init__(self, load: Load) -> None:
        self.get = load

    def put_all(self, items: Mapping[bytes, Any]) -> None:
        """Remember nothing."""


def make_cache(bytes_max: int, load: Load, size_of: SizeOf = len) -> BoundedCache | NoCache:
    """Return a cache of this size, or none where it may hold nothing."""
    return BoundedCache(bytes_max, load, size_of) if bytes_max else NoCache(load)
