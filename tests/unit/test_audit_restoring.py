"""A node's blocks are restored from an export, everything checked; what is not true leaves the node as it was."""

from pathlib import Path

import pytest
from audit_support import CACHE_BYTES, small_history, with_block
from chain_maker import ChainMaker, MemorySource, make_genesis
from click.testing import CliRunner, Result

from audit.data_source import DataSource
from audit.export_writer import write_export
from chain.block_store import BlockStore
from chain.genesis import genesis_to_json
from chain.store import open_store
from cli.main import tally
from cli.node_files import NodeFiles, configuration


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    return small_history()


@pytest.fixture
def node(maker: ChainMaker, tmp_path: Path) -> Path:
    folder = tmp_path / "v01"
    folder.mkdir()
    (folder / "genesis.json").write_text(genesis_to_json(maker.genesis), encoding="utf-8")
    files = NodeFiles("v01", "genesis.json", "127.0.0.1:7700", "127.0.0.1:7800", {})
    (folder / "node.toml").write_text(configuration(files), encoding="utf-8")
    return folder


def imported(tmp_path: Path, source: MemorySource, node: Path, name: str = "export") -> Result:
    write_export(tmp_path / name, source, lambda height, head: None)
    return CliRunner().invoke(tally, ["import", str(tmp_path / name), "--node", str(node)])


def test_all_blocks_are_there_with_their_indexes(maker: ChainMaker, node: Path, tmp_path: Path) -> None:
    result = imported(tmp_path, maker.source, node)
    assert result.exit_code == 0, result.output
    assert "blocks 1 to 4" in result.stdout
    store = open_store(node / "blocks", "blocks", maker.genesis.genesis_hash, CACHE_BYTES, create=False)
    blocks = BlockStore(store)
    source = DataSource(blocks)
    assert source.genesis() == maker.genesis.encoded()
    assert list(source.blocks(1, 4)) == maker.source.records
    receipt = maker.records[2].decoded_receipts()[1]
    place = blocks.find_transaction(receipt.transaction_id)
    assert place is not None
    assert (place.height, place.index) == (3, 1)
    store.close()


def test_a_validator_without_its_log_is_told_that_it_will_not_vote(
    maker: ChainMaker, node: Path, tmp_path: Path
) -> None:
    assert "log of votes is gone" in imported(tmp_path, maker.source, node).stdout


def test_a_validator_with_its_log_is_told_nothing(maker: ChainMaker, node: Path, tmp_path: Path) -> None:
    (node / "wal").mkdir()
    assert "log of votes" not in imported(tmp_path, maker.source, node).stdout


def test_a_restored_node_is_audited(maker: ChainMaker, node: Path, tmp_path: Path) -> None:
    imported(tmp_path, maker.source, node)
    result = CliRunner().invoke(tally, ["audit", str(node), "--genesis-hash", maker.genesis.genesis_hash.hex()])
    assert result.stdout.endswith("Verdict: OK\n")


def test_a_history_that_is_not_true_is_not_taken(maker: ChainMaker, node: Path, tmp_path: Path) -> None:
    receipts = maker.records[2].receipts
    record = maker.records[2]
    lie = with_block(maker, type(record)(record.block, record.result, record.certificate, receipts[::-1]))
    result = imported(tmp_path, lie, node)
    assert "no true history" in str(result.exception)
    assert "receipt.transaction_id" in result.stdout
    assert {path.name for path in node.iterdir()} == {"genesis.json", "node.toml"}


def test_another_network_is_not_taken(node: Path, tmp_path: Path) -> None:
    other = ChainMaker(make_genesis(name="another"))
    other.decide_many(1)
    assert "genesis_hash" in imported(tmp_path, other.source, node).stdout
    assert not (node / "blocks").exists()


def test_blocks_that_are_there_stay(maker: ChainMaker, node: Path, tmp_path: Path) -> None:
    imported(tmp_path, maker.source, node)
    again = CliRunner().invoke(tally, ["import", str(tmp_path / "export"), "--node", str(node)])
    assert "is there already" in str(again.exception)
