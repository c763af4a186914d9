"""A cache in front of a store: the most recently used values, up to a number of bytes."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

ENTRY_OVERHEAD_BYTES: Final = 200
"""What Python itself needs for an entry, roughly: two byte strings and a place in the table."""


class BoundedCache:
    """Owns copies of values, absent ones included; whoever writes to the store keeps it true by `put`."""

    def __init__(self, bytes_max: int, load: Callable[[bytes], bytes | None]) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._load = load
        self._values: OrderedDict[bytes, bytes | None] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """Bytes in use, by estimate."""
        return self._bytes

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
        if key in self._values:
            self._bytes -= _cost(key, self._values.pop(key))
        self._values[key] = value
        self._bytes += _cost(key, value)
        while self._bytes > self._bytes_max:
            self._bytes -= _cost(*self._values.popitem(last=False))


def _cost(key: bytes, value: bytes | None) -> int:
    return ENTRY_OVERHEAD_BYTES + len(key) + (0 if value is None else len(value))
