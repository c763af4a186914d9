"""All four nodes killed at once, again and again, under load: what was acknowledged is there exactly once.

The whole campaign: pytest tests/cluster/test_cluster_crashes.py --crash-moments 50 --seed 1
"""

import asyncio
import random
from collections.abc import Callable

import pytest
from cluster_load import Load, check_exactly_once
from cluster_support import Cluster

pytestmark = pytest.mark.cluster

MOMENT_SECONDS_MAX = 1.5
START_SECONDS_MAX = 2.5
START_CRASHES = 0.25
"""Share of crashes that are followed by another one while the nodes start."""


@pytest.mark.timeout(7200)
async def test_nothing_acknowledged_is_lost_or_done_twice(
    make_cluster: Callable[[], Cluster], request: pytest.FixtureRequest
) -> None:
    """After each crash the cluster goes on; in the end all nodes hold the same blocks with each write once."""
    moments: int = request.config.getoption("--crash-moments")
    chance = random.Random(request.config.getoption("--seed"))
    cluster = make_cluster()
    await cluster.begin()
    async with Load(cluster) as load:
        for moment in range(moments):
            await load.grows(6)
            await asyncio.sleep(chance.uniform(0, MOMENT_SECONDS_MAX))
            await crash(cluster, chance)
            if chance.random() < START_CRASHES:
                await asyncio.sleep(chance.uniform(0, START_SECONDS_MAX))
                await crash(cluster, chance)
            await cluster.ready()
            print(f"crash {moment + 1} of {moments}: {len(load.acknowledged)} acknowledged of {len(load.sent)}")
        await load.grows(6)
    blocks = await cluster.same_everywhere()
    check_exactly_once(load, blocks)
    print(f"{len(load.acknowledged)} acknowledged transactions in {len(blocks)} blocks, each exactly once")


async def crash(cluster: Cluster, chance: random.Random) -> None:
    """Kill all nodes in a random order at once, and start them again in another one."""
    names = [node.name for node in cluster.nodes]
    await asyncio.to_thread(cluster.kill, *chance.sample(names, len(names)))
    await asyncio.to_thread(cluster.start, *chance.sample(names, len(names)))
