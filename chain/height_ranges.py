"""Ranges of heights as sorted, disjoint pairs that do not touch: which blocks' bodies a node lacks.

A node that joined by a snapshot has every header and lacks the bodies of whole stretches; a few numbers say which.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from chain.encoding import DecodeError, decode, encode, fields_of
from chain.types import Height

HeightRange = tuple[Height, Height]
"""First and last height, both inclusive."""

RANGES_MAX: Final = 10_000
"""Bound on what is read back; each join adds one at most, and filling from one end adds none."""


def add_range(ranges: Sequence[HeightRange], first: int, last: int) -> tuple[HeightRange, ...]:
    """Return the ranges with the heights `first` to `last` added."""
    assert first <= last, f"{first} to {last} is no range"
    before = [item for item in ranges if item[1] < first - 1]
    after = [item for item in ranges if item[0] > last + 1]
    touched = [item for item in ranges if item[1] >= first - 1 and item[0] <= last + 1]
    merged = (Height(min([first, *(item[0] for item in touched)])), Height(max([last, *(item[1] for item in touched)])))
    return (*before, merged, *after)


def remove_height(ranges: Sequence[HeightRange], height: int) -> tuple[HeightRange, ...]:
    """Return the ranges without a height."""
    kept: list[HeightRange] = []
    for first, last in ranges:
        if not first <= height <= last:
            kept.append((first, last))
            continue
        if first < height:
            kept.append((first, Height(height - 1)))
        if height < last:
            kept.append((Height(height + 1), last))
    return tuple(kept)


def range_at(ranges: Sequence[HeightRange], height: int) -> HeightRange | None:
    """Return the range that holds a height."""
    return next((item for item in ranges if item[0] <= height <= item[1]), None)


def overlap(ranges: Sequence[HeightRange], first: int, last: int) -> Iterator[HeightRange]:
    """Yield what the ranges have in common with the heights `first` to `last`, ascending."""
    for start, end in ranges:
        low, high = max(start, first), min(end, last)
        if low <= high:
            yield Height(low), Height(high)


def heights_in(ranges: Sequence[HeightRange]) -> int:
    """Return the number of heights in the ranges."""
    return sum(last - first + 1 for first, last in ranges)


def encode_ranges(ranges: Sequence[HeightRange]) -> bytes:
    """Return the canonical bytes of ranges."""
    return encode([1, [list(item) for item in ranges]])


def decode_ranges(data: bytes) -> tuple[HeightRange, ...]:
    """Return the ranges in canonical bytes.

    Raises:
        DecodeError: when the bytes are no sorted, disjoint ranges.
    """
    _, entries = fields_of(decode(data, depth_max=3), "height ranges", 1, list)
    if len(entries) > RANGES_MAX:
        raise DecodeError(f"{len(entries)} ranges of heights; at most {RANGES_MAX} are read")
    ranges: list[HeightRange] = []
    for entry in entries:
        first, last = fields_of(entry, "height range", int, int)
        if first < 1 or last < first or (ranges and first <= ranges[-1][1] + 1):
            raise DecodeError(f"heights {first} to {last} are out of order")
        ranges.append((Height(first), Height(last)))
    return tuple(ranges)
