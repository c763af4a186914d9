"""Nodes that join a running cluster: by a snapshot, while the others go on; what they lack they say, and get."""

import asyncio
import resource
import shutil
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from cluster_contract import write
from cluster_load import Load, check_exactly_once
from cluster_support import Cluster, http, until

from assembly.exit_codes import ExitCode
from chain.genesis import Parameters
from cli import cluster_processes as processes
from cli.cluster_files import add_observer
from cli.cluster_layout import NodePlace
from tallystick import ApiError

pytestmark = pytest.mark.cluster

VICTIM = "node3"
OTHERS = ("node1", "node2", "node4")
WINDOW_MILLISECONDS = 3_000
FULL_IN = "state"
"""The phase of joining in which the disk fills up."""
CATCH_UP = "[catch_up]\nsnapshot_after_blocks = 5\n\n[peers]"


@pytest.fixture(scope="module")
def joinable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with a short window, so that a snapshot leaves blocks out, that takes snapshots early."""
    parameters = Parameters(validity_window_max=WINDOW_MILLISECONDS)
    cluster = Cluster(tmp_path_factory.mktemp("joinable") / "cluster", parameters=parameters)
    try:
        for node in cluster.nodes:
            configure(node)
        asyncio.run(cluster.begin())
        yield cluster
        assert cluster.stop() == 0, "every node stops when it is told to"
        assert not cluster.unexpected_errors()
    finally:
        cluster.close()


@pytest.fixture
async def cluster(joinable: Cluster) -> AsyncIterator[Cluster]:
    """The cluster, whole and ready before and after each test."""
    joinable.start()
    await joinable.ready()
    yield joinable
    joinable.start()
    await joinable.ready()
    assert not joinable.unexpected_errors()


def configure(node: NodePlace) -> None:
    text = node.config.read_text(encoding="utf-8")
    assert "[peers]" in text
    node.config.write_text(text.replace("[peers]", CATCH_UP), encoding="utf-8")


def status_of(node: NodePlace) -> dict[str, Any]:
    """Return what a node says of itself, ready or not; nothing while it starts."""
    try:
        return dict(http(node, "/readyz?verbose=true").json())
    except OSError:
        return {}


async def watch_join(node: NodePlace) -> list[dict[str, Any]]:
    """Return what a node told while it joined, until it was ready."""
    told: list[dict[str, Any]] = []

    def joined() -> bool:
        found = status_of(node)
        if found.get("catch_up"):
            told.append(found["catch_up"])
        return bool(found.get("ready")) and found["lacking"]["versions_until"] is not None

    await until(joined, f"{node.name} has joined by a snapshot")
    return told


async def test_a_wiped_node_joins_while_the_others_go_on(cluster: Cluster) -> None:
    """It kept its log of votes and votes again; what it lacks is an explicit error until it has been fetched."""
    place = cluster.node(VICTIM)
    first = await cluster.settled() + 1
    written = await cluster.total(cluster.nodes[0])
    # One transaction a batch makes many blocks: executing them takes longer than making a snapshot.
    async with Load(cluster, *OTHERS, batch=1) as load:
        await load.grows(250)
        processes.stop((place,), lambda node: None)
        for name in ("blocks", "state"):
            shutil.rmtree(place.folder / name)
        await load.grows(100)
        cluster.start(VICTIM)
        told = await watch_join(place)
        before = len(load.acknowledged)
        await load.grows(10)
        assert before > 350, "the others went on meanwhile"
        phases = {entry["phase"] for entry in told}
        assert phases & {"headers", "blocks", "state", "installing"}, phases
        assert all(entry["target"] >= entry["height"] or not entry["target"] for entry in told)
        has_gap = await asyncio.to_thread(check_what_is_lacking, cluster, place)
    assert "tallystick_consensus_votes 1\n" in http(place, "/metrics").body.decode()
    blocks = await cluster.same_everywhere(first)
    check_exactly_once(load, blocks, written + 1)
    log = place.log_file.read_text(encoding="utf-8")
    assert "it takes a snapshot" in log and "joined" in log
    assert not has_gap or "fetched in the background" in log


def check_what_is_lacking(cluster: Cluster, place: NodePlace) -> bool:
    """Blocks in the gap, listings that reach it, and transactions that may stand in it are 410, never left out.

    Return whether there is a gap: there is none if few blocks are older than the snapshot.
    """
    gaps = status_of(place)["lacking"]["blocks"]
    if not gaps:
        return False
    height = gaps[0]["first"]
    block = http(cluster.node(OTHERS[0]), f"/v1/blocks/{height}").json()
    paths = (
        f"/v1/blocks/{height}",
        f"/v1/blocks/{block['hash']}",
        f"/v1/blocks/raw?from={height}",
    )
    for path in (*paths, f"/v1/transactions/{block['transactions'][0]['id']}"):
        answer = http(place, path)
        if answer.status == 200 and not status_of(place)["lacking"]["blocks"]:
            return True  # it was filled meanwhile
        assert answer.status == 410 and answer.json()["code"] == "pruned", (path, answer)
        assert "lacks" in answer.json()["detail"]
    newest = http(place, "/v1/blocks?limit=5")
    assert newest.status == 200 and len(newest.json()["blocks"]) == 5
    return True


async def test_a_new_observer_joins_follows_and_takes_transactions(cluster: Cluster) -> None:
    """Nobody is restarted for it: its certificate in the folder is enough. It is sent blocks, and does not vote."""
    async with Load(cluster, *OTHERS) as load:
        await load.grows(60)
        cluster.layout = add_observer(cluster.layout, "watcher")
        place = cluster.node("watcher")
        configure(place)
        cluster.start("watcher")
        await watch_join(place)
        await load.grows(20)
    # Blocks still arrive when the load ends: it may be a few behind.
    await until(lambda: status_of(place).get("ready"), "the observer is up to date")
    found = status_of(place)
    assert found["validator"] is None
    assert found["lacking"]["versions_until"] > 0
    await cluster.settled()
    async with cluster.client("watcher") as client:
        receipt = await client.submit(cluster.wallet(), write("through the observer"), timeout_seconds=60)
        assert receipt.succeeded
    assert await cluster.total(place) == await cluster.total(cluster.nodes[0])
    peers = status_of(cluster.node(OTHERS[0]))["peers"]
    assert [peer["connected"] for peer in peers if peer["name"] == "watcher"] == [True]
    assert http(cluster.node(OTHERS[0]), "/v1/validators").json()["quorum"] == 3
    (cluster.layout.folder / "observers" / "watcher.pem").unlink()
    await until(lambda: not any(peer["connected"] for peer in status_of(place)["peers"]), "it was cut off")
    async with cluster.client("watcher") as client:
        with pytest.raises(ApiError):
            await client.read("/v1/transactions/" + "00" * 32)
    processes.stop((place,), lambda node: None)
    nodes = tuple(node for node in cluster.nodes if not node.is_observer)
    cluster.layout = type(cluster.layout)(cluster.layout.folder, cluster.layout.chain_id, nodes)


async def test_a_node_that_ends_while_it_joins_goes_on_where_it_was(cluster: Cluster) -> None:
    """Killed at whatever moment, again and again, or ended by a full disk: in the end it holds what the others hold."""
    cluster.expect_errors("exit code", "Store", "File too large", "Traceback")
    place = cluster.node(VICTIM)
    async with Load(cluster, *OTHERS) as load:
        await load.grows(60)
        cluster.kill(VICTIM)
        for name in ("blocks", "state"):
            shutil.rmtree(place.folder / name)
        await load.grows(60)
        for phase in ("executing", "headers", "state", "installing"):
            cluster.start(VICTIM)
            reached = phase

            def there(phase: str = reached) -> bool:
                found = status_of(place)
                return bool(found.get("ready")) or (found.get("catch_up") or {}).get("phase") == phase

            await until(there, f"{VICTIM} is {phase}, or past it")
            if phase == FULL_IN:
                resource.prlimit(cluster.pid(VICTIM), resource.RLIMIT_FSIZE, (0, 0))
                assert await asyncio.to_thread(cluster.exit_code, VICTIM) == ExitCode.DISK_FULL
            cluster.kill(VICTIM)
        cluster.start(VICTIM)
        await cluster.ready()
        await load.grows(10)
    await cluster.same_everywhere(await cluster.settled() - 3)
    assert not (place.folder / "incoming").exists()
