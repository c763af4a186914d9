"""The follower's database: what it holds, that it holds it exactly once however a run ends, and who may write to it."""

import asyncio
import json
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from api_fake_node import BOB, FakeNode, deposit, fake_genesis, make_transaction
from api_support import Api, serving
from real_servers import WHY_SKIPPED, find_postgresql, postgresql_server

from chain.recorded_block import RecordedBlock
from chain.types import Height
from gateway.follower.database import IndexDatabase, Place, open_database
from gateway.follower.errors import FollowerError
from gateway.follower.following import DatabaseThread, keep_index
from gateway.follower.rows import Rows, json_text
from gateway.follower.schema import ROW_TABLES, SCHEMA_VERSION, TABLES, column_names
from tallystick import AsyncClient, VerificationError

GENESIS = fake_genesis()
ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "indexer.md"
KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    programs = find_postgresql()
    if programs is None:
        pytest.skip(WHY_SKIPPED.format("PostgreSQL"))
    with postgresql_server(programs) as url:
        yield url


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return an empty database of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "index.sqlite")
    return new_database(request.getfixturevalue("server"), request.node.name)


def new_database(url: str, name: str) -> str:
    known = re.sub(r"[^a-z]+", "_", name.lower())[:50]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{known}"'.encode())
    return url.replace("/postgres?", f"/{known}?")


@contextmanager
def opened(place: str, *, rebuild: bool = False) -> Iterator[IndexDatabase]:
    with open_database(place) as database:
        database.prepare(GENESIS, rebuild=rebuild)
        yield database


def ask(place: str, query: str) -> list[tuple[Any, ...]]:
    """Ask as an analyst would, beside the follower."""
    if place.startswith("postgresql"):
        with psycopg.connect(place) as connection:
            return connection.execute(query.encode()).fetchall()
    with sqlite3.connect(place) as file:
        return file.execute(query).fetchall()


def whole(place: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables, JSON parsed and moments as text."""
    found = {table: sorted(map(normal, ask(place, f"SELECT * FROM {table}"))) for table in ROW_TABLES}
    assert found["blocks"]
    return found


def normal(row: tuple[Any, ...]) -> tuple[str, ...]:
    def text(value: Any) -> str:
        if isinstance(value, str) and value[:1] in "[{":
            value = json.loads(value)
        if hasattr(value, "astimezone"):
            value = value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
        return json.dumps(value, sort_keys=True)

    return tuple(map(text, row))


async def ledger(blocks: int = 6) -> FakeNode:
    """Return a ledger of some blocks of two transactions; one fails, one speaks of things that no database likes."""
    node = FakeNode(auto_commit=False)
    for number in range(blocks):
        pair = deposit(number, nonce=2 * number), deposit(9, nonce=2 * number + 1, seed=BOB)
        await node.submit([transaction.raw for transaction in pair])
        await node.commit()
    return node


@asynccontextmanager
async def followed(node: FakeNode) -> AsyncIterator[tuple[AsyncClient, Api]]:
    async with serving(node) as api:
        async with AsyncClient(api.server.address, genesis_hash=GENESIS.genesis_hash) as client:
            yield client, api


async def index(client: AsyncClient, database: IndexDatabase, until: int) -> None:
    with DatabaseThread() as thread:
        await keep_index(client, database, thread, until, lambda height: None)


async def test_all_of_a_ledger_is_there_and_a_rebuild_is_the_same(place: str) -> None:
    node = await ledger()
    async with followed(node) as (client, _):
        with opened(place) as database:
            assert database.indexed().block_hash == GENESIS.genesis_hash.hex()
            await index(client, database, 6)
            before = whole(place)
            await index(client, database, 6)
        assert whole(place) == before
        with opened(place, rebuild=True) as database:
            assert database.indexed().height == 0
            await index(client, database, 6)
    assert whole(place) == before
    assert ask(place, "SELECT count(*), min(height), max(height) FROM blocks") == [(6, 1, 6)]
    statuses = "SELECT status, code, count(*) FROM receipts GROUP BY status, code ORDER BY 3"
    assert ask(place, statuses) == [("failed", "amount_not_positive", 1), ("succeeded", None, 11)]
    signers = "SELECT sender, organisation, count(*) FROM transactions GROUP BY sender, organisation ORDER BY 1"
    assert ask(place, signers) == [("acme.alice", "acme", 6), ("zenith.bob", "zenith", 6)]
    amounts = "SELECT sum(CAST(fields ->> 'amount' AS BIGINT)) FROM events WHERE name = 'Deposited'"
    assert ask(place, amounts) == [(sum(range(6)) + 54,)]


async def test_a_run_goes_on_where_the_last_one_stopped(place: str) -> None:
    node = await ledger(3)
    async with followed(node) as (client, _):
        with opened(place) as database:
            await index(client, database, 2)
        await node.submit([deposit(70, nonce=99).raw])
        await node.commit()
        with opened(place) as database:
            assert database.indexed().height == 2
            await index(client, database, 4)
    assert ask(place, "SELECT height FROM blocks ORDER BY height") == [(1,), (2,), (3,), (4,)]
    assert ask(place, "SELECT count(*) FROM transactions") == [(7,)]


class Killed(BaseException):
    """Stands for the end of the process at this very statement."""


class Fragile:
    """A cursor that ends the world before statement number `left`."""

    def __init__(self, cursor: Any, left: list[int]) -> None:
        self._cursor = cursor
        self._left = left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, *values: Any) -> None:
        self._spend()
        self._cursor.execute(*values)

    def executemany(self, *values: Any) -> None:
        self._spend()
        self._cursor.executemany(*values)

    def _spend(self) -> None:
        self._left[0] -= 1
        if self._left[0] < 0:
            raise Killed


def make_fragile(database: IndexDatabase, statements: int) -> None:
    connection, left = database._connection, [statements]
    cursor = connection.cursor
    connection.cursor = lambda: Fragile(cursor(), left)  # type: ignore[method-assign]


async def test_the_end_at_any_statement_leaves_no_gap_and_no_repeat(place: str) -> None:
    node = await ledger(3)
    async with followed(node) as (client, _):
        moments = 0
        while True:
            with opened(place) as database:
                start = database.indexed().height
                make_fragile(database, moments)
                try:
                    await index(client, database, start + 1)
                except Killed:
                    moments += 1
                else:
                    break
        assert moments >= 10, "reading the place, BEGIN, the place, six tables and COMMIT were each met"
        with opened(place) as database:
            assert database.indexed().height == 1
            await index(client, database, 3)
    whole_ledger = whole(place)
    assert [len(whole_ledger[table]) for table in ("blocks", "transactions", "receipts")] == [3, 6, 6]


KILLED_CHILD = """
import os, signal, sys
from gateway.follower import database
from cli.main import main
leave = database._Transaction.__exit__
def exit(self, kind, error, traceback):
    with open(sys.argv[1], "a") as seen:
        seen.write("x")
    if os.path.getsize(sys.argv[1]) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    leave(self, kind, error, traceback)
database._Transaction.__exit__ = exit
main(sys.argv[3:])
"""


async def test_a_process_that_is_killed_between_write_and_commit_goes_on(place: str, tmp_path: Path) -> None:
    node = await ledger(4)
    async with followed(node) as (client, api):
        options = ["--url", api.server.address, "--genesis-hash", GENESIS.genesis_hash.hex(), "--database", place]
        child = [sys.executable, "-c", KILLED_CHILD, str(tmp_path / "seen")]
        # The fifth transaction is the first that writes blocks; the others make tables and read the place.
        process = await asyncio.create_subprocess_exec(*child, "5", "index", "follow", "--once", *options)
        assert await process.wait() == -9
        with opened(place) as database:
            assert database.indexed().height == 0
            await index(client, database, 4)
    assert ask(place, "SELECT height FROM blocks ORDER BY height") == [(1,), (2,), (3,), (4,)]
    assert ask(place, "SELECT count(*) FROM receipts") == [(8,)]


def test_a_second_follower_is_refused_and_were_it_not_it_would_change_nothing(place: str) -> None:
    with opened(place) as database:
        with pytest.raises(FollowerError, match="another follower writes to"):
            open_database(place)
        start = database.indexed()
        change(place, "UPDATE follower SET height = 1")
        nothing: Rows = {table: [] for table in ROW_TABLES}
        nothing["calls"] = [(2, 0, 0, "bank", "deposit", "[]")]
        with pytest.raises(FollowerError, match="this one changed nothing"):
            database.write(nothing, Place(2, start.block_hash))
    assert ask(place, "SELECT count(*) FROM calls") == [(0,)]
    with opened(place):
        """Whoever comes after it is let in."""


def change(place: str, statement: str) -> None:
    if place.startswith("postgresql"):
        with psycopg.connect(place) as connection:
            connection.execute(statement.encode())
    else:
        with sqlite3.connect(place) as file:
            file.execute(statement)
            file.commit()


def test_what_the_database_holds_is_checked(place: str) -> None:
    with opened(place):
        pass
    change(place, "UPDATE follower SET schema_version = 7")
    with pytest.raises(FollowerError, match=r"version 7 of the tables, this is 1: .*--rebuild"), opened(place):
        pass
    with opened(place, rebuild=True) as database:
        assert database.indexed().height == 0
        with pytest.raises(FollowerError, match="holds the ledger"):
            database.prepare(fake_genesis("another"), rebuild=False)
    change(place, "DROP TABLE follower")
    for rebuild in (False, True):
        with pytest.raises(FollowerError, match="no follower made"), opened(place, rebuild=rebuild):
            pass


async def test_another_history_is_noticed_and_changes_nothing(place: str) -> None:
    async with followed(await ledger(2)) as (client, _):
        with opened(place) as database:
            await index(client, database, 1)
            change(place, f"UPDATE follower SET block_hash = '{'ab' * 32}'")
            with pytest.raises(FollowerError, match="another history"):
                await index(client, database, 2)
    assert ask(place, "SELECT count(*) FROM blocks") == [(1,)]


async def test_a_lying_node_fills_no_table(place: str) -> None:
    node = await ledger(1)
    genuine = node.block

    async def forged(height: Height) -> RecordedBlock | None:
        record = await genuine(height)
        return None if record is None else replace(record, receipts=tuple(reversed(record.receipts)))

    node.block = forged  # type: ignore[method-assign]
    async with followed(node) as (client, _):
        with opened(place) as database:
            with pytest.raises(VerificationError):
                await index(client, database, 1)
            assert database.indexed().height == 0


HOSTILE = ["nul \x00 in it", {"k\x00": "\u2028'; DROP TABLE blocks; --"}, b"\x00\xff" * 8, 2**63 - 1, "x" * 257, [[]]]


async def test_what_databases_do_not_like_is_kept_from_hurting_them(place: str) -> None:
    node = FakeNode()
    transaction = make_transaction(("bank", "nothing", (HOSTILE,)), memo="memo \x00 end")
    await node.submit([transaction.raw])
    async with followed(node) as (client, _):
        with opened(place) as database:
            await index(client, database, 1)
    assert ask(place, "SELECT memo FROM transactions") == [("memo \ufffd end",)]
    assert ask(place, "SELECT args -> 0 ->> 3 FROM calls")[0][0] in (2**63 - 1, str(2**63 - 1))
    assert ask(place, "SELECT args -> 0 ->> 0 FROM calls") == [("nul \ufffd in it",)]
    items = {item for (item,) in ask(place, "SELECT item FROM contract_items WHERE contract = 'bank'")}
    assert {"nul \ufffd in it", (b"\x00\xff" * 8).hex()} <= items and "x" * 257 not in items


def test_contract_values_become_plain_json() -> None:
    assert json_text([1, -(2**63), True, None, "ä", b"\x00\xff", {"a": [b""]}]) == (
        '[1,-9223372036854775808,true,null,"ä","00ff",{"a":[""]}]'
    )


def test_a_place_that_is_no_database_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"this is no database, and long enough to be read as one" * 20)
    for place in (str(broken), str(tmp_path / "nowhere" / "index"), "postgresql:///x?host=/nowhere", "postgresql://[x"):
        with pytest.raises(FollowerError):
            open_database(place)
    with pytest.raises(FollowerError) as caught:
        open_database("postgresql://me:secret@[x/ledger?nonsense=secret")
    assert "secret" not in str(caught.value)


async def test_the_queries_of_the_manual_run_on_both(place: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert len(queries) >= 6
    async with followed(await ledger(4)) as (client, _):
        with opened(place) as database:
            await index(client, database, 4)
    for query in queries:
        assert ask(place, query), f"finds nothing: {query}"


def test_the_manual_names_every_column() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"version {SCHEMA_VERSION}" in page
    for table in TABLES:
        (columns,) = re.findall(rf"^\| `{table}` \|[^|]*\| (.*) \|$", page, re.MULTILINE)
        assert re.findall(r"`(\w+)`", columns) == column_names(table), table
