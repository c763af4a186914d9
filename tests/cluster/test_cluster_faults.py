"""What four nodes bear: any one killed, paused or cut off, the primary too; and what they say when two are gone."""

import asyncio
import signal
from collections.abc import Callable

import pytest
from cluster_contract import write
from cluster_load import Load, check_exactly_once
from cluster_support import Cluster, http, until

from chain.encoding import encode
from tallystick import CommitTimeout

pytestmark = pytest.mark.cluster


def kill(cluster: Cluster, name: str) -> None:
    cluster.kill(name)


def pause(cluster: Cluster, name: str) -> None:
    cluster.signal(signal.SIGSTOP, name)


def cut(cluster: Cluster, name: str) -> None:
    assert cluster.links is not None
    cluster.links.cut(name)


def mute(cluster: Cluster, name: str) -> None:
    assert cluster.links is not None
    cluster.links.block(name, incoming=True, outgoing=True)


def connected(cluster: Cluster, name: str, peer: str) -> bool:
    peers = http(cluster.node(name), "/v1/network").json()["node"]["peers"]
    return any(entry["name"] == peer and entry["connected"] for entry in peers)


def bring_back(cluster: Cluster, name: str) -> None:
    assert cluster.links is not None
    cluster.links.heal()
    if cluster.reports()[name].pid is not None:
        cluster.signal(signal.SIGCONT, name)
    cluster.start()


@pytest.mark.parametrize("victim_is_primary", [True, False], ids=["primary", "follower"])
@pytest.mark.parametrize("disturb", [kill, pause, cut, mute])
async def test_three_of_four_go_on_and_the_fourth_catches_up(
    cluster: Cluster, disturb: Callable[[Cluster, str], None], victim_is_primary: bool
) -> None:
    """Transactions are committed without the victim, and when it returns it holds the same ledger as the others."""
    first = await cluster.settled() + 1
    written = await cluster.total(cluster.nodes[0])
    primary = await cluster.primary()
    followers = [node.name for node in cluster.nodes if node.name != primary]
    victim = primary if victim_is_primary else followers[0]
    others = [node.name for node in cluster.nodes if node.name != victim]
    async with Load(cluster, *others) as load:
        await load.grows(6)
        disturb(cluster, victim)
        await load.grows(24)
        if disturb is mute:
            await until(lambda: not connected(cluster, others[0], victim), f"{others[0]} gives {victim} up")
        bring_back(cluster, victim)
        await load.grows(6)
        await cluster.ready()
    blocks = await cluster.same_everywhere(first)
    check_exactly_once(load, blocks, written + 1)


@pytest.mark.parametrize("disturb", [kill, pause])
async def test_two_of_four_are_no_quorum_and_say_so(cluster: Cluster, disturb: Callable[[Cluster, str], None]) -> None:
    """Nothing commits, clients and operators learn why, and what was handed in meanwhile commits afterwards."""
    first = await cluster.settled() + 1
    written = await cluster.total(cluster.nodes[0])
    gone = [await cluster.primary()]
    gone.append(next(node.name for node in cluster.nodes if node.name not in gone))
    left = [node for node in cluster.nodes if node.name not in gone]
    for name in gone:
        disturb(cluster, name)

    def named() -> bool:
        answers = [http(node, "/readyz") for node in left]
        return all(answer.status == 503 and "no quorum: 2 of 4" in answer.json()["detail"] for answer in answers)

    await until(named, "both nodes say that there is no quorum")
    problem = http(left[0], "/readyz").json()
    assert problem["code"] == "not_ready" and len(problem["reasons"]) == 1
    why = cluster.reports()[left[0].name].why_not
    assert why == tuple(problem["reasons"])

    wallet = cluster.wallet()
    async with cluster.client(*(node.name for node in left)) as client:
        transaction = await client.prepare(wallet, write("meanwhile"))
        answer = await asyncio.to_thread(
            http,
            left[0],
            "/v1/transactions?wait=committed&timeout=2",
            encode(transaction.raw),
            {"Content-Type": "application/msgpack"},
        )
        assert answer.status == 202, answer
        assert "send the same bytes again" in answer.json()["detail"]
        with pytest.raises(CommitTimeout):
            await client.submit_transaction(transaction, timeout_seconds=2)
        assert {cluster.reports()[node.name].height for node in left} == {first - 1}

        for name in gone:
            bring_back(cluster, name)
        receipt = await client.submit_transaction(transaction, timeout_seconds=60)
        assert receipt.succeeded and receipt.values[0] == written + 1
    await cluster.ready()
    blocks = await cluster.same_everywhere(first)
    assert sum(len(block.receipts) for block in blocks) == 1
