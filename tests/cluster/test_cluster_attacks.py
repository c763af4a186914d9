"""Attackers at the ports of real nodes, some with a validator's own keys: the others go on, within bounded memory."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from cluster_load import Load
from cluster_support import Cluster

from chain.genesis import genesis_from_json
from chain.types import Digest, Height, ValidatorId
from network import handshake
from network.errors import DisconnectError
from network.framing import PAYLOAD_BYTES_MAX, Channel, FrameStream, encode_frame
from network.opening import open_stream
from network.tls import TlsFiles, client_context, registry_of

pytestmark = pytest.mark.cluster

CROWD = 500
MEMORY_GROWTH_MAX = 64 * 1024 * 1024
"""What an attack may cost a node; a node that works takes about as much in the first place."""
TRAITOR = "node4"
OTHERS = ("node1", "node2", "node3")
HALF_A_CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40)


def memory(cluster: Cluster, name: str) -> int:
    """Return the peak of a node's resident memory in bytes."""
    status = Path(f"/proc/{cluster.pid(name)}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@asynccontextmanager
async def bounded(cluster: Cluster) -> AsyncIterator[Load]:
    """Run a load on the honest nodes; what happens meanwhile may not cost them much memory, nor their readiness."""
    async with Load(cluster, *OTHERS) as load:
        await load.grows(6)
        before = {name: memory(cluster, name) for name in OTHERS}
        yield load
        await load.grows(6)
    grown = {name: memory(cluster, name) - before[name] for name in OTHERS}
    assert max(grown.values()) < MEMORY_GROWTH_MAX, grown
    reports = cluster.reports()
    assert all(reports[name].ready for name in OTHERS)


@pytest.mark.parametrize("port", ["peer_port", "api_port"])
async def test_five_hundred_half_open_connections(cluster: Cluster, port: str) -> None:
    """Each has sent half of its first message and says no more; commits go on, and so do other clients."""
    target: int = getattr(cluster.node("node1"), port)
    first = HALF_A_CLIENT_HELLO if port == "peer_port" else b"GET /v1/network HTTP/1.1\r\nHost: no"
    crowd: list[socket.socket] = []
    try:
        async with bounded(cluster) as load:
            for number in range(CROWD):
                connection = socket.create_connection(("127.0.0.1", target), timeout=10)
                crowd.append(connection)
                # The node may have hung up already.
                with suppress(OSError):
                    connection.sendall(first)
                if number % 100 == 99:
                    await load.grows(3)
    finally:
        for connection in crowd:
            connection.close()


async def connected(cluster: Cluster, name: str) -> FrameStream:
    """Connect to a node with the traitor's own keys and be welcomed."""
    genesis = genesis_from_json((cluster.layout.folder / "genesis.json").read_text(encoding="utf-8"))
    keys = cluster.node(TRAITOR).folder / "keys"
    context = client_context(TlsFiles(keys / "tls.pem", keys / "tls.key"), registry_of(genesis.validators.validators))
    stream = await open_stream("127.0.0.1", cluster.node(name).peer_port, context, 20.0)
    hello = handshake.Hello(Digest(cluster.chain_id), ValidatorId(TRAITOR), Height(0), random.randbytes(16))
    handshake.send_hello(stream, hello)
    await handshake.receive_hello(stream)
    await handshake.receive_welcome(stream)
    stream.decoder.payload_bytes_max = PAYLOAD_BYTES_MAX
    return stream


async def flood(cluster: Cluster, name: str, frames: list[bytes], stopping: asyncio.Event) -> int:
    """Send frames to a node as fast as it takes them, again and again on new connections; return how many."""
    sent = 0
    while not stopping.is_set():
        try:
            async with asyncio.timeout(20):
                stream = await connected(cluster, name)
            try:
                while not stopping.is_set():
                    stream.put(frames[sent % len(frames)])
                    async with asyncio.timeout(20):
                        await stream.drain()
                    sent += 1
                    await asyncio.sleep(0)
            finally:
                await stream.close()
        except (DisconnectError, OSError, TimeoutError):
            await asyncio.sleep(0.05)
    return sent


def frames_of(kind: str) -> list[bytes]:
    """Return frames of the largest size that is read, or rubbish on every channel and a request."""
    chance = random.Random(1)
    if kind == "large":
        return [encode_frame(Channel.TRANSACTIONS, chance.randbytes(4 << 20))]
    request = b"\x00" * 8 + b"\x01" + chance.randbytes(100)
    rubbish = [encode_frame(channel, chance.randbytes(900)) for channel in Channel]
    return [*rubbish, encode_frame(Channel.REQUEST, request)]


@pytest.mark.parametrize("kind", ["large", "rubbish"])
async def test_a_validator_that_floods_the_others(cluster: Cluster, kind: str) -> None:
    """It may use its own quota and no more: the others commit, and take it back when it behaves."""
    cluster.kill(TRAITOR)
    frames = frames_of(kind)
    stopping = asyncio.Event()
    async with bounded(cluster) as load:
        tasks = [asyncio.create_task(flood(cluster, name, frames, stopping)) for name in OTHERS]
        await load.grows(30)
        stopping.set()
        sent = await asyncio.gather(*tasks)
    assert min(sent) > 0, sent
    cluster.start(TRAITOR)
    await cluster.ready()
    await cluster.settled()


async def test_a_validator_that_never_reads(cluster: Cluster) -> None:
    """What is meant for it is given up within bounds; nobody waits for it."""
    cluster.kill(TRAITOR)
    async with bounded(cluster) as load:
        streams = [await connected(cluster, name) for name in OTHERS]
        await load.grows(40)
        for stream in streams:
            await stream.close()
    cluster.start(TRAITOR)
    await cluster.ready()
