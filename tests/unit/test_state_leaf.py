"""Leaves of the state: their bytes are the canonical ones, and nothing else decodes."""

import pytest

from chain.crypto import tagged_hash
from chain.encoding import DecodeError, encode
from chain.state_leaf import Leaf, decode_leaf, encode_leaf, leaf_hash, path_of, stored_value
from chain.types import Digest, Height


@pytest.mark.parametrize("value", [None, b"", b"v", b"x" * 70_000])
@pytest.mark.parametrize("previous", [None, bytes(range(32))])
def test_the_fast_encoding_is_the_canonical_one(value: bytes | None, previous: bytes | None) -> None:
    for contract, key, height, index in (("a", b"", 0, 0), ("größe", b"k" * 300, 2**62, 2**32)):
        encoded = encode_leaf(contract, key, value, height, index, previous)
        assert encoded == encode([1, contract, key, value, height, index, previous])
        assert decode_leaf(encoded) == Leaf(
            contract, key, value, Height(height), index, None if previous is None else Digest(previous)
        )
        assert stored_value(encoded) == value
        assert leaf_hash(encoded) == tagged_hash("leaf", encoded)
        assert path_of(contract, key) == tagged_hash("path", encode([contract, key]))


def test_contract_and_key_do_not_run_into_each_other() -> None:
    assert path_of("ab", b"c") != path_of("a", b"bc")


@pytest.mark.parametrize(
    "fields",
    [
        [1, "c", b"k", b"v", 1, 0],
        [2, "c", b"k", b"v", 1, 0, None],
        [1, b"c", b"k", b"v", 1, 0, None],
        [1, "c", "k", b"v", 1, 0, None],
        [1, "c", b"k", "v", 1, 0, None],
        [1, "c", b"k", b"v", -1, 0, None],
        [1, "c", b"k", b"v", 1, -1, None],
        [1, "c", b"k", b"v", True, 0, None],
        [1, "c", b"k", b"v", 1, False, None],
        [True, "c", b"k", b"v", 1, 0, None],
        [1, "c", b"k", b"v", 1, 0, bytes(31)],
        [1, "c", b"k", b"v", 1, 0, "p" * 32],
        {"leaf": 1},
        None,
    ],
)
def test_malformed_leaves_are_refused(fields: object) -> None:
    with pytest.raises(DecodeError):
        decode_leaf(encode(fields))
