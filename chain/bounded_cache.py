"""A cache in front of a store: what was used lately, up to a number of bytes, in two generations.

What is used or written goes into the young generation. When that has taken half of the room it becomes the old one, and
what was old and has not been used since is forgotten. So a look-up is one of a dictionary, and a whole block's writes
are taken in by one update; keeping the exact order of use would cost several times as much.
"""

from collections.abc import Callable, Mapping
from typing import Final

ENTRY_OVERHEAD_BYTES: Final = 200
"""What Python itself needs for an entry, roughly: two byte strings and a place in the table."""


class BoundedCache:
    """Owns copies of values, absent ones included; whoever writes to the store keeps it true by `put_all`."""

    def __init__(self, bytes_max: int, load: Callable[[bytes], bytes | None]) -> None:
        self._bytes_max = bytes_max
        self._load = load
        self._young: dict[bytes, bytes | None] = {}
        self._old: dict[bytes, bytes | None] = {}
        """A key that stands in both has its present value in the young generation."""
        self._young_bytes = self._old_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Bytes in use, by estimate; at most those that were allowed."""
        return self._young_bytes + self._old_bytes

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key, loading it if it is not here."""
        try:
            return self._young[key]
        except KeyError:
            value = self._old[key] if key in self._old else self._load(key)
        self.put_all({key: value})
        return value

    def put_all(self, items: Mapping[bytes, bytes | None]) -> None:
        """Remember what the store now holds under several keys; None if nothing."""
        young = self._young
        added = _size(items)
        replaced = _size({key: young[key] for key in items.keys() & young.keys()})
        if self._young_bytes - replaced + added > self._bytes_max // 2:
            # What is put makes all that stood under the same keys before it worthless.
            self._old, self._old_bytes = young, self._young_bytes
            young = self._young = {}
            self._young_bytes = replaced = 0
        young.update(items)
        self._young_bytes += added - replaced
        if self.size_bytes > self._bytes_max:
            self._old, self._old_bytes = {}, 0
        if self.size_bytes > self._bytes_max:
            self._young, self._young_bytes = {}, 0


class NoCache:
    """Stands where a cache may, in front of a store that is as fast as one."""

    def __init__(self, load: Callable[[bytes], bytes | None]) -> None:
        self.get = load

    def put_all(self, items: Mapping[bytes, bytes | None]) -> None:
        """Remember nothing."""


def make_cache(bytes_max: int, load: Callable[[bytes], bytes | None]) -> BoundedCache | NoCache:
    """Return a cache of this size, or none where it may hold nothing."""
    return BoundedCache(bytes_max, load) if bytes_max else NoCache(load)


def _size(items: Mapping[bytes, bytes | None]) -> int:
    """Return what entries take, roughly."""
    return sum(map(len, items)) + sum(map(len, filter(None, items.values()))) + len(items) * ENTRY_OVERHEAD_BYTES
