"""Nodes that are told to stop do so by themselves, cleanly, whatever is under way."""

import asyncio
import signal
from contextlib import AsyncExitStack

import aiohttp
import pytest
from cluster_contract import write
from cluster_load import Load, check_exactly_once
from cluster_support import Cluster, http

from assembly.exit_codes import ExitCode
from chain.encoding import encode
from cli.cluster_layout import NodePlace

pytestmark = pytest.mark.cluster

STREAMS = 5


async def read_stream(session: aiohttp.ClientSession, node: NodePlace, opened: asyncio.Event) -> bytes:
    """Follow a node's events until the node ends the stream."""
    headers = {"Accept": "text/event-stream"}
    async with session.get(f"{node.api}/v1/events", headers=headers) as response:
        assert response.status == 200
        opened.set()
        return await response.read()


async def test_all_nodes_stop_while_clients_write_and_follow(cluster: Cluster) -> None:
    """One node, then the others; streams end, nothing is logged as an error, and nothing acknowledged is lost."""
    first = await cluster.settled() + 1
    written = await cluster.total(cluster.nodes[0])
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        load = await stack.enter_async_context(Load(cluster))
        streams: list[asyncio.Task[bytes]] = []
        for node in cluster.nodes:
            for _ in range(STREAMS):
                opened = asyncio.Event()
                streams.append(asyncio.create_task(read_stream(session, node, opened)))
                await opened.wait()
        await load.grows(6)
        primary = await cluster.primary()
        cluster.signal(signal.SIGTERM, primary)
        assert await asyncio.to_thread(cluster.exit_code, primary) == ExitCode.OK
        await load.grows(6)
        others = [node.name for node in cluster.nodes if node.name != primary]
        cluster.signal(signal.SIGTERM, *others)
        for name in others:
            assert await asyncio.to_thread(cluster.exit_code, name) == ExitCode.OK
        for text in await asyncio.gather(*streams):
            assert b"event: " in text and text.endswith(b"\n\n")
        assert not cluster.unexpected_errors()
        cluster.start()
        await cluster.ready()
        await load.grows(6)
    check_exactly_once(load, await cluster.same_everywhere(first), written + 1)


async def test_a_node_stops_while_a_client_waits_in_vain(cluster: Cluster) -> None:
    """A request that waits for a commitment which cannot come is answered that it is pending, and the node stops."""
    gone = [node.name for node in cluster.nodes[:2]]
    cluster.kill(*gone)
    last = cluster.nodes[3]
    async with cluster.client(last.name) as client:
        transaction = await client.prepare(cluster.wallet(), write("in vain"))
    waiting = asyncio.create_task(
        asyncio.to_thread(
            http,
            last,
            "/v1/transactions?wait=committed&timeout=60",
            encode(transaction.raw),
            {"Content-Type": "application/msgpack"},
            seconds=60,
        )
    )
    done, _ = await asyncio.wait({waiting}, timeout=1)
    assert not done
    cluster.signal(signal.SIGTERM, last.name)
    answer = await waiting
    assert answer.status == 202 and "send the same bytes again" in answer.json()["detail"]
    assert await asyncio.to_thread(cluster.exit_code, last.name) == ExitCode.OK
