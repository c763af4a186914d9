"""Ranges of keys against a set of all the keys in them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chain.key_gaps import KeyGaps

KEYS = [bytes([letter]) + b"\x00" * zeros for letter in range(6) for zeros in range(3)]
ADD = st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS))
STEPS = st.lists(st.one_of(ADD, st.sampled_from(KEYS)), max_size=20)


@given(STEPS)
def test_a_key_is_found_where_it_was_added_and_not_taken_out(steps: list[tuple[bytes, bytes] | bytes]) -> None:
    gaps, twin = KeyGaps(), set[bytes]()
    for step in steps:
        if isinstance(step, bytes):
            gaps.split(step)
            twin.discard(step)
        elif step[0] < step[1]:
            gaps.add(*step)
            twin.update(key for key in KEYS if step[0] <= key < step[1])
        found = [gaps.around(key) for key in KEYS]
        assert [key for key, gap in zip(KEYS, found, strict=True) if gap is not None] == sorted(twin)
        ranges = sorted({gap for gap in found if gap is not None})
        assert all(low < high for low, high in ranges)
        assert all(first[1] <= second[0] for first, second in pairwise(ranges))
