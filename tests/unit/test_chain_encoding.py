"""The canonical encoding: one form for each value, and everything else refused."""

import struct
from typing import Any

import msgpack
import pytest

from chain.encoding import (
    DEPTH_MAX,
    INT_MAX,
    INT_MIN,
    PACKER_BYTES_KEPT,
    DecodeError,
    EncodeError,
    decode,
    encode,
    fields_of,
    pack_flat,
)

FORMS: list[tuple[Any, str]] = [
    (None, "c0"),
    (False, "c2"),
    (True, "c3"),
    (0, "00"),
    (127, "7f"),
    (128, "cc80"),
    (255, "ccff"),
    (256, "cd0100"),
    (65_536, "ce00010000"),
    (2**32, "cf0000000100000000"),
    (INT_MAX, "cf7fffffffffffffff"),
    (-1, "ff"),
    (-32, "e0"),
    (-33, "d0df"),
    (-129, "d1ff7f"),
    (-32_769, "d2ffff7fff"),
    (-(2**31) - 1, "d3ffffffff7fffffff"),
    (INT_MIN, "d38000000000000000"),
    ("", "a0"),
    ("a" * 31, "bf" + "61" * 31),
    ("a" * 32, "d920" + "61" * 32),
    ("é", "a2c3a9"),
    ("e\u0301", "a365cc81"),
    ("a" * 256, "da0100" + "61" * 256),
    (b"", "c400"),
    (b"a" * 256, "c50100" + "61" * 256),
    ([], "90"),
    ((1, 2), "920102"),
    ([0] * 16, "dc0010" + "00" * 16),
    ({}, "80"),
    ({"b": 1, "a": 2}, "82a16102a16201"),
    ({"z": 0, "é": 1}, "82a17a00a2c3a901"),
    ({"\uffff": 0, "\U00010000": 1}, "82a3efbfbf00a4f090808001"),
]


@pytest.mark.parametrize(("value", "form"), FORMS, ids=[form[:16] for _, form in FORMS])
def test_each_value_has_this_form(value: Any, form: str) -> None:
    assert encode(value).hex() == form
    assert decode(bytes.fromhex(form)) == (list(value) if isinstance(value, tuple) else value)


REFUSED: list[tuple[str, str]] = [
    ("", "nothing"),
    ("c1", "the byte that MessagePack never uses"),
    ("0000", "something after the value"),
    ("92c0", "an array cut short"),
    ("a261", "text cut short"),
    ("cc7f", "an integer longer than needed"),
    ("cd00ff", "an integer longer than needed"),
    ("ce0000ffff", "an integer longer than needed"),
    ("cf00000000ffffffff", "an integer longer than needed"),
    ("d07f", "a positive integer in the signed family"),
    ("d0ff", "a small negative integer longer than needed"),
    ("d1ff80", "a negative integer longer than needed"),
    ("d2ffff8000", "a negative integer longer than needed"),
    ("d3ffffffff80000000", "a negative integer longer than needed"),
    ("cf8000000000000000", "an integer beyond signed 64 bits"),
    ("d90161", "text with a longer prefix than needed"),
    ("da000161", "text with a longer prefix than needed"),
    ("db0000000161", "text with a longer prefix than needed"),
    ("c5000161", "bytes with a longer prefix than needed"),
    ("dc000100", "an array with a longer prefix than needed"),
    ("dd0000000100", "an array with a longer prefix than needed"),
    ("de0001a16100", "a map with a longer prefix than needed"),
    ("ca00000000", "a float"),
    ("cb0000000000000000", "a float"),
    ("91cb3ff0000000000000", "a float inside"),
    ("c70001", "an extension"),
    ("d40100", "an extension"),
    ("d6ff00000001", "a time, which is an extension"),
    ("d7ff0000000100000001", "a time with nanoseconds"),
    ("c70cff000000010000000000000001", "a time in its longest form"),
    ("81d6ff00000001c0", "a time as a key"),
    ("91d6ff00000001", "a time inside"),
    ("a1ff", "text that is not UTF-8"),
    ("a3eda080", "text with half a surrogate pair"),
    ("a2c0af", "text in overlong UTF-8"),
    ("81c4016100", "a key of bytes"),
    ("810000", "a key that is a number"),
    ("81c000", "a key that is nil"),
    ("819000", "a key that is an array"),
    ("82a16100a16101", "a repeated key"),
    ("82a16200a16100", "keys out of order"),
    ("82a26161 00a16200".replace(" ", "") + "00", "something after a map"),
    ("dfffffffff", "a map that announces four thousand million entries"),
    ("ddffffffff", "an array that announces four thousand million entries"),
    ("c6ffffffff00", "bytes that announce four thousand million"),
]


@pytest.mark.parametrize(("data", "why"), REFUSED, ids=[f"{why} {data[:10]}" for data, why in REFUSED])
def test_everything_else_is_refused(data: str, why: str) -> None:
    with pytest.raises(DecodeError):
        decode(bytes.fromhex(data))


def test_keys_are_ordered_by_their_bytes_not_by_length() -> None:
    assert encode({"b": 0, "aa": 1}) == bytes.fromhex("82a2616101a16200")
    assert decode(bytes.fromhex("82a2616101a16200")) == {"aa": 1, "b": 0}


WITHOUT_FORM: list[Any] = [
    *(0.0, 1 + 0j, INT_MAX + 1, INT_MIN - 1, "\ud800", ["\udfff"], {"\ud800": 1}),
    *({1: 2}, {b"a": 1}, {None: 1}, {1, 2}, bytearray(b"x"), memoryview(b"x"), object()),
    *(msgpack.Timestamp(1), msgpack.ExtType(1, b"")),
]


@pytest.mark.parametrize("value", WITHOUT_FORM, ids=lambda value: type(value).__name__)
def test_values_without_a_form(value: Any) -> None:
    with pytest.raises(EncodeError):
        encode(value)


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_bounded_both_ways() -> None:
    assert decode(encode(nested(DEPTH_MAX))) == nested(DEPTH_MAX)
    with pytest.raises(EncodeError):
        encode(nested(DEPTH_MAX + 1))
    too_deep = b"\x91" * (DEPTH_MAX + 1) + b"\x00"
    with pytest.raises(DecodeError):
        decode(too_deep)
    with pytest.raises(DecodeError):
        decode(b"\x91" * 100_000 + b"\x00")
    with pytest.raises(DecodeError):
        decode(b"\x81\xa1a" * 100_000 + b"\x00")
    assert decode(b"\x91\x00", depth_max=1) == [0]
    with pytest.raises(DecodeError):
        decode(b"\x91\x90", depth_max=1)
    with pytest.raises(DecodeError):
        decode(b"\x80", depth_max=0)


def test_size_is_bounded() -> None:
    data = encode(b"x" * 100)
    assert decode(data, size_max=len(data)) == b"x" * 100
    with pytest.raises(DecodeError, match="exceed the limit"):
        decode(data, size_max=len(data) - 1)


def test_a_boolean_is_not_a_number() -> None:
    assert encode([True, 1]) == bytes.fromhex("92c301")
    value = decode(bytes.fromhex("92c301"))
    assert [type(item) for item in value] == [bool, int]


def test_fields_of_takes_exactly_one_form() -> None:
    assert fields_of([1, b"x", None], "thing", 1, bytes, None) == [1, b"x", None]
    for value in ([True, b"x", 0], [2, b"x", 0], [1, "x", 0], [1, b"x"], [1, b"x", 0, 0], (1, b"x", 0), "1xx", None):
        with pytest.raises(DecodeError, match="not a thing"):
            fields_of(value, "thing", 1, bytes, None)
    with pytest.raises(DecodeError):
        fields_of([True], "count", int)


def test_doubles_that_look_like_other_types_are_refused_too() -> None:
    with pytest.raises(DecodeError):
        decode(b"\xcb" + struct.pack(">d", 1.0))


def test_a_value_that_cannot_be_encoded_leaves_nothing_in_the_packers() -> None:
    for bad in (["a", "\ud800"], {"a": ["b", "\udfff"]}):
        with pytest.raises(EncodeError):
            encode(bad)
        with pytest.raises(UnicodeEncodeError):
            pack_flat([bad])
        assert encode([1]) == pack_flat([1]) == b"\x91\x01"
    large = b"x" * (PACKER_BYTES_KEPT + 1)
    assert encode(large)[-len(large) :] == large and encode(None) == b"\xc0"
