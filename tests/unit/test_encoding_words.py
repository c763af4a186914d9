"""What is wrong with bytes is said in words of the format, for people who are no programmers."""

import pytest

from chain.encoding import DecodeError, decode, fields_of


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is cut off"),
        (b"\x92\x01", "it is cut off"),
        (b"\xdd\xff\xff\xff\xff", "it is cut off"),
        (b"\xc1", "a byte that begins no value"),
        (b"\xa1\xff", "text that is not UTF-8"),
        (b"\x01\x02", "bytes follow the value"),
        (b"\x91" * 2000 + b"\xc0", "nested too deeply"),
        (b"\x81\x01\x01", "a map's key is not text"),
        (b"\xcb" + bytes(8), "a float is not allowed"),
        (b"\xd6\xff" + bytes(4), "a timestamp is not allowed"),
    ],
)
def test_what_is_wrong_is_said_in_words_of_the_format(data: bytes, words: str) -> None:
    with pytest.raises(DecodeError, match=f"(^|: ){words}$"):
        decode(data)


def test_a_structure_names_what_stands_where() -> None:
    with pytest.raises(DecodeError, match="not a thing: a number is expected where nothing stands"):
        fields_of([1, None], "thing", 1, int)
    with pytest.raises(DecodeError, match="not a thing: 1 is expected where 2 stands"):
        fields_of([2, 5], "thing", 1, int)
