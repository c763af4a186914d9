"""Event streams: what arrives, in which order, and how they resume, end and refuse."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from api_fake_node import BOB, FakeNode, deposit, make_transaction
from api_support import Api, check_schema, serving

from api.context import ApiLimits

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    node = FakeNode()
    for number in range(3):
        await node.submit([deposit(number + 1, account=f"account-{number}", nonce=number).raw])
    async with serving(node, ApiLimits(heartbeat_seconds=0.05)) as served:
        yield served


class Stream:
    """Reads server-sent events one by one."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def block(self) -> dict[str, str] | None:
        """Return the next event's fields, None at the end; comments are under an empty name."""
        fields: dict[str, str] = {}
        while True:
            line = (await self.response.content.readline()).decode()
            if not line:
                return None
            if line == "\n":
                return fields
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value

    async def event(self) -> dict[str, Any]:
        """Return the next event that has data."""
        while True:
            fields = await self.block()
            assert fields is not None
            if "data" in fields:
                return {**fields, "data": json.loads(fields["data"])}


@asynccontextmanager
async def stream(api: Api, path: str, **headers: str) -> AsyncIterator[Stream]:
    async with api.session.get(api.server.address + path, headers={**STREAM, **headers}) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "text/event-stream"
        yield Stream(response)


async def test_a_stream_begins_at_the_head_and_follows(api: Api) -> None:
    async with stream(api, "/v1/events") as events:
        assert await events.block() == {"retry": "1000"}
        await api.node.submit([deposit(7, account="fresh", nonce=50).raw])
        event = await events.event()
        assert event["event"] == "event"
        assert event["data"]["fields"]["account"] == "fresh"
        assert event["id"] == event["data"]["cursor"]
        check_schema(event["data"], "ListedEvent")
    async with stream(api, "/v1/blocks") as blocks:
        await api.node.submit([deposit(7, nonce=51).raw])
        block = await blocks.event()
        assert (block["event"], block["data"]["height"]) == ("block", 5)
        check_schema(block["data"], "ListedBlock")


async def test_resuming_delivers_everything_once(api: Api) -> None:
    calls = [("bank", "deposit", (f"many-{number}", 1)) for number in range(3)]
    await api.node.submit([make_transaction(*calls, nonce=60).raw, deposit(1, account="last", nonce=61).raw])
    everything = (await api.get("/v1/events?order=asc")).json["events"]
    assert len(everything) == 7
    for place, entry in enumerate(everything[:-1]):
        async with stream(api, "/v1/events", **{"Last-Event-ID": entry["cursor"]}) as events:
            received = [(await events.event())["data"] for _ in everything[place + 1 :]]
        assert received == everything[place + 1 :]


async def test_a_cursor_of_a_page_begins_a_stream_and_last_event_id_goes_first(api: Api) -> None:
    page = (await api.get("/v1/events?order=asc&limit=1")).json
    async with stream(api, f"/v1/events?cursor={page['next']}") as events:
        assert (await events.event())["data"]["fields"]["account"] == "account-1"
    later = (await api.get("/v1/events?order=asc&limit=2")).json["next"]
    async with stream(api, f"/v1/events?cursor={page['next']}", **{"Last-Event-ID": later}) as events:
        assert (await events.event())["data"]["fields"]["account"] == "account-2"


async def test_filters(api: Api) -> None:
    await api.node.submit([make_transaction(("bank", "close", ("account-0",)), nonce=70).raw])
    start = "ea0-0-0"
    async with stream(api, f"/v1/events?contract=bank&name=Closed&cursor={start}") as events:
        assert (await events.event())["data"]["name"] == "Closed"
    names = [entry["name"] for entry in (await api.get("/v1/events?name=Closed")).json["events"]]
    assert names == ["Closed"]
    assert (await api.get("/v1/events?contract=other")).json["events"] == []


@pytest.mark.parametrize(
    ("filters", "heights"),
    [
        ("sender=zenith.bob", [4]),
        ("organisation=acme&contract=bank", [1, 2, 3, 5]),
        ("contract=bank&mentions=account-0", [1, 5]),
        ("sender=zenith.bob&mentions=account-0", []),
        ("contract=other", []),
    ],
)
async def test_a_stream_of_transactions_is_filtered_as_its_pages_are(
    api: Api, filters: str, heights: list[int]
) -> None:
    await api.node.submit([deposit(1, nonce=90, account="zenith.bob", seed=BOB).raw])
    await api.node.submit([make_transaction(("bank", "close", ("account-0",)), nonce=91).raw])
    pages = (await api.get(f"/v1/transactions?{filters}&order=asc")).json["transactions"]
    assert [entry["height"] for entry in pages] == heights
    found = []
    async with stream(api, f"/v1/transactions?{filters}&cursor=ta0-0-0") as events:
        # The first heartbeat says that the head is reached.
        while (block := await events.block()) is not None and "" not in block:
            found += [json.loads(block["data"])] if "data" in block else []
    assert [entry["id"] for entry in found] == [entry["id"] for entry in pages]


@pytest.mark.parametrize(
    ("filters", "heights"),
    [
        ("sender=zenith.bob", [4]),
        ("organisation=acme&name=Closed", [5]),
        ("sender=acme.alice&mentions=account-0", [1, 5]),
        ("sender=nobody", []),
    ],
)
async def test_events_are_filtered_by_who_signed(api: Api, filters: str, heights: list[int]) -> None:
    await api.node.submit([deposit(1, nonce=90, account="zenith.bob", seed=BOB).raw])
    await api.node.submit([make_transaction(("bank", "close", ("account-0",)), nonce=91).raw])
    pages = (await api.get(f"/v1/events?{filters}&order=asc")).json["events"]
    assert [entry["height"] for entry in pages] == heights
    found = []
    async with stream(api, f"/v1/events?{filters}&cursor=ea0-0-0") as events:
        # The first heartbeat says that the head is reached.
        while (block := await events.block()) is not None and "" not in block:
            found += [json.loads(block["data"])] if "data" in block else []
    assert found == pages


async def test_heartbeats_move_the_place_to_resume_from(api: Api) -> None:
    async with stream(api, "/v1/events?name=Closed&cursor=ea0-0-0") as events:
        assert await events.block() == {"retry": "1000"}
        beat = await events.block()
        assert beat is not None
        assert beat[""] == "heartbeat"
    await api.node.submit([make_transaction(("bank", "close", ("account-0",)), nonce=71).raw])
    async with stream(api, "/v1/events?name=Closed", **{"Last-Event-ID": beat["id"]}) as events:
        assert (await events.event())["data"]["height"] == 4


async def test_a_cursor_ahead_of_this_node_waits_for_it(api: Api) -> None:
    async with stream(api, "/v1/events", **{"Last-Event-ID": "ea5-0-0"}) as events:
        for number in (80, 81, 82):
            await api.node.submit([deposit(1, nonce=number).raw])
        assert (await events.event())["data"]["height"] == 6


@pytest.mark.parametrize("cursor", ["x", "ba0-0-0", "ed0-0-0", "ea1-0-0 "])
async def test_wrong_cursors_are_refused_before_the_stream_begins(api: Api, cursor: str) -> None:
    await api.problem("GET", "/v1/events", "invalid_cursor", headers={**STREAM, "Last-Event-ID": cursor + "x"})


async def test_the_number_of_streams_is_bounded() -> None:
    async with serving(FakeNode(), ApiLimits(streams_max=2)) as api:
        async with stream(api, "/v1/events"), stream(api, "/v1/blocks"):
            answer = await api.problem("GET", "/v1/events", "too_many_streams", headers=STREAM)
            assert answer.headers["Retry-After"] == "10"


async def test_a_stream_that_meets_a_pruned_block_says_so_and_ends(api: Api) -> None:
    api.node.faults.pruned_below = 2
    async with stream(api, "/v1/events?cursor=ea0-0-0") as events:
        error = await events.event()
        assert (error["event"], error["data"]["code"]) == ("error", "pruned")
        assert await events.block() is None


async def test_a_stream_that_meets_a_node_not_ready_says_so_and_ends(api: Api) -> None:
    api.node.faults.not_ready = ("the executor restarts",)
    async with stream(api, "/v1/events") as events:
        assert (await events.event())["data"]["reasons"] == ["the executor restarts"]
        assert await events.block() is None


async def test_a_client_that_leaves_frees_its_place(api: Api) -> None:
    for _ in range(4):
        async with stream(api, "/v1/events") as events:
            assert await events.block() == {"retry": "1000"}
            events.response.close()
        while True:
            answer = await api.get("/metrics")
            if b"tallystick_http_streams 0" in answer.body:
                break
            await asyncio.sleep(0.01)


async def test_stopping_the_server_ends_streams_and_waiting_requests() -> None:
    node = FakeNode(auto_commit=False)
    async with serving(node, ApiLimits(heartbeat_seconds=30)) as api:
        async with stream(api, "/v1/events") as events:
            assert await events.block() == {"retry": "1000"}
            waiting = asyncio.create_task(
                api.post("/v1/transactions?wait=committed&timeout=30", data=_packed(), headers=_MSGPACK)
            )
            while not node.pending:
                await asyncio.sleep(0)
            async with asyncio.timeout(5):
                await api.server.stop()
                assert await events.block() is None
                assert (await waiting).status == 202


_MSGPACK = {"Content-Type": "application/msgpack"}


def _packed() -> bytes:
    from chain.encoding import encode

    return encode(deposit(1).raw)
