"""Reading a block's transactions or receipts at once is held against reading them one by one."""

from collections.abc import Callable, Sequence
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.batch import batch_of
from chain.block import Block, Header
from chain.columns import decode_transactions, read_receipts, read_transactions
from chain.crypto import public_key_of, sign
from chain.encoding import DecodeError, decode, decode_many
from chain.receipt import decode_receipt
from chain.transaction import SIGNATURE_TAG, decode_transaction, transaction_id_of
from chain.types import Digest, Epoch, Height, Milliseconds, ValidatorId

SIZE_MAX = 700
SEED = bytes(31) + b"\x05"
KEY = public_key_of(SEED)
CHAIN, OTHER = Digest(bytes(32)), Digest(b"\x01" * 32)
HEADER = Header(1, CHAIN, Height(1), CHAIN, CHAIN, CHAIN, Milliseconds(5), ValidatorId("v"), CHAIN, CHAIN, Epoch(0))

plain: Any = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=3) | st.text(max_size=3)
values: Any = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=5,
)
odd: Any = (
    values | st.floats() | st.sampled_from((2**64 - 1, 1, 0, -1, True, {b"a": 1}, "", "x" * 300, bytes(32), [], [[]]))
)
names = st.sampled_from(("transfer", "a", "mint"))
calls = st.lists(st.tuples(names, names, st.lists(values, max_size=3)).map(list), min_size=1, max_size=2)
limits = st.integers(1, 2**63 - 1)
texts = st.none() | st.text("xy", min_size=1, max_size=64)
bodies = st.tuples(
    st.just(1), st.just(CHAIN), st.just(KEY), st.binary(min_size=16, max_size=16), limits, calls, limits, texts, texts
).map(list)
events = st.tuples(names, names, st.dictionaries(st.text("abc", max_size=2), values, max_size=3)).map(list)
outcomes = st.just((0, None)) | st.text("xy", max_size=3).map(lambda code: (1, code))
receipts = st.builds(
    lambda outcome, listed, gas, returned: [1, CHAIN, 1, 0, *outcome, listed, gas, returned],
    outcomes,
    st.lists(events, max_size=2),
    limits,
    st.lists(values, max_size=2),
)


@st.composite
def altered(draw: Callable[[Any], Any], structures: Any) -> bytes:
    """A good structure's bytes, mostly; or one with something else in some place of it, sorted or not."""
    structure = draw(structures)
    if draw(st.integers(0, 9)) == 0:
        inner = structure
        while True:
            place = draw(st.integers(0, len(inner) - 1))
            if type(inner[place]) is list and inner[place] and draw(st.booleans()):
                inner = inner[place]
                continue
            inner[place] = draw(odd)
            break
    data: bytes = msgpack.packb(_sorted(structure), use_bin_type=True)
    if draw(st.integers(0, 19)) == 0:
        at = draw(st.integers(0, len(data) - 1))
        data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
    return data


def _sorted(value: Any) -> Any:
    if type(value) is list:
        return [_sorted(item) for item in value]
    if type(value) is dict:
        return {key: _sorted(value[key]) for key in sorted(value, key=str)}
    return value


def _signed(body: bytes) -> bytes:
    packed: bytes = msgpack.packb([1, body, sign(SEED, SIGNATURE_TAG, transaction_id_of(body))], use_bin_type=True)
    return packed


def _block(raws: Sequence[bytes]) -> Block:
    return Block(b"".join(raws), CHAIN, HEADER, tuple(raws))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(altered(bodies), min_size=1, max_size=4))
def test_transactions_at_once_are_those_one_by_one(encoded: list[bytes]) -> None:
    block = _block([_signed(body) for body in encoded])
    columns = read_transactions(block, size_max=SIZE_MAX)
    at_once = decode_transactions(block.transactions, size_max=SIZE_MAX)
    try:
        one_by_one = [decode_transaction(raw, size_max=SIZE_MAX) for raw in block.transactions]
    except DecodeError:
        assert columns is None and at_once is None
        return
    assert at_once == one_by_one
    assert [each.body.encoded() for each in at_once] == [each.body.encoded() for each in one_by_one]
    if any(each.body.chain_id != CHAIN for each in one_by_one):
        assert columns is None
        return
    assert columns is not None
    assert _plain(columns.batch.as_value()) == _plain(batch_of(block, one_by_one).as_value())
    assert columns.signatures == [each.signature for each in one_by_one]
    assert columns.merkle_leaves == [each.merkle_leaf for each in one_by_one]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(altered(receipts), min_size=1, max_size=4))
def test_receipts_at_once_are_those_one_by_one(encoded: list[bytes]) -> None:
    columns = read_receipts(encoded)
    try:
        one_by_one = [decode_receipt(data) for data in encoded]
    except DecodeError:
        assert columns is None
        return
    assert columns is not None
    assert [*columns.ids] == [each.transaction_id for each in one_by_one]
    assert [*columns.heights] == [each.height for each in one_by_one]
    assert [*columns.indices] == [each.index for each in one_by_one]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(altered(bodies) | st.binary(max_size=4), max_size=4), st.data())
def test_many_values_at_once_are_those_one_by_one(items: list[bytes], draw: st.DataObject) -> None:
    is_cut_anew: bool = draw.draw(st.booleans())
    if items and is_cut_anew:
        # The same bytes, cut elsewhere: as a whole they still are so many values.
        whole = b"".join(items)
        cuts = sorted(draw.draw(st.integers(0, len(whole))) for _ in items[1:])
        items = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    try:
        expected = [decode(item) for item in items]
    except DecodeError:
        with pytest.raises(DecodeError):
            decode_many(items)
        return
    assert decode_many(items) == expected


def test_a_transaction_longer_than_allowed_is_not_read() -> None:
    body = msgpack.packb([1, CHAIN, KEY, bytes(16), 9, [["a", "a", [bytes(SIZE_MAX)]]], 9, None, None])
    block = _block([_signed(body)])
    assert read_transactions(block, size_max=len(block.raw)) is not None
    assert read_transactions(block, size_max=len(block.raw) - 1) is None


def _plain(value: Any) -> Any:
    """Lists for tuples, and types beside values: True is no 1."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    return type(value), value
