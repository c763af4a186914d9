"""Blocks, results, receipts and recorded blocks: their bytes and hashes, and malformed forms refused."""

from dataclasses import replace
from typing import Any

import pytest
from chain_maker import ChainMaker

from chain.block import BLOCK_BYTES_MAX, HEADER_BYTES_MAX, decode_block, decode_header, make_block
from chain.crypto import tagged_hash
from chain.encoding import DecodeError, decode, encode
from chain.merkle import EMPTY_ROOT, merkle_root
from chain.receipt import (
    RECEIPT_BYTES_FREE,
    RECEIPTS_BYTES_SHARED,
    Receipt,
    decode_receipt,
    decode_result,
    receipt_bytes_max,
)
from chain.recorded_block import (
    RECORDED_BLOCK_BYTES_MAX,
    RecordedBlock,
    decode_range,
    decode_recorded_block,
    encode_range,
)
from chain.runtime import Event
from chain.types import Digest, Epoch, Height, Milliseconds, ValidatorId


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    maker = ChainMaker()
    maker.decide_many(1)
    return maker


def test_the_block_hash_covers_the_header(maker: ChainMaker) -> None:
    block = maker.records[0].decoded_block()
    header = block.header
    assert block.block_hash == header.block_hash == tagged_hash("block", header.encoded())
    assert decode_header(header.encoded()) == header
    assert decode(block.raw) == [1, header.encoded(), list(block.transactions)]


def test_a_block_without_transactions(maker: ChainMaker) -> None:
    block = maker.block()
    assert block.header.transactions_root == EMPTY_ROOT
    assert decode_block(block.raw) == block


def test_a_header_always_fits_its_bound(maker: ChainMaker) -> None:
    largest = 2**63 - 1
    header = replace(
        maker.records[0].decoded_block().header,
        version=largest,
        height=Height(largest),
        time=Milliseconds(largest),
        proposer=ValidatorId("v" * 32),
        epoch=Epoch(largest),
    )
    assert len(header.encoded()) <= HEADER_BYTES_MAX
    assert decode_header(header.encoded()) == header


HEADER_FIELDS = (
    *("version", "chain_id", "height", "parent_hash", "parent_result_hash", "history_root"),
    *("time", "proposer", "transactions_root", "validators_hash", "epoch"),
)
MALFORMED: list[tuple[str, Any]] = [
    *((field, value) for field in ("version", "time", "epoch") for value in (-1, None, True)),
    ("height", 0),
    ("height", -1),
    *((field, bytes(size)) for field in HEADER_FIELDS if field.endswith(("hash", "root", "id")) for size in (31, 33)),
    ("proposer", ""),
    ("proposer", "V1"),
    ("proposer", "v" * 33),
    ("proposer", b"v1"),
]


@pytest.mark.parametrize(("field", "value"), MALFORMED)
def test_a_malformed_header_is_refused(maker: ChainMaker, field: str, value: Any) -> None:
    fields = decode(maker.records[0].decoded_block().header.encoded())
    fields[HEADER_FIELDS.index(field)] = value
    with pytest.raises(DecodeError):
        decode_header(encode(fields))


def test_a_malformed_block_is_refused(maker: ChainMaker) -> None:
    block = maker.records[0].decoded_block()
    header = block.header.encoded()
    wrong: list[Any] = [
        [2, header, []],
        [1, header],
        [1, header, [], None],
        [1, header, ["text"]],
        [1, header, [[b"x"]]],
        [1, decode(header), []],
        [1, header + b"\x00", []],
        [1, header, b""],
    ]
    for value in wrong:
        with pytest.raises(DecodeError):
            decode_block(encode(value))
    with pytest.raises(DecodeError, match="exceed the limit"):
        decode_block(block.raw, size_max=len(block.raw) - 1)


def test_results_and_their_hash(maker: ChainMaker) -> None:
    record = maker.records[0]
    result = record.decoded_result()
    assert decode_result(result.encoded()) == result
    parts = result.state_root + result.receipts_root + result.next_validators_hash
    assert result.result_hash == tagged_hash("result", parts)
    assert result.receipts_root == merkle_root(record.receipts)
    fields = decode(record.result)
    for place in (1, 2, 3):
        with pytest.raises(DecodeError):
            decode_result(encode([*fields[:place], bytes(31), *fields[place + 1 :]]))
    for wrong in (fields[:-1], [*fields, None], [2, *fields[1:]]):
        with pytest.raises(DecodeError):
            decode_result(encode(wrong))


def receipt(code: str | None = None) -> Receipt:
    event = Event("token", "Transfer", {"amount": 5, "to": "zenith.bob"})
    return Receipt(Digest(bytes(32)), Height(3), 7, code, (event,), 99, (True, None))


def test_receipts_survive() -> None:
    for original in (receipt(), replace(receipt("insufficient_balance"), events=(), values=())):
        assert decode_receipt(original.encoded()) == original
    assert decode(receipt().encoded())[4] == 0
    assert decode(receipt("x").encoded())[4:6] == [1, "x"]
    assert receipt().succeeded and not receipt("x").succeeded


def test_malformed_receipts_are_refused() -> None:
    fields = decode(receipt().encoded())
    alterations: list[tuple[int, Any]] = [
        *((0, 2), (1, bytes(31)), (2, None), (3, "7"), (4, 1), (4, 2), (5, "code"), (5, b""), (6, {})),
        *((6, [["token", "Transfer"]]), (6, [["token", "Transfer", []]]), (6, [[1, "Transfer", {}]])),
        *((7, None), (7, True), (8, None), (8, "values")),
    ]
    for place, value in alterations:
        with pytest.raises(DecodeError):
            decode_receipt(encode([*fields[:place], value, *fields[place + 1 :]]))


def test_the_share_of_receipt_bytes_follows_the_share_of_gas() -> None:
    assert receipt_bytes_max(0, 100) == RECEIPT_BYTES_FREE
    assert receipt_bytes_max(100, 100) == RECEIPT_BYTES_FREE + RECEIPTS_BYTES_SHARED
    assert sum(receipt_bytes_max(25, 100) for _ in range(4)) == 4 * RECEIPT_BYTES_FREE + RECEIPTS_BYTES_SHARED


def test_recorded_blocks_and_ranges(maker: ChainMaker) -> None:
    record = maker.records[0]
    assert decode_recorded_block(record.encoded()) == record
    assert decode_range(encode_range(1, [record.encoded(), b"x"])) == (1, (record.encoded(), b"x"))
    assert decode_range(encode_range(5, [])) == (5, ())
    parts = decode(record.encoded())
    wrong: list[Any] = [
        parts[:-1],
        [*parts, None],
        [2, *parts[1:]],
        [*parts[:4], b""],
        [*parts[:4], ["receipt"]],
        [1, bytes(BLOCK_BYTES_MAX + 1), *parts[2:]],
        [1, parts[1], bytes(257), *parts[3:]],
        [*parts[:3], bytes(8193), parts[4]],
    ]
    for value in wrong:
        with pytest.raises(DecodeError):
            decode_recorded_block(encode(value))
    for value in ([1, 0, []], [1, -1, []], [2, 1, []], [1, 1, ["x"]], [1, 1], [1, 1, [], 0]):
        with pytest.raises(DecodeError):
            decode_range(encode(value))


def test_the_largest_recorded_block_can_be_read() -> None:
    """8 MiB of block, the shared and the free bytes of receipts, and everything around them."""
    receipts = [bytes(RECEIPT_BYTES_FREE)] * 8191 + [bytes(RECEIPTS_BYTES_SHARED + RECEIPT_BYTES_FREE)]
    record = RecordedBlock(bytes(BLOCK_BYTES_MAX), bytes(256), bytes(8192), tuple(receipts))
    encoded = record.encoded()
    assert len(encoded) <= RECORDED_BLOCK_BYTES_MAX
    assert decode_recorded_block(encoded) == record


def test_make_block_keeps_the_bytes_of_transactions(maker: ChainMaker) -> None:
    block = make_block(maker.header(()), [b"anything", b"at all"])
    assert decode_block(block.raw).transactions == (b"anything", b"at all")
