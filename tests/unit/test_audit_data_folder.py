"""A stopped node's folder is audited without a byte of it changing, its state database is compared key by key."""

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest
from audit_support import BLOCKS, CACHE_BYTES, alter_leaf, small_history, with_receipts, write_data_folder
from chain_maker import ChainMaker
from click.testing import CliRunner

from audit.mismatch import Level
from audit.verdict import Verdict
from chain.store import open_store
from chain.store_copy import open_read_only
from cli.audit_run import Request, run
from cli.errors import CliError
from cli.main import tally


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    return small_history()


@pytest.fixture
def folder(maker: ChainMaker, tmp_path: Path) -> Path:
    return write_data_folder(maker, tmp_path / "node1")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def audit_folder(folder: Path, **changes: Any) -> Verdict:
    fields: dict[str, Any] = {"genesis_hash": None, "level": Level.EXECUTION, "others": (), "resume": None}
    request = Request(str(folder), **{**fields, **changes}, processes=1)
    return run(request, lambda progress: None, lambda: False).verdict


def test_a_folder_is_audited_and_stays_as_it_was(maker: ChainMaker, folder: Path) -> None:
    before = content(folder)
    verdict = audit_folder(folder)
    assert (verdict.first_mismatch, verdict.blocks) == (None, BLOCKS)
    assert verdict.checked[-1] is Level.STATE
    assert verdict.compared == (f"the state database, at block {BLOCKS}",)
    assert content(folder) == before


def test_an_altered_state_is_named_by_contract_key_and_field(maker: ChainMaker, folder: Path) -> None:
    contract, key = alter_leaf(folder, maker)
    found = audit_folder(folder).first_mismatch
    assert found is not None
    assert (found.level, found.contract, found.key, found.field) == (Level.STATE, contract, key.hex(), "leaf.value")
    assert (found.found, found.expected != "7") == ("7", True)
    assert "1 keys of the state database differ" in found.detail


def test_a_lie_in_the_block_database_is_found(maker: ChainMaker, tmp_path: Path) -> None:
    receipts = list(maker.records[2].decoded_receipts())
    lie = with_receipts(maker, [receipts[0], receipts[2], receipts[1]])
    found = audit_folder(write_data_folder(maker, tmp_path / "liar", lie)).first_mismatch
    assert found is not None
    assert (found.level, found.height) == (Level.RECEIPTS, 3)


def test_without_running_contracts_the_state_is_not_compared_and_that_is_said(folder: Path) -> None:
    verdict = audit_folder(folder, level=Level.RECEIPTS)
    assert Level.STATE not in verdict.checked
    assert "contracts were not run" in verdict.compared[0]


def test_a_folder_whose_node_runs_is_refused_with_a_way_out(folder: Path) -> None:
    (folder / "node.toml").write_text('api = "127.0.0.1:7711"\n', encoding="utf-8")
    lock = os.open(folder / "blocks" / "lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with pytest.raises(CliError, match=r"a node is running .*http://127.0.0.1:7711"):
            audit_folder(folder)
    finally:
        os.close(lock)


def test_auditors_share_a_folder_and_keep_a_node_out(maker: ChainMaker, folder: Path) -> None:
    with open_read_only(folder / "blocks", "blocks", CACHE_BYTES) as one:
        with open_read_only(folder / "blocks", "blocks", CACHE_BYTES) as two:
            assert one.head == two.head
        one.write([(b"z", b"lost")])
        lock = os.open(folder / "blocks" / "lock", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(lock)
    store = open_store(folder / "blocks", "blocks", maker.genesis.genesis_hash, CACHE_BYTES, create=False)
    assert store.get(b"z") is None
    store.close()


def test_blocks_alone_are_audited_too(folder: Path) -> None:
    (folder / "state").rename(folder / "elsewhere")
    verdict = audit_folder(folder)
    assert (verdict.first_mismatch, verdict.compared) == (None, ())


def test_diff_shows_both_sides_of_an_altered_state(maker: ChainMaker, folder: Path, tmp_path: Path) -> None:
    other = write_data_folder(maker, tmp_path / "node2")
    same = CliRunner().invoke(tally, ["audit", "diff", str(folder), str(other)])
    assert (same.exit_code, "same up to height 4" in same.stdout, "hold the same" in same.stdout) == (0, True, True)
    alter_leaf(other, maker)
    parted = CliRunner().invoke(tally, ["audit", "diff", str(folder), str(other)])
    assert parted.exit_code == 3
    assert "differ in 1 keys" in parted.stdout
    assert "balances" in parted.stdout


def test_diff_names_the_first_height_and_the_fields(maker: ChainMaker, folder: Path, tmp_path: Path) -> None:
    fork = small_history()
    fork.records.clear()
    fork = ChainMaker()
    fork.decide_many(2)
    fork.decide(fork.transfer(amount=7))
    other = write_data_folder(fork, tmp_path / "fork")
    result = CliRunner().invoke(tally, ["audit", "diff", str(folder), str(other)])
    assert result.exit_code == 3
    assert "part at height 3" in result.stdout
    assert "header.transactions_root" in result.stdout
    assert "result.state_root" in result.stdout
