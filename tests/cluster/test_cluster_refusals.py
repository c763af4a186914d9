"""A node that cannot use its folder, its keys or its ports ends with the exit code that says why; the others go on."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import plyvel
import pytest
from cluster_contract import write
from cluster_support import Cluster

from assembly.exit_codes import ExitCode
from chain.encoding import encode
from chain.store import FORMAT_KEY, open_store
from cli import cluster_processes as processes
from cli.cluster_layout import NodePlace

pytestmark = pytest.mark.cluster

VICTIM = "node3"
OTHERS = ("node1", "node2", "node4")
CACHE_BYTES = 1 << 20

Spoil = Callable[[Cluster, NodePlace, NodePlace], contextlib.AbstractContextManager[None]]
"""Spoils something of the first node, perhaps with something of the second, until it is left."""


@pytest.fixture
async def stopped(shared_cluster: Cluster) -> AsyncIterator[Cluster]:
    """The shared cluster without its victim; what a test does to the victim's folder is undone afterwards."""
    cluster = shared_cluster
    cluster.start(*OTHERS)
    await cluster.ready(*OTHERS)
    place = cluster.node(VICTIM)
    processes.stop((place,), lambda node: None)
    kept = place.folder.with_name("kept")
    shutil.copytree(place.folder, kept)
    genesis = cluster.layout.genesis.read_text(encoding="utf-8")
    yield cluster
    assert processes.running_pid(place) is None, "a node that may have voted must not be put back"
    cluster.layout.genesis.write_text(genesis, encoding="utf-8")
    shutil.rmtree(place.folder)
    kept.rename(place.folder)
    assert not cluster.unexpected_errors()


@contextlib.contextmanager
def foreign(place: NodePlace, kind: str) -> Iterator[None]:
    shutil.rmtree(place.folder / kind)
    open_store(place.folder / kind, kind, bytes(32), CACHE_BYTES, create=True).close()
    yield


@contextlib.contextmanager
def other_genesis(place: NodePlace) -> Iterator[None]:
    path = place.folder.parent / "genesis.json"
    path.write_text(path.read_text(encoding="utf-8").replace("tallystick-local", "another"), encoding="utf-8")
    yield


@contextlib.contextmanager
def unknown_format(place: NodePlace) -> Iterator[None]:
    database = plyvel.DB(str(place.folder / "blocks" / "leveldb"))
    database.put(FORMAT_KEY, encode([99, "blocks", bytes(32)]))
    database.close()
    yield


@contextlib.contextmanager
def locked(cluster: Cluster, place: NodePlace) -> Iterator[None]:
    store = open_store(place.folder / "blocks", "blocks", cluster.chain_id, CACHE_BYTES, create=False)
    try:
        yield
    finally:
        store.close()


@contextlib.contextmanager
def without(path: Path) -> Iterator[None]:
    path.unlink()
    yield


@contextlib.contextmanager
def overwritten(path: Path, content: bytes) -> Iterator[None]:
    path.write_bytes(content)
    yield


@contextlib.contextmanager
def configured(place: NodePlace, old: str, new: str) -> Iterator[None]:
    text = place.config.read_text(encoding="utf-8")
    assert old in text
    place.config.write_text(text.replace(old, new), encoding="utf-8")
    yield


@contextlib.contextmanager
def taken(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


def keys(place: NodePlace, name: str) -> Path:
    return place.folder / "keys" / name


CASES: dict[str, tuple[ExitCode, str, Spoil]] = {
    "blocks of another chain": (ExitCode.FOREIGN_DATA, "belongs to chain", lambda c, v, o: foreign(v, "blocks")),
    "state of another chain": (ExitCode.FOREIGN_DATA, "belongs to chain", lambda c, v, o: foreign(v, "state")),
    "genesis of another chain": (ExitCode.FOREIGN_DATA, "belongs to chain", lambda c, v, o: other_genesis(v)),
    "format of the future": (ExitCode.FORMAT_UNKNOWN, "format 99", lambda c, v, o: unknown_format(v)),
    "folder in use": (ExitCode.DATA_LOCKED, "open already", lambda c, v, o: locked(c, v)),
    "another validator's seed": (
        ExitCode.CONFIGURATION,
        "not the key that genesis names",
        lambda c, v, o: overwritten(keys(v, "consensus.seed"), keys(o, "consensus.seed").read_bytes()),
    ),
    "no seed": (
        ExitCode.CONFIGURATION,
        "holds no usable key",
        lambda c, v, o: overwritten(keys(v, "consensus.seed"), b"secret?"),
    ),
    "another validator's certificate": (
        ExitCode.CONFIGURATION,
        "does not register it",
        lambda c, v, o: overwritten(keys(v, "tls.pem"), keys(o, "tls.pem").read_bytes()),
    ),
    "another validator's TLS key": (
        ExitCode.CONFIGURATION,
        "tls.key",
        lambda c, v, o: overwritten(keys(v, "tls.key"), keys(o, "tls.key").read_bytes()),
    ),
    "no genesis": (
        ExitCode.CONFIGURATION,
        "missing.json",
        lambda c, v, o: configured(v, "genesis.json", "missing.json"),
    ),
    "a name that is no validator's": (
        ExitCode.CONFIGURATION,
        "'node9' is not a validator",
        lambda c, v, o: configured(v, f'name = "{VICTIM}"', 'name = "node9"'),
    ),
    "an unknown field": (
        ExitCode.CONFIGURATION,
        "unknown field colour",
        lambda c, v, o: configured(v, 'data = "."', 'data = "."\ncolour = "red"'),
    ),
    "HTTP port taken": (ExitCode.PORT_TAKEN, "api", lambda c, v, o: taken(v.api_port)),
    "peer port taken": (ExitCode.PORT_TAKEN, "peer", lambda c, v, o: taken(v.peer_port)),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_node_that_cannot_start_says_why(stopped: Cluster, case: str) -> None:
    """The exit code and the line on standard error name the cause; nothing of the folder is touched."""
    code, told, spoil = CASES[case]
    stopped.expect_errors(told, "ends with exit code")
    victim, other = stopped.node(VICTIM), stopped.node(OTHERS[0])
    with spoil(stopped, victim, other):
        found, text = await asyncio.to_thread(stopped.refusal, VICTIM)
    assert (found, told in text) == (code, True), text
    assert "Traceback" not in text
    assert keys(victim, "consensus.seed").read_text(encoding="utf-8", errors="replace").strip() not in text
    async with stopped.client(*OTHERS) as client:
        receipt = await client.submit(stopped.wallet(), write(f"while refused: {case}"), timeout_seconds=60)
    assert receipt.succeeded
