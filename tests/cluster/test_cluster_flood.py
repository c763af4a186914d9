"""A validator floods the others with genuine messages of its own: they go on committing at their pace."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from cluster_load import Load
from cluster_support import Cluster, http
from test_cluster_attacks import OTHERS, TRAITOR, connected

from chain.certificate import Phase, Subject, decode_certificate
from chain.crypto import sign, tagged_hash
from chain.encoding import encode
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from consensus.pbft.messages import TAGS, Ranked, ViewChange, Vote, encode_message
from network.errors import DisconnectError
from network.framing import Channel, encode_frame

pytestmark = pytest.mark.cluster

SECONDS = 8.0
"""Measured before the flood, and during it."""
BATCH = 55
PAUSE_SECONDS = 0.1
"""Together 550 messages a second to each node, which once stopped all commits."""
PACE_MIN = 0.5
"""Of the pace before; the sender of the flood takes its part of the machine too."""

Flood = Callable[[int], Ranked]


def floods(cluster: Cluster) -> dict[str, Flood]:
    """Return kinds of floods, by number of the message; all signed with the traitor's own key."""
    seed = bytes.fromhex((cluster.node(TRAITOR).folder / "keys" / "consensus.seed").read_text(encoding="ascii"))
    first = decode_certificate(cluster.chain(cluster.node("node1"))[0].certificate)
    chain_id, unsigned = Digest(cluster.chain_id), Signature(bytes(64))

    def signed(message: Ranked) -> Ranked:
        return replace(message, signature=sign(seed, TAGS[message.kind], message.payload))

    def view_change(view: int) -> Ranked:
        where = (chain_id, Epoch(0), Height(2), View(view))
        return signed(ViewChange(*where, first, None, ValidatorId(TRAITOR), unsigned))

    def vote(height: int, view: int) -> Ranked:
        digest = tagged_hash("flood", height.to_bytes(8, "big"), view.to_bytes(8, "big"))
        subject = Subject(chain_id, Epoch(0), Height(height), View(view), digest, digest)
        return signed(Vote(Phase.PREPARE, subject, ValidatorId(TRAITOR), unsigned))

    same = view_change(1)
    return {
        "one VIEW-CHANGE again and again": lambda number: same,
        "ever higher views of ever greater heights": lambda number: vote(10**9 + number, number),
        "views of a decided height": lambda number: view_change(1 + number),
    }


async def send(cluster: Cluster, name: str, frames: list[bytes], stopping: asyncio.Event) -> int:
    """Send frames at a steady rate until told to stop, on a new connection where one ends; return how many."""
    sent = 0
    while not stopping.is_set():
        try:
            stream = await connected(cluster, name)
            try:
                while not stopping.is_set():
                    at = sent % len(frames)
                    stream.put(b"".join(frames[at : at + BATCH]))
                    sent += BATCH
                    async with asyncio.timeout(60):
                        await stream.drain()
                    await asyncio.sleep(PAUSE_SECONDS)
            finally:
                await stream.close()
        except (DisconnectError, OSError, TimeoutError):
            await asyncio.sleep(PAUSE_SECONDS)
    return sent


async def pace(load: Load) -> float:
    """Return how many transactions a second are acknowledged."""
    acknowledged, began = len(load.acknowledged), time.monotonic()
    await asyncio.sleep(SECONDS)
    return (len(load.acknowledged) - acknowledged) / (time.monotonic() - began)


async def test_commits_go_on_under_a_flood_of_genuine_messages(make_cluster: Callable[[], Cluster]) -> None:
    """The cluster is a new one: its traitor can never vote again, for others hold what it has signed here."""
    cluster = make_cluster()
    await cluster.begin()
    cluster.expect_errors(".*evidence against node4.*")
    async with Load(cluster, *OTHERS) as load:
        await load.grows(6)
    cluster.kill(TRAITOR)
    kinds = floods(cluster)
    frames = {
        kind: [encode_frame(Channel.CONSENSUS, encode([1, encode_message(made(n)), None])) for n in range(20 * BATCH)]
        for kind, made in kinds.items()
    }
    async with Load(cluster, *OTHERS) as load:
        await load.grows(6)
        before, stopping = await pace(load), asyncio.Event()
        mixed = [frame for row in zip(*frames.values(), strict=True) for frame in row]
        tasks = [asyncio.create_task(send(cluster, name, mixed, stopping)) for name in OTHERS]
        during = await pace(load)
        status = await asyncio.to_thread(http, cluster.node("node1"), "/metrics")
        stopping.set()
        sent = sum(await asyncio.gather(*tasks))
    print(f"{before:.0f} transactions a second before, {during:.0f} during {sent / SECONDS:.0f} messages a second")
    assert sent > 0
    assert during > PACE_MIN * before, (before, during)
    lines = [line.rpartition(" ") for line in status.body.decode().splitlines() if not line.startswith("#")]
    counted = {name: float(value) for name, _, value in lines}
    dropped = counted["tallystick_consensus_messages_moot_total"]
    dropped += counted.get(f'tallystick_consensus_messages_excess_total{{peer="{TRAITOR}"}}', 0.0)
    assert dropped > 0, counted
