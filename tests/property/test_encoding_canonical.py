"""Any bytes either decode and re-encode identically or raise DecodeError; any value of the model survives."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from chain.encoding import INT_MAX, INT_MIN, DecodeError, decode, encode
from chain.state_keys import decode_key, encode_key

LEAVES = st.none() | st.booleans() | st.integers(INT_MIN, INT_MAX) | st.binary(max_size=40) | st.text(max_size=40)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=25,
)
NEARLY = st.builds(
    lambda value, place, byte: (data := bytearray(encode(value))) and _altered(data, place, byte),
    VALUES,
    st.integers(0, 10_000),
    st.integers(0, 255),
)


def _altered(data: bytearray, place: int, byte: int) -> bytes:
    data[place % len(data)] = byte
    return bytes(data)


@given(VALUES)
def test_values_survive(value: Any) -> None:
    data = encode(value)
    assert decode(data) == value
    assert repr(decode(data)) == repr(_sorted(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@given(st.binary(max_size=60) | NEARLY)
@example(bytes.fromhex("d6ff00000001"))
@example(bytes.fromhex("c70cff000000010000000000000001"))
def test_any_bytes_decode_and_re_encode_identically_or_are_refused(data: bytes) -> None:
    try:
        value = decode(data)
    except DecodeError:
        return
    assert encode(value) == data


@given(VALUES, VALUES)
def test_different_values_have_different_forms(one: Any, other: Any) -> None:
    assert (encode(one) == encode(other)) == (repr(_sorted(one)) == repr(_sorted(other)))


KEY_PARTS = st.booleans() | st.integers(INT_MIN, INT_MAX) | st.binary(max_size=12) | st.text(max_size=12)
KEYS = st.lists(KEY_PARTS, max_size=4).map(tuple)


@given(KEYS)
def test_keys_survive(key: tuple[Any, ...]) -> None:
    assert repr(decode_key(encode_key(key))) == repr(key)


@given(st.binary(max_size=40))
def test_any_key_bytes_decode_and_re_encode_identically_or_are_refused(data: bytes) -> None:
    try:
        parts = decode_key(data)
    except DecodeError:
        return
    assert encode_key(parts) == data


TEXTS = st.tuples(st.binary(max_size=6), st.binary(max_size=6))
NUMBERS = st.tuples(st.integers(INT_MIN, INT_MAX), st.integers(INT_MIN, INT_MAX))


@given(TEXTS, NUMBERS)
def test_keys_are_ordered_as_their_parts(texts: tuple[bytes, bytes], numbers: tuple[int, int]) -> None:
    one, other = ("m", texts[0], numbers[0]), ("m", texts[1], numbers[1])
    assert (encode_key(one) < encode_key(other)) == (one < other)
    first, second = encode_key((texts[0],)), encode_key((texts[1],))
    assert (first < second) == (texts[0] < texts[1])
