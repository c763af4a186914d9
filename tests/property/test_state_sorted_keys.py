"""Sorted keys against a plain set, across chunk boundaries and while the collection changes."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from chain import sorted_keys
from chain.sorted_keys import SortedKeys

KEYS = st.integers(0, 60).map(lambda number: b"%02d" % number)


@given(st.lists(KEYS, max_size=150), KEYS, KEYS)
def test_sorted_keys_equal_a_sorted_set(toggled: list[bytes], start: bytes, end: bytes) -> None:
    with patch.object(sorted_keys, "CHUNK_KEYS_MAX", 4):
        keys, twin = SortedKeys(), set[bytes]()
        for key in toggled:
            if key in twin:
                keys.remove(key)
            else:
                keys.add(key)
            twin ^= {key}
        expected = sorted(key for key in twin if start <= key < end)
        assert list(keys.range(start, end)) == expected
        assert list(keys.range(start, end, reverse=True)) == expected[::-1]


@given(st.sets(KEYS, min_size=1), st.booleans())
def test_removing_every_key_as_it_is_yielded_ends(initial: set[bytes], reverse: bool) -> None:
    keys = SortedKeys()
    for key in initial:
        keys.add(key)
    yielded = []
    for key in keys.range(b"", b"\xff", reverse):
        keys.remove(key)
        yielded.append(key)
    assert yielded == sorted(initial, reverse=reverse)
    assert list(keys.range(b"", b"\xff")) == []
