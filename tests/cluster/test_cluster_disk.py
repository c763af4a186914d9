"""A full disk, damage and loss on disk, and logs that grow: one node is concerned, and what it does is never silent."""

import asyncio
import os
import random
import resource
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import plyvel
import pytest
from cluster_contract import NAME, write
from cluster_load import Load
from cluster_support import Cluster, http, until

from assembly.exit_codes import ExitCode
from chain.database_keys import TABLE_LIVE, leaf_key
from chain.encoding import decode, encode
from chain.state_keys import encode_key
from cli import cluster_processes as processes
from tallystick import ApiError, AsyncClient, NodeUnavailable

pytestmark = pytest.mark.cluster

VICTIM = "node3"
OTHERS = ("node1", "node2", "node4")
HARMS = ("flip", "cut", "remove")


@pytest.mark.parametrize("full", ["node", "executor"])
async def test_a_full_disk_ends_one_node(cluster: Cluster, full: str) -> None:
    """It ends with the exit code, the others go on, and with room again it catches up."""
    cluster.expect_errors("exit code", "Store", "File too large")
    async with Load(cluster, *OTHERS) as load:
        await load.grows(6)
        pid = cluster.pid(VICTIM) if full == "node" else cluster.children(VICTIM)["executor"][0]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0))
        assert await asyncio.to_thread(cluster.exit_code, VICTIM) == ExitCode.DISK_FULL
        await load.grows(6)
        cluster.start(VICTIM)
        await cluster.ready()
    await cluster.same_everywhere()


@pytest.fixture
def small_disk(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The victim's folder, or one in it, on a file system that has room for little more; the victim is stopped."""
    place = cluster.node(VICTIM)
    processes.stop((place,), lambda node: None)
    folder = place.folder / request.param
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    kept = folder.rename(folder.with_name("kept"))
    folder.mkdir()
    size = f"size={used + (12 << 20)}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tally-small-disk", folder], check=True)
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield folder
        processes.stop((place,), lambda node: None)
        shutil.rmtree(kept)
        shutil.copytree(folder, kept)
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()
        kept.rename(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
@pytest.mark.parametrize("small_disk", ["", "blocks", "state"], indirect=True, ids=["all", "blocks", "state"])
async def test_a_small_file_system_that_fills_up(cluster: Cluster, small_disk: Path) -> None:
    """The node ends when a write finds no room; with room again it goes on from what it had."""
    cluster.expect_errors("exit code", "Store", "No space left")
    cluster.start(VICTIM)
    await cluster.ready()
    filler = small_disk / "filler"
    async with Load(cluster, *OTHERS) as load:
        await load.grows(6)
        with filler.open("wb") as file:
            with pytest.raises(OSError, match="No space left"):
                while True:
                    file.write(bytes(1 << 16))
                    file.flush()
        ended = asyncio.create_task(asyncio.to_thread(cluster.exit_code, VICTIM))
        while not ended.done():
            await load.grows(3)
        assert await ended == ExitCode.DISK_FULL
        filler.unlink()
        cluster.start(VICTIM)
        await cluster.ready()
    await cluster.same_everywhere()


async def test_logs_are_rotated_within_their_bounds(cluster: Cluster) -> None:
    """However much there is to say, a log takes the configured room and no more."""
    bytes_max, files_max = 4_000, 2
    place = cluster.node(VICTIM)
    processes.stop((place,), lambda node: None)
    original = place.config.read_text(encoding="utf-8")
    limits = f"log_bytes_max = {bytes_max}\nlog_files_max = {files_max}\n"
    place.config.write_text(original.replace("\n[peers]", f"{limits}\n[peers]"), encoding="utf-8")
    cluster.start()
    await cluster.ready()

    def chatter() -> bool:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", place.api_port), timeout=5) as connection:
                connection.sendall(b"GET /without-host HTTP/1.1\r\n\r\n")
                connection.recv(4096)
        return place.log_file.with_name(f"{place.log_file.name}.{files_max}").exists()

    await until(chatter, "the log was rotated as often as files are kept")
    assert await asyncio.to_thread(chatter)
    logs = sorted(place.folder.glob("node.log*"))
    assert [path.name for path in logs] == ["node.log", "node.log.1", "node.log.2"]
    assert all(0 < path.stat().st_size <= bytes_max for path in logs)
    processes.stop((place,), lambda node: None)
    place.config.write_text(original, encoding="utf-8")


@pytest.mark.parametrize("lost", ["state", "blocks"])
async def test_what_was_removed_is_made_again(cluster: Cluster, lost: str) -> None:
    """The state is executed anew from the node's own blocks; blocks that are gone are fetched, and the state stays."""
    place = cluster.node(VICTIM)
    processes.stop((place,), lambda node: None)
    shutil.rmtree(place.folder / lost)
    async with Load(cluster, *OTHERS) as load:
        await load.grows(6)
        cluster.start(VICTIM)
        await cluster.ready()
        await load.grows(6)
    await cluster.same_everywhere()
    assert not list(place.folder.glob("*.damaged-*"))


async def test_blocks_from_an_old_copy_are_noticed(cluster: Cluster) -> None:
    """The state is ahead of them: it stays, and the node fetches the blocks that it misses before it takes part."""
    place = cluster.node(VICTIM)
    processes.stop((place,), lambda node: None)
    shutil.copytree(place.folder / "blocks", place.folder / "copy")
    cluster.start(VICTIM)
    async with Load(cluster) as load:
        await cluster.ready()
        await load.grows(12)
    await cluster.settled()
    processes.stop((place,), lambda node: None)
    shutil.rmtree(place.folder / "blocks")
    (place.folder / "copy").rename(place.folder / "blocks")
    cluster.start(VICTIM)
    await cluster.ready()
    await cluster.same_everywhere()
    assert not list(place.folder.glob("*.damaged-*"))
    assert "the node's own blocks end at" in place.log_file.read_text(encoding="utf-8")


@pytest.mark.parametrize("damage", ["removed", "altered", "cut"])
async def test_a_validator_that_lost_its_log_follows_and_says_so(cluster: Cluster, damage: str) -> None:
    """It may have signed what it no longer knows: it votes no more, and serves the ledger as before."""
    cluster.expect_errors("log of votes is")
    place = cluster.node(VICTIM)
    await cluster.settled()
    processes.stop((place,), lambda node: None)
    log, kept = place.folder / "wal", place.folder / "wal.kept"
    shutil.copytree(log, kept)
    if damage == "removed":
        shutil.rmtree(log)
    elif damage == "cut":
        for path in log.iterdir():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        for path in log.iterdir():
            path.write_bytes(b"?" * 100 + path.read_bytes()[100:])
    cluster.start(VICTIM)

    def told() -> bool:
        try:
            answer = http(place, "/readyz")
        except OSError:
            return False
        return answer.status == 503 and "lost votes" in answer.json()["detail"]

    await until(told, "the node says that it lost votes")
    async with Load(cluster, *OTHERS) as load:
        await load.grows(12)
    await cluster.same_everywhere()
    assert "tallystick_consensus_votes 0\n" in http(place, "/metrics").body.decode()
    processes.stop((place,), lambda node: None)
    for path in place.folder.glob("wal*"):
        if path != kept:
            shutil.rmtree(path)
    kept.rename(log)


@pytest.mark.parametrize("kind", ["blocks", "state"])
async def test_damaged_files_are_never_served(make_cluster: Callable[[], Cluster], kind: str) -> None:
    """A bit is flipped, a file cut or gone: the database is set aside when that is met, or it made no difference."""
    cluster = make_cluster()
    cluster.expect_errors(
        "Damaged", "damaged", "orrupt", "exit code", "NotReady", "internal", "Traceback", "CURRENT", "but held block"
    )
    await cluster.begin()
    async with Load(cluster) as load:
        await load.grows(30)
    blocks = await cluster.same_everywhere()
    cluster.stop()
    place = cluster.node(VICTIM)
    sound = place.folder / "sound"
    shutil.copytree(place.folder / kind, sound)
    chance = random.Random(1)
    found = 0
    for number, harm in enumerate(HARMS):
        shutil.rmtree(place.folder / kind)
        shutil.copytree(sound, place.folder / kind)
        where = damage(place.folder / kind / "leveldb", harm, chance)
        cluster.start(VICTIM)
        answered = await until(lambda: answers_or_ended(cluster), f"damage {number}, {where}, has an outcome")
        if answered == "answers":
            served = await asyncio.to_thread(served_by, cluster)
            assert served in (None, [(block.block, block.result, block.receipts) for block in blocks]), where
            assert await total_of(cluster) in (None, sum(len(block.receipts) for block in blocks)), where
            processes.stop((place,), lambda node: None)
        assert cluster.exit_code(VICTIM) == ExitCode.OK, where
        for aside in place.folder.glob(f"{kind}.damaged-*"):
            found += 1
            shutil.rmtree(aside)
    assert found, "some damage is met"
    shutil.rmtree(place.folder / kind)
    sound.rename(place.folder / kind)
    cluster.start()
    await cluster.ready()
    async with cluster.client() as client:
        await client.submit(cluster.wallet(), write("afterwards"), timeout_seconds=60)
    await cluster.same_everywhere()


def damage(folder: Path, harm: str, chance: random.Random) -> str:
    """Flip a bit in one of a database's files, cut its end off, or remove it; return which and where."""
    files = sorted(path for path in folder.iterdir() if path.stat().st_size and path.name not in ("LOG", "LOG.old"))
    path = chance.choice(files)
    data = bytearray(path.read_bytes())
    place = chance.randrange(len(data))
    data[place] ^= 1 << chance.randrange(8)
    match harm:
        case "flip":
            path.write_bytes(data)
        case "cut":
            path.write_bytes(data[:place])
        case _:
            path.unlink()
    return f"{harm} {path.name}, byte {place} of {len(data)}"


def answers_or_ended(cluster: Cluster) -> str | None:
    place = cluster.node(VICTIM)
    if processes.running_pid(place) is None:
        return "ended"
    try:
        return "answers" if http(place, "/livez").status == 200 else None
    except OSError:
        return None


def served_by(cluster: Cluster) -> list[tuple[bytes, bytes, tuple[bytes, ...]]] | None:
    """Return what a node serves of the ledger, None if it refuses or ends over it."""
    try:
        return [(block.block, block.result, block.receipts) for block in cluster.chain(cluster.node(VICTIM))]
    except (OSError, AssertionError):
        return None


async def total_of(cluster: Cluster) -> int | None:
    """Return the number of writes in a node's state, None if it refuses or ends over it."""
    place = cluster.node(VICTIM)
    try:
        # A node that waits for others, of which none runs here, says so again and again.
        async with AsyncClient(place.api, genesis_hash=cluster.layout.chain_id, timeout_seconds=4) as client:
            return int((await client.state(NAME, "total")).value or 0)
    except (ApiError, NodeUnavailable):
        return None


async def test_a_node_whose_state_was_altered_stops_and_overwrites_nothing(cluster: Cluster) -> None:
    """Its own result is not the certified one; made again from its blocks, the state is that of the others."""
    cluster.expect_errors("Diverged", "exit code")
    place = cluster.node(VICTIM)
    await cluster.settled()
    processes.stop((place,), lambda node: None)
    alter_total(place.folder / "state")
    cluster.start(VICTIM)
    await cluster.ready()
    async with Load(cluster, *OTHERS) as load:
        await load.grows(3)
        assert await asyncio.to_thread(cluster.exit_code, VICTIM) == ExitCode.DIVERGED
        await load.grows(3)
        shutil.rmtree(place.folder / "state")
        cluster.start(VICTIM)
        await cluster.ready()
        await load.grows(3)
    await cluster.same_everywhere()


def alter_total(folder: Path) -> None:
    """Change a value in a state database, with the checksums of its files intact."""
    database = plyvel.DB(str(folder / "leveldb"), create_if_missing=False)
    key = leaf_key(TABLE_LIVE, NAME, encode_key(("total",)))
    version, contract, name, value, *rest = decode(database.get(key))
    database.put(key, encode([version, contract, name, encode(decode(value) + 1000), *rest]), sync=True)
    database.close()
