"""A cache in front of a store: the most recently used values, up to a number of bytes."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

ENTRY_OVERHEAD_BYTES: Final = 200
"""What Python itself needs for an entry, roughly: two byte strings and a place in the table."""


class BoundedCache:
    """Owns copies of values, absent ones included; whoever writes to the store keeps it true by `put`."""

    def __init__(self, bytes_max: int, load: Callable[[bytes], bytes | None]) -> None:
        self._bytes_max = bytes_max
        self._content_bytes = 0
        """Of all keys and values."""
        self._load = load
        self._values: OrderedDict[bytes, bytes | None] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """Bytes in use, by estimate."""
        return self._content_bytes + len(self._values) * ENTRY_OVERHEAD_BYTES

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key, loading it if it is not here."""
        try:
            self._values.move_to_end(key)
        except KeyError:
            value = self._load(key)
            self.put(key, value)
            return value
        return self._values[key]

    def put(self, key: bytes, value: bytes | None) -> None:
        """Remember what the store now holds under a key; None if nothing."""
        self.put_all(((key, value),))

    def put_all(self, items: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Remember what the store now holds under several keys."""
        values = self._values
        grown = 0
        for key, value in items:
            if key in values:
                grown -= len(values.pop(key) or b"")
            else:
                grown += len(key)
            values[key] = value
            if value is not None:
                grown += len(value)
        self._content_bytes += grown
        while self.size_bytes > self._bytes_max:
            key, value = values.popitem(last=False)
            self._content_bytes -= len(key) + len(value or b"")


class NoCache:
    """Stands where a cache may, in front of a store that is as fast as one."""

    def __init__(self, load: Callable[[bytes], bytes | None]) -> None:
        self.get = load

    def put_all(self, items: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Remember nothing."""


def make_cache(bytes_max: int, load: Callable[[bytes], bytes | None]) -> BoundedCache | NoCache:
    """Return a cache of this size, or none where it may hold nothing."""
    return BoundedCache(bytes_max, load) if bytes_max else NoCache(load)
