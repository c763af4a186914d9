"""What the follower publishes reaches a real NATS server whole, at least once, whichever of the two is killed."""

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import nats
import pytest
from api_fake_node import FakeNode, deposit, fake_genesis
from api_support import serving
from nats.js.api import StreamConfig
from real_servers import WHY_SKIPPED, NatsServer, find_nats, nats_server

from chain.recorded_block import decode_recorded_block
from gateway.follower.database import IndexDatabase, Place, open_database
from gateway.follower.errors import FollowerError
from gateway.follower.following import DatabaseThread
from gateway.follower.jetstream import Broker, keep_published
from gateway.follower.messages import HEADER_BYTES_MAX, block_messages, event_messages
from tallystick import AsyncClient
from tallystick.proof import trust_in, verify_block

GENESIS = fake_genesis()
SECONDS_MAX = 20
PAGE = Path(__file__).resolve().parents[2] / "docs" / "indexer.md"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NatsServer]:
    program = find_nats()
    if program is None:
        pytest.skip(WHY_SKIPPED.format("A NATS server"))
    monkeypatch.setattr("gateway.follower.jetstream.RETRY_SECONDS", 0.05)
    with nats_server(program, tmp_path) as server:
        yield server


@pytest.fixture
def database(tmp_path: Path) -> Iterator[IndexDatabase]:
    with open_database(str(tmp_path / "index.sqlite")) as database:
        database.prepare(GENESIS, rebuild=False)
        yield database


async def commit(node: FakeNode, *amounts: int) -> None:
    """Add a block of deposits."""
    first = len(node.submitted)
    await node.submit([deposit(amount, nonce=first + number).raw for number, amount in enumerate(amounts)])
    await node.commit()


@asynccontextmanager
async def client_of(node: FakeNode) -> AsyncIterator[AsyncClient]:
    async with serving(node) as api:
        async with AsyncClient(api.server.address, genesis_hash=GENESIS.genesis_hash) as client:
            yield client


async def publish(
    client: AsyncClient,
    database: IndexDatabase,
    url: str,
    until: int | None,
    notices: list[str] | None = None,
    stream: str = "ledger",
) -> None:
    """Publish up to a height; `notices` gets what is said of a server that is away."""
    told: list[str] = [] if notices is None else notices
    with DatabaseThread() as thread:
        broker = Broker(url, stream)
        await keep_published(client, database, thread, broker, until, lambda height: None, told.append)
    assert notices is not None or not told


async def received(server: NatsServer) -> list[Any]:
    """Return all messages that the stream holds, in its order."""
    connection = await nats.connect(server.url)
    try:
        context = connection.jetstream()
        count = (await context.stream_info("ledger")).state.messages
        return [await context.get_msg("ledger", number) for number in range(1, count + 1)]
    finally:
        await connection.close()


def amounts(messages: list[Any]) -> list[int]:
    """Return the deposits in messages as a consumer handles them: each id once."""
    seen: dict[str, Any] = {message.headers["Nats-Msg-Id"]: message for message in messages}
    events = [json.loads(message.data) for message in seen.values() if ".events." in message.subject]
    return [int(event["fields"]["amount"]["int"]) for event in events]


async def test_blocks_and_events_arrive_and_verify(server: NatsServer, database: IndexDatabase) -> None:
    node = FakeNode(auto_commit=False)
    await commit(node, 1, 2)
    await commit(node, 3, 0)
    async with client_of(node) as client:
        await publish(client, database, server.url, 2)
    assert database.published().height == 2
    messages = await received(server)
    chain = GENESIS.genesis_hash.hex()[:16]
    assert [message.headers["Nats-Msg-Id"] for message in messages] == [
        f"{chain}-{place}" for place in ("1-0-0", "1-1-0", "1", "2-0-0", "2")
    ]
    assert [message.subject for message in messages[1:3]] == ["ledger.events.bank.Deposited", "ledger.blocks"]
    event = json.loads(messages[1].data)
    assert (event["height"], event["index"], event["fields"]["amount"]) == (1, 1, {"int": "2"})
    verified = verify_block(trust_in(GENESIS), decode_recorded_block(messages[4].data))
    assert verified.certified.block_hash.hex() == messages[4].headers["Tallystick-Block"]


async def test_nothing_is_lost_when_the_server_is_killed_and_comes_back(
    server: NatsServer, database: IndexDatabase
) -> None:
    node = FakeNode(auto_commit=False)
    await commit(node, 1, 2)
    async with client_of(node) as client:
        async with asyncio.timeout(SECONDS_MAX):
            await publish(client, database, server.url, 1)
            server.kill()
            notices: list[str] = []
            publishing = asyncio.create_task(publish(client, database, server.url, 3, notices))
            await commit(node, 3)
            await commit(node, 4)
            while not notices:
                await asyncio.sleep(0.02)
            assert database.published().height == 1
            await asyncio.to_thread(server.start)
            await publishing
    assert all("NATS does not answer" in notice for notice in notices)
    assert amounts(await received(server)) == [1, 2, 3, 4]


class Killed(BaseException):
    """Stands for the end of the process."""


async def test_a_follower_that_ends_before_it_remembers_repeats_under_the_same_ids(
    server: NatsServer, database: IndexDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await nats.connect(server.url)
    # A stream of the operator's own, which has forgotten the ids by the time they come again.
    config = StreamConfig(name="ledger", subjects=["ledger.>"], duplicate_window=0.1)
    await connection.jetstream().add_stream(config)
    await connection.close()
    node = FakeNode(auto_commit=False)
    await commit(node, 1, 2)
    await commit(node, 3)
    genuine = IndexDatabase.set_published

    def dies(self: IndexDatabase, place: Place) -> None:
        if place.height == 2:
            raise Killed
        genuine(self, place)

    async with client_of(node) as client:
        monkeypatch.setattr(IndexDatabase, "set_published", dies)
        with pytest.raises(Killed):
            await publish(client, database, server.url, 2)
        assert database.published().height == 1, "only what was acknowledged whole is remembered"
        monkeypatch.setattr(IndexDatabase, "set_published", genuine)
        await asyncio.sleep(0.3)
        await publish(client, database, server.url, 2)
    messages = await received(server)
    assert len(messages) == 7, "block 2 and its event came twice"
    assert amounts(messages) == [1, 2, 3]


async def test_a_server_that_will_never_take_them_ends_the_follower(
    server: NatsServer, database: IndexDatabase
) -> None:
    connection = await nats.connect(server.url)
    await connection.jetstream().add_stream(StreamConfig(name="other", subjects=["ledger.>"]))
    await connection.close()
    node = FakeNode()
    async with client_of(node) as client:
        with pytest.raises(FollowerError, match="NATS refuses"):
            await publish(client, database, server.url, None)


async def test_the_consumer_of_the_manual_books_each_deposit_once(
    server: NatsServer, database: IndexDatabase, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"NATS": server.url, "BOOKS": tmp_path / "books"}
    exec(example, names)
    node = FakeNode(auto_commit=False)
    await commit(node, 3, 4)
    async with client_of(node) as client:
        await publish(client, database, server.url, 1, stream="tallystick")
    await names["book_deposits"](2)
    with closing(sqlite3.connect(tmp_path / "books")) as books:
        assert books.execute("SELECT count(*), sum(amount) FROM deposits").fetchall() == [(2, 7)]


async def test_what_is_too_large_for_a_message_comes_in_parts() -> None:
    node = FakeNode(auto_commit=False)
    await commit(node, 5)
    async with client_of(node) as client, aclosing(client.blocks()) as blocks:
        block = await anext(blocks)
    whole = block.record.encoded()
    parts = block_messages(block, "ledger", HEADER_BYTES_MAX + 100)
    assert len(parts) == -(-len(whole) // 100) and len({part.id for part in parts}) == len(parts)
    assert b"".join(part.body for part in parts) == whole
    assert [part.headers["Tallystick-Part"] for part in parts][:2] == [f"1/{len(parts)}", f"2/{len(parts)}"]
    (event,) = event_messages(block, "ledger", 2**20)
    assert "Tallystick-Part" not in event.headers


def test_a_rebuild_of_the_tables_publishes_nothing_again(database: IndexDatabase) -> None:
    database.set_published(Place(7, "ab" * 32))
    database.prepare(GENESIS, rebuild=True)
    assert (database.published(), database.indexed().height) == (Place(7, "ab" * 32), 0)
