"""Parquet tables hold what the history holds, read back by another program."""

import json
from pathlib import Path

import duckdb
import pytest
from chain_maker import ChainMaker, key_of
from click.testing import CliRunner

from audit.export_writer import write_export
from cli.main import tally


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    maker = ChainMaker()
    maker.decide_many(4, transactions=3)
    maker.decide(maker.transfer(amount=2**53 + 1 - 2**53, memo="größer"))
    return maker


@pytest.fixture
def tables(maker: ChainMaker, tmp_path: Path) -> Path:
    write_export(tmp_path / "export", maker.source, lambda height, head: None)
    arguments = ["export", "--from", str(tmp_path / "export"), "--parquet", str(tmp_path / "tables"), "--json"]
    result = CliRunner().invoke(tally, arguments)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["rows"] == {"blocks": 5, "transactions": 13, "receipts": 13, "events": 9}
    return tmp_path / "tables"


def test_duckdb_reads_what_the_history_holds(maker: ChainMaker, tables: Path) -> None:
    with duckdb.connect() as database:

        def rows(query: str) -> list[tuple[object, ...]]:
            return database.execute(query.replace("@", f"{tables}/")).fetchall()

        heads = rows("select height, block_hash, epoch_ms(time), transactions from '@blocks.parquet' order by height")
        blocks = [record.decoded_block() for record in maker.records]
        assert heads == [
            (block.header.height, block.block_hash.hex(), block.header.time, len(block.transactions))
            for block in blocks
        ]
        sent = rows("select distinct sender_key, contract, method from '@transactions.parquet'")
        assert sent == [(key_of("acme.alice").hex(), "token", "transfer")]
        assert rows("select memo from '@transactions.parquet' where memo is not null") == [("größer",)]
        failed = rows("select code, count(*) from '@receipts.parquet' where not succeeded group by code")
        assert failed == [("amount_not_positive", 4)]
        amounts = rows("select sum((fields->>'$.amount.int')::bigint) from '@events.parquet' where name = 'Transfer'")
        receipts = [receipt for record in maker.records for receipt in record.decoded_receipts()]
        assert amounts == [(sum(event.fields["amount"] for receipt in receipts for event in receipt.events),)]
        joined = "select count(*) from '@events.parquet' join '@transactions.parquet' using (transaction_id)"
        assert rows(joined) == [(9,)]


def test_a_folder_with_something_in_it_is_left_alone(tables: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tables.iterdir()}
    arguments = ["export", "--from", str(tmp_path / "export"), "--parquet", str(tables)]
    assert "is not empty" in str(CliRunner().invoke(tally, arguments).exception)
    assert {path: path.read_bytes() for path in tables.iterdir()} == before


def test_an_export_needs_a_place(tmp_path: Path) -> None:
    result = CliRunner().invoke(tally, ["export", "--from", str(tmp_path)])
    assert result.exit_code == 2
    assert "--out FOLDER" in result.output
