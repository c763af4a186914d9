"""What the network tests share: nodes with real sockets on loopback and a handler that records."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chain.types import Digest, Height, PublicKey, ValidatorId
from chain.validators import Validator
from network import handshake
from network.errors import DisconnectError
from network.framing import PAYLOAD_BYTES_MAX, Channel, FrameStream
from network.limits import NetworkLimits
from network.opening import open_stream
from network.peer import Address
from network.peers import NetworkConfig, PeerNetwork
from network.tls import TlsFiles, client_context, make_certificate, registry_of

CHAIN = Digest(bytes(32))
DEADLINE_SECONDS = 20.0
"""Bound on every wait; reached only by a failing test."""

QUICK = NetworkLimits(
    handshake_seconds_max=2.0,
    ping_interval_seconds=0.05,
    silence_seconds_max=0.5,
    backoff_seconds_first=0.01,
    backoff_seconds_max=0.05,
    stable_seconds=0.2,
)


@dataclass
class Recorder:
    """A handler that keeps what it is told and answers requests with a function."""

    answer: Callable[[ValidatorId, int, bytes], bytes] = lambda peer, kind, payload: payload
    messages: list[tuple[ValidatorId, Channel, bytes]] = field(default_factory=list)
    connected: list[tuple[ValidatorId, Height]] = field(default_factory=list)
    disconnected: list[tuple[ValidatorId, DisconnectError]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_message(self, peer: ValidatorId, channel: Channel, payload: bytes) -> float:
        self.messages.append((peer, channel, payload))
        self.changed.set()
        return 0.0

    def on_connected(self, peer: ValidatorId, head_height: Height) -> None:
        self.connected.append((peer, head_height))
        self.changed.set()

    def on_disconnected(self, peer: ValidatorId, reason: DisconnectError) -> None:
        self.disconnected.append((peer, reason))
        self.changed.set()

    async def on_request(self, peer: ValidatorId, kind: int, payload: bytes) -> bytes:
        return self.answer(peer, kind, payload)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition over what was recorded holds."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition holds of which no handler is told."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class Node:
    """A network with its recorder, and how to make it anew."""

    network: PeerNetwork
    handler: Recorder
    config: NetworkConfig
    port: int
    head: Height
    task: asyncio.Task[None] | None = None

    @property
    def node_id(self) -> ValidatorId:
        return self.config.own_id

    def start(self) -> None:
        self.task = asyncio.create_task(self.network.run())

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.task = None
        self.network.close()


def make_validator(folder: Path, name: str) -> tuple[Validator, TlsFiles]:
    """Write fresh TLS files and return them with the validator that registers them."""
    material = make_certificate(name)
    files = TlsFiles(folder / f"{name}.crt", folder / f"{name}.key")
    files.certificate.write_bytes(material.certificate_pem)
    files.key.write_bytes(material.key_pem)
    return Validator(ValidatorId(name), name, PublicKey(bytes(32)), (material.certificate_der,)), files


@dataclass
class Cluster:
    """Validators on loopback that know each other."""

    folder: Path
    limits: NetworkLimits
    validators: list[Validator] = field(default_factory=list)
    files: dict[ValidatorId, TlsFiles] = field(default_factory=dict)
    addresses: dict[ValidatorId, Address] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    def add_validators(self, names: Iterable[str]) -> None:
        for name in names:
            validator, files = make_validator(self.folder, name)
            self.validators.append(validator)
            self.files[validator.validator_id] = files

    def make_node(self, name: str, port: int = 0, chain_id: Digest = CHAIN) -> Node:
        """Return a node that listens and does not run yet."""
        own_id = ValidatorId(name)
        config = NetworkConfig(own_id, chain_id, self.files[own_id], "127.0.0.1", port, self.limits)
        handler = Recorder()
        network = PeerNetwork(config, self.validators, self.addresses, handler, lambda: node.head)
        node = Node(network, handler, config, network.listen(), Height(0))
        self.addresses[own_id] = Address("127.0.0.1", node.port)
        self.nodes.append(node)
        return node

    def introduce(self) -> None:
        """Tell all nodes all addresses."""
        for node in self.nodes:
            node.network.update(self.validators, self.addresses)


@asynccontextmanager
async def running(folder: Path, *names: str, limits: NetworkLimits = QUICK) -> AsyncIterator[Cluster]:
    """Run nodes of these names until the block ends, fully connected; check that nothing is left behind."""
    before = asyncio.all_tasks()
    cluster = Cluster(folder, limits)
    cluster.add_validators(names)
    for name in names:
        cluster.make_node(name)
    cluster.introduce()
    try:
        for node in cluster.nodes:
            node.start()
        for node in cluster.nodes:
            await node.handler.until(lambda node=node: len(node.network.heads()) == len(names) - 1)  # type: ignore[misc]
        yield cluster
    finally:
        for node in cluster.nodes:
            await node.stop()
    assert asyncio.all_tasks() == before, "a network leaves no task behind"
    # An object that was dropped without being closed warns when it is collected, and warnings fail the test.
    gc.collect()


async def greet_as(cluster: Cluster, name: str, node: Node, instance: bytes = bytes(16)) -> FrameStream:
    """Connect to a node with the certificate of a validator that does not run, and be welcomed."""
    own_id = ValidatorId(name)
    context = client_context(cluster.files[own_id], registry_of(cluster.validators))
    stream = await open_stream("127.0.0.1", node.port, context, DEADLINE_SECONDS)
    handshake.send_hello(stream, handshake.Hello(CHAIN, own_id, Height(0), instance))
    await handshake.receive_hello(stream)
    if name < node.node_id:
        handshake.send_welcome(stream, 1)
    else:
        await handshake.receive_welcome(stream)
    stream.decoder.payload_bytes_max = PAYLOAD_BYTES_MAX
    return stream
