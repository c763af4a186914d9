"""Contract values in JSON: every value comes back, and what is no value is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.encoding import INT_MAX, INT_MIN, decode, encode
from chain.json_values import JsonValueError, fields_to_json, from_json, parse_json, to_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(INT_MIN, INT_MAX) | st.binary(max_size=20) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)


@given(VALUES)
def test_values_survive_json(value: Any) -> None:
    assert encode(from_json(parse_json(json.dumps(to_json(value))))) == encode(value)


@given(VALUES)
def test_maps_come_back_in_the_order_of_the_canonical_encoding(value: Any) -> None:
    shuffled = json.loads(json.dumps(to_json(value)), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert repr(from_json(shuffled)) == repr(decode(encode(value)))


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_text_is_json_or_refused(text: bytes | str) -> None:
    try:
        value = parse_json(text)
        from_json(value)
    except JsonValueError:
        pass


@pytest.mark.parametrize(
    "text",
    [
        r'"\ud800"',
        r'{"map": {"a\uDFFF": 1}}',
        "1.0",
        "1e2",
        "-0.0",
        "NaN",
        "Infinity",
        "9007199254740992",
        "-9007199254740992",
        '{"int": 5}',
        '{"int": "+5"}',
        '{"int": "05"}',
        '{"int": "-0"}',
        '{"int": " 5"}',
        '{"int": "٥"}',
        '{"int": "9223372036854775808"}',
        '{"bytes": "0"}',
        '{"bytes": "0G"}',
        '{"bytes": "FF"}',
        '{"bytes": "0 0 "}',
        '{"map": []}',
        '{"text": "x"}',
        '{"int": "1", "bytes": ""}',
        "{}",
        '{"int": "1", "int": "1"}',
        "[" * 25 + "]" * 25,
        "[" * 100_000,
        "9" * 5_000,
        "",
        "[1,]",
    ],
)
def test_what_is_no_value(text: str) -> None:
    with pytest.raises(JsonValueError):
        from_json(parse_json(text))


def test_the_form_is_the_documented_one() -> None:
    value = [None, True, "5", 5, b"\x00\xff", {"b": 1, "a": []}]
    tagged = [None, True, "5", {"int": "5"}, {"bytes": "00ff"}, {"map": {"b": {"int": "1"}, "a": []}}]
    assert to_json(value) == tagged
    assert from_json(tagged) == value
    assert from_json([5, -5, 2**53 - 1]) == [5, -5, 2**53 - 1]
    assert fields_to_json({"int": 1}) == {"int": {"int": "1"}}
