"""Ranges of keys in which there is nothing to find, so that nobody looks through them twice.

Invariant: the ranges are disjoint, none is empty, and they are kept in ascending order. What counts as nothing is the
owner's affair, who takes a key out again as soon as there is something under it.
"""

from bisect import bisect_right


class KeyGaps:
    """Owns disjoint ranges [low, high) of keys; looking one up costs less than a microsecond."""

    __slots__ = ("_highs", "_lows")

    def __init__(self) -> None:
        self._lows: list[bytes] = []
        self._highs: list[bytes] = []

    def around(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the range that holds a key, None if none does."""
        at = bisect_right(self._lows, key) - 1
        if at < 0 or self._highs[at] <= key:
            return None
        return self._lows[at], self._highs[at]

    def add(self, low: bytes, high: bytes) -> None:
        """Add a range; those that it touches become one with it."""
        assert low < high, "a range holds a key"
        first = bisect_right(self._lows, low)
        if first and self._highs[first - 1] >= low:
            first -= 1
        last = bisect_right(self._lows, high)
        if first < last:
            low = min(low, self._lows[first])
            high = max(high, self._highs[last - 1])
        self._lows[first:last] = [low]
        self._highs[first:last] = [high]

    def split(self, key: bytes) -> None:
        """Take one key out of the range that holds it, if any does."""
        at = bisect_right(self._lows, key) - 1
        if at < 0 or self._highs[at] <= key:
            return
        low, high = self._lows[at], self._highs[at]
        behind = key + b"\x00"
        parts = [part for part in ((low, key), (behind, high)) if part[0] < part[1]]
        self._lows[at : at + 1] = [part[0] for part in parts]
        self._highs[at : at + 1] = [part[1] for part in parts]
