"""A peer process that is paused, resumed and killed: noticed, waited for without blocking, and met again."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from network_support import Cluster, Node, running

from chain.types import ValidatorId
from network.errors import Reason
from network.framing import Channel

NORTH = ValidatorId("north")


@pytest.mark.parametrize("name", ["east", "south"], ids=["it decides", "the other decides"])
async def test_a_paused_process_is_noticed_and_met_again(tmp_path: Path, name: str) -> None:
    peer = ValidatorId(name)
    async with running(tmp_path, NORTH) as cluster:
        cluster.add_validators([name])
        north = cluster.nodes[0]
        place = cluster.make_node(name)  # reserves a port; the process takes it over
        place.network.close()
        cluster.nodes.remove(place)
        cluster.introduce()
        child = await _start(cluster, place, north)
        try:
            await north.handler.until(lambda: north.handler.connected == [(peer, 3)])
            child.send_signal(signal.SIGSTOP)
            payload = bytes(100_000)
            while north.network.send(peer, Channel.TRANSACTIONS, payload):
                await asyncio.sleep(0.002)
            await north.handler.until(lambda: bool(north.handler.disconnected))
            assert north.handler.disconnected[0][1].reason is Reason.SILENT
            child.send_signal(signal.SIGCONT)
            await north.handler.until(lambda: len(north.handler.connected) >= 2)
            connections = len(north.handler.connected)
            child.kill()
            await child.wait()
            child = await _start(cluster, place, north)
            await north.handler.until(lambda: len(north.handler.connected) > connections)
        finally:
            child.kill()
            await child.wait()


async def _start(cluster: Cluster, place: Node, north: Node) -> asyncio.subprocess.Process:
    script = str(Path(__file__).with_name("network_child.py"))
    arguments = [str(cluster.folder), place.node_id, str(place.port), north.node_id, str(north.port)]
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])
    environment = {**os.environ, "PYTHONPATH": path}
    return await asyncio.create_subprocess_exec(sys.executable, script, *arguments, env=environment)
