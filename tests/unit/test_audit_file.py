"""One file of an export is checked alone, with nothing but the genesis."""

from pathlib import Path

import pytest
from audit_support import small_history
from chain_maker import ChainMaker, make_genesis
from click.testing import CliRunner, Result

from audit.export_blocks import compress_blocks, read_blocks
from audit.export_format import GENESIS_FILE, MANIFEST_FILE, block_file_name
from audit.export_writer import write_export
from cli.main import tally


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    return small_history()


@pytest.fixture
def folder(maker: ChainMaker, tmp_path: Path) -> Path:
    write_export(tmp_path, maker.source, lambda height, head: None, 2_000)
    (tmp_path / MANIFEST_FILE).unlink()
    return tmp_path


def check(path: Path, *options: str) -> Result:
    return CliRunner().invoke(tally, ["audit", "file", str(path), *options])


def test_each_file_is_good_alone(maker: ChainMaker, folder: Path) -> None:
    second = folder / block_file_name(2)
    (folder / block_file_name(1)).unlink()
    result = check(second, "--genesis-hash", maker.genesis.genesis_hash.hex())
    assert (result.exit_code, "blocks 3 to 4, 5 transactions" in result.stdout) == (0, True), result.output
    assert "are good; contracts were not run" in result.stdout


def test_damage_and_forged_order_are_named_by_height(folder: Path) -> None:
    path = folder / block_file_name(2)
    original = path.read_bytes()
    path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    damaged = check(path)
    assert (damaged.exit_code, "height 4: form, file" in damaged.stdout) == (3, True)
    path.write_bytes(compress_blocks(list(read_blocks(original))[::-1]))
    swapped = check(path)
    assert (swapped.exit_code, "height 5" in swapped.stdout) == (3, True)


def test_another_network_and_what_is_no_file_are_refused(folder: Path, tmp_path: Path) -> None:
    path = folder / block_file_name(1)
    assert "another network's" in str(check(path, "--genesis-hash", "00" * 32).exception)
    (folder / GENESIS_FILE).write_bytes(make_genesis(name="another").encoded())
    assert "certificate.chain_id" in check(path).stdout
    path.write_bytes(b"nothing")
    assert "does not begin with a block" in str(check(path).exception)
    assert "cannot be read" in str(check(folder / "nowhere").exception)
