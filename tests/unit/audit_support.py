"""What the tests of the auditor share: a small true history, and ways to tamper with one of its blocks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from chain_maker import ChainMaker, MemorySource, certify

from audit.auditor import run_audit
from audit.mismatch import Mismatch
from audit.verdict import Outcome, Verdict
from chain.block import Block
from chain.block_store import BlockRecord, BlockStore
from chain.database_keys import TABLE_LIVE
from chain.ledger import open_ledger
from chain.merkle import merkle_root
from chain.receipt import BlockResult, Receipt
from chain.recorded_block import RecordedBlock, decode_recorded_block
from chain.state_database import StateDatabase
from chain.state_leaf import decode_leaf, encode_leaf
from chain.store import open_store
from chain.transaction import transaction_id_of_raw, verify_transaction
from chain.types import Digest, Height
from contracts.engine.runtime import Engine

CACHE_BYTES = 1024 * 1024
BLOCKS = 4
HEIGHT = 3
"""The block that these tests tamper with; its last transaction fails, the others succeed."""
WRONG = Digest(bytes([0xEE]) * 32)


def small_history() -> ChainMaker:
    maker = ChainMaker()
    maker.decide_many(2)
    maker.decide(maker.transfer(amount=5), maker.transfer(amount=6), maker.transfer(amount=0))
    maker.decide_many(1)
    return maker


def audit(source: MemorySource, **options: Any) -> Verdict:
    return run_audit(source, **options)


def mismatch_of(source: MemorySource, **options: Any) -> Mismatch:
    verdict = audit(source, **options)
    assert verdict.outcome is Outcome.MISMATCH
    assert verdict.first_mismatch is not None
    assert verdict.blocks == max(0, verdict.first_mismatch.height - 1)
    return verdict.first_mismatch


def with_block(maker: ChainMaker, record: RecordedBlock) -> MemorySource:
    """Return the history with another block in the place of the one under test."""
    source = maker.source
    source.records[HEIGHT - 1] = record.encoded()
    return source


def certified(
    maker: ChainMaker, block: Block, result: BlockResult | None = None, receipts: tuple[bytes, ...] | None = None
) -> RecordedBlock:
    """Return a block that all validators lied for together."""
    original = maker.records[HEIGHT - 1]
    chosen = result or original.decoded_result()
    certificate = certify(maker.genesis, block, chosen).encoded()
    return RecordedBlock(block.raw, chosen.encoded(), certificate, receipts or original.receipts)


def original_block(maker: ChainMaker) -> Block:
    return maker.records[HEIGHT - 1].decoded_block()


def with_receipts(maker: ChainMaker, receipts: list[Receipt]) -> MemorySource:
    """Return the history with other receipts, all signed for."""
    encoded = tuple(receipt.encoded() for receipt in receipts)
    result = replace(maker.records[HEIGHT - 1].decoded_result(), receipts_root=merkle_root(encoded))
    return with_block(maker, certified(maker, original_block(maker), result, encoded))


def write_data_folder(maker: ChainMaker, folder: Path, source: MemorySource | None = None) -> Path:
    """Write what a node that has executed the maker's history leaves behind; `source` has other blocks for it."""
    genesis = maker.genesis
    blocks = open_store(folder / "blocks", "blocks", genesis.genesis_hash, CACHE_BYTES, create=True)
    store = BlockStore(blocks)
    store.append(BlockRecord(Height(0), genesis.genesis_hash, genesis.encoded(), b"", b"", (), (), b""))
    for height, data in enumerate((source or maker.source).records, 1):
        record = decode_recorded_block(data)
        block = record.decoded_block()
        parts = (block.raw, record.certificate, record.result, record.receipts)
        ids = [transaction_id_of_raw(raw) for raw in block.transactions]
        store.append(BlockRecord(Height(height), block.block_hash, *parts, ids, block.header.encoded()))
    blocks.close()
    state = open_store(folder / "state", "state", genesis.genesis_hash, CACHE_BYTES, create=True)
    ledger = open_ledger(genesis, StateDatabase(state), Engine())
    for record in maker.records:
        ledger.apply(ledger.execute(record.decoded_block(), verify_transaction))
    state.close()
    return folder


def alter_leaf(folder: Path, maker: ChainMaker) -> tuple[str, bytes]:
    """Write another value under the first key of the token, as somebody with access to the disk could."""
    store = open_store(folder / "state", "state", maker.genesis.genesis_hash, CACHE_BYTES, create=False)
    key, encoded = next(
        (key, data) for key, data in store.scan(TABLE_LIVE, b"m") if decode_leaf(data).contract == "token"
    )
    leaf = decode_leaf(encoded)
    assert leaf.value is not None
    place = (leaf.height, leaf.index, leaf.previous)
    store.write([(key, encode_leaf(leaf.contract, leaf.key, b"\x07", *place))])
    store.close()
    return leaf.contract, leaf.key
