"""What a lying peer sends is counted before it is decoded: millions of empty arrays make no objects."""

from collections.abc import Callable
from typing import Any

import pytest

from chain.encoding import DecodeError, encode
from network.gossip import SMALL_VALUES, decode_batch
from network.history_requests import decode_bytes, decode_offers
from network.requests import BLOCKS_MAX, decode_blocks, decode_body, decode_transactions

COUNT = 300_000
HOSTILE = b"\x92\x01\xdd" + COUNT.to_bytes(4, "big") + b"\x90" * COUNT


@pytest.mark.parametrize(
    "decoded",
    [
        decode_batch,
        decode_blocks,
        decode_body,
        lambda data: decode_transactions(data, 1_000),
        decode_bytes,
        decode_offers,
    ],
)
def test_empty_arrays_are_refused_unmade(decoded: Callable[[bytes], Any]) -> None:
    with pytest.raises(DecodeError, match=r"more than \d+ values"):
        decoded(HOSTILE)


def test_what_honest_peers_send_passes() -> None:
    assert len(decode_batch(encode([1, [b"t" * 100] * 3 * SMALL_VALUES]))) == 3 * SMALL_VALUES
    assert len(decode_blocks(encode([1, [b"b"] * BLOCKS_MAX]))) == BLOCKS_MAX
    assert len(decode_transactions(encode([1, [b"t"] * 999 + [None]]), 1_000)) == 1_000
