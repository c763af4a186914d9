"""Blocks of which only the header is held: they are chained and proven like all others, say so, and may be filled."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chain_maker import ChainMaker, certify, transaction_ids

from chain.block import decode_block, make_block
from chain.block_store import BlockConflictError, BlockGapError, BlockRecord, BlockStore, HeaderRecord
from chain.database_keys import GAPS_KEY, TABLE_HEADER, height_key
from chain.header_chain import (
    CertifiedConflictError,
    HeaderChain,
    HeaderRefusedError,
    chain_at,
    check_body,
    header_at,
)
from chain.receipt import BlockResult
from chain.recorded_block import RecordedBlock
from chain.storage import Head, MemoryStore, Store, StoreDamaged
from chain.store import open_store
from chain.types import Digest, Height


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    maker = ChainMaker()
    maker.decide_many(12)
    return maker


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    store = open_store(tmp_path / "blocks", "blocks", bytes(32), 1 << 20, create=True)
    yield store
    store.close()


def full(record: RecordedBlock) -> BlockRecord:
    block = record.decoded_block()
    header, receipts = block.header, list(record.receipts)
    proof = (record.certificate, record.result)
    ids = transaction_ids(record)
    return BlockRecord(header.height, block.block_hash, record.block, *proof, receipts, ids, header.encoded())


def bare(record: RecordedBlock) -> HeaderRecord:
    block = record.decoded_block()
    header = block.header
    return HeaderRecord(header.height, block.block_hash, header.encoded(), record.certificate, record.result)


def gaps_of(blocks: BlockStore) -> list[tuple[int, int]]:
    return [(int(first), int(last)) for first, last in blocks.gaps]


def with_genesis(maker: ChainMaker, store: Store) -> BlockStore:
    blocks = BlockStore(store)
    genesis = ChainMaker(maker.genesis)
    result = genesis.head.result.encoded()
    blocks.append(BlockRecord(Height(0), maker.genesis.genesis_hash, maker.genesis.encoded(), b"", result, (), (), b""))
    return blocks


def test_headers_become_a_gap_that_says_so(maker: ChainMaker, store: Store) -> None:
    records = maker.records
    blocks = with_genesis(maker, store)
    blocks.append(full(records[0]))
    blocks.append_headers([bare(record) for record in records[1:5]])
    blocks.append_headers([bare(record) for record in records[5:8]])
    blocks.append(full(records[8]))
    assert gaps_of(blocks) == [(2, 8)] and gaps_of(BlockStore(store)) == gaps_of(blocks)
    assert [blocks.lacks(height) for height in (1, 2, 8, 9)] == [False, True, True, False]
    for record in records[1:8]:
        header = record.decoded_block().header
        height = header.height
        assert blocks.block(height) is None and blocks.receipts(height) == []
        assert blocks.header(height) == header.encoded() and header_at(blocks, height) == header
        assert (blocks.certificate(height), blocks.result(height)) == (record.certificate, record.result)
        assert blocks.height_of(header.block_hash) == height
        assert blocks.find_transaction(transaction_ids(record)[0]) is None
    assert header_at(blocks, 9) == records[8].decoded_block().header
    assert blocks.history.root() == records[9].decoded_block().header.history_root
    assert blocks.history_at(4).root() == records[4].decoded_block().header.history_root


def test_gaps_are_filled_in_any_order_and_then_nothing_is_missing(maker: ChainMaker, store: Store) -> None:
    records = maker.records
    blocks = with_genesis(maker, store)
    blocks.append_headers([bare(record) for record in records])
    blocks.fill([full(records[10]), full(records[11])])
    assert gaps_of(blocks) == [(1, 10)] and blocks.head == Head(Height(12), records[11].decoded_block().block_hash)
    blocks.fill([full(records[4])])
    assert gaps_of(blocks) == [(1, 4), (6, 10)] == gaps_of(BlockStore(store))
    blocks.fill([full(record) for record in records])
    blocks.fill([full(records[3])])
    assert gaps_of(blocks) == []
    for record in records:
        height = record.decoded_block().header.height
        assert blocks.block(height) == record.block and tuple(blocks.receipts(height)) == record.receipts
        place = blocks.find_transaction(transaction_ids(record)[1])
        assert place is not None and (place.height, place.index) == (height, 1)


def test_what_does_not_fit_changes_nothing(maker: ChainMaker, store: Store) -> None:
    records = maker.records
    blocks = with_genesis(maker, store)
    with pytest.raises(BlockGapError):
        blocks.append_headers([bare(records[1])])
    with pytest.raises(BlockGapError):
        blocks.append_headers([bare(records[0]), bare(records[2])])
    blocks.append_headers([bare(records[0])])
    other = ChainMaker(maker.genesis)
    other.decide()
    with pytest.raises(BlockConflictError):
        blocks.fill([full(other.records[0])])
    assert gaps_of(blocks) == [(1, 1)] and blocks.head is not None and blocks.head.height == 1


def test_gaps_that_cannot_be_read_are_damage(maker: ChainMaker) -> None:
    store = MemoryStore()
    blocks = with_genesis(maker, store)
    blocks.append_headers([bare(maker.records[0])])
    store.write([(GAPS_KEY, b"?")])
    with pytest.raises(StoreDamaged):
        BlockStore(store)
    store.write([(height_key(TABLE_HEADER, 1), None)])
    with pytest.raises(StoreDamaged):
        header_at(blocks, 1)
    store.write([(height_key(TABLE_HEADER, 1), b"?")])
    with pytest.raises(StoreDamaged):
        chain_at(blocks, maker.genesis, Height(1))


# Trust from genesis on


def append(chain: HeaderChain, record: RecordedBlock, **changes: bytes) -> HeaderRecord:
    parts = {"header": record.decoded_block().header.encoded(), "result": record.result}
    parts["certificate"] = record.certificate
    return chain.append(**{**parts, **changes})


def test_headers_are_followed_from_genesis(maker: ChainMaker) -> None:
    blocks = with_genesis(maker, MemoryStore())
    chain = chain_at(blocks, maker.genesis, Height(0))
    for record in maker.records:
        assert append(chain, record) == bare(record)
    assert chain.head == maker.head
    blocks.append_headers([bare(record) for record in maker.records])
    assert chain_at(blocks, maker.genesis, Height(12)) == chain
    assert chain_at(blocks, maker.genesis, Height(5)).head.height == 5


def test_a_false_header_is_refused_and_changes_nothing(maker: ChainMaker) -> None:
    genesis, records = maker.genesis, maker.records
    chain = chain_at(with_genesis(maker, MemoryStore()), genesis, Height(0))
    first, second = records[0], records[1]
    block, result = first.decoded_block(), first.decoded_result()
    too_few = certify(genesis, block, result, ["v01", "v02"]).encoded()
    wrong_phase = bytearray(first.certificate)
    wrong_phase[2] = 1
    lies = [
        {"header": b"?"},
        {"header": second.decoded_block().header.encoded()},
        {"result": second.result},
        {"certificate": second.certificate},
        {"certificate": too_few},
        {"certificate": first.certificate[:-1] + b"?"},
        {"certificate": bytes(wrong_phase)},
        {"certificate": b""},
        {"result": BlockResult(Digest(bytes(32)), result.receipts_root, result.next_validators_hash).encoded()},
    ]
    before = chain.head
    for lie in lies:
        with pytest.raises(HeaderRefusedError):
            append(chain, first, **lie)
        assert chain.head == before
    with pytest.raises(HeaderRefusedError, match="header 2 where 1 is next"):
        append(chain, second)


def test_a_certified_header_that_does_not_continue_is_no_lie_but_a_fork(maker: ChainMaker) -> None:
    """A quorum vouches for it: neither history may be built on, and it must be said."""
    genesis = maker.genesis
    chain = chain_at(with_genesis(maker, MemoryStore()), genesis, Height(0))
    other = ChainMaker(genesis)
    block = other.block(parent_hash=Digest(b"p" * 32))
    result = maker.records[0].decoded_result()
    with pytest.raises(CertifiedConflictError, match="does not continue block 0"):
        chain.append(block.header.encoded(), result.encoded(), certify(genesis, block, result).encoded())
    unknown_set = BlockResult(result.state_root, result.receipts_root, Digest(b"v" * 32))
    block = maker.records[0].decoded_block()
    with pytest.raises(CertifiedConflictError, match="validator set"):
        chain.append(block.header.encoded(), unknown_set.encoded(), certify(genesis, block, unknown_set).encoded())
    assert chain.head.height == 0


def test_bodies_are_those_of_their_headers(maker: ChainMaker) -> None:
    records = maker.records
    blocks = with_genesis(maker, MemoryStore())
    blocks.append_headers([bare(record) for record in records])
    first, second = records[0], records[1]
    assert check_body(blocks, Height(1), first.block, list(first.receipts)) == full(first)
    swapped = decode_block(first.block)
    body_of_another = make_block(swapped.header, decode_block(second.block).transactions).raw
    lies = [
        (second.block, list(second.receipts)),
        (body_of_another, list(first.receipts)),
        (first.block, list(second.receipts)),
        (first.block, list(reversed(first.receipts))),
        (first.block, list(first.receipts[:-1])),
        (first.block[:-1], list(first.receipts)),
        (make_block(swapped.header, [b"?"]).raw, list(first.receipts)),
    ]
    for raw, receipts in lies:
        with pytest.raises(HeaderRefusedError):
            check_body(blocks, Height(1), raw, receipts)
    with pytest.raises(StoreDamaged):
        check_body(blocks, Height(99), first.block, list(first.receipts))
