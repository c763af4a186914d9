"""A node outlives its helper processes: it starts them again, and the results are those of the other nodes."""

import asyncio
import os
import signal
from functools import partial

import pytest
from cluster_load import Load, check_exactly_once
from cluster_support import Cluster, http, until

from assembly.exit_codes import ExitCode

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("kind", ["executor", "reader", "verifier"])
async def test_a_killed_helper_is_replaced_under_load(cluster: Cluster, kind: str) -> None:
    """On each node in turn a helper process is killed; no node ends, and all keep the same ledger."""
    first = await cluster.settled() + 1
    written = await cluster.total(cluster.nodes[0])
    nodes = {node.name: cluster.pid(node.name) for node in cluster.nodes}
    async with Load(cluster) as load:
        await load.grows(6)
        for name in nodes:
            (old,) = cluster.children(name)[kind]
            os.kill(old, signal.SIGKILL)
            await until(partial(has_another, cluster, name, kind, old), f"{name} has a new {kind}")
            await load.grows(6)
    assert {node.name: cluster.pid(node.name) for node in cluster.nodes} == nodes
    if kind == "executor":
        for node in cluster.nodes:
            assert "\ntallystick_executor_restarts_total 1\n" in http(node, "/metrics").body.decode()
    check_exactly_once(load, await cluster.same_everywhere(first), written + 1)


@pytest.mark.parametrize(
    ("kind", "code"), [("executor", ExitCode.EXECUTOR_FAILED), ("verifier", ExitCode.VERIFIER_FAILED)]
)
async def test_a_helper_that_keeps_dying_ends_its_node_alone(cluster: Cluster, kind: str, code: ExitCode) -> None:
    """A node whose helper cannot be kept alive ends with the exit code that says so, and the others go on."""
    victim = cluster.nodes[1].name
    cluster.expect_errors("is lost", "Died", "Fault", f"ends with exit code {code}")
    ended = asyncio.create_task(asyncio.to_thread(cluster.exit_code, victim))
    while not ended.done():
        await asyncio.to_thread(kill_children, cluster, victim, kind)
    assert await ended == code
    async with Load(cluster, *(node.name for node in cluster.nodes if node.name != victim)) as load:
        await load.grows(6)
    cluster.start()
    await cluster.ready()


def has_another(cluster: Cluster, name: str, kind: str, old: int) -> bool:
    return cluster.children(name)[kind] not in ([], [old])


def kill_children(cluster: Cluster, name: str, kind: str) -> None:
    try:
        for pid in cluster.children(name)[kind]:
            os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError, AssertionError):
        # The node or its helper ended between looking and killing.
        return
