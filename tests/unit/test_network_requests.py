"""Questions and answers between nodes: exact bytes, bounded, and malformed ones blamed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.encoding import DecodeError, encode
from chain.types import Digest, Height
from network.errors import PeerFaultError, RefusalError
from network.requests import (
    ANSWER_BYTES_MAX,
    BLOCKS_MAX,
    IDS_MAX,
    BlocksRequest,
    RequestKind,
    Sources,
    answer,
    decode_blocks,
    decode_body,
    decode_transactions,
    encode_body_request,
    encode_transactions_request,
)

HASH = Digest(b"\x07" * 32)


def _nothing(digest: Digest) -> bytes | None:
    return None


def _sources(blocks: dict[int, bytes] | None = None, transactions: dict[bytes, bytes] | None = None) -> Sources:
    held, known = blocks or {}, transactions or {}
    return Sources(held.get, {HASH: b"body"}.get, known.get)


async def _blocks(sources: Sources, first: int, blocks_max: int, bytes_max: int) -> list[bytes]:
    wanted = BlocksRequest(Height(first), blocks_max, bytes_max)
    return decode_blocks(await answer(sources, RequestKind.BLOCKS, wanted.encoded()))


async def test_blocks_come_in_order_up_to_what_is_there() -> None:
    sources = _sources({height: b"block %d" % height for height in range(1, 6)})
    assert await _blocks(sources, 4, 10, 1000) == [b"block 4", b"block 5"]
    assert await _blocks(sources, 6, 10, 1000) == []
    assert await _blocks(sources, 1, 2, 1000) == [b"block 1", b"block 2"]


async def test_blocks_are_bounded_in_bytes_and_the_first_comes_anyway() -> None:
    sources = _sources(dict.fromkeys(range(1, 10), bytes(100)))
    assert len(await _blocks(sources, 1, 10, 250)) == 2
    assert len(await _blocks(sources, 1, 10, 1)) == 1


async def test_the_asker_cannot_raise_the_bounds() -> None:
    sources = Sources(lambda height: b"x", _nothing, _nothing)
    assert len(await _blocks(sources, 1, 2**40, 2**40)) == BLOCKS_MAX
    large = Sources(lambda height: bytes(1024 * 1024), _nothing, _nothing)
    assert len(await _blocks(large, 1, 2**40, 2**40)) == ANSWER_BYTES_MAX // (1024 * 1024)


async def test_a_body_by_its_hash() -> None:
    assert decode_body(await answer(_sources(), RequestKind.BODY, encode_body_request(HASH))) == b"body"
    other = encode_body_request(Digest(bytes(32)))
    assert decode_body(await answer(_sources(), RequestKind.BODY, other)) is None


async def test_transactions_come_in_the_order_asked_with_gaps() -> None:
    ids = [Digest(bytes([number]) * 32) for number in range(4)]
    sources = _sources(transactions={ids[1]: b"one", ids[3]: b"three"})
    payload = await answer(sources, RequestKind.TRANSACTIONS, encode_transactions_request(ids))
    assert decode_transactions(payload, 4) == [None, b"one", None, b"three"]
    with pytest.raises(DecodeError, match="4 transactions where 3"):
        decode_transactions(payload, 3)


async def test_transactions_beyond_the_bound_are_left_for_the_next_question() -> None:
    ids = [Digest(bytes([number]) * 32) for number in range(3)]
    size = ANSWER_BYTES_MAX // 2
    sources = _sources(transactions=dict.fromkeys(ids, bytes(size)))
    payload = await answer(sources, RequestKind.TRANSACTIONS, encode_transactions_request(ids))
    assert [len(raw or b"") for raw in decode_transactions(payload, 3)] == [size, size, 0]


MALFORMED = [
    (RequestKind.BLOCKS, b""),
    (RequestKind.BLOCKS, encode([1, 0, 1, 1])),
    (RequestKind.BLOCKS, encode([1, 1, 0, 1])),
    (RequestKind.BLOCKS, encode([1, True, 1, 1])),
    (RequestKind.BODY, encode([1, b"short"])),
    (RequestKind.BODY, encode([2, HASH])),
    (RequestKind.TRANSACTIONS, encode([1, []])),
    (RequestKind.TRANSACTIONS, encode([1, [HASH, 5]])),
    (RequestKind.TRANSACTIONS, encode([1, [HASH] * (IDS_MAX + 1)])),
]


@pytest.mark.parametrize(("kind", "payload"), MALFORMED)
async def test_a_malformed_question_is_the_peers_fault(kind: RequestKind, payload: bytes) -> None:
    with pytest.raises(PeerFaultError):
        await answer(_sources(), kind, payload)


async def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(RefusalError, match="unknown request kind 99"):
        await answer(_sources(), 99, b"")


@given(st.binary(max_size=60))
def test_any_bytes_are_an_answer_or_a_decode_error(data: bytes) -> None:
    for decoding in (decode_blocks, decode_body, lambda payload: decode_transactions(payload, 1)):
        try:
            decoding(data)
        except DecodeError:
            continue
