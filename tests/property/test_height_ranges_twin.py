"""Ranges of heights behave like sets of heights, and come back from their bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.encoding import DecodeError, decode, encode
from chain.height_ranges import (
    HeightRange,
    add_range,
    decode_ranges,
    encode_ranges,
    heights_in,
    overlap,
    range_at,
    remove_height,
)

HEIGHTS = st.integers(1, 40)
ADDED = st.tuples(HEIGHTS, st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))
STEPS = st.lists(st.one_of(ADDED, HEIGHTS), max_size=25)


def heights_of(ranges: tuple[HeightRange, ...]) -> set[int]:
    return {height for first, last in ranges for height in range(first, last + 1)}


@given(steps=STEPS, window=ADDED)
def test_ranges_are_sets(steps: list[tuple[int, int] | int], window: tuple[int, int]) -> None:
    ranges: tuple[HeightRange, ...] = ()
    twin: set[int] = set()
    for step in steps:
        if isinstance(step, int):
            ranges, twin = remove_height(ranges, step), twin - {step}
        else:
            ranges, twin = add_range(ranges, *step), twin | set(range(step[0], step[1] + 1))
        assert heights_of(ranges) == twin and heights_in(ranges) == len(twin)
        assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(ranges))
        assert decode_ranges(encode_ranges(ranges)) == ranges
    assert heights_of(tuple(overlap(ranges, *window))) == twin & set(range(window[0], window[1] + 1))
    for height in range(1, 60):
        found = range_at(ranges, height)
        assert (found is not None) == (height in twin)


@given(
    st.binary(max_size=40)
    | STEPS.map(lambda steps: encode([1, [list(s) if isinstance(s, tuple) else s for s in steps]]))
)
def test_any_bytes_are_ranges_in_order_or_refused(data: bytes) -> None:
    try:
        ranges = decode_ranges(data)
    except DecodeError:
        return
    assert encode_ranges(ranges) == data


@pytest.mark.parametrize(
    "entries", [[[0, 3]], [[3, 2]], [[1, 4], [5, 6]], [[1, 4], [2, 9]], [[5, 6], [1, 2]], [[1]], [[1, 2, 3]], [1]]
)
def test_ranges_out_of_order_are_refused(entries: list[object]) -> None:
    with pytest.raises(DecodeError):
        decode_ranges(encode([1, entries]))
    assert decode(encode_ranges(())) == [1, []]
