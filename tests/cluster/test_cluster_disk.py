"""A full disk, damage and loss on disk, and logs that grow: one node is concerned, and what it does is never silent."""

import asyncio
import resource
import shutil
import socket

import pytest
from cluster_load import Load
from cluster_support import Cluster, until

from assembly.exit_codes import ExitCode
from cli import cluster_processes as processes

pytestmark = pytest.mark.cluster

VICTIM = "node3"
OTHERS = ("node1", "node2", "node4")


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
